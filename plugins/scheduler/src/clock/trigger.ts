// plugins/scheduler/src/clock/trigger.ts: when a trigger falls due. Pure; croner only calculates, it never holds a timer.
//   T1  `nextAfter(t, x)` > x, and walking it visits every occurrence exactly once.
//   T2  Fixed times in a clock gap run once at the first valid instant, repeated ones at the first of the two; wildcards and steps keep
//       real-time spacing (Vixie's rules).
//   T3  Work is bounded whatever time has passed: at most MAX_COUNTED occurrences are walked.
import { UsageError } from '@pryx/sdk'
import { Cron } from 'croner'
import { isTimed, type TimedTrigger, type Trigger } from '../task.ts'

export const MAX_COUNTED = 500
const MAX_KEPT = 64 // expressions kept as read: reading one costs more than a step of it, keeping one 80 KB
const kept = new Map<string, Cron>()

/** Occurrences from the one that is due up to `now`. */
export interface Due {
  readonly since: number
  readonly last: number
  readonly count: number
  readonly exact: boolean
  /** The newest ones, oldest first, `last` included, at most as many as asked for. */
  readonly newest: readonly number[]
  /** The first after `now`. */
  readonly next: number | undefined
}

/** The first occurrence after `after` (epoch ms, itself left out), undefined if none will come or time does not decide it. */
export function nextAfter(trigger: Trigger, after: number): number | undefined {
  switch (trigger.kind) {
    case 'once':
      return trigger.at > after ? trigger.at : undefined
    case 'interval':
      return nextInterval(trigger.anchor ?? 0, trigger.everyMs, after)
    case 'cron':
      return schedule(trigger).nextRun(new Date(after))?.getTime()
    default:
      return undefined
  }
}

/** The first `count` occurrences after `after`. */
export function preview(trigger: Trigger, after: number, count: number): number[] {
  if (trigger.kind === 'cron') return toInstants(schedule(trigger).nextRuns(count, new Date(after)))
  if (!isTimed(trigger)) return []
  const first = nextAfter(trigger, after)
  if (first === undefined) return []
  if (trigger.kind === 'once') return [first]
  return Array.from({ length: count }, (_, i) => first + i * trigger.everyMs)
}

/** All that fell due from `since` (an occurrence) until `now`, both included. */
export function dueUntil(trigger: TimedTrigger, since: number, now: number, newest: number): Due {
  switch (trigger.kind) {
    case 'once':
      return { since, last: since, count: 1, exact: true, newest: [since], next: undefined }
    case 'interval':
      return intervalsUntil(trigger.everyMs, since, now, newest)
    case 'cron':
      return cronUntil(schedule(trigger), since, now, newest)
  }
}

function nextInterval(anchor: number, everyMs: number, after: number): number {
  return after < anchor ? anchor : anchor + (Math.floor((after - anchor) / everyMs) + 1) * everyMs
}

function intervalsUntil(everyMs: number, since: number, now: number, newest: number): Due {
  const count = Math.floor((now - since) / everyMs) + 1
  const last = since + (count - 1) * everyMs
  const length = Math.min(count, newest)
  return {
    since,
    last,
    count,
    exact: true,
    newest: Array.from({ length }, (_, i) => last - (length - 1 - i) * everyMs),
    next: last + everyMs,
  }
}

function cronUntil(cron: Cron, since: number, now: number, newest: number): Due {
  const walked = [since]
  let next = cron.nextRun(new Date(since))?.getTime()
  while (next !== undefined && next <= now && walked.length < MAX_COUNTED) {
    walked.push(next)
    next = cron.nextRun(new Date(next))?.getTime()
  }
  if (next === undefined || next > now)
    return { since, last: walked.at(-1)!, count: walked.length, exact: true, newest: walked.slice(-newest), next }
  // T3: too many to walk. Look back from now instead; `+ 1` because croner leaves the reference itself out.
  const recent = toInstants(cron.previousRuns(newest, new Date(now + 1_000)))
    .filter((at) => at <= now)
    .reverse()
  return {
    since,
    last: recent.at(-1) ?? walked.at(-1)!,
    count: walked.length,
    exact: false,
    newest: recent,
    next: cron.nextRun(new Date(now))?.getTime(),
  }
}

/** @throws TASK_INVALID for an expression or zone that cannot be read. */
export function schedule(trigger: Extract<Trigger, { kind: 'cron' }>): Cron {
  const key = `${trigger.timeZone ?? ''} ${trigger.expression}`
  const known = kept.get(key)
  if (known !== undefined) return known
  const read = readSchedule(trigger)
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string) // not empty: MAX_KEPT is more than 0
  kept.set(key, read)
  return read
}

function readSchedule({ expression, timeZone }: Extract<Trigger, { kind: 'cron' }>): Cron {
  try {
    const cron = new Cron(expression, {
      paused: true,
      fixedTimeRule: 'no-wildcard', // T2
      ...(timeZone !== undefined && { timezone: timeZone }),
    })
    if (timeZone !== undefined) new Intl.DateTimeFormat('en', { timeZone }) // croner looks at the zone only when it needs it
    return cron
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError('TASK_INVALID', `the trigger cannot be read: ${reason.slice(0, 200)}`, {
      found: `${expression} (${timeZone ?? 'default zone'})`,
      expected: 'minute hour day month weekday, such as "30 8 * * 1-5", and an IANA zone such as Europe/Berlin',
      hint: 'Try the trigger with preview().',
      cause,
    })
  }
}

function toInstants(dates: Date[]): number[] {
  return dates.map((date) => date.getTime())
}
