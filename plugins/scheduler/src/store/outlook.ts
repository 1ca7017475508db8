// plugins/scheduler/src/store/outlook.ts: how things stand: who works, who could start, what is due next; read in one round trip.
//   L1  Runs are weighed in the order of priority, start and age, LIMIT at a time; a task whose runs fill that window without having room
//       for them is left out of the next look (`crowding`), so it hides nobody.
//   L2  Within a task the oldest come first: a run may start only if fewer than the task's `parallel` are at work or in line before it.
import type { Task } from '../task.ts'
import { BRIEF_COLUMNS, type OpenRun, type RunRow, type TaskRow, toRun, toTask } from './rows.ts'
import type { Statement } from './statements.ts'

/** What a statement of a transaction changed, and answered if it was asked to. */
export interface Result {
  changes: number
  rows?: Record<string, unknown>[]
}

/** A run that could start, with its task. */
export interface Waiting {
  readonly run: OpenRun
  readonly task: Task
  /** Its input is too long for a list: read it before the run is worked on. */
  readonly longInput?: boolean
}

export interface Outlook {
  /** When the next task, the next time-out and the next notice are due, epoch ms; infinity for none. */
  readonly due: { task: number; deadline: number; notice: number }
  /** Runs in progress, by whose they are: for fairness and for the limits of groups. */
  readonly running: readonly { owner: string; group: string | undefined }[]
  /** Runs whose time has come and whose tasks have room for them, the most urgent first. */
  readonly waiting: readonly Waiting[]
  /** There may be more that wait. */
  readonly full: boolean
  /** Tasks that took room in the window and had none for their runs (L1). */
  readonly crowding: readonly string[]
}

const SHORT_INPUT = 2_000 // characters

const DUE = `SELECT (SELECT MIN(next_due) FROM tasks WHERE next_due IS NOT NULL) task,
   (SELECT MIN(deadline) FROM runs WHERE status = 'running') deadline,
   (SELECT MIN(due_at) FROM notices WHERE due_at IS NOT NULL) notice`

const RUNNING = `SELECT r.task, t.owner, t.spec ->> '$.group' grp, COUNT(*) n
   FROM runs r CROSS JOIN tasks t ON t.id = r.task WHERE r.status = 'running' GROUP BY r.task`

/** ?1 now, ?2 how many, ?3 tasks to leave out, as JSON. */
const WINDOW = `SELECT * FROM runs WHERE status = 'queued' AND start_at <= ?1 AND task NOT IN (SELECT value FROM json_each(?3))
   AND task NOT IN (SELECT r.task FROM runs r CROSS JOIN tasks t ON t.id = r.task WHERE r.status = 'running'
     GROUP BY r.task HAVING COUNT(*) >= MAX(t.parallel))
   ORDER BY priority DESC, start_at, seq LIMIT ?2`

/** Waiting runs, each with its place in the line of its task (L2). Short inputs come along: they are needed at once. */
const WAITING = `WITH w AS MATERIALIZED (${WINDOW}),
   upto AS MATERIALIZED (SELECT task, MAX(seq) seq FROM w GROUP BY task),
   line AS MATERIALIZED (SELECT r.seq, row_number() OVER (PARTITION BY r.task ORDER BY r.seq) place
     FROM upto CROSS JOIN runs r ON r.task = upto.task AND r.seq <= upto.seq WHERE r.status = 'queued')
   SELECT ${BRIEF_COLUMNS.map((column) => `w.${column}`).join(', ')}, NULL result, NULL error, NULL log, line.place,
     CASE WHEN length(w.input) <= ${SHORT_INPUT} THEN w.input END input, length(w.input) > ${SHORT_INPUT} long
   FROM w JOIN line ON line.seq = w.seq ORDER BY w.priority DESC, w.start_at, w.seq`

const TASKS = `SELECT id, owner, name, spec, state, parallel FROM tasks WHERE id IN (SELECT task FROM (${WINDOW}))`

/** The statements that read an outlook; `outlookOf` understands what they answer. */
export function lookAt(now: number, limit: number, without: readonly string[] = []): Statement[] {
  const params = [now, limit, JSON.stringify(without)]
  return [
    { sql: DUE, rows: true },
    { sql: RUNNING, rows: true },
    { sql: WAITING, params, rows: true },
    { sql: TASKS, params, rows: true },
  ]
}

export function outlookOf(results: readonly Result[], limit: number): Outlook {
  const [[due], running, waiting, tasks] = results.map(({ rows = [] }) => rows) as unknown as [
    [{ task: number | null; deadline: number | null; notice: number | null }],
    { task: string; owner: string; grp: string | null; n: number }[],
    (RunRow & { place: number; long: number | null })[],
    (TaskRow & { parallel: number })[],
  ]
  const busy = new Map(running.map(({ task, n }) => [task, n]))
  const known = new Map(
    tasks.map((row) => [row.id, { task: briefTask(row), room: row.parallel - (busy.get(row.id) ?? 0) }]),
  )
  const hasRoom = ({ task, place }: { task: string; place: number }) => place <= (known.get(task)?.room ?? 0) // L2
  return {
    due: { task: due.task ?? NEVER, deadline: due.deadline ?? NEVER, notice: due.notice ?? NEVER },
    running: running.flatMap(({ owner, grp, n }) =>
      Array.from({ length: n }, () => ({ owner, group: grp ?? undefined })),
    ),
    waiting: waiting.filter(hasRoom).map((row) => ({
      run: toRun(row),
      task: known.get(row.task)!.task,
      ...(row.long === 1 && { longInput: true }),
    })),
    full: waiting.length === limit,
    crowding: [...new Set(waiting.filter((row) => !hasRoom(row)).map(({ task }) => task))],
  }
}

const NEVER = Number.POSITIVE_INFINITY

function briefTask(row: TaskRow): Task {
  return toTask({ ...row, next_due: null, problem: null, created_at: 0, updated_at: 0, epoch: null, failures: 0 })
}
