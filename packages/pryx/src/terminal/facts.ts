// packages/pryx/src/terminal/facts.ts: what happens in a host, as lines for people. A fact that says nothing new to them has no line.
import type { JournalEvent } from '../host/journal.ts'
import { clockTime, type Style, safe, safeLines, shortPlace } from './style.ts'

const MAX_FRAMES = 5
const PATIENCE_MS = 700

type Tell = (data: Record<string, unknown>, style: Style, from: string) => string | undefined

export interface FactOptions {
  /** Starts and log lines of every level too. */
  verbose?: boolean
  /** Approvals are asked by a prompt, so need no line. */
  prompted?: boolean
}

/**
 * Prints the line of each event that needs one. A failure that the kernel also logs is told once; a plugin that waits is
 * told of when it has waited for a moment: at a start most wait for each other.
 */
export function createTeller(
  print: (line: string) => void,
  style: Style,
  options: FactOptions & { later?: (tell: () => void) => void } = {},
): (event: JournalEvent) => void {
  const { later = (tell) => void setTimeout(tell, PATIENCE_MS).unref() } = options
  const stages = new Map<unknown, JournalEvent>()
  let held: { plugin: unknown; text: string; line: string } | undefined
  return (event) => {
    const line = factLine(event, style, options)
    const { plugin, message, text, stage } = (event.data ?? {}) as Record<string, unknown>
    if (event.event === 'plugin.failed' && held?.plugin === plugin && held?.text.startsWith(String(message)))
      held = undefined
    release()
    if (event.event === 'plugin.stage') stages.set(plugin, event)
    if (line === undefined) return
    if (stage === 'waiting') return later(() => stages.get(plugin) === event && print(line))
    if (event.event !== 'plugin.log') return print(line)
    held = { plugin, text: String(text), line }
    queueMicrotask(release)
  }

  function release(): void {
    if (held) print(held.line)
    held = undefined
  }
}

/** The line for an event, undefined if it needs none. */
export function factLine(event: JournalEvent, style: Style, options: FactOptions = {}): string | undefined {
  const tell = event.from === 'kernel' ? KERNEL[event.event] : ALERTS[event.event]
  if (tell === undefined || (options.prompted && event.event.startsWith('approval.'))) return undefined
  if (event.event === 'plugin.log' && !options.verbose && !isTrouble(event.data)) return undefined
  const line = tell((event.data ?? {}) as Record<string, unknown>, style, event.from)
  return line === undefined ? undefined : `${style.dim(clockTime(event.at))} ${line}`
}

/** Any event in one line, for `pryx events`. */
export function eventLine({ at, event, from, data }: JournalEvent, style: Style): string {
  return `${style.dim(clockTime(at))} ${style.cyan(safe(event, 128))} ${style.dim(safe(from, 64))} ${safe(JSON.stringify(data) ?? '', 1_000)}`
}

