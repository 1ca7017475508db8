// plugins/scheduler/src/running/plan.ts: what becomes of occurrences that are due. Pure policy; the ledger it feeds accounts for each one.
//   P1  The counts of the rows add up to `due.count`: every occurrence runs, is merged into a run, skipped or missed.
//   P2  A task never has more than MAX_OPEN runs open.

import type { Due } from '../clock/trigger.ts'
import type { Task } from '../task.ts'

export const MAX_OPEN = 50 // runs of one task that may wait or work

/** A row for the ledger. `reason` is in words and stays the same for the same cause, so that repeats can be merged. */
export interface PlannedRun {
  readonly status: 'queued' | 'skipped' | 'missed'
  readonly since: number
  readonly occurrence: number
  readonly count: number
  readonly exact: boolean
  readonly reason?: string
}

type Policy = Pick<Task, 'misfire' | 'overlap'>

/**
 * @param open Runs of the task that wait or work.
 * @param graceMs How late the newest occurrence may be and still count as on time.
 */
export function planDue(task: Policy, due: Due, now: number, open: number, graceMs: number): PlannedRun[] {
  if (open > 0 && task.overlap === 'skip') return [whole(due, 'skipped', 'the run before was not over')]
  const room = MAX_OPEN - open
  if (room <= 0) return [whole(due, 'skipped', `${MAX_OPEN} runs were waiting`)]
  const onTime = now - due.last <= graceMs
  if (due.count === 1 && onTime) return [whole(due, 'queued')]
  switch (task.misfire.kind) {
    case 'run-once':
      return [whole(due, 'queued')]
    case 'skip':
      return onTime ? newestOf(due, 1) : [whole(due, 'missed', LATE)]
    case 'run-all':
      return newestOf(due, Math.min(task.misfire.limit, room))
  }
}

const LATE = 'its time passed while nothing could run'

function whole(due: Due, status: PlannedRun['status'], reason?: string): PlannedRun {
  const { since, last, count, exact } = due
  return { status, since, occurrence: last, count, exact, ...(reason !== undefined && { reason }) }
}

/** The newest `limit` run, each for itself; one row says what was missed before them. `due.newest` holds one more than `limit`, if there is. */
function newestOf(due: Due, limit: number): PlannedRun[] {
  const run = due.newest.slice(-limit)
  const queued = run.map((at) => ({ status: 'queued' as const, since: at, occurrence: at, count: 1, exact: true }))
  const count = due.count - run.length
  if (count <= 0) return queued
  const { since, exact } = due
  const occurrence = due.newest.at(-run.length - 1) ?? since
  return [{ status: 'missed', since, occurrence, count, exact, reason: LATE }, ...queued]
}
