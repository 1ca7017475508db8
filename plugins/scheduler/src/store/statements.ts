// plugins/scheduler/src/store/statements.ts: every change of tasks and runs, as statements that `Store.commit` runs together.
//   D2  Every change of state is conditional on the state it starts from, so two instances (a hot reload) cannot both make it.
import type { PlannedRun } from '../running/plan.ts'
import { parallelOf, type Run, type Task, type TaskState, type Trigger } from '../task.ts'
import type { OpenRun } from './rows.ts'

export const KEPT_RUNS = 100 // ended runs kept per task (S2)

export type SqlParam = null | boolean | number | bigint | string | Uint8Array
export interface Statement {
  sql: string
  params?: SqlParam[]
  /** Answer the rows it reads or returns. */
  rows?: boolean
}

const STILL_DUE = `EXISTS (SELECT 1 FROM tasks WHERE id = ? AND next_due = ? AND state = 'active')`
export const OPEN = `status IN ('queued', 'running')`
/** Names of the pieces that outputs of a task's single deeds were cut into; ?1 is the task. */
export const LONG_DEEDS = `SELECT id || ':do' FROM runs WHERE task = ?1 AND instr(deed, '"$ref"') > 0`

/** Writes a new task, or the whole of a changed one. */
export function putTask(task: Task): Statement {
  const { id, owner, name, state, nextDue, problem, createdAt, updatedAt, ...spec } = task
  return {
    sql: `INSERT INTO tasks (id, owner, name, spec, state, next_due, problem, created_at, updated_at, kind, parallel)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET name = excluded.name, spec = excluded.spec, state = excluded.state, kind = excluded.kind,
            parallel = excluded.parallel, next_due = excluded.next_due, problem = excluded.problem, updated_at = excluded.updated_at`,
    params: [
      ...[id, owner, name, JSON.stringify(spec), state, nextDue ?? null, problem ?? null, createdAt, updatedAt],
      ...[task.trigger.kind, parallelOf(task)],
    ],
  }
}

export function deleteTask(id: string): Statement[] {
  const ofRuns = (table: string, column: string) => ({
    sql: `DELETE FROM ${table} WHERE ${column} IN (SELECT id FROM runs WHERE task = ?)`,
    params: [id],
  })
  return [
    {
      sql: `DELETE FROM pieces WHERE ref IN (SELECT run || ':' || path FROM steps WHERE run IN (SELECT id FROM runs WHERE task = ?))`,
      params: [id],
    },
    { sql: `DELETE FROM pieces WHERE ref IN (${LONG_DEEDS})`, params: [id] },
    ofRuns('steps', 'run'),
    ...['runs', 'epochs', 'spans', 'spend', 'daily', 'watches', 'webhook_ids'].map((table) => ({
      sql: `DELETE FROM ${table} WHERE task = ?`,
      params: [id],
    })),
    { sql: 'DELETE FROM tasks WHERE id = ?', params: [id] },
  ]
}

/** From `since` (epoch ms, itself left out) on, the task's occurrences are expected by this trigger. */
export function openEpoch(taskId: string, trigger: Trigger, since: number): Statement[] {
  return [
    {
      sql: 'INSERT INTO epochs (task, trigger, since) VALUES (?, ?, ?)',
      params: [taskId, JSON.stringify(trigger), since],
    },
    { sql: 'UPDATE tasks SET epoch = last_insert_rowid() WHERE id = ?', params: [taskId] },
  ]
}

/** No occurrence after `until` is expected any more. */
export function closeEpoch(taskId: string, until: number, why: string): Statement {
  return { sql: 'UPDATE epochs SET until = ?, why = ? WHERE task = ? AND until IS NULL', params: [until, why, taskId] }
}

