// plugins/scheduler/src/running/jumps.ts: notices that the clock was set, or that the machine slept, and keeps the tasks right (S1 S8).
//   J1  Ahead: what was due in between is late, and the tasks' policies decide; the gap is told.
//   J2  Back by up to REPEAT_MS: no occurrence comes twice; each task waits for the time it already waits for.
//   J3  Back by more: the clock had been wrong, so tasks that wait for a time in that wrong future are counted anew from now.
import { nextAfter } from '../clock/trigger.ts'
import type { Ports } from '../ports.ts'
import * as db from '../store/statements.ts'
import { seen } from '../store/store.ts'
import type { Facts } from './facts.ts'
import { messageOf } from './failure.ts'

const NOTE_EVERY_MS = 30_000
const GAP_MS = 120_000
const REPEAT_MS = 3 * 3_600_000
const AT_ONCE = 200

/** @param onGap Called after the clock jumped, or the machine woke. */
export function createJumps({ store, warn }: Pick<Ports, 'store' | 'warn'>, facts: Facts, onGap: () => void) {
  let last: number | undefined
  let noted = 0
  return { look, jumped }

  /** True if the clock went back since the last look: what was thought about the future does not hold. */
  function jumped(now: number): boolean {
    return last !== undefined && now < last
  }

  async function look(now: number): Promise<void> {
    const before = last ?? (await store.lastSeen())
    last = now
    if (before !== undefined && now < before - REPEAT_MS) await recount(before, now)
    if (before !== undefined && Math.abs(now - before) >= GAP_MS) {
      facts.gap(before, now) // J1
      onGap()
    }
    if (before === undefined || Math.abs(now - noted) >= NOTE_EVERY_MS) {
      await store.commit([seen(now)])
      noted = now
    }
  }

  /** J3 */
  async function recount(before: number, now: number): Promise<void> {
    let after = ''
    for (;;) {
      const tasks = await store.activeAfter(now, after, AT_ONCE)
      const statements = tasks.flatMap((task) => {
        try {
          const next = nextAfter(task.trigger, now)
          if (next === undefined || next >= task.nextDue!) return []
          const moved = {
            sql: 'UPDATE tasks SET next_due = ? WHERE id = ? AND next_due = ?',
            params: [next, task.id, task.nextDue!],
          }
          return [
            moved,
            db.closeEpoch(task.id, before, 'the clock was set back'),
            ...db.openEpoch(task.id, task.trigger, now),
          ]
        } catch (error) {
          warn(`task ${task.name} could not be counted anew: ${messageOf(error)}`, error)
          return []
        }
      })
      if (statements.length > 0) await store.commit(statements)
      after = tasks.at(-1)?.id ?? ''
      if (tasks.length < AT_ONCE) return
    }
  }
}
