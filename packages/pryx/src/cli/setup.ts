// packages/pryx/src/cli/setup.ts: `pryx setup`: a model's key, Telegram, the workspace; before or after `pryx up`, asked for or by flags.
//   S1  A key comes from the keyboard unseen, a pipe, a file or a variable; never from an argument. It is never printed.
//   S2  A key that its provider refuses is not kept.
//   S3  Each step stands alone: what is left out stays as it is, and at a terminal each says at once what came of it.
//   S4  At a terminal a slip of the user's costs a line, not the steps before it.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { type PluginId, PryxError, UsageError } from '@pryx/kernel/contract'
import type { Control } from '../control/control.ts'
import { checkKey, checkTelegram, PROVIDERS, type Verdict } from '../setup/providers.ts'
import { replaceSynced } from '../store/durable.ts'
import { safe } from '../terminal/style.ts'
import { line, patiently, yes } from './ask.ts'
import type { Output } from './output.ts'
import { type CommonOptions, configOf, withControl } from './target.ts'
import { readUnseen } from './unseen.ts'

const ROUTER = 'router' as PluginId
const TELEGRAM = 'telegram' as PluginId
const MODELS = ['models', '1.0.0'] as const
const SLIPS = ['USAGE_SETUP', 'USAGE_KEY', 'SETUP_REFUSED']

export interface SetupOptions extends CommonOptions {
  provider?: string
  keyEnv?: string
  keyFile?: string
  url?: string
  telegramEnv?: string
  telegramFile?: string
  workspace?: string
  /** False with `--no-check`. */
  check: boolean
  yes?: boolean
}

interface Step {
  step: 'provider' | 'telegram' | 'workspace'
  done: boolean
  /** What was done, or why not. */
  text: string
}

export async function setup(output: Output, options: SetupOptions): Promise<void> {
  const config = configOf(options)
  const asks = process.stdin.isTTY === true && !options.yes && !output.json
  if (!asks && Object.keys(given(options)).length === 0)
    throw new UsageError('USAGE_SETUP', 'nothing was said to set up', {
      hint: 'At a terminal it asks. Elsewhere: --provider openai --key-env OPENAI_API_KEY, --telegram-env NAME, --workspace FOLDER.',
    })
  const { style } = output
  const told = Object.keys(given(options)).length > 0 // a flag says the same however often it is read
  const steps: Step[] = []
  const running = await withControl(options, { write: true, make: true }, async (control, running) => {
    const known = new Set((await control.plugins()).plugins.map(({ id }) => id))
    const one = { output, options, control, running, asks }
    if (known.has(ROUTER)) await take(() => providerStep(one))
    if (known.has(TELEGRAM)) await take(() => telegramStep(one))
    else if (options.telegramEnv ?? options.telegramFile) throw noPlugin(TELEGRAM)
    if (!known.has(ROUTER) && options.provider !== undefined) throw noPlugin(ROUTER)
    return running
  })
  await take(() => workspaceStep({ output, options, asks, file: config.file, now: config.workspace, running }))
  const next = running ? 'pryx chat' : 'pryx up, and in another terminal pryx chat'
  const lines = asks ? [] : steps.map(lineOf)
  output.result({ steps, next }, [...lines, `Next: ${style.bold(next)}`].join('\n'))

  /** S3, S4 */
  async function take(step: () => Promise<Step>): Promise<void> {
    const taken = asks && !told ? await patiently(output, SLIPS, step) : await step()
    if (asks) output.note(lineOf(taken))
    steps.push(taken)
  }

  function lineOf({ done, text }: Step): string {
    return `${done ? style.green('✔') : style.dim('○')} ${text}`
  }
}

function given({ provider, telegramEnv, telegramFile, workspace }: SetupOptions): object {
  return JSON.parse(JSON.stringify({ provider, telegramEnv, telegramFile, workspace }))
}

interface Setting {
  output: Output
  options: SetupOptions
  control: Control
  running: boolean
  asks: boolean
}

async function providerStep({ output, options, control, running, asks }: Setting): Promise<Step> {
  const id = options.provider ?? (asks ? await chosenProvider(output) : undefined)
  if (id === undefined) return skipped('provider', 'no model’s key was given; the echo answers until there is one')
  const known = PROVIDERS.find((one) => one.id === id)
  const baseUrl = (options.url ?? known?.baseUrl)?.replace(/\/+$/, '')
  if (baseUrl === undefined)
    throw new UsageError('USAGE_SETUP', `setup does not know ${safe(id)}`, {
      hint: `It knows ${PROVIDERS.map((one) => one.id).join(', ')}. Any other of \`pryx models providers\`: \`pryx models connect ${safe(id)}\`, or --url here.`,
    })
  const key = await secretFrom(
    { env: options.keyEnv, file: options.keyFile, offered: asks ? known?.env : undefined, asks },
    `Key of ${known?.name ?? id}${known ? `, from ${known.keys}` : ''}`,
  )
  const checked = await judged(options, () => checkKey(id, baseUrl, key), `${id} refuses this key`)
  await keepKey({ control, running, id, key, baseUrl: options.url && baseUrl })
  const may = await letTalk(control, new URL(baseUrl).host)
  return { step: 'provider', done: true, text: `${safe(known?.name ?? id)}: ${checked}; ${may}` }
}

/** Who gives a provider's key wants it asked: its host alone is opened, no other. */
async function letTalk(control: Control, host: string): Promise<string> {
  try {
    await control.grant(ROUTER, `net:${host}`, { mode: 'allow', duration: 'forever' })
    return `the router may talk to ${host}`
  } catch (error) {
    if (!PryxError.is(error)) throw error
    return `the router may not talk to ${host}: ${safe(error.message)}`
  }
}

