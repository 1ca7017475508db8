import { expect, test } from 'vitest'
import { createLinger } from './linger.ts'

/** A thread whose event loop turns once each 0.01 ms while somebody asks it to. */
function createThread() {
  let now = 0
  let turns = 0
  let tasks: (() => void)[] = []
  const linger = createLinger({ now: () => now, soon: (task) => tasks.push(task) })
  return {
    linger,
    /** Time goes by. */
    pass(ms: number): void {
      now += ms
    },
    /** Turns until it sleeps; `during` runs in the turn before the `at`-th. */
    turn(at = -1, during = () => {}): number {
      const before = turns
      while (tasks.length > 0) {
        if (turns - before === at) during()
        const due = tasks
        tasks = []
        now += 0.01
        turns++
        for (const task of due) task()
      }
      return turns - before
    },
  }
}

test('K3: after work a thread stays awake for a moment, and sleeps then', () => {
  const { linger, turn } = createThread()

  linger.worked()

  expect(turn()).toBeGreaterThan(5)
  expect(turn()).toBe(0)
})

test('K3: an answer that comes while it is awake keeps it awake for the next one', () => {
  const { linger, turn } = createThread()
  linger.worked()
  const alone = turn()

  linger.worked()

  expect(turn(5, linger.heard)).toBeGreaterThanOrEqual(alone + 4)
})

test('K3: where nobody answers in time it soon stays awake hardly ever, and always again after an answer', () => {
  const { linger, turn } = createThread()
  const awake = (during = () => {}) => {
    linger.worked()
    return turn(1, during) > 0
  }
  const vain = Array.from({ length: 400 }, () => awake()).filter(Boolean).length

  let chance = false
  while (!chance) chance = awake(linger.heard)
  const after = Array.from({ length: 5 }, () => awake()).filter(Boolean).length

  expect(vain).toBeGreaterThan(8)
  expect(vain).toBeLessThan(40)
  expect(after).toBe(5)
})

test('K3: where others want the processor it sleeps at once, and tries again after a while', () => {
  const { linger, turn, pass } = createThread()
  linger.worked()

  expect(turn(3, () => pass(2))).toBeLessThan(6)
  linger.worked()
  expect(turn()).toBe(0)
  pass(150)
  linger.worked()
  expect(turn()).toBeGreaterThan(5)
})