/** Adds a planned run, if the task is still due as planned (D2). */
export function addPlanned(task: Task, run: PlannedRun, id: string, now: number, priority: number): Statement {
  const ended = run.status === 'queued' ? null : now
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at, finished_at, error, priority, epoch)
          SELECT ?, ?, ?, 'schedule', ?, ?, ?, ?, ?, ?, ?, ?, (SELECT epoch FROM tasks WHERE id = ?) WHERE ${STILL_DUE}`,
    params: [
      ...[id, task.id, run.status, run.occurrence, run.since, run.count, Number(run.exact), now, ended],
      ...[run.reason ?? null, priority, task.id, task.id, task.nextDue ?? null],
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
  source: Exclude<Run['source'], 'schedule'>
  occurrence: number
  since: number
  /** 1 for what a trigger brought; 0, the default, stands for no occurrence of its own. */
  count?: number
  recoveries?: number
  recovers?: string
  priority?: number
  /** JSON. */
  input?: string | undefined
  /** Ended from the beginning: skipped, with this reason. */
  skipped?: string | undefined
}

/** Adds a run beside the schedule, if the task is there still and has fewer than `maxOpen` runs that wait or work. */
export function addExtra(taskId: string, run: ExtraRun, now: number, maxOpen = 1e9): Statement {
  const skipped = run.skipped !== undefined
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at, recoveries, recovers, priority, input, finished_at, error)
          SELECT ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM tasks WHERE id = ?) AND (SELECT COUNT(*) FROM runs WHERE task = ? AND ${OPEN}) < ?`,
    params: [
      ...[run.id, taskId, skipped ? 'skipped' : 'queued', run.source, run.occurrence, run.since, run.count ?? 0, now],
      ...[run.recoveries ?? 0, run.recovers ?? null, run.priority ?? 0, run.input ?? null, skipped ? now : null],
      ...[run.skipped ?? null, taskId, taskId, maxOpen],
    ],
  }
}

/** Adds a waiting run for each input (JSON, or undefined), if the task is there still and has room for all of them. */
export function addEach(
  taskId: string,
  runs: readonly (readonly [id: string, input: string | undefined])[],
  priority: number,
  now: number,
  maxOpen: number,
): Statement {
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at, priority, input)
          SELECT value ->> 0, ?1, 'queued', 'manual', ?2, ?2, 0, 1, ?2, ?3, value ->> 1 FROM json_each(?4)
          WHERE EXISTS (SELECT 1 FROM tasks WHERE id = ?1)
            AND (SELECT COUNT(*) FROM runs WHERE task = ?1 AND ${OPEN}) + json_array_length(?4) <= ?5`,
    params: [taskId, now, priority, JSON.stringify(runs), maxOpen],
  }
}

/**
 * Starts waiting runs, each unless its task has as many running as it may (D2). Answers those that were started, as texts for
 * `readStarted`.
 */
export function startRuns(
  runs: readonly { run: { seq: number }; task: Pick<Task, 'id' | 'timeoutMs'> }[],
  session: string,
  now: number,
): Statement {
  const before = new Map<string, number>() // of the same task, earlier in this batch
  const rows = runs.map(({ run, task }) => {
    const rank = before.get(task.id) ?? 0
    before.set(task.id, rank + 1)
    return [run.seq, task.timeoutMs, rank]
  })
  return {
    sql: `UPDATE runs SET status = 'running', attempt = attempt + 1, started_at = ?1, deadline = ?1 + c.timeout, session = ?2
          FROM (
            WITH busy AS MATERIALIZED (SELECT task, COUNT(*) n FROM runs WHERE status = 'running' GROUP BY task)
            SELECT q.seq, j.value ->> 1 timeout FROM json_each(?3) j CROSS JOIN runs q ON q.seq = j.value ->> 0
              CROSS JOIN tasks t ON t.id = q.task LEFT JOIN busy b ON b.task = q.task
            WHERE q.status = 'queued' AND COALESCE(b.n, 0) + (j.value ->> 2) < t.parallel
          ) c WHERE runs.seq = c.seq RETURNING ${STARTED}`,
    params: [now, session, JSON.stringify(rows)],
    rows: true,
  }
}

/** A task, and its spec as it lies on disk. */
export interface Line {
  readonly task: Task
  readonly spec: string
}

/**
 * Starts the oldest waiting runs of a task, as many as it and all tasks together have room for, if there is nothing to choose: only its
 * runs wait, all of one priority and their time has come, and the task is as it was read. Answers as `startRuns` does.
 *
 * @param most At a time, of all tasks.
 * @param limit At once.
 */
export function startLine({ task, spec }: Line, session: string, now: number, most: number, limit: number): Statement {
  const end = (column: string, order: string) =>
    `(SELECT ${column} FROM runs WHERE status = 'queued' ORDER BY priority ${order}, start_at ${order}, seq ${order} LIMIT 1)`
  return {
    sql: `UPDATE runs SET status = 'running', attempt = attempt + 1, started_at = ?1, deadline = ?1 + ?2, session = ?3
          WHERE seq IN (SELECT seq FROM runs WHERE status = 'queued' AND task = ?4 ORDER BY seq LIMIT MAX(0, MIN(?5,
              ?6 - (SELECT COUNT(*) FROM runs WHERE status = 'running'),
              COALESCE((SELECT parallel FROM tasks WHERE id = ?4), 0) - (SELECT COUNT(*) FROM runs WHERE status = 'running' AND task = ?4))))
            AND EXISTS (SELECT 1 FROM tasks WHERE id = ?4 AND name = ?7 AND spec = ?8 AND state = ?9)
            AND (SELECT MIN(task) FROM runs WHERE status = 'queued') = ?4 AND (SELECT MAX(task) FROM runs WHERE status = 'queued') = ?4
            AND ${end('priority', 'ASC')} = ${end('priority', 'DESC')} AND ${end('start_at', 'DESC')} <= ?1
          RETURNING ${STARTED}`,
    params: [now, task.timeoutMs, session, task.id, limit, most, task.name, spec, task.state],
    rows: true,
  }
}

const SHORT_INPUT = 2_000 // characters
/** What is not known of a run that starts. Longer inputs are read one by one: together they would not fit into a message. */
const STARTED = `json_array(seq, id, source, occurrence, since, count, exact, attempt, recoveries, recovers, priority, epoch, start_at,
  CASE WHEN length(input) <= ${SHORT_INPUT} THEN input END, length(input) > ${SHORT_INPUT}) run`

export interface Started {
  task: Task
  run: OpenRun
  /** Its input is too long to come along. */
  longInput: boolean
}

type StartedRow = [
  ...[seq: number, id: string, source: Run['source'], occurrence: number, since: number, count: number, exact: number],
  ...[attempt: number, recoveries: number, recovers: string | null, priority: number, epoch: number | null],
  ...[startAt: number, input: string | null, long: number | null],
]

/** @param taskOf Whose run it is, by its `seq`. */
export function readStarted(
  row: Record<string, unknown>,
  taskOf: (seq: number) => Task,
  session: string,
  now: number,
): Started {
  const [seq, id, source, occurrence, since, count, exact, attempt, recoveries, recovers, ...rest] = JSON.parse(
    row.run as string,
  ) as StartedRow
  const [priority, epoch, startAt, input, long] = rest
  const task = taskOf(seq)
  const run: OpenRun = {
    ...{ seq, id, taskId: task.id, status: 'running', source, occurrence, since, count, exact: exact === 1, attempt },
    ...{ recoveries, priority, epoch: epoch ?? undefined, startAt, startedAt: now, deadline: now + task.timeoutMs },
    ...{ session, recovers: recovers ?? undefined, input: input === null ? undefined : JSON.parse(input) },
  }
  return { task, run, longInput: long === 1 }
}

/** Records a waiting run as skipped before it has begun. */
export function refuseRun(seq: number, reason: string, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'skipped', finished_at = ?, error = ? WHERE seq = ? AND status = 'queued'`,
    params: [now, reason, seq],
  }
}