const KERNEL: Record<string, Tell> = {
  'plugin.stage': stage,
  'plugin.failed': ({ plugin, message, failures, final, retryMs, stack }, style) => {
    const next = final ? 'it stays down' : `next try in ${Math.round(Number(retryMs) / 100) / 10} s`
    const where = typeof stack === 'string' ? `\n${style.dim(indent(safeLines(stack)))}` : ''
    return `${style.red('✖')} ${style.bold(safe(plugin))} failed: ${safe(message)} ${style.dim(`(failure ${failures}; ${next})`)}${where}`
  },
  'plugin.removed': ({ plugin }, style) => `${style.dim('○')} ${style.bold(safe(plugin))} was removed`,
  'plugin.log': ({ plugin, level, text, place }, style) =>
    `${level === 'error' ? style.red('│') : level === 'warn' ? style.yellow('│') : style.dim('│')} ${style.bold(safe(plugin))} ${safe(String(text).split('\n', 1)[0])}${typeof place === 'string' ? ` ${style.dim(shortPlace(place))}` : ''}${level === 'error' ? framesOf(String(text), style) : ''}`,
  'plugin.dropped': ({ plugin, pattern, count }, style) =>
    `${style.yellow('▲')} ${style.bold(safe(plugin))} is too slow: ${count} events of ${safe(pattern)} were left out`,
  'plugin.budget': ({ plugin, budget, used, max, action }, style) => {
    const what = `${safe(used)} of ${safe(max)} ${safe(budget)}`
    return action === 'released'
      ? `${style.green('●')} ${style.bold(safe(plugin))} is within its budget again`
      : `${style.yellow('▲')} ${style.bold(safe(plugin))} was ${safe(action)}: it used ${what}`
  },
  'approval.needed': ({ id, plugin, sentence }, style) =>
    `${style.yellow('?')} ${style.bold(safe(plugin))} wants to ${safe(sentence)} ${style.dim(`· pryx approvals allow ${safe(id)}`)}`,
  'approval.resolved': ({ plugin, answer, by }, style) =>
    `${answer === 'allow' ? style.green('✔') : style.red('✖')} ${style.bold(safe(plugin))}: ${answer === 'allow' ? 'allowed' : 'denied'} by ${safe(by)}`,
  'permission.granted': ({ plugin, permission, by }, style) =>
    by === 'consent'
      ? undefined
      : `${style.green('✔')} ${style.bold(safe(plugin))} was granted ${safe(permission)} ${style.dim(`by ${safe(by)}`)}`,
  'permission.revoked': ({ plugin, permission, by }, style) =>
    `${style.yellow('✖')} ${style.bold(safe(plugin))} lost ${safe(permission)} ${style.dim(`by ${safe(by)}`)}`,
  'sandbox.replaced': ({ process, reason, culprit }, style) =>
    `${style.yellow('▲')} ${safe(process)} was replaced: ${safe(reason)}${culprit ? ` ${style.dim(`(${safe(culprit)})`)}` : ''}`,
}

/** Told by any plugin: these names are for people. */
const ALERTS: Record<string, Tell> = {
  'alert.raised': alert,
  'alert.blocked': ({ file, reason }, style, from) =>
    `${style.yellow('▲')} ${style.bold(safe(from))} cannot read ${safe(file)}: ${safe(reason)}`,
  'alert.unblocked': ({ file }, style, from) =>
    `${style.green('✔')} ${style.bold(safe(from))} reads ${safe(file)} again`,
}

function stage({ plugin, stage, reason }: Record<string, unknown>, style: Style): string | undefined {
  const name = style.bold(safe(plugin))
  const why = reason === undefined ? '' : `: ${safe(reason)}`
  if (stage === 'active') return `${style.green('●')} ${name} is active`
  if (stage === 'idle') return `${style.dim('○')} ${name} starts at first use`
  if (stage === 'waiting' && reason !== 'for its turn') return `${style.yellow('○')} ${name} waits${why}`
  if (stage === 'failed') return `${style.red('✖')} ${name} is down${why}`
  if (stage === 'disabled') return `${style.dim('○')} ${name} does not run${why}`
  return undefined
}

function alert(
  { severity, file, line, lineNumber, count }: Record<string, unknown>,
  style: Style,
  from: string,
): string {
  const place =
    file === undefined ? '' : ` ${style.dim(`${safe(file)}${lineNumber === undefined ? '' : `:${lineNumber}`}`)}`
  const times = Number(count) > 1 ? ` ${style.dim(`×${count}`)}` : ''
  const colour = severity === 'warning' ? style.yellow : style.red
  return `${colour(style.bold(`▲ ${safe(severity ?? 'alert')}`))} ${safe(line ?? '')}${times}${place} ${style.dim(`· ${safe(from)}`)}`
}

/** The frames below an error's message. */
function framesOf(text: string, style: Style): string {
  const frames = text
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
  return frames.length > 0 ? `\n${style.dim(indent(safeLines(frames.join('\n'))))}` : ''
}

function isTrouble(data: unknown): boolean {
  const { level } = (data ?? {}) as { level?: string }
  return level === 'warn' || level === 'error'
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `           ${line.trimStart()}`)
    .join('\n')
}
