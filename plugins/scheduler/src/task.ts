// plugins/scheduler/src/task.ts: what a task and a run are. Schemas are the source; types follow.
import { z } from 'zod'
import { actionSchema } from './actions/action.ts'
import { budgetSchema, usageSchema } from './money/usage.ts'

/** Latest instant a JavaScript date can hold, epoch ms. */
const instant = z.number().int().min(0).max(8.64e15)
const DAY_MS = 86_400_000
const TEN_YEARS_MS = 10 * 366 * DAY_MS
export const MIN_INTERVAL_MS = 1_000
const zone = z.string().min(1).max(64)
/** In CEL, see conditions/expression.ts. */
const expression = z.string().min(1).max(1_024)

const timed = [
  /** 5 to 7 fields or a nickname such as `@daily`. `timeZone`: IANA; default is the scheduler's. */
  z.strictObject({ kind: z.literal('cron'), expression: z.string().min(1).max(256), timeZone: zone.optional() }),
  /** At `anchor` + n × `everyMs` of real time, whatever a run takes. Default anchor: when the task is made. */
  z.strictObject({
    kind: z.literal('interval'),
    everyMs: z.number().int().min(MIN_INTERVAL_MS).max(TEN_YEARS_MS),
    anchor: instant.optional(),
  }),
  z.strictObject({ kind: z.literal('once'), at: instant }),
] as const

const pushed = [
  /** At each event on the bus that matches; `where` sees it as `event` (`name`, `from`, `at`, `payload`). */
  z.strictObject({ kind: z.literal('event'), pattern: z.string().min(1).max(128), where: expression.optional() }),
  /** When a file or what is in a folder of the workspace changes; changes within `settleMs` of one another are one. */
  z.strictObject({
    kind: z.literal('file'),
    path: z.string().min(1).max(1_024),
    on: z
      .array(z.enum(['added', 'changed', 'removed']))
      .min(1)
      .default(['added', 'changed', 'removed']),
    settleMs: z.number().int().min(0).max(60_000).default(500),
  }),
  /** When `/hooks/ID` gets a message signed as Standard Webhooks say. `webhook(id)` tells address and secret. */
  z.strictObject({ kind: z.literal('webhook') }),
  /**
   * When a fact of this machine has been `above` or `below` a value for `forMs`. Fires again only after it went back beyond `until`
   * (hysteresis; default: the value itself). Percent from 0 to 100, bytes for `free`.
   */
  z.strictObject({
    kind: z.literal('state'),
    fact: z.enum([
      'cpu.percent',
      'memory.percentUsed',
      'memory.free',
      'disk.percentUsed',
      'disk.free',
      'battery.percent',
    ]),
    is: z.enum(['above', 'below']),
    than: z.number(),
    until: z.number().optional(),
    forMs: z.number().int().min(0).max(DAY_MS).default(0),
    everyMs: z.number().int().min(1_000).max(3_600_000).default(5_000),
  }),
  /** When an expression over `facts`, `now` (epoch ms) and `last` (the newest run) becomes true. */
  z.strictObject({
    kind: z.literal('predicate'),
    expression,
    forMs: z.number().int().min(0).max(DAY_MS).default(0),
    everyMs: z.number().int().min(1_000).max(DAY_MS).default(60_000),
  }),
  /** Only by `runNow`. */
  z.strictObject({ kind: z.literal('manual') }),
] as const

/** A trigger as it is kept. */
export const storedTriggerSchema = z.discriminatedUnion('kind', [...timed, ...pushed])
export type Trigger = z.output<typeof storedTriggerSchema>
export type TimedTrigger = Extract<Trigger, { kind: 'cron' | 'interval' | 'once' }>

/** A trigger as callers may write it: a phrase such as “every weekday at 9am” becomes one of the others (clock/phrase.ts). */
export const triggerSchema = z.discriminatedUnion('kind', [
  ...timed,
  ...pushed,
  z.strictObject({ kind: z.literal('phrase'), text: z.string().min(1).max(256), timeZone: zone.optional() }),
])
export type TriggerInput = z.input<typeof triggerSchema>

export function isTimed(trigger: Trigger): trigger is TimedTrigger {
  return trigger.kind === 'cron' || trigger.kind === 'interval' || trigger.kind === 'once'
}

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

/**
 * What happens at an occurrence while a run of the same task waits or works: `skip` it, `queue` it behind, `cancel-old` ends the run
 * before, `{ kind: 'allow', max }` lets so many run side by side and queues the rest.
 */
export const overlapSchema = z.union([
  z.enum(['skip', 'queue', 'cancel-old']),
  z.strictObject({ kind: z.literal('allow'), max: z.number().int().min(2).max(1_000) }),
])
export type Overlap = z.output<typeof overlapSchema>

/** Whose run starts first where not all can: a person waits, background, schedule. What waits long rises (running/choose.ts). */
export const prioritySchema = z.enum(['high', 'medium', 'low'])
export type Priority = z.infer<typeof prioritySchema>

/**
 * `attempts`: tries after the first. The n-th waits `backoffMs` × `factor`^(n-1) (`factor` 1: the same each time), or
 * `backoffMs` × n with `growth: 'linear'`, or the n-th of `sequenceMs` (its last for those beyond); at most `maxDelayMs`; then up to
 * `jitter` (a share, 0 to 1) longer or shorter, at random.
 */
