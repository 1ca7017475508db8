// plugins/scheduler/src/ledger/ledger.ts: what became of every occurrence (S8): expected = ran + merged + skipped + missed + waiting. Pure.
//   L1  What was expected is computed from the triggers a task had and when it had them (epochs), never from what was recorded.
//   L2  What was recorded is the rows of its runs, and, of those that are not kept any more, the spans they were folded into.
//   L3  Work is bounded: past MAX_WALKED occurrences the answer is marked as not exact.
import { nextAfter } from '../clock/trigger.ts'
import { isTimed, type Run, type Trigger } from '../task.ts'

const MAX_WALKED = 200_000
const TURN_WALKED = 400 // occurrences between two breaths: a turn of a guest is short

export type Fate = 'ran' | 'merged' | 'skipped' | 'missed' | 'waiting'

/** A stretch of time in which a task was active with one trigger: occurrences after `since` up to `until` are expected. */
export interface Epoch {
  id: number
  trigger: Trigger
  since: number
  /** Undefined: it goes on. */
  until: number | undefined
}

/** Occurrences that follow one another and had the same fate, from the first to the last. */
export interface Span {
  epoch: number | undefined
  since: number
  until: number
  count: number
  exact: boolean
  fate: Fate
  reason: string
}

export interface Balance {
  /** Epoch ms; both ends included. */
  from: number
  to: number
  expected: number
  ran: number
  /** Stood for by a run of a later occurrence. */
  merged: number
  skipped: number
  missed: number
  /** Due, or waiting for room, and neither started nor given up yet. */
  waiting: number
  /** False if so much time was asked for that not all of it was counted. */
  exact: boolean
  /** Every occurrence has a fate, and nothing ran that was not expected. */
  balanced: boolean
  reasons: { fate: Fate; reason: string; count: number }[]
}

/** The spans a run's row stands for: the occurrence it ran for, and those merged into it. */
export function spansOf(
  run: Pick<Run, 'status' | 'since' | 'occurrence' | 'count' | 'exact' | 'error'> & { epoch?: number | undefined },
): Span[] {
  if (run.count === 0) return []
  const { epoch, since, occurrence, count, exact } = run
  const fate = fateOf(run.status)
  const reason = reasonOf(run)
  if (fate !== 'ran' || count === 1) return [{ epoch, since, until: occurrence, count, exact, fate, reason }]
  return [
    {
      epoch,
      since,
      until: occurrence - 1,
      count: count - 1,
      exact,
      fate: 'merged',
      reason: 'one run stood for several',
    },
    { epoch, since: occurrence, until: occurrence, count: 1, exact: true, fate, reason },
  ]
}

/**
 * Joins spans to the ones they follow, so that a task that always runs is one row. In between lies no occurrence of another fate, for
 * every occurrence has a row and rows are folded in order.
 *
 * @param last The newest span kept so far.
 */
export function fold(last: Span | undefined, spans: readonly Span[]): Span[] {
  const folded: Span[] = last === undefined ? [] : [{ ...last }]
  for (const span of spans) {
    const before = folded.at(-1)
    if (before === undefined || !follows(before, span)) folded.push({ ...span })
    else
      folded[folded.length - 1] = {
        ...before,
        until: span.until,
        count: before.count + span.count,
        exact: before.exact && span.exact,
      }
  }
  return folded
}

function follows(before: Span, span: Span): boolean {
  return (
    before.epoch === span.epoch &&
    before.fate === span.fate &&
    before.reason === span.reason &&
    before.until < span.since
  )
}

/**
 * The balance of a window.
 *
 * @param entries All spans that touch the window.
 * @param pendingSince The first occurrence that is due and not claimed yet, if there is one.
 * @param breathe Awaited every so often, so that counting much holds up nobody.
 */
export async function balance(
  window: { from: number; to: number; now: number },
  epochs: readonly Epoch[],
  entries: readonly Span[],
  pendingSince: number | undefined,
  breathe: () => Promise<void> = async () => {},
): Promise<Balance> {
  const counter = createCounter(breathe)
  const { from } = window
  const to = Math.min(window.to, window.now)
  const byId = new Map(epochs.map((epoch) => [epoch.id, epoch]))
  const sums: Record<Fate, number> = { ran: 0, merged: 0, skipped: 0, missed: 0, waiting: 0 }
  const reasons = new Map<string, Balance['reasons'][number]>()
  let pushed = 0
  for (const span of entries) {
    const trigger = span.epoch === undefined ? undefined : byId.get(span.epoch)?.trigger
    const count = await countIn(span, trigger)
    if (trigger === undefined || !isTimed(trigger)) pushed += count // what a trigger brought was expected because it came
    note(span.fate, span.reason, count)
  }
  let expected = pushed
  for (const epoch of epochs) {
    if (!isTimed(epoch.trigger)) continue
    const end = Math.min(to, epoch.until ?? to)
    expected += await counter.count(epoch.trigger, Math.max(epoch.since, from - 1), end)
    if (epoch.until === undefined && pendingSince !== undefined)
      note(
        'waiting',
        'is due and not claimed yet',
        await counter.count(epoch.trigger, Math.max(pendingSince, from) - 1, end),
      )
  }
  const exact = counter.exact()
  const accounted = Object.values(sums).reduce((a, b) => a + b, 0)
  return { ...{ from, to, expected }, ...sums, exact, balanced: accounted === expected, reasons: [...reasons.values()] }

  function note(fate: Fate, reason: string, count: number): void {
    if (count === 0) return
    sums[fate] += count
    const key = `${fate} ${reason}`
    const row = reasons.get(key) ?? { fate, reason, count: 0 }
    row.count += count
    reasons.set(key, row)
  }

  async function countIn(span: Span, trigger: Trigger | undefined): Promise<number> {
    const whole = span.since >= from && span.until <= to
    if ((whole && span.exact) || trigger === undefined || !isTimed(trigger)) return whole ? span.count : 0
    return counter.count(trigger, Math.max(span.since, from) - 1, Math.min(span.until, to))
  }
}

function createCounter(breathe: () => Promise<void>) {
  let walked = 0
  let exact = true
  return { count, exact: () => exact }

  /** Occurrences after `after` up to `until`. */
  async function count(trigger: Trigger, after: number, until: number): Promise<number> {
    if (until <= after) return 0
    if (trigger.kind === 'interval') return intervalsIn(trigger.anchor ?? 0, trigger.everyMs, after, until)
    let n = 0
    for (let at = nextAfter(trigger, after); at !== undefined && at <= until; at = nextAfter(trigger, at)) {
      n++
      if (++walked % TURN_WALKED === 0) await breathe()
      if (walked > MAX_WALKED) {
        exact = false // L3
        return n
      }
    }
    return n
  }
}

function intervalsIn(anchor: number, everyMs: number, after: number, until: number): number {
  const upTo = (at: number) => (at < anchor ? 0 : Math.floor((at - anchor) / everyMs) + 1)
  return upTo(until) - upTo(after)
}

function fateOf(status: Run['status']): Fate {
  if (status === 'queued') return 'waiting'
  return status === 'skipped' || status === 'missed' ? status : 'ran'
}

function reasonOf({ status, error }: Pick<Run, 'status' | 'error'>): string {
  if (status === 'skipped' || status === 'missed') return error ?? ''
  if (status === 'queued') return 'waits'
  return status === 'ok'
    ? 'ran to its end'
    : status === 'running'
      ? 'is running'
      : `ran and ${status === 'failed' ? 'failed' : `was ${status}`}`
}
