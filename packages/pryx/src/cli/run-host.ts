// packages/pryx/src/cli/run-host.ts: a host with the terminal as its surface, from start to end; `pryx up` and `pryx dev` are this.
//   U1  stdout has one line, once the host is ready; everything else goes to stderr.
//   U2  Whatever goes wrong after the start, the host is stopped before the process ends.
import type { ConsentPrompt } from '@pryx/kernel'
import { errorToJson, type PluginId, type Release } from '@pryx/kernel/contract'
import type { HostConfig } from '../host/config.ts'
import { type BrokenPlugin, type Host, type Incident, killAll, openHost } from '../host/host.ts'
import { askApprovals } from '../terminal/approvals.ts'
import { createConsentPrompt } from '../terminal/consent.ts'
import { type Conversation, createConversation } from '../terminal/conversation.ts'
import { errorText } from '../terminal/error-text.ts'
import { createTeller } from '../terminal/facts.ts'
import { createScreen, type Screen } from '../terminal/screen.ts'
import { type Style, safe, safeLines, styleFor } from '../terminal/style.ts'
import { EXIT } from './exit.ts'
import { tidyAfterStart } from './memory.ts'
import type { Output } from './output.ts'
import { listenForQuit, type Quit } from './quit.ts'
import type { CommonOptions } from './target.ts'

export interface UpOptions extends CommonOptions {
  port?: number
  host?: string
  workspace?: string
  consent?: 'declared'
  trust?: boolean
  policy?: string
  registry?: string
  verbose?: boolean
}

/** Plugins a debugger may attach to; `pryx dev` alone says so. */
export interface HostChoice {
  inspect?: ReadonlySet<PluginId>
}

export interface Surface {
  readonly screen: Screen
  readonly style: Style
  /** A line for people, or its JSON. */
  say(value: { event: string; [key: string]: unknown }, text: string): void
}

/** Runs a host until it is told to end, then exits the process. */
export async function runHost(
  output: Output,
  options: UpOptions,
  config: HostConfig,
  whileUp: (host: Host, surface: Surface) => Release = () => () => {},
  { inspect }: HostChoice = {},
): Promise<void> {
  const style = styleFor(process.stderr)
  const screen = createScreen(process.stderr)
  const surface: Surface = {
    screen,
    style,
    say: (value, text) => screen.print(output.json ? JSON.stringify({ at: Date.now(), ...value }) : text),
  }
  let host: Host | undefined
  const quit = listenForQuit(() => killAll(host?.kernel.host().processes.map(({ pid }) => pid) ?? []))
  guard(surface, quit)
  using conversation = openConversation(output, screen, quit)
  try {
    host = await openHost({
      config,
      inspect,
      consent: consentBy(options, surface, conversation),
      onConsent: (plugin, granted) => tellConsent(surface, plugin, granted),
      policy: options.policy,
      registry: options.registry,
      onIncident: (incident) => tellIncident(surface, incident),
      onBroken: (plugin) => tellBroken(surface, plugin),
    })
    await serve(host, { output, options, surface, quit, conversation, whileUp })
  } catch (error) {
    output.fail(error)
  } finally {
    await host?.stop().catch((error: unknown) => output.note(errorText(error, style)))
  }
  conversation?.[Symbol.dispose]()
  process.exit()
}

interface Serving {
  output: Output
  options: UpOptions
  surface: Surface
  quit: Quit
  conversation: Conversation | undefined
  whileUp(host: Host, surface: Surface): Release
}

async function serve(host: Host, { output, options, surface, quit, conversation, whileUp }: Serving): Promise<void> {
  const { screen, style } = surface
  const tell = createTeller(screen.print, style, {
    verbose: options.verbose ?? false,
    prompted: conversation !== undefined,
  })
  const stopFacts = host.journal.follow(output.json ? (event) => screen.print(JSON.stringify(event)) : tell)
  const stopAsking = conversation ? askApprovals(host.kernel, conversation, screen, style) : () => {}
  const asked = firstQuestion(host)
  const started = host.start()
  const code = await Promise.race([started, asked, quit.asked])
  if (typeof code !== 'number') tellUp(host, output, surface)
  tidyAfterStart()
  const stopExtra = whileUp(host, surface)
  process.exitCode = await quit.asked
  await stopExtra()
  await stopAsking()
  await stopFacts()
  surface.say({ event: 'host.stopping' }, style.dim('Stopping…'))
}

/** U1 */
function tellUp(host: Host, output: Output, { screen, style }: Surface): void {
  const { url } = host
  const { link } = host.link()
  output.line({ event: 'host.up', url, link, pid: process.pid }, `Pryx is up: ${output.style.bold(link)}`)
  if (!output.json) screen.print(style.dim('The link opens the page once; `pryx web link` prints another.'))
}

/** A plugin that waits for the user is no reason to wait for the plugin. */
function firstQuestion(host: Host): Promise<void> {
  return new Promise((resolve) => void host.kernel.on('approval.needed', () => resolve()))
}

function openConversation(output: Output, screen: Screen, quit: Quit): Conversation | undefined {
  if (output.json || !process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return createConversation({ screen, keyboard: process.stdin, onInterrupt: () => quit.ask(EXIT.interrupted) })
}

function consentBy(
  options: UpOptions,
  surface: Surface,
  conversation: Conversation | undefined,
): ConsentPrompt | 'declared' | undefined {
  if (options.consent === 'declared') return 'declared'
  return conversation && createConsentPrompt(conversation, surface.screen, surface.style)
}

/** `--consent declared`: the flag is the user's word for all of it; each plugin's share is told. */
function tellConsent({ say, style }: Surface, plugin: PluginId, granted: readonly string[]): void {
  say(
    { event: 'host.consent', plugin, granted },
    `${style.green('✔')} ${style.bold(safe(plugin))} was granted what it declares: ${granted.map((one) => safe(one)).join(', ')}`,
  )
}

function tellIncident({ say, style }: Surface, { what, kept }: Incident): void {
  say(
    { event: 'host.incident', what, kept },
    `${style.yellow('▲')} ${safe(what)}${kept ? `; it was kept as ${safe(kept)}` : ''}`,
  )
}

function tellBroken({ say, style }: Surface, { id, error }: BrokenPlugin): void {
  say(
    { event: 'host.broken', plugin: id, error },
    `${style.red('✖')} ${style.bold(safe(id))} cannot be used: ${safeLines(error.message)} ${style.dim(`[${error.code}]`)}${error.hint ? `\n  ${style.cyan('→')} ${safeLines(error.hint)}` : ''}`,
  )
}

/** U2: a fault of our own is told in full; a lone rejection ends nothing, a throw ends the host in order. */
function guard({ say, style }: Surface, quit: Quit): void {
  const tell = (error: unknown) =>
    say(
      { event: 'host.fault', error: errorToJson(error) },
      `${style.red('✖')} a fault in Pryx itself: ${error instanceof Error ? safeLines(error.stack ?? error.message) : safe(error)}`,
    )
  process.stderr.on('error', () => {}) // the terminal went away
  process.on('unhandledRejection', tell)
  process.on('uncaughtException', (error) => {
    tell(error)
    quit.ask(EXIT.failure)
  })
}