export const retrySchema = z.strictObject({
  attempts: z.number().int().min(0).max(20),
  backoffMs: z.number().int().min(0).max(DAY_MS).default(60_000),
  factor: z.number().min(1).max(10).default(2),
  growth: z.enum(['exponential', 'linear']).default('exponential'),
  sequenceMs: z.array(z.number().int().min(0).max(DAY_MS)).min(1).max(20).optional(),
  maxDelayMs: z.number().int().min(0).max(DAY_MS).default(DAY_MS),
  jitter: z.number().min(0).max(1).default(0),
})
export type Retry = z.output<typeof retrySchema>

/** What follows a run that failed for good, in order. */
export const failureStepSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('notify'), text: z.string().max(500).optional() }),
  /** Pauses the task after so many failed runs in a row. */
  z.strictObject({ kind: z.literal('pause'), after: z.number().int().min(1).max(100).default(1) }),
  /** Runs another task of the same owner, with the failed run as its input. */
  z.strictObject({ kind: z.literal('task'), name: z.string().min(1).max(128) }),
  /** Notifies again every `everyMs`, `times` times, until somebody acknowledges. */
  z.strictObject({
    kind: z.literal('escalate'),
    everyMs: z.number().int().min(60_000).max(DAY_MS).default(900_000),
    times: z.number().int().min(1).max(20).default(4),
  }),
])
export type FailureStep = z.output<typeof failureStepSchema>

export const taskSpecSchema = z.strictObject({
  /** Unique among the owner's tasks. */
  name: z.string().min(1).max(128),
  trigger: triggerSchema,
  action: actionSchema.default({ kind: 'event' }),
  misfire: misfireSchema.default({ kind: 'run-once' }),
  overlap: overlapSchema.default('skip'),
  /** From start to report, of one attempt. */
  timeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(30 * DAY_MS)
    .default(600_000),
  retry: retrySchema.default({
    attempts: 0,
    backoffMs: 60_000,
    factor: 2,
    growth: 'exponential',
    maxDelayMs: DAY_MS,
    jitter: 0,
  }),
  priority: prioritySchema.optional(),
  /** How many runs asked for with `runNow` and `runEach` may wait or work; default 50. For tasks that are a queue of jobs. */
  backlog: z.number().int().min(50).max(5_000).optional(),
  /** Tasks of one group run at most `groupLimits[group]` (config) at the same time. */
  group: z.string().min(1).max(64).optional(),
  onFailure: z.array(failureStepSchema).max(8).optional(),
  budget: budgetSchema.optional(),
  /** Its effect may be repeated: a run that a crash cut off is made up for without asking. Default: true for `event` tasks only. */
  idempotent: z.boolean().optional(),
  /** No success for so long raises `task.late`, once until the next one. */
  expectWithinMs: z.number().int().min(60_000).max(TEN_YEARS_MS).optional(),
  tags: z.array(z.string().min(1).max(32)).max(16).optional(),
})
export type TaskSpec = z.input<typeof taskSpecSchema>
/** As it is kept: the trigger is no phrase any more. */
export type FullSpec = Omit<z.output<typeof taskSpecSchema>, 'trigger'> & { trigger: Trigger }

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

/** How many runs of a task may work at the same time. */
export function parallelOf({ overlap }: Pick<FullSpec, 'overlap'>): number {
  return typeof overlap === 'object' ? overlap.max : 1
}

/**
 * `queued` and `running` are open. `skipped`: it was time, but policy, budget or a pause said no. `missed`: its time passed while
 * nothing could run. `interrupted`: the scheduler ended during the run; a run that `recovers` it follows where the policy catches up.
 * `cancelled`: somebody stopped it, or a newer occurrence did.
 */
export const runStatusSchema = z.enum([
  'queued',
  'running',
  'ok',
  'failed',
  'skipped',
  'missed',
  'interrupted',
  'cancelled',
])
export type RunStatus = z.infer<typeof runStatusSchema>

export const progressSchema = z.strictObject({
  /** What is being done, in words. */
  step: z.string().max(200),
  done: z.number().min(0).optional(),
  total: z.number().min(0).optional(),
})

export const runSchema = z.object({
  id: z.string(),
  taskId: z.string(),
  status: runStatusSchema,
  /** `trigger`: an event, a file, a webhook, a state. */
  source: z.enum(['schedule', 'trigger', 'manual', 'recovery', 'fallback', 'replay', 'dry']),
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
  /** What the trigger brought along. */
  input: z.unknown().optional(),
  result: z.unknown().optional(),
  /** Why it failed, was skipped or missed, in words. */
  error: z.string().optional(),
  log: z.string().optional(),
  /** The interrupted run this one makes up for; of a replay, the run it repeats. */
  recovers: z.string().optional(),
  /** It was cut off, and whether its effect took place cannot be known. */
  ambiguous: z.boolean().optional(),
  progress: progressSchema.optional(),
  usage: usageSchema.optional(),
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
  /** What the attempt used beyond what `progress` told already. */
  usage: usageSchema.optional(),
})
export type Completion = z.infer<typeof completionSchema>
