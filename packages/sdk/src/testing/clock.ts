// packages/sdk/src/testing/clock.ts: the kernel's time under test: standing still, or running and counted.
//   K1  Every timer is known. One that is still there, or set again, after `runOut` at the end belongs to nobody: a leak.
//   K2  Fake time moves only by `advance`, due timer by due timer; messages of the sandbox are let through between them.
import { type Clock, createClock } from '@pryx/kernel'
import { UsageError } from '@pryx/kernel/contract'

const BREATHS = 4 // turns of the event loop between two timers, so that pipes are read
const ROUNDS = 8 // a timer that is set again this often is not going to end

export interface TestClock extends Clock {
  /**
   * Moves the kernel's time on by `ms`: back-off, approvals, grants with an end, time-outs of calls. Timers inside a plugin run in real time.
   *
   * @throws USAGE_CLOCK unless the harness was made with `clock: 'fake'`.
   */
  advance(ms: number): Promise<void>
}

/** A clock with its end: fires what waits, whenever it is due, and answers how many timers are left that set themselves again. */
export interface EndingClock extends TestClock {
  runOut(): Promise<number>
}

interface Timer {
  at: number
  fire(): void
}

/** The machine's clock, with its timers known. */
export function createCountedClock(): EndingClock {
  const clock = createClock()
  const timers = new Set<Timer>()
  return {
    now: () => clock.now(),
    after(ms, fn) {
      const release = clock.after(ms, () => timer.fire())
      const cancel = () => {
        timers.delete(timer)
        return release()
      }
      const timer: Timer = {
        at: clock.now() + ms,
        fire() {
          void cancel()
          fn()
        },
      }
      timers.add(timer)
      return cancel
    },
    async advance() {
      throw new UsageError('USAGE_CLOCK', 'the clock of this harness is the real one', {
        hint: "Make the harness with clock: 'fake' to move time by hand.",
      })
    },
    runOut: () => runOut(timers),
  }
}

/** Time that begins at 1 January 2026, 00:00 UTC, and stands still. */
export function createFakeClock(): EndingClock {
  const timers = new Set<Timer>()
  let now = Date.UTC(2026, 0, 1)
  return {
    now: () => now,
    after(ms, fn) {
      const timer: Timer = { at: now + Math.max(0, ms), fire: () => void (timers.delete(timer) && fn()) }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      await breathe()
      const end = now + ms
      for (let timer = firstDue(timers, end); timer; timer = firstDue(timers, end)) {
        now = Math.max(now, timer.at)
        timer.fire()
        await breathe() // K2
      }
      now = end
      await breathe()
    },
    runOut: () => runOut(timers),
  }
}

function firstDue(timers: ReadonlySet<Timer>, end: number): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
  return first
}

/** K1 */
async function runOut(timers: ReadonlySet<Timer>): Promise<number> {
  for (let round = 0; round < ROUNDS && timers.size > 0; round++) {
    for (const timer of [...timers]) timer.fire()
    await breathe()
  }
  return timers.size
}

async function breathe(): Promise<void> {
  for (let i = 0; i < BREATHS; i++) await new Promise((done) => setImmediate(done))
}
