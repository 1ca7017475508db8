// plugins/scheduler/src/store/store.ts: tasks and runs on disk, over the SQL of `storage`: what is read, and the commit.
//   D1  `commit` is one transaction, on disk before it resolves: what is acknowledged after it survives a power cut.
import type { RunStatus, Task } from '../task.ts'
import { type OpenRun, publicRun, type RunRow, type TaskRow, toRun, toTask } from './rows.ts'
import { migrate } from './schema.ts'
import { OPEN, type SqlParam, type Statement } from './statements.ts'

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

/** A run that could start, with its task. */
export interface Waiting {
  readonly run: OpenRun
  readonly task: Task
}

const SHORT = [
  ...[
    'id',
    'task',
    'status',
    'source',
    'occurrence',
    'since',
    'count',
    'exact',
    'attempt',
    'recoveries',
    'recovers',
    'start_at',
  ],
  ...['started_at', 'finished_at', 'deadline', 'session', 'epoch', 'priority', 'progress', 'usage', 'ambiguous'],
]
/** A run without what may be long: many fit into one message. */
const BRIEF = `${SHORT.join(', ')}, NULL input, NULL result, NULL error, NULL log`
/** A run for a list: long results are left out, of logs the end is shown. 100 of them are at most half a megabyte. */
const LISTED = `${SHORT.join(', ')}, CASE WHEN length(input) <= 1000 THEN input END input,
   CASE WHEN length(result) <= 2000 THEN result END result, substr(error, 1, 1000) error, substr(log, -2000) log`
/** A waiting run and its task. Its input comes along: it is needed at once. */
const STARTING = `${SHORT.map((column) => `q.${column}`).join(', ')}, q.input, NULL result, NULL error, NULL log,
   t.owner t_owner, t.name t_name, t.spec t_spec, t.state t_state`

export type Store = ReturnType<typeof createStore>

export function createStore(sql: Sql) {
  return {
    sql,
    prepare: () => migrate(sql),

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

    /** Active tasks of these kinds of trigger. */
    async pushed(kinds: readonly string[]): Promise<Task[]> {
      const marks = kinds.map(() => '?').join(', ')
      const rows = await sql.all<TaskRow>(
        `SELECT * FROM tasks WHERE kind IN (${marks}) AND kind NOT IN ('cron', 'interval', 'once') AND state = 'active' LIMIT 5000`,
        ...kinds,
      )
      return rows.map(toTask)
    },

    async countTasks(owner: string): Promise<number> {
      return (await sql.all<{ n: number }>('SELECT COUNT(*) n FROM tasks WHERE owner = ?', owner))[0]?.n ?? 0
    },

    /** Final failures in a row. */
    async failures(id: string): Promise<number> {
      return (await sql.all<{ n: number }>('SELECT failures n FROM tasks WHERE id = ?', id))[0]?.n ?? 0
    },

    async run(id: string): Promise<OpenRun | undefined> {
      return (await sql.all<RunRow>('SELECT * FROM runs WHERE id = ?', id)).map(toRun)[0]
    },

    async history(task: string, limit: number) {
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

    async openRunsOf(task: string): Promise<OpenRun[]> {
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE task = ? AND ${OPEN} ORDER BY seq`, task)).map(
        toRun,
      )
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

    /** Runs whose time has come and whose tasks have room for them, the most urgent first. A task's oldest come before its newer ones. */
    async startable(now: number, limit: number): Promise<Waiting[]> {
      const rows = await sql.all<RunRow & { t_owner: string; t_name: string; t_spec: string; t_state: Task['state'] }>(
        `SELECT ${STARTING}
         FROM runs q JOIN tasks t ON t.id = q.task WHERE q.status = 'queued' AND q.start_at <= ?
           AND (SELECT COUNT(*) FROM runs WHERE task = q.task AND status = 'running')
             + (SELECT COUNT(*) FROM runs WHERE task = q.task AND status = 'queued' AND seq < q.seq) < t.parallel
         ORDER BY q.priority DESC, q.start_at, q.seq LIMIT ?`,
        now,
        limit,
      )
      return rows.map(({ t_owner, t_name, t_spec, t_state, ...row }) => ({
        run: toRun(row),
        task: toTask({
          ...{ id: row.task, owner: t_owner, name: t_name, spec: t_spec, state: t_state },
          ...{ next_due: null, problem: null, created_at: 0, updated_at: 0, epoch: null, failures: 0 },
        }),
      }))
    },

    async running(): Promise<OpenRun[]> {
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE status = 'running' ORDER BY seq`)).map(toRun)
    },

    /** Runs in progress whose time is up. */
    async overdue(now: number, limit: number): Promise<OpenRun[]> {
      const where = `status = 'running' AND deadline <= ? ORDER BY deadline LIMIT ?`
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE ${where}`, now, limit)).map(toRun)
    },

    /** Runs in progress, with whose they are: for fairness and for the limits of groups. */
    async runningShares(): Promise<{ owner: string; group: string | undefined }[]> {
      const rows = await sql.all<{ owner: string; grp: string | null }>(
        `SELECT t.owner, json_extract(t.spec, '$.group') grp FROM runs r JOIN tasks t ON t.id = r.task WHERE r.status = 'running'`,
      )
      return rows.map(({ owner, grp }) => ({ owner, group: grp ?? undefined }))
    },

    /** When there will be something to do, epoch ms. */
    async nextWake(): Promise<number | undefined> {
      const rows = await sql.all<{ at: number | null }>(
        `SELECT MIN(at) at FROM (
           SELECT MIN(next_due) at FROM tasks WHERE next_due IS NOT NULL
           UNION ALL SELECT MIN(deadline) FROM runs WHERE status = 'running'
           UNION ALL SELECT MIN(due_at) FROM notices WHERE due_at IS NOT NULL
           UNION ALL SELECT MIN(start_at) FROM runs q WHERE status = 'queued'
             AND NOT EXISTS (SELECT 1 FROM runs WHERE task = q.task AND status = 'running'))`,
      )
      return rows[0]?.at ?? undefined
    },

    /** Moves every task whose next time lies in the future to be counted anew: the clock was set back. */
    async activeAfter(now: number, after: string, limit: number): Promise<Task[]> {
      const rows = await sql.all<TaskRow>(
        `SELECT * FROM tasks WHERE next_due > ? AND state = 'active' AND id > ? ORDER BY id LIMIT ?`,
        ...[now, after, limit],
      )
      return rows.map(toTask)
    },

    async lastSeen(): Promise<number | undefined> {
      return (await sql.all<{ value: number }>(`SELECT value FROM scheduler_meta WHERE key = 'seen'`))[0]?.value
    },
  }
}

/** The clock as it was seen last. */
export function seen(now: number): Statement {
  return {
    sql: `INSERT INTO scheduler_meta (key, value) VALUES ('seen', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    params: [now],
  }
}
