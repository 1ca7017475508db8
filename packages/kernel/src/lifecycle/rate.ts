// packages/kernel/src/lifecycle/rate.ts: how many requests a second one plugin may make (K3).
//   Q1  Over any stretch of time no more than `perSecond` × (its length + BURST_S) are let through.
//   Q2  What was refused is counted, and told at most once a second.
import type { Clock } from '../powers.ts'

const BURST_S = 2 // seconds' worth that may come at once
const TELL_EVERY_MS = 1_000

export interface Rate {
  /** Takes one request; false if it is one too many. */
  take(): boolean
}

export function createRate(perSecond: number, clock: Clock, onRefused: (count: number) => void): Rate {
  const most = perSecond * BURST_S
  let left = most
  let filledAt = clock.now()
  let refused = 0
  return {
    take() {
      if (left >= 1) {
        left--
        return true
      }
      refill()
      if (left >= 1) {
        left--
        return true
      }
      refuse()
      return false
    },
  }

  /** Asked only when empty: the hot path reads no clock. */
  function refill(): void {
    const now = clock.now()
    const gained = (Math.max(0, now - filledAt) * perSecond) / 1_000
    if (gained < 1) return
    left = Math.min(most, left + gained) // Q1
    filledAt = now
  }

  function refuse(): void {
    if (refused++ > 0) return
    clock.after(TELL_EVERY_MS, () => {
      const count = refused
      refused = 0
      onRefused(count) // Q2
    })
  }
}