/** A running router hears of it at once; otherwise it finds the key when it starts. */
async function keepKey({
  control,
  running,
  id,
  key,
  baseUrl,
}: {
  control: Control
  running: boolean
  id: string
  key: string
  baseUrl: string | undefined
}): Promise<void> {
  if (running) {
    await control.call(...MODELS, 'connect', [id, { key, ...(baseUrl !== undefined && { baseUrl }) }])
    return
  }
  if (baseUrl !== undefined)
    throw new UsageError('USAGE_SETUP', 'an address of your own is kept by the router, which does not run', {
      hint: 'Start the host first: `pryx up`.',
    })
  await control.setSecret(ROUTER, `provider.${id}`, key)
}

async function telegramStep({ options, control, asks }: Setting): Promise<Step> {
  const { telegramEnv: env, telegramFile: file } = options
  const wanted = env !== undefined || file !== undefined || (asks && (await yes('Write with it from Telegram?')))
  if (!wanted) return skipped('telegram', 'Telegram was left out; @BotFather gives a token for a bot of your own')
  const token = await secretFrom({ env, file, asks }, 'Token of your bot, from @BotFather')
  const checked = await judged(options, () => checkTelegram(token), 'Telegram knows no bot with this token')
  await control.setSecret(TELEGRAM, 'telegram.token', token)
  return { step: 'telegram', done: true, text: `Telegram: ${checked}; link your chat with pryx channels link` }
}

async function workspaceStep({
  output,
  options,
  asks,
  file,
  now,
  running,
}: {
  output: Output
  options: SetupOptions
  asks: boolean
  file: string
  now: string
  running: boolean
}): Promise<Step> {
  const answer = options.workspace ?? (asks ? await line(`Folder it may work in [${now}]: `) : '')
  if (answer.trim() === '') return skipped('workspace', `it works in ${safe(now)}`)
  const folder = resolve(answer.trim())
  if (asks && !existsSync(folder) && (await yes(`There is no ${safe(folder)}. Make it?`)))
    mkdirSync(folder, { recursive: true })
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UsageError('USAGE_SETUP', `${safe(folder)} is not a folder`, { hint: 'Make it first, or name another.' })
  const config = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object) : { plugins: {} }
  replaceSynced(file, `${JSON.stringify({ ...config, workspace: folder }, null, 2)}\n`)
  const when = running ? ', from its next start on' : ''
  if (!existsSync(resolve(folder, 'AGENTS.md')))
    output.note('An AGENTS.md in it tells the agent what it should know of the place.')
  return { step: 'workspace', done: true, text: `It works in ${safe(folder)}${when}` }
}

/** S2 */
async function judged(options: SetupOptions, check: () => Promise<Verdict>, refusal: string): Promise<string> {
  if (!options.check) return 'its key is kept, unchecked'
  const verdict = await check()
  if (verdict.kind === 'refused')
    throw new UsageError('SETUP_REFUSED', refusal, {
      hint: 'Nothing was kept. Copy it again, whole; --no-check keeps it as it is.',
    })
  return verdict.kind === 'good' ? 'its key works and is kept, sealed' : `its key is kept, unchecked: ${verdict.why}`
}

interface Source {
  env?: string | undefined
  file?: string | undefined
  /** A variable that is taken if it is set and the user agrees. */
  offered?: string | undefined
  asks: boolean
}

/** S1 */
async function secretFrom({ env, file, offered, asks }: Source, what: string): Promise<string> {
  if (env !== undefined) return nonEmpty(process.env[env], `the variable ${safe(env)} is empty`)
  if (file !== undefined) return nonEmpty(firstLine(file), `${safe(file)} is empty`)
  if (offered !== undefined && process.env[offered] && (await yes(`Use ${offered} of this shell?`)))
    return process.env[offered]
  if (asks || process.stdin.isTTY) return readUnseen(what, 'pryx setup --key-file FILE')
  return nonEmpty((await readAll(process.stdin)).split('\n', 1)[0], 'nothing was piped in')
}

function firstLine(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]
  } catch (cause) {
    throw new UsageError('USAGE_SETUP', `${safe(file)} cannot be read`, { cause, hint: 'Name a file that holds it.' })
  }
}

function nonEmpty(text: string | undefined, otherwise: string): string {
  const key = text?.trim() ?? ''
  if (key !== '') return key
  throw new UsageError('USAGE_SETUP', otherwise, {
    hint: 'Give it by --key-env NAME, --key-file FILE, or a pipe.',
  })
}

async function chosenProvider({ note, style }: Output): Promise<string | undefined> {
  note(style.bold('Which provider’s key do you have?'))
  for (const [i, { name, keys }] of PROVIDERS.entries()) note(`  ${i + 1}  ${name.padEnd(12)} ${style.dim(keys)}`)
  const said = (await line('Number or name (Enter: none yet): ')).trim().toLowerCase()
  return said === '' ? undefined : (PROVIDERS[Number(said) - 1]?.id ?? said)
}

function skipped(step: Step['step'], text: string): Step {
  return { step, done: false, text }
}

function noPlugin(id: PluginId): UsageError {
  return new UsageError('USAGE_SETUP', `${id} is not among the plugins of pryx.json`, {
    hint: `Add it first: "plugins": { "${id}": { "source": … } }, or \`pryx add\`.`,
  })
}
