// packages/pryx/src/cli/logs.ts: `pryx logs` and `pryx events`: what was, and with --follow what comes.
import { isEventPattern, matchesPattern, UsageError } from '@pryx/kernel/contract'
import type { LogLine } from '../control/control.ts'
import type { JournalEvent } from '../host/journal.ts'
import { eventLine } from '../terminal/facts.ts'
import { clockTime, type Style, safe, shortPlace } from '../terminal/style.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

type FollowOptions = CommonOptions & { follow?: boolean }

export async function showLogs(output: Output, options: FollowOptions, id?: string): Promise<void> {
  const host = await runningHost(options)
  const print = (line: LogLine) => output.line(line, logText(line, output.style))
  for (const line of await host.logs(id ?? null)) print(line)
  if (!options.follow) return
  for await (const event of host.follow(untilInterrupted())) {
    if (event.event !== 'plugin.log' || event.from !== 'kernel') continue
    const line = { at: event.at, ...(event.data as Omit<LogLine, 'at'>) }
    if (id === undefined || line.plugin === id) print(line)
  }
}

export async function showEvents(
  output: Output,
  options: FollowOptions & { number: number },
  pattern = '**',
): Promise<void> {
  if (!isEventPattern(pattern))
    throw new UsageError('USAGE_PATTERN', `"${pattern}" is not an event pattern`, {
      found: pattern,
      expected: 'such as task.* or alert.raised',
      hint: 'Use * for one word and ** for all that follows.',
    })
  const host = await runningHost(options)
  const print = (event: JournalEvent) =>
    matchesPattern(pattern, event.event) && output.line(event, eventLine(event, output.style))
  for (const event of await host.events(options.number)) print(event)
  if (!options.follow) return
  for await (const event of host.follow(untilInterrupted())) print(event)
}

function untilInterrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => {
    process.exitCode = EXIT.interrupted
    stop.abort()
  })
  return stop.signal
}

function logText({ at, plugin, level, text, place }: LogLine, style: Style): string {
  const colour = level === 'error' ? style.red : level === 'warn' ? style.yellow : style.dim
  return `${style.dim(clockTime(at))} ${colour(level.padEnd(5))} ${style.bold(safe(plugin))} ${safe(text, 2_000)}${place ? ` ${style.dim(shortPlace(place))}` : ''}`
}
