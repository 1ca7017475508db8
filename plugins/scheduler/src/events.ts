// plugins/scheduler/src/events.ts: facts about tasks. Each is emitted after it is on disk.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'
import { runSchema } from './task.ts'

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
})
export type TaskDue = z.infer<typeof due>

export const taskEvents = defineEvents('task', {
  created: z.object({ task }),
  updated: z.object({ task, state: z.enum(['active', 'paused', 'done', 'broken']), nextDue: z.number().optional() }),
  removed: z.object({ task }),
  /** Every listener sees it; the owner of the task works on it. */
  due,
  started: z.object({ task, run: runSchema }),
  /** Final: after the last attempt, with status `ok`, `failed` or `interrupted`. Results and logs are left to `history`. */
  finished: z.object({ task, run: runSchema.omit({ result: true, log: true }) }),
  /** Occurrences that will not run: `count` of them, from `since` to `occurrence` (epoch ms). */
  missed: z.object({
    task,
    status: z.enum(['missed', 'skipped']),
    count: z.number(),
    since: z.number(),
    occurrence: z.number(),
    reason: z.string(),
  }),
})
