// packages/kernel/src/powers-testing.ts: powers a test holds in its hand: time that stands still, ids that count.
import type { Clock, Ids } from './powers.ts'

export interface FakeClock extends Clock {
  /** Lets pending promises settle, then moves time on by `ms` and runs what falls due, in order of time. */
  advance(ms: number): Promise<void>
  /** Timers still waiting: a test that ends with some has a leak. */
  readonly pending: number
}

/** A clock that moves only by `advance`. Starts at 1 January 2026, 00:00 UTC. */
export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<{ at: number; fn: () => void }>()
  let now = start
  return {
    now: () => now,
    get pending() {
      return timers.size
    },
    after(ms, fn) {
      const timer = { at: now + Math.max(0, ms), fn }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      await settle() // what was just begun sets its timers from now, not from the end
      const end = now + ms
      for (let timer = nextDue(end); timer; timer = nextDue(end)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.fn()
        await settle()
      }
      now = end
      await settle()
    },
  }

  function nextDue(end: number) {
    let first: { at: number; fn: () => void } | undefined
    for (const timer of timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
    return first
  }
}

/** Ids `prefix-1`, `prefix-2` …, counted per prefix. */
export function createCountingIds(): Ids {
  const counts = new Map<string, number>()
  return {
    next(prefix) {
      const count = (counts.get(prefix) ?? 0) + 1
      counts.set(prefix, count)
      return `${prefix}-${count}`
    },
  }
}

/** Lets promises that are already due run: a handful of microtask rounds, no waiting. */
async function settle(): Promise<void> {
  for (let round = 0; round < 32; round++) await Promise.resolve()
}