/** An attempt that ended well. Texts are JSON. */
export interface Success {
  run: Pick<OpenRun, 'seq' | 'attempt'>
  result?: string | undefined
  log?: string | undefined
  /** Its step log, if it did a single deed. */
  deed?: DeedLog | undefined
}

/** The step log of a single deed, as `step_log` reads it. `output` is as it is kept. */
export type DeedLog = readonly [
  ...[status: string, attempt: number, startedAt: number, finishedAt: number],
  ...[input: unknown, sources: unknown, output: unknown, error: string | null],
]

const SUCCEEDING = `json_each(?2) j CROSS JOIN runs r ON r.seq = j.value ->> 0
  WHERE r.status = 'running' AND r.attempt = j.value ->> 1`
/** Dry runs and replays say nothing of a task's health. */
const COUNTING = `r.source NOT IN ('dry', 'replay')`

/**
 * Ends attempts that went well, each if it is still the one in progress (D2), and counts them into the day and the task's health. The
 * last statement answers who was ended, with what had been noted of it.
 */
export function endWell(successes: readonly Success[], day: string, now: number): Statement[] {
  const attempts = JSON.stringify(successes.map(({ run }) => [run.seq, run.attempt]))
  const rows = JSON.stringify(
    successes.map(({ run, result, log, deed }) => [run.seq, run.attempt, result ?? null, log ?? null, deed ?? null]),
  )
  return [
    {
      sql: `INSERT INTO daily (task, day, ok, ms, cost_usd)
            SELECT r.task, ?3, COUNT(*), SUM(MAX(0, ?1 - COALESCE(r.started_at, ?1))), SUM(COALESCE(r.usage ->> '$.costUsd', 0.0))
            FROM ${SUCCEEDING} AND ${COUNTING} GROUP BY r.task
            ON CONFLICT (day, task) DO UPDATE SET ok = ok + excluded.ok, ms = ms + excluded.ms, cost_usd = cost_usd + excluded.cost_usd`,
      params: [now, attempts, day],
    },
    {
      sql: `UPDATE tasks SET last_ok = ?1, failures = 0, late_told = NULL WHERE id IN (SELECT r.task FROM ${SUCCEEDING} AND ${COUNTING})`,
      params: [now, attempts],
    },
    {
      sql: `UPDATE runs SET status = 'ok', finished_at = ?1, deadline = NULL, result = j.value ->> 2, error = NULL, log = j.value ->> 3,
              ambiguous = 0, deed = COALESCE(NULLIF(j.value -> 4, 'null'), deed)
            FROM json_each(?2) j WHERE runs.seq = j.value ->> 0 AND runs.status = 'running' AND runs.attempt = j.value ->> 1
            RETURNING seq, progress, usage`,
      params: [now, rows],
      rows: true,
    },
  ]
}

