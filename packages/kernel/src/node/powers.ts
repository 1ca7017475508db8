// packages/kernel/src/node/powers.ts: time and ids of this machine.
import { randomBytes } from 'node:crypto'
import type { Clock, Ids } from '../powers.ts'

const MAX_DELAY_MS = 2 ** 31 - 1 // what one timer of the platform can hold; a longer wait is cut into several

/** The machine's clock. Its timers do not keep the process alive. */
export function createClock(): Clock {
  return {
    now: () => Date.now(),
    after(ms, fn) {
      let timer = wait(ms)
      return () => clearTimeout(timer)

      function wait(left: number): NodeJS.Timeout {
        if (left <= MAX_DELAY_MS) return setTimeout(fn, left).unref()
        return setTimeout(() => (timer = wait(left - MAX_DELAY_MS)), MAX_DELAY_MS).unref()
      }
    },
  }
}

/** Ids of 96 random bits. */
export function createIds(): Ids {
  return { next: (prefix) => `${prefix}-${randomBytes(12).toString('base64url')}` }
}
