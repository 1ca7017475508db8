// plugins/scheduler/src/store/store.ts: tasks and runs on disk, over the SQL of `storage`: what is read, and the commit.
//   D1  `commit` is one transaction, on disk before it resolves: what is acknowledged after it survives a power cut.
import type { RunStatus, Task } from '../task.ts'
import { lookAt, type Outlook, outlookOf, type Result } from './outlook.ts'
import { BRIEF_COLUMNS, type OpenRun, publicRun, type RunRow, type TaskRow, toRun, toTask } from './rows.ts'
import { migrate } from './schema.ts'
import { OPEN, type SqlParam, type Statement } from './statements.ts'

/** The part of `Storage.sql` the scheduler needs. */
export interface Sql {
  all<T = Record<string, unknown>>(sql: string, ...params: SqlParam[]): Promise<T[]>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(statements: Statement[], options?: { durable?: boolean }): Promise<Result[]>
}

/** A due task and what the plan needs to know of its runs. */
export interface DueTask {
  readonly task: Task
  readonly open: number
  readonly newest: { seq: number; status: RunStatus; error: string | undefined } | undefined
}

/** A run without what may be long: many fit into one message. */
const BRIEF = `${BRIEF_COLUMNS.join(', ')}, NULL input, NULL result, NULL error, NULL log`
/** A run for a list: long results are left out, of logs the end is shown. 100 of them are at most half a megabyte. */
const LISTED = `${BRIEF_COLUMNS.join(', ')}, CASE WHEN length(input) <= 1000 THEN input END input,
   CASE WHEN length(result) <= 2000 THEN result END result, substr(error, 1, 1000) error, substr(log, -2000) log`
/** When there will be something to do: four looks into indexes. */
export const NEXT_WAKE = `SELECT MIN(at) at FROM (
   SELECT MIN(next_due) at FROM tasks WHERE next_due IS NOT NULL
   UNION ALL SELECT MIN(deadline) FROM runs WHERE status = 'running'
   UNION ALL SELECT MIN(due_at) FROM notices WHERE due_at IS NOT NULL
   UNION ALL SELECT MIN(start_at) FROM runs q WHERE status = 'queued'
     AND NOT EXISTS (SELECT 1 FROM runs WHERE task = q.task AND status = 'running'))`

export type Store = ReturnType<typeof createStore>

export function createStore(sql: Sql) {
  return {
    sql,
    prepare: () => migrate(sql),

    /** All or none (D1). @returns Rows changed, per statement. */
    async commit(statements: Statement[]): Promise<number[]> {
      return (await sql.batch(statements, { durable: true })).map((result) => result.changes)
    },

    /** The same, with the rows of the statements that answer some. */
    async exchange(statements: Statement[]): Promise<Result[]> {
      return sql.batch(statements, { durable: true })
    },

    /**
     * The same, and how things stand after it, in one round trip.
     *
     * @param limit Waiting runs to weigh.
     */
    async commitAndLook(statements: Statement[], now: number, limit: number): Promise<[Result[], Outlook]> {
      const results = await sql.batch([...statements, ...lookAt(now, limit)], { durable: true })
      return [results.slice(0, statements.length), outlookOf(results.slice(statements.length))]
    },

    /** How things stand, but for the tasks in `without` (L1). */
    async look(now: number, limit: number, without: readonly string[] = []): Promise<Outlook> {
      return outlookOf(await sql.batch(lookAt(now, limit, without)))
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

    async running(): Promise<OpenRun[]> {
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE status = 'running' ORDER BY seq`)).map(toRun)
    },

    /** Runs in progress whose time is up. */
    async overdue(now: number, limit: number): Promise<OpenRun[]> {
      const where = `status = 'running' AND deadline <= ? ORDER BY deadline LIMIT ?`
      return (await sql.all<RunRow>(`SELECT ${BRIEF} FROM runs WHERE ${where}`, now, limit)).map(toRun)
    },

    /** When there will be something to do, epoch ms. */
    async nextWake(): Promise<number | undefined> {
      return (await sql.all<{ at: number | null }>(NEXT_WAKE))[0]?.at ?? undefined
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
