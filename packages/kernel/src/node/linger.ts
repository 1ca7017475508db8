// packages/kernel/src/node/linger.ts: stays awake for a moment after work, so that the answer to it finds this thread up.
//   L1  To wake a thread that sleeps costs whoever writes to it 30 to 60 µs, and its reader as much again: more than most turns take.
//   L2  It stays awake no longer than LINGER_MS after the last work, and hardly ever once that was in vain a few times running.
//   L3  Where others want the processor it sleeps at once: a system favours who sleeps, and holds back who has been awake for nothing.
const LINGER_MS = 0.15
const MISSES = 8 // times in vain, one after another, before it stays awake for one chance in RARELY only
const RARELY = 16
const GAP_MS = 0.5 // between two turns of an event loop that has nothing to do: somebody else was on the processor
const REST_MS = 100

export interface Linger {
  /** Something was said to the other side, or done for it: more may come soon. */
  worked(): void
  /** The other side has said something. */
  heard(): void
}

export interface LingerPowers {
  /** ms */
  now(): number
  /** Runs `task` in the next turn of the event loop, which does not sleep before it. */
  soon(task: () => void): void
}

export function createLinger(
  { now, soon }: LingerPowers = { now: () => performance.now(), soon: setImmediate },
): Linger {
  let until = 0
  let restUntil = 0
  let turnedAt = 0
  let awake = false
  let answered = false
  let misses = 0
  let chances = 0
  return { worked, heard }

  function worked(): void {
    if (!awake && misses >= MISSES && ++chances % RARELY !== 0) return // L2
    const at = now()
    if (at < restUntil) return // L3
    until = at + LINGER_MS
    turnedAt = at
    if (awake) return
    awake = true
    answered = false
    soon(stay)
  }

  function heard(): void {
    answered = true
    worked()
  }

  function stay(): void {
    const at = now()
    if (at - turnedAt > GAP_MS) restUntil = at + REST_MS
    turnedAt = at
    if (at < until && at >= restUntil) return soon(stay)
    awake = false
    misses = answered ? 0 : misses + 1
  }
}
