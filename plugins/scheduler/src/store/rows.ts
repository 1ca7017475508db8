// plugins/scheduler/src/store/rows.ts: rows of the tables as tasks and runs.
import type { FullSpec, Run, RunStatus, Task, TaskState } from '../task.ts'

/** The columns of a run that are short: many rows of them fit into one message. */
export const BRIEF_COLUMNS = [
  ...[
    'seq',
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
  ],
  ...[
    'start_at',
    'started_at',
    'finished_at',
    'deadline',
    'session',
    'epoch',
    'priority',
    'progress',
    'usage',
    'ambiguous',
  ],
]

/** A run with what only the scheduler wants to know. */
export interface OpenRun extends Run {
  /** Its row, never used again. */
  readonly seq: number
  /** The scheduler's life it was started in. */
  readonly session: string | undefined
  /** How often it was made up for already. */
  readonly recoveries: number
  readonly priority: number
  /** The stretch of the ledger its occurrences belong to. */
  readonly epoch: number | undefined
}

/** What callers may see of a run. */
export function publicRun({ seq: _q, session: _s, recoveries: _r, priority: _p, epoch: _e, ...run }: OpenRun): Run {
  return run
}

export interface TaskRow {
  id: string
  owner: string
  name: string
  spec: string
  state: TaskState
  next_due: number | null
  problem: string | null
  created_at: number
  updated_at: number
  epoch: number | null
  failures: number
}

export interface RunRow {
  seq: number
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
  epoch: number | null
  priority: number
  input: string | null
  progress: string | null
  usage: string | null
  ambiguous: number
  result: string | null
  error: string | null
  log: string | null
}

export function toTask(row: TaskRow): Task {
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

export function toRun(row: RunRow): OpenRun {
  return {
    seq: row.seq,
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
    priority: row.priority,
    epoch: row.epoch ?? undefined,
    startAt: row.start_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    deadline: row.deadline ?? undefined,
    session: row.session ?? undefined,
    input: fromJson(row.input),
    result: fromJson(row.result),
    error: row.error ?? undefined,
    log: row.log ?? undefined,
    recovers: row.recovers ?? undefined,
    ...(row.ambiguous === 1 && { ambiguous: true }),
    ...(row.progress !== null && { progress: JSON.parse(row.progress) }),
    ...(row.usage !== null && { usage: JSON.parse(row.usage) }),
  }
}

function fromJson(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}
