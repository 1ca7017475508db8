// plugins/scheduler/src/task.ts: what a task and a run are. Schemas are the source; types follow.
import { z } from 'zod'

/** Latest instant a JavaScript date can hold, epoch ms. */
const instant = z.number().int().min(0).max(8.64e15)
const TEN_YEARS_MS = 10 * 366 * 86_400_000
export const MIN_INTERVAL_MS = 1_000

export const triggerSchema = z.discriminatedUnion('kind', [
  /** 5 to 7 fields or a nickname such as `@daily`. `timeZone`: IANA; default is the scheduler's. */
  z.strictObject({
    kind: z.literal('cron'),
    expression: z.string().min(1).max(256),
    timeZone: z.string().min(1).max(64).optional(),
  }),
  /** At `anchor` + n × `everyMs` of real time, whatever a run takes. Default anchor: when the task is made. */
  z.strictObject({
    kind: z.literal('interval'),
    everyMs: z.number().int().min(MIN_INTERVAL_MS).max(TEN_YEARS_MS),
    anchor: instant.optional(),
  }),
  z.strictObject({ kind: z.literal('once'), at: instant }),
])
export type Trigger = z.infer<typeof triggerSchema>

export const actionSchema = z.discriminatedUnion('kind', [
  /** Emits `task.due` with `payload`; the owner works on it and calls `complete`. */
  z.strictObject({ kind: z.literal('event'), payload: z.unknown().optional() }),
  /** Calls a tool. Only the host and managers may: it runs with the scheduler's permissions, not the caller's. */
  z.strictObject({ kind: z.literal('tool'), name: z.string().min(1).max(128), input: z.unknown().optional() }),
])
export type Action = z.infer<typeof actionSchema>

/**
 * What becomes of occurrences whose time passed while nothing could run: `run-once` makes one run that stands for all of them, `skip`
 * records them as missed, `run-all` makes up the newest `limit` and records the rest as missed.
 */
export const misfireSchema = z.union([
  z.literal('run-once').transform(() => ({ kind: 'run-once' as const })),
  z.literal('skip').transform(() => ({ kind: 'skip' as const })),
  z.literal('run-all').transform(() => ({ kind: 'run-all' as const, limit: 10 })),
  z.strictObject({ kind: z.literal('run-once') }),
  z.strictObject({ kind: z.literal('skip') }),
  z.strictObject({ kind: z.literal('run-all'), limit: z.number().int().min(1).max(50) }),
])
export type Misfire = z.output<typeof misfireSchema>

/** What happens at an occurrence while a run of the same task waits or works. A task never runs beside itself. */
export const overlapSchema = z.enum(['skip', 'queue'])
export type Overlap = z.infer<typeof overlapSchema>

/** `attempts`: tries after the first. The n-th waits `backoffMs` × `factor`^(n-1), at most a day. */
export const retrySchema = z.strictObject({
  attempts: z.number().int().min(0).max(20),
  backoffMs: z.number().int().min(0).max(86_400_000).default(60_000),
  factor: z.number().min(1).max(10).default(2),
})
export type Retry = z.output<typeof retrySchema>

export const taskSpecSchema = z.strictObject({
  /** Unique among the owner's tasks. */
  name: z.string().min(1).max(128),
  trigger: triggerSchema,
  action: actionSchema.default({ kind: 'event' }),
  misfire: misfireSchema.default({ kind: 'run-once' }),
  overlap: overlapSchema.default('skip'),
  /** From start to report, of one attempt. */
  timeoutMs: z.number().int().min(1_000).max(86_400_000).default(600_000),
  retry: retrySchema.default({ attempts: 0, backoffMs: 60_000, factor: 2 }),
})
export type TaskSpec = z.input<typeof taskSpecSchema>
export type FullSpec = z.output<typeof taskSpecSchema>

/** `done`: no occurrence will come any more. `broken`: its trigger cannot be computed, see `problem`; update or resume it. */
export type TaskState = 'active' | 'paused' | 'done' | 'broken'

export interface Task extends FullSpec {
  readonly id: string
  /** The plugin that made it. */
  readonly owner: string
  readonly state: TaskState
  readonly nextDue: number | undefined
  readonly problem: string | undefined
  readonly createdAt: number
  readonly updatedAt: number
}

/**
 * `queued` and `running` are open. `skipped`: it was time, but policy or a pause said no. `missed`: its time passed while nothing could
 * run. `interrupted`: the scheduler ended during the run; a run that `recovers` it follows where the policy catches up.
 */
export const runStatusSchema = z.enum(['queued', 'running', 'ok', 'failed', 'skipped', 'missed', 'interrupted'])
export type RunStatus = z.infer<typeof runStatusSchema>

export const runSchema = z.object({
  id: z.string(),
  taskId: z.string(),
  status: runStatusSchema,
  source: z.enum(['schedule', 'manual', 'recovery']),
  /** The occurrence the run is for; of several, the newest. */
  occurrence: z.number(),
  /** The oldest occurrence it stands for. */
  since: z.number(),
  /** How many occurrences it stands for: more than 1 where several were merged, 0 for a manual run or a recovery. */
  count: z.number(),
  /** False where `count` is only a lower bound: so much time had passed that counting all would have held up the rest. */
  exact: z.boolean(),
  attempt: z.number(),
  /** Not before this: the time of the next attempt, while queued. */
  startAt: z.number(),
  startedAt: z.number().optional(),
  finishedAt: z.number().optional(),
  /** When the attempt in progress times out. */
  deadline: z.number().optional(),
  result: z.unknown().optional(),
  /** Why it failed, was skipped or missed, in words. */
  error: z.string().optional(),
  log: z.string().optional(),
  /** The interrupted run this one makes up for. */
  recovers: z.string().optional(),
})
export type Run = z.infer<typeof runSchema>

export const MAX_RESULT_CHARS = 65_536
export const MAX_ERROR_CHARS = 4_096

export const completionSchema = z.strictObject({
  ok: z.boolean(),
  /** Which attempt is meant; without it the one in progress. */
  attempt: z.number().int().min(1).optional(),
  /** At most 64 KiB as JSON; what is longer is replaced by a note. */
  result: z.unknown().optional(),
  error: z.string().optional(),
  /** At most 64 KiB; of what is longer the end is kept. */
  log: z.string().optional(),
})
export type Completion = z.infer<typeof completionSchema>