/** Notes what single deeds have done, whatever has become of their runs. */
export function noteDeeds(deeds: readonly { run: Pick<OpenRun, 'seq'>; deed: DeedLog }[]): Statement {
  return {
    sql: 'UPDATE runs SET deed = j.value -> 1 FROM json_each(?1) j WHERE runs.seq = j.value ->> 0',
    params: [JSON.stringify(deeds.map(({ run, deed }) => [run.seq, deed]))],
  }
}

export interface Ending {
  status: 'ok' | 'failed' | 'interrupted' | 'cancelled'
  result?: string | undefined
  error?: string | undefined
  log?: string | undefined
  ambiguous?: boolean
}

/** Ends an attempt for good, if it is still the one in progress (D2). */
export function endRun(run: Run, ending: Ending, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = ?, finished_at = ?, deadline = NULL, result = ?, error = ?, log = ?, ambiguous = ?
          WHERE id = ? AND status = 'running' AND attempt = ?`,
    params: [
      ...[ending.status, now, ending.result ?? null, ending.error ?? null, ending.log ?? null],
      ...[Number(ending.ambiguous ?? false), run.id, run.attempt],
    ],
  }
}

/** Ends an attempt and lets the run wait for its next one (D2). */
export function retryRun(run: Run, ending: Ending, startAt: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'queued', start_at = ?, deadline = NULL, error = ?, log = ?, late_told = 0
          WHERE id = ? AND status = 'running' AND attempt = ?`,
    params: [startAt, ending.error ?? null, ending.log ?? null, run.id, run.attempt],
  }
}

/** Stops a run that waits or works (D2). One that had not begun did not run: it is skipped. */
export function cancelRun(runId: string, reason: string, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = CASE status WHEN 'queued' THEN 'skipped' ELSE 'cancelled' END, finished_at = ?, deadline = NULL, error = ?
          WHERE id = ? AND ${OPEN}`,
    params: [now, reason, runId],
  }
}

/** Records all waiting runs of a task as skipped. */
export function skipQueued(taskId: string, reason: string, now: number): Statement {
  return {
    sql: `UPDATE runs SET status = 'skipped', finished_at = ?, error = ? WHERE task = ? AND status = 'queued'`,
    params: [now, reason, taskId],
  }
}

/** What the task's health is judged by: its last success, and failures in a row. */
export function noteOutcome(taskId: string, ok: boolean, now: number): Statement {
  return ok
    ? { sql: 'UPDATE tasks SET last_ok = ?, failures = 0, late_told = NULL WHERE id = ?', params: [now, taskId] }
    : { sql: 'UPDATE tasks SET failures = failures + 1 WHERE id = ?', params: [taskId] }
}

export function setProgress(run: Run, progress: unknown, usage: unknown): Statement {
  return {
    sql: `UPDATE runs SET progress = COALESCE(?, progress), usage = COALESCE(?, usage) WHERE id = ? AND status = 'running' AND attempt = ?`,
    params: [
      progress === undefined ? null : JSON.stringify(progress),
      usage === undefined ? null : JSON.stringify(usage),
      run.id,
      run.attempt,
    ],
  }
}

/** Counts an ended run into the day's figures, which charts are drawn from. */
export function countDaily(
  taskId: string,
  day: string,
  status: Ending['status'],
  ms: number,
  costUsd: number,
): Statement {
  const column = status === 'ok' || status === 'failed' ? status : 'other'
  return {
    sql: `INSERT INTO daily (task, day, ${column}, ms, cost_usd) VALUES (?, ?, 1, ?, ?)
          ON CONFLICT (day, task) DO UPDATE SET ${column} = ${column} + 1, ms = ms + excluded.ms, cost_usd = cost_usd + excluded.cost_usd`,
    params: [taskId, day, Math.max(0, Math.round(ms)), costUsd],
  }
}
