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
      refill()
      if (left < 1) return refuse()
      left--
      return true
    },
  }

  function refill(): void {
    const now = clock.now()
    left = Math.min(most, left + (Math.max(0, now - filledAt) * perSecond) / 1_000) // Q1
    filledAt = now
  }

  function refuse(): false {
    if (refused++ > 0) return false
    clock.after(TELL_EVERY_MS, () => {
      const count = refused
      refused = 0
      onRefused(count) // Q2
    })
    return false
  }
}
