// plugins/scheduler/src/store.ts: tasks and runs on disk, over the SQL of `storage`: the schema, what is read, and the commit.
//   D1  `commit` is one transaction, on disk before it resolves: what is acknowledged after it survives a power cut.
import { type OpenRun, publicRun, type RunRow, type TaskRow, toRun, toTask } from './rows.ts'
import { OPEN, type SqlParam, type Statement } from './statements.ts'
import type { Run, RunStatus, Task } from './task.ts'

/** The part of `Storage.sql` the scheduler needs. */
export interface Sql {
  all<T = Record<string, unknown>>(sql: string, ...params: SqlParam[]): Promise<T[]>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(statements: Statement[], options?: { durable?: boolean }): Promise<{ changes: number }[]>
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

/** A run without what may be long: many fit into one message. */
const BRIEF = `id, task, status, source, occurrence, since, count, exact, attempt, recoveries, recovers, start_at, started_at, finished_at,
  deadline, session, NULL result, NULL error, NULL log`
/** A run for a list: long results are left out, of logs the end is shown. 100 of them are at most half a megabyte. */
const LISTED = BRIEF.replace(
  'NULL result, NULL error, NULL log',
  `CASE WHEN length(result) <= 2000 THEN result END result, substr(error, 1, 1000) error, substr(log, -2000) log`,
)

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
