// plugins/scheduler/src/service.ts: the scheduler's contract: token, types, events, and `attend` for owners of tasks. Users import this file and no other.
import { defineService, type PluginContext, type Release } from '@pryx/sdk'
import { z } from 'zod'
import { type TaskDue, taskEvents } from './events.ts'
import { completionSchema, type Run, type Task, type TaskSpec, taskSpecSchema, triggerSchema } from './task.ts'

export type { TaskDue } from './events.ts'
export { taskEvents } from './events.ts'
export type {
  Action,
  Completion,
  Misfire,
  Overlap,
  Retry,
  Run,
  RunStatus,
  Task,
  TaskSpec,
  TaskState,
  Trigger,
} from './task.ts'

/**
 * Runs tasks at their time (S1 S2 S5 S8).
 *
 * The owner of a task is the plugin that made it. A plugin sees and changes its own tasks; the host and the plugins named as
 * `managers` in the scheduler's config see and change all. What was acknowledged survives a crash and a power cut.
 * All instants are epoch ms.
 *
 * @throws TASK_INVALID for a task that cannot be meant, TASK_NEVER for a trigger without a next time, TASK_UNKNOWN for an id that is
 *   not there or not the caller's, TASK_NAME_TAKEN, TASK_LIMIT, TASK_REFUSED for a tool scheduled by a plugin that is no manager.
 */
export interface Scheduler {
  /** Makes a task; its name must be new among the owner's. Emits `task.created`. */
  create(spec: TaskSpec): Promise<Task>
  /** Makes the owner's task of that name, or brings it up to date. Made for `activate`: a task that is unchanged is left as it is. */
  createOrUpdate(spec: TaskSpec): Promise<Task>
  /** Changes what is named. A new trigger counts from now. Emits `task.updated`. */
  update(id: string, changes: Partial<TaskSpec>): Promise<Task>
  /**
   * At most 100 tasks in order of their ids: the caller's, or with `owner` one plugin's or with `owner: '*'` all (managers). Go on with
   * `after`, the last id seen, until a page is empty.
   */
  list(filter?: { owner?: string | undefined; limit?: number | undefined; after?: string | undefined }): Promise<Task[]>
  get(id: string): Promise<Task>
  /** Stops it at once: nothing new starts, waiting runs are recorded as skipped; a run in progress goes on to its end. */
  pause(id: string): Promise<Task>
  /** Lets it go on; the next time is counted from now, and what fell into the pause is not caught up. */
  resume(id: string): Promise<Task>
  /** Removes the task and its history. A run in progress is not recorded any more. */
  remove(id: string): Promise<void>
  /** Queues a run as soon as possible, beside the schedule, which stays as it is. Works on a paused task too. */
  runNow(id: string): Promise<Run>
  /**
   * Newest first, at most 100 are kept. Runs in progress or waiting are among them. Results of more than 2,000 characters are left out and
   * logs cut to their last 2,000: `run` has them whole.
   */
  history(id: string, options?: { limit?: number | undefined }): Promise<Run[]>
  /** One run, with its whole result and log. */
  run(runId: string): Promise<Run>
  /** The next `count` (default 5, at most 100) instants of a trigger, of a task that need not exist. */
  preview(trigger: TaskSpec['trigger'], count?: number): Promise<number[]>
  /**
   * Reports how a run of an `event` task ended. The first report counts.
   *
   * @returns False if the run is over already (reported, timed out, task removed): nothing was recorded.
   */
  complete(runId: string, completion: z.input<typeof completionSchema>): Promise<boolean>
  /** Says that the caller listens to `task.due` from now on: its runs in progress are announced once more, with the same `runId`. */
  attend(): Promise<void>
}

const id = z.string().min(1).max(64)
const listFilter = z.strictObject({
  owner: z.string().optional(),
  limit: z.number().optional(),
  after: z.string().optional(),
})

export const Scheduler = defineService<Scheduler>('scheduler', '1.0.0', {
  methods: {
    create: { input: z.tuple([taskSpecSchema]) },
    createOrUpdate: { input: z.tuple([taskSpecSchema]) },
    update: { input: z.tuple([id, z.record(z.string(), z.unknown())]) },
    list: { input: z.tuple([]).rest(listFilter.optional()) },
    get: { input: z.tuple([id]) },
    pause: { input: z.tuple([id]) },
    resume: { input: z.tuple([id]) },
    remove: { input: z.tuple([id]) },
    runNow: { input: z.tuple([id]) },
    history: { input: z.tuple([id]).rest(z.strictObject({ limit: z.number().optional() }).optional()) },
    run: { input: z.tuple([id]) },
    preview: { input: z.tuple([triggerSchema]).rest(z.unknown()) },
    complete: { input: z.tuple([id, completionSchema]) },
  },
})

/** What an owner's work answers; both optional, within 64 KiB each as JSON and as text. */
export type Outcome = { result?: unknown; log?: string } | undefined

/**
 * The owner's side of an `event` task in one call: listens, makes or updates the task, works on each due run and reports its end.
 * A throw is a failed run, with the error's message. The same run is never worked on twice by one instance.
 *
 * @param work Gets the due run; must be safe to repeat after a crash (at least once, told apart by `due.runId`).
 */
export async function runTask(
  ctx: Pick<PluginContext, 'events' | 'log'>,
  scheduler: Scheduler,
  spec: TaskSpec,
  work: (due: TaskDue) => Promise<Outcome | void> | Outcome | void,
): Promise<{ task: Task; stop: Release }> {
  let taskId: string | undefined
  const seen = new Set<string>()
  const stop = ctx.events.on(taskEvents.due, (due) => {
    if (due.taskId !== taskId || seen.has(due.key)) return
    seen.add(due.key)
    if (seen.size > 100) seen.delete(seen.values().next().value as string)
    void report(due) // not awaited: a long run must not hold up the next event
  })
  const task = await scheduler.createOrUpdate(spec)
  taskId = task.id
  await scheduler.attend() // whatever fell due before we knew our task's id is announced again
  return { task, stop }

  async function report(due: TaskDue): Promise<void> {
    const completion = await Promise.resolve()
      .then(() => work(due))
      .then(
        (outcome) => ({ ...outcome, ok: true, attempt: due.attempt }),
        (error: unknown) => ({
          ok: false,
          attempt: due.attempt,
          error: error instanceof Error ? error.message : String(error),
        }),
      )
    await scheduler.complete(due.runId, completion).catch((error) => ctx.log.warn('a run could not be reported', error))
  }
}
