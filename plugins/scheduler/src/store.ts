// plugins/scheduler/src/store.ts: tasks and runs on disk, over the SQL of `storage`. Statements are built here and committed together.
//   D1  `commit` is one transaction, on disk before it resolves: what is acknowledged after it survives a power cut.
//   D2  Every change of state is conditional on the state it starts from, so two instances (a hot reload) cannot both make it.
import type { PlannedRun } from './plan.ts'
import type { FullSpec, Run, RunStatus, Task, TaskState } from './task.ts'

export const KEPT_RUNS = 100 // ended runs kept per task (S2)

export type SqlParam = null | boolean | number | bigint | string | Uint8Array
export interface Statement {
  sql: string
  params?: SqlParam[]
}

/** The part of `Storage.sql` the scheduler needs. */
export interface Sql {
  all<T = Record<string, unknown>>(sql: string, ...params: SqlParam[]): Promise<T[]>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(statements: Statement[], options?: { durable?: boolean }): Promise<{ changes: number }[]>
}

/** A run with what only the scheduler wants to know. */
export interface OpenRun extends Run {
  /** The scheduler's life it was started in. */
  readonly session: string | undefined
  /** How often it was made up for already. */
  readonly recoveries: number
}

/** A due task and what the plan needs to know of its runs. */
export interface DueTask {
  readonly task: Task
  readonly open: number
  readonly newest: { seq: number; status: RunStatus; error: string | undefined } | undefined
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tasks (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL,
  next_due INTEGER, problem TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (next_due) WHERE next_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
  occurrence INTEGER NOT NULL, since INTEGER NOT NULL, count INTEGER NOT NULL, exact INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  recoveries INTEGER NOT NULL DEFAULT 0, recovers TEXT, start_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, deadline INTEGER,
  session TEXT, result TEXT, error TEXT, log TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS runs_of_task ON runs (task, seq);
CREATE INDEX IF NOT EXISTS runs_queued ON runs (start_at) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS runs_running ON runs (task) WHERE status = 'running';
`

const STILL_DUE = `EXISTS (SELECT 1 FROM tasks WHERE id = ? AND next_due = ? AND state = 'active')`
/** A run without what may be long: many fit into one message. */
const BRIEF = `id, task, status, source, occurrence, since, count, exact, attempt, recoveries, recovers, start_at, started_at, finished_at,
  deadline, session, NULL result, NULL error, NULL log`
/** A run for a list: long results are left out, of logs the end is shown. 100 of them are at most half a megabyte. */
const LISTED = BRIEF.replace(
  'NULL result, NULL error, NULL log',
  `CASE WHEN length(result) <= 2000 THEN result END result, substr(error, 1, 1000) error, substr(log, -2000) log`,
)
const OPEN = `status IN ('queued', 'running')`

export type Store = ReturnType<typeof createStore>

export function createStore(sql: Sql) {
  return {
    prepare: () => sql.exec(SCHEMA, { durable: true }),

    /** All or none (D1). @returns Rows changed, per statement. */
    async commit(statements: Statement[]): Promise<number[]> {
      return (await sql.batch(statements, { durable: true })).map((result) => result.changes)
    },

    async task(id: string): Promise<Task | undefined> {
      return (await sql.all<TaskRow>('SELECT * FROM tasks WHERE id = ?', id)).map(toTask)[0]
    },

    async taskNamed(owner: string, name: string): Promise<Task | undefined> {
      return (await sql.all<TaskRow>('SELECT * FROM tasks WHERE owner = ? AND name = ?', owner, name)).map(toTask)[0]
    },

    /** In order of ids; `after` is the last one seen. */
    async tasks(owner: string | undefined, limit: number, after = ''): Promise<Task[]> {
      const where = owner === undefined ? '' : ' AND owner = ?'
      const params = owner === undefined ? [after, limit] : [after, owner, limit]
      const rows = await sql.all<TaskRow>(`SELECT * FROM tasks WHERE id > ?${where} ORDER BY id LIMIT ?`, ...params)
      return rows.map(toTask)
    },

    async countTasks(owner: string): Promise<number> {
      return (await sql.all<{ n: number }>('SELECT COUNT(*) n FROM tasks WHERE owner = ?', owner))[0]?.n ?? 0
    },

    async run(id: string): Promise<OpenRun | undefined> {
      return (await sql.all<RunRow>('SELECT * FROM runs WHERE id = ?', id)).map(toRun)[0]
    },

    async history(task: string, limit: number): Promise<Run[]> {
      const rows = await sql.all<RunRow>(
        `SELECT ${LISTED} FROM runs WHERE task = ? ORDER BY seq DESC LIMIT ?`,
        task,
        limit,
      )
      return rows.map(toRun).map(publicRun)
    },

    async openRuns(task: string): Promise<number> {
      const rows = await sql.all<{ n: number }>(`SELECT COUNT(*) n FROM runs WHERE task = ? AND ${OPEN}`, task)
      return rows[0]?.n ?? 0
    },

    async dueTasks(now: number, limit: number): Promise<DueTask[]> {
      const rows = await sql.all<
        TaskRow & { open: number; seq: number | null; status: RunStatus; error: string | null }
      >(
        `SELECT t.*, (SELECT COUNT(*) FROM runs WHERE task = t.id AND ${OPEN}) open, r.seq, r.status, r.error FROM tasks t
         LEFT JOIN runs r ON r.seq = (SELECT MAX(seq) FROM runs WHERE task = t.id)
         WHERE t.next_due <= ? AND t.state = 'active' ORDER BY t.next_due LIMIT ?`,
        now,
        limit,
      )
      return rows.map((row) => ({
        task: toTask(row),
        open: row.open,
        newest: row.seq === null ? undefined : { seq: row.seq, status: row.status, error: row.error ?? undefined },
      }))
    },

    /** The oldest waiting run of each task that has none running, if its time has come. */
    async startable(now: number, limit: number): Promise<OpenRun[]> {
      const rows = await sql.all<RunRow>(
        `SELECT ${BRIEF} FROM runs q WHERE status = 'queued' AND start_at <= ?
           AND NOT EXISTS (SELECT 1 FROM runs WHERE task = q.task AND status = 'running')
           AND NOT EXISTS (SELECT 1 FROM runs WHERE task = q.task AND status = 'queued' AND seq < q.seq)
         ORDER BY start_at, seq LIMIT ?`,
        now,
        limit,
      )
      return rows.map(toRun)
    },

    async running(): Promise<OpenRun[]> {
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE status = 'running' ORDER BY seq`)).map(toRun)
    },

    /** When there will be something to do, epoch ms. */
    async nextWake(): Promise<number | undefined> {
      const rows = await sql.all<{ at: number | null }>(
        `SELECT MIN(at) at FROM (
           SELECT MIN(next_due) at FROM tasks WHERE next_due IS NOT NULL
           UNION ALL SELECT MIN(deadline) FROM runs WHERE status = 'running'
           UNION ALL SELECT MIN(start_at) FROM runs q WHERE status = 'queued'
             AND NOT EXISTS (SELECT 1 FROM runs WHERE task = q.task AND status = 'running'))`,
      )
      return rows[0]?.at ?? undefined
    },
  }
}

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

