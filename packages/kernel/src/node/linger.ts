// packages/kernel/src/node/linger.ts: stays awake for a moment after work, so that the answer to it finds this thread up.
//   L1  To wake a thread that sleeps costs whoever writes to it 30 to 60 µs, and its reader as much again: more than most turns take.
//   L2  It stays awake no longer than LINGER_MS after the last work, and hardly ever once that was in vain a few times running.
const LINGER_MS = 0.15
const MISSES = 8 // times in vain, one after another, before it stays awake for one chance in RARELY only
const RARELY = 16

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
  let awake = false
  let answered = false
  let misses = 0
  let chances = 0
  return { worked, heard }

  function worked(): void {
    if (!awake && misses >= MISSES && ++chances % RARELY !== 0) return // L2
    until = now() + LINGER_MS
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
    if (now() < until) return soon(stay)
    awake = false
    misses = answered ? 0 : misses + 1
  }
}
