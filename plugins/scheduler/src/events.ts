// plugins/scheduler/src/events.ts: facts about tasks. Each is emitted after it is on disk.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'
import { progressSchema, runSchema } from './task.ts'

const task = z.object({ id: z.string(), name: z.string(), owner: z.string() })

const due = z.object({
  runId: z.string(),
  /** One attempt of one run: the same key again is the same piece of work announced again. */
  key: z.string(),
  taskId: z.string(),
  name: z.string(),
  owner: z.string(),
  /** The time it was due, epoch ms; when it stands for several, the newest of them. */
  occurrence: z.number(),
  /** How many occurrences it stands for. */
  count: z.number(),
  attempt: z.number(),
  /** `complete` must be called before this, epoch ms. */
  deadline: z.number(),
  payload: z.unknown().optional(),
  /** What the trigger brought. */
  input: z.unknown().optional(),
})
export type TaskDue = z.infer<typeof due>

export const taskEvents = defineEvents('task', {
  created: z.object({ task }),
  updated: z.object({ task, state: z.enum(['active', 'paused', 'done', 'broken']), nextDue: z.number().optional() }),
  removed: z.object({ task }),
  /** Every listener sees it; the owner of the task works on it. */
  due,
  started: z.object({ task, run: runSchema }),
  /** What a run in progress is at. */
  progressed: z.object({ task, runId: z.string(), progress: progressSchema }),
  /** The run is over for the scheduler; whoever works on it shall stop. */
  cancelled: z.object({ task, runId: z.string(), reason: z.string() }),
  /** Final: after the last attempt, with status `ok`, `failed`, `cancelled` or `interrupted`. Results and logs are left to `history`. */
  finished: z.object({ task, run: runSchema.omit({ result: true, log: true, input: true }) }),
  /** Occurrences that will not run: `count` of them, from `since` to `occurrence` (epoch ms). */
  missed: z.object({
    task,
    status: z.enum(['missed', 'skipped']),
    count: z.number(),
    since: z.number(),
    occurrence: z.number(),
    reason: z.string(),
  }),
  /** What should have happened and has not: a run that waits too long, or no success for too long. */
  late: z.object({ task, runId: z.string().optional(), since: z.number(), reason: z.string() }),
  /** The clock jumped, or the machine slept: nothing ran from `since` to `until`; negative `ms`: it was set back. */
  gap: z.object({ since: z.number(), until: z.number(), ms: z.number() }),
})

export const noticeEvents = defineEvents('notice', {
  /** To be shown to the user. The same `id` again is the same notice. */
  raised: z.object({
    id: z.string(),
    at: z.number(),
    kind: z.string(),
    level: z.enum(['info', 'warning', 'error']),
    title: z.string(),
    text: z.string(),
    task: z.string().optional(),
    run: z.string().optional(),
    /** It will come again until somebody acknowledges it. */
    escalates: z.boolean(),
    /** How often at most; one less each time, so that coming again is told from being told twice. */
    left: z.number().int().optional(),
  }),
  acknowledged: z.object({ id: z.string(), by: z.string() }),
})
