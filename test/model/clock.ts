// test/model/clock.ts: time for compositions by the thousand: it jumps, and what fell due on the way runs at the end of the jump.
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../packages/kernel/src/powers.ts'

export interface JumpClock extends Clock {
  jump(ms: number): void
  /** Timers that wait. */
  readonly pending: number
}

export function createJumpClock(): JumpClock {
  const timers = new Set<{ at: number; fn: () => void }>()
  let now = Date.UTC(2026, 0, 1)
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
    jump(ms) {
      now += ms
      for (const timer of [...timers].sort((a, b) => a.at - b.at))
        if (timer.at <= now && timers.delete(timer)) timer.fn()
    },
  }
}

/** Lets every promise that is due run. */
export async function settle(): Promise<void> {
  await turn()
}
