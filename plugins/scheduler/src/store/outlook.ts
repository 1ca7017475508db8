// plugins/scheduler/src/store/outlook.ts: how things stand: who works, who could start, what is due next; read in one round trip.
//   L1  Runs are weighed in the order of priority, start and age, LIMIT at a time; a task whose runs fill that window without having room
//       for them is left out of the next look (`crowding`), so it hides nobody.
//   L2  Within a task the oldest come first: a run may start only if fewer than the task's `parallel` are at work or in line before it.
import type { Task } from '../task.ts'
import { type OpenRun, type TaskRow, toTask } from './rows.ts'
import type { Line, Statement } from './statements.ts'

/** What a statement of a transaction changed, and answered if it was asked to. */
export interface Result {
  changes: number
  rows?: Record<string, unknown>[]
}

/** A run that could start, and its task as far as it matters for that. The rest is read as it starts. */
export interface Waiting {
  readonly run: Pick<OpenRun, 'priority' | 'startAt'> & { readonly seq: number }
  readonly task: Task
}

export interface Outlook {
  /** When the next task, the next time-out and the next notice are due, epoch ms; infinity for none. */
  readonly due: { task: number; deadline: number; notice: number }
  /** Runs in progress, by whose they are: for fairness and for the limits of groups. */
  readonly running: readonly { owner: string; group: string | undefined }[]
  /** Runs whose time has come and whose tasks have room for them, the most urgent first. */
  readonly waiting: readonly Waiting[]
  /** Their task, if all of them are of one. */
  readonly line: Line | undefined
  /** The window is full, and runs of other tasks stand behind it. */
  readonly full: boolean
  /** Tasks that took room in the window and had none for their runs (L1). */
  readonly crowding: readonly string[]
}

const DUE = `SELECT (SELECT MIN(next_due) FROM tasks WHERE next_due IS NOT NULL) task,
   (SELECT MIN(deadline) FROM runs WHERE status = 'running') deadline,
   (SELECT MIN(due_at) FROM notices WHERE due_at IS NOT NULL) notice`

const RUNNING = `SELECT t.owner, t.spec ->> '$.group' grp, COUNT(*) n
   FROM runs r CROSS JOIN tasks t ON t.id = r.task WHERE r.status = 'running' GROUP BY 1, 2`

/** More than can be stuck or in a window. */
const MAX_LINES = 2_000

const BUSY = `SELECT task, COUNT(*) n FROM runs WHERE status = 'running' GROUP BY task`

/**
 * ?1 now, ?2 how many, ?3 tasks to leave out, as JSON. One row: the waiting runs that have room, and the tasks that have none, each as
 * one text, for rows of their own would cost ten times as much; and whether other tasks' runs stand behind a full window. `lines` are the
 * tasks that have waiting runs, each found by one step through the index, however long its line; where none of them is `free` to have a
 * run started, no line is walked through.
 */
const WAITING = `WITH RECURSIVE busy AS MATERIALIZED (${BUSY}),
   stuck AS MATERIALIZED (SELECT b.task FROM busy b CROSS JOIN tasks t ON t.id = b.task WHERE b.n >= t.parallel),
   lines (task) AS (SELECT MIN(task) FROM runs WHERE status = 'queued' UNION ALL
     SELECT (SELECT MIN(task) FROM runs WHERE status = 'queued' AND task > lines.task) FROM lines WHERE lines.task IS NOT NULL
     LIMIT ${MAX_LINES} + json_array_length(?3)),
   free AS MATERIALIZED (SELECT task FROM lines WHERE task IS NOT NULL AND task NOT IN (SELECT task FROM stuck)
     AND task NOT IN (SELECT value FROM json_each(?3))),
   w AS MATERIALIZED (SELECT seq, task, priority, start_at FROM runs WHERE status = 'queued' AND start_at <= ?1
     AND task NOT IN (SELECT value FROM json_each(?3)) AND task NOT IN (SELECT task FROM stuck)
     ORDER BY priority DESC, start_at, seq LIMIT CASE WHEN EXISTS (SELECT 1 FROM free) THEN ?2 ELSE 0 END),
   upto AS MATERIALIZED (SELECT w.task, MAX(w.seq) seq, t.parallel - COALESCE((SELECT n FROM busy WHERE task = w.task), 0) room
     FROM w CROSS JOIN tasks t ON t.id = w.task GROUP BY w.task),
   line AS MATERIALIZED (SELECT r.seq, u.task, u.room, row_number() OVER (PARTITION BY u.task ORDER BY r.seq) place
     FROM upto u CROSS JOIN runs r ON r.task = u.task AND r.seq <= u.seq WHERE r.status = 'queued'),
   placed AS MATERIALIZED (SELECT w.seq, w.task, w.priority, w.start_at, l.place <= l.room fits FROM w CROSS JOIN line l ON l.seq = w.seq)
   SELECT (SELECT json_group_array(json_array(seq, task, priority, start_at)) FROM placed WHERE fits) waiting,
     (SELECT json_group_array(DISTINCT task) FROM placed WHERE NOT fits) crowding,
     (SELECT json_group_array(json_array(id, owner, name, spec, state)) FROM tasks WHERE id IN (SELECT task FROM placed WHERE fits)) tasks,
     (SELECT COUNT(*) FROM w) = ?2 AND EXISTS (SELECT 1 FROM free WHERE task NOT IN (SELECT task FROM w)) behind`

/** The statements that read an outlook; `outlookOf` understands what they answer. */
export function lookAt(now: number, limit: number, without: readonly string[] = []): Statement[] {
  const params = [now, limit, JSON.stringify(without)]
  return [
    { sql: DUE, rows: true },
    { sql: RUNNING, rows: true },
    { sql: WAITING, params, rows: true },
  ]
}

type Place = [seq: number, task: string, priority: number, startAt: number]

export function outlookOf(results: readonly Result[]): Outlook {
  const [[due], running, [line]] = results.map(({ rows = [] }) => rows) as unknown as [
    [{ task: number | null; deadline: number | null; notice: number | null }],
    { owner: string; grp: string | null; n: number }[],
    [{ waiting: string; crowding: string; tasks: string; behind: number }],
  ]
  const tasks = new Map((JSON.parse(line.tasks) as string[][]).map((row) => [row[0], lineOf(row)]))
  const waiting = (JSON.parse(line.waiting) as Place[]).sort(byUrgency)
  const [first] = tasks.values()
  return {
    due: { task: due.task ?? NEVER, deadline: due.deadline ?? NEVER, notice: due.notice ?? NEVER },
    running: running.flatMap(({ owner, grp, n }) =>
      Array.from({ length: n }, () => ({ owner, group: grp ?? undefined })),
    ),
    waiting: waiting.map(([seq, task, priority, startAt]) => ({
      run: { seq, priority, startAt },
      task: tasks.get(task)!.task,
    })),
    line: tasks.size === 1 ? first : undefined,
    full: line.behind === 1,
    crowding: JSON.parse(line.crowding) as string[],
  }
}

function byUrgency([seq, , priority, startAt]: Place, [otherSeq, , otherPriority, otherStartAt]: Place): number {
  return otherPriority - priority || startAt - otherStartAt || seq - otherSeq
}

const NEVER = Number.POSITIVE_INFINITY

function lineOf([id, owner, name, spec, state]: readonly string[]): Line {
  const rest = { next_due: null, problem: null, created_at: 0, updated_at: 0, epoch: null, failures: 0 }
  return { task: toTask({ id, owner, name, spec, state, ...rest } as TaskRow), spec: spec! }
}
