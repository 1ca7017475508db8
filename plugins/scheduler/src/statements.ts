// plugins/scheduler/src/statements.ts: every change of tasks and runs, as statements that `Store.commit` runs together.
//   D2  Every change of state is conditional on the state it starts from, so two instances (a hot reload) cannot both make it.
import type { PlannedRun } from './plan.ts'
import type { OpenRun } from './rows.ts'
import type { Run, Task, TaskState } from './task.ts'

export const KEPT_RUNS = 100 // ended runs kept per task (S2)

export type SqlParam = null | boolean | number | bigint | string | Uint8Array
export interface Statement {
  sql: string
  params?: SqlParam[]
}

const STILL_DUE = `EXISTS (SELECT 1 FROM tasks WHERE id = ? AND next_due = ? AND state = 'active')`
export const OPEN = `status IN ('queued', 'running')`

/** Writes a new task, or the whole of a changed one. */
export function putTask(task: Task): Statement {
  const { id, owner, name, state, nextDue, problem, createdAt, updatedAt, ...spec } = task
  return {
    sql: `INSERT INTO tasks (id, owner, name, spec, state, next_due, problem, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET name = excluded.name, spec = excluded.spec, state = excluded.state,
            next_due = excluded.next_due, problem = excluded.problem, updated_at = excluded.updated_at`,
    params: [id, owner, name, JSON.stringify(spec), state, nextDue ?? null, problem ?? null, createdAt, updatedAt],
  }
}

export function deleteTask(id: string): Statement[] {
  return [
    { sql: 'DELETE FROM runs WHERE task = ?', params: [id] },
    { sql: 'DELETE FROM tasks WHERE id = ?', params: [id] },
  ]
}

/** Adds a planned run, if the task is still due as planned (D2). */
export function addPlanned(task: Task, run: PlannedRun, id: string, now: number): Statement {
  const ended = run.status === 'queued' ? null : now
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at, finished_at, error)
          SELECT ?, ?, ?, 'schedule', ?, ?, ?, ?, ?, ?, ? WHERE ${STILL_DUE}`,
    params: [
      ...[id, task.id, run.status, run.occurrence, run.since, run.count, Number(run.exact), now, ended],
      ...[run.reason ?? null, task.id, task.nextDue ?? null],
    ],
  }
}

/** Counts further occurrences of the same fate into the row before, so that a long overlap does not flood the history. */
export function mergePlanned(task: Task, run: PlannedRun, seq: number, now: number): Statement {
  return {
    sql: `UPDATE runs SET occurrence = ?, count = count + ?, exact = exact AND ?, finished_at = ? WHERE seq = ? AND ${STILL_DUE}`,
    params: [run.occurrence, run.count, Number(run.exact), now, seq, task.id, task.nextDue ?? null],
  }
}

/** Moves a due task on to its next occurrence: the one statement that decides whose claim it is (D2). */
export function moveOn(task: Task, next: number | undefined, state: TaskState, problem: string | undefined): Statement {
  return {
    sql: `UPDATE tasks SET next_due = ?, state = ?, problem = ? WHERE id = ? AND next_due = ? AND state = 'active'`,
    params: [next ?? null, state, problem ?? null, task.id, task.nextDue ?? null],
  }
}

export interface ExtraRun {
  id: string
  source: 'manual' | 'recovery'
  occurrence: number
  since: number
  recoveries?: number
  recovers?: string
}

/** Adds a run beside the schedule; it stands for no occurrence of its own. */
export function addExtra(taskId: string, run: ExtraRun, now: number): Statement {
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at, recoveries, recovers)
          VALUES (?, ?, 'queued', ?, ?, ?, 0, 1, ?, ?, ?)`,
    params: [run.id, taskId, run.source, run.occurrence, run.since, now, run.recoveries ?? 0, run.recovers ?? null],
  }
}

/** Starts a waiting run unless its task has one running (D2). */
export function startRun(run: OpenRun, session: string, now: number, deadline: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'running', attempt = attempt + 1, started_at = ?, deadline = ?, session = ?
          WHERE id = ? AND status = 'queued' AND NOT EXISTS (SELECT 1 FROM runs WHERE task = ? AND status = 'running')`,
    params: [now, deadline, session, run.id, run.taskId],
  }
}

export interface Ending {
  status: 'ok' | 'failed' | 'interrupted'
  result?: string | undefined
  error?: string | undefined
  log?: string | undefined
}

/** Ends an attempt for good, if it is still the one in progress (D2). */
export function endRun(run: Run, ending: Ending, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = ?, finished_at = ?, deadline = NULL, result = ?, error = ?, log = ?
          WHERE id = ? AND status = 'running' AND attempt = ?`,
    params: [ending.status, now, ending.result ?? null, ending.error ?? null, ending.log ?? null, run.id, run.attempt],
  }
}

/** Ends an attempt and lets the run wait for its next one (D2). */
export function retryRun(run: Run, ending: Ending, startAt: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'queued', start_at = ?, deadline = NULL, error = ?, log = ? WHERE id = ? AND status = 'running' AND attempt = ?`,
    params: [startAt, ending.error ?? null, ending.log ?? null, run.id, run.attempt],
  }
}

/** Records all waiting runs of a task as skipped. */
export function skipQueued(taskId: string, reason: string, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'skipped', finished_at = ?, error = ? WHERE task = ? AND status = 'queued'`,
    params: [now, reason, taskId],
  }
}

/** Drops what is older than the last KEPT_RUNS rows of a task; open runs always stay. */
export function trim(taskId: string): Statement {
  return {
    sql: `DELETE FROM runs WHERE task = ? AND NOT ${OPEN}
          AND seq <= (SELECT seq FROM runs WHERE task = ? ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT_RUNS})`,
    params: [taskId, taskId],
  }
}