/** What callers may see of a run. */
export function publicRun({ session: _session, recoveries: _recoveries, ...run }: OpenRun): Run {
  return run
}

interface TaskRow {
  id: string
  owner: string
  name: string
  spec: string
  state: TaskState
  next_due: number | null
  problem: string | null
  created_at: number
  updated_at: number
}

interface RunRow {
  id: string
  task: string
  status: RunStatus
  source: Run['source']
  occurrence: number
  since: number
  count: number
  exact: number
  attempt: number
  recoveries: number
  recovers: string | null
  start_at: number
  started_at: number | null
  finished_at: number | null
  deadline: number | null
  session: string | null
  result: string | null
  error: string | null
  log: string | null
}

function toTask(row: TaskRow): Task {
  return {
    ...(JSON.parse(row.spec) as Omit<FullSpec, 'name'>), // only `putTask` writes it
    id: row.id,
    owner: row.owner,
    name: row.name,
    state: row.state,
    nextDue: row.next_due ?? undefined,
    problem: row.problem ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toRun(row: RunRow): OpenRun {
  return {
    id: row.id,
    taskId: row.task,
    status: row.status,
    source: row.source,
    occurrence: row.occurrence,
    since: row.since,
    count: row.count,
    exact: row.exact === 1,
    attempt: row.attempt,
    recoveries: row.recoveries,
    startAt: row.start_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    deadline: row.deadline ?? undefined,
    session: row.session ?? undefined,
    result: row.result === null ? undefined : JSON.parse(row.result),
    error: row.error ?? undefined,
    log: row.log ?? undefined,
    recovers: row.recovers ?? undefined,
  }
}
