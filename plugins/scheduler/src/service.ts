// plugins/scheduler/src/service.ts: the scheduler's contract: token, types, events, and `runTask` for owners of tasks. Users import this file and no other.
import { defineService, type PluginContext, type Release } from '@pryx/sdk'
import { z } from 'zod'
import type { QueryInput } from './dashboard/search.ts'
import type { Difference } from './debug/compare.ts'
import { type TaskDue, taskEvents } from './events.ts'
import type { Balance } from './ledger/ledger.ts'
import type { Line } from './money/purse.ts'
import type { Usage } from './money/usage.ts'
import {
  completionSchema,
  type Run,
  type Task,
  type TaskSpec,
  type TaskState,
  type TriggerInput,
  taskSpecSchema,
  triggerSchema,
} from './task.ts'
import type { StepLog } from './workflow/journal.ts'
import type { OutlineStep } from './workflow/outline.ts'

export type { Action } from './actions/action.ts'
export type { QueryInput } from './dashboard/search.ts'
export type { Difference } from './debug/compare.ts'
export type { TaskDue } from './events.ts'
export { noticeEvents, taskEvents } from './events.ts'
export type { Balance, Fate } from './ledger/ledger.ts'
export type { Line } from './money/purse.ts'
export type { Budget, Usage } from './money/usage.ts'
export type {
  Completion,
  Misfire,
  Overlap,
  Priority,
  Retry,
  Run,
  RunStatus,
  Task,
  TaskSpec,
  TaskState,
  Trigger,
  TriggerInput,
} from './task.ts'
export type { StepLog } from './workflow/journal.ts'
export type { OutlineEdge, OutlineStep } from './workflow/outline.ts'

/** A trigger as it would be kept, for whoever is about to keep it. */
export interface Plan {
  trigger: Task['trigger']
  /** The cron expression, where it is one. */
  expression?: string | undefined
  /** In plain words. */
  words: string
  timeZone: string
  /** The next runs, epoch ms; none for triggers that time does not decide. */
  next: number[]
  /** The same by the wall clock of the zone, with its offset. */
  nextText: string[]
}

export interface NoticeView {
  id: string
  at: number
  kind: string
  level: 'info' | 'warning' | 'error'
  title: string
  text: string
  task?: string
  run?: string
  toldAt?: number
  /** It comes again until it is acknowledged. */
  escalates: boolean
  acknowledgedAt?: number
  acknowledgedBy?: string
}

export interface Spending {
  timeZone: string
  day: Usage
  month: Usage
  /** Of one task: since it was made. */
  ever?: Usage
  /** The budgets that hold. */
  budgets: Line[]
  /** The month at the pace so far, US dollars; absent before there is a pace. */
  forecastUsd?: number
}

/** What a dashboard shows of one task. */
export interface Overview {
  task: Pick<Task, 'id' | 'name' | 'owner' | 'state' | 'nextDue' | 'problem' | 'trigger' | 'tags'>
  action: string
  lastRun?: Pick<Run, 'id' | 'status' | 'occurrence' | 'startedAt' | 'finishedAt' | 'error' | 'progress' | 'ambiguous'>
  monthUsd: number
  monthUnpriced: number
}

/** A task as a search shows it. `ok`, `failed`: runs that ended so in the last 30 days; `failures`: in a row, up to now. */
export interface FoundTask extends Overview {
  ok: number
  failed: number
  failures: number
}

/** `total`: how many fit; `tasks`: those of the page. */
export interface Found {
  total: number
  tasks: FoundTask[]
}

export interface Tally {
  total: number
  states: Record<TaskState, number>
  /** The most used first, at most 100. */
  tags: { tag: string; tasks: number }[]
  /** Tasks whose last runs failed, or that are broken. */
  failing: number
  /** Runs. */
  running: number
  queued: number
}

/** A run that works or waits. `typicalMs`: what the last good ones took, where there are any. */
export interface LiveRun {
  task: { id: string; name: string; owner: string }
  run: Pick<Run, 'id' | 'taskId' | 'status' | 'source' | 'occurrence' | 'startAt' | 'attempt'> &
    Partial<Pick<Run, 'startedAt' | 'progress' | 'usage'>>
  typicalMs?: number
}

/** What a task's last runs have in common, and which of them stand out. */
export interface Rhythm {
  runs: number
  ok: number
  failed: number
  /** Of good runs; absent below 8 of them. */
  durationMs?: Band
  costUsd?: Band
  /** Newest first. */
  unusual: Unusual[]
}

/** What is usual: a value outside of `low` to `high` stands out. */
export interface Band {
  low: number
  middle: number
  high: number
}

export interface Unusual {
  run: string
  at: number
  kind: 'slow' | 'fast' | 'costly' | 'missed'
  /** In words. */
  text: string
}

/** What is wrong in a task that is being written: `path` names the field, such as `trigger.text`; empty for the task as a whole. */
export interface Problem {
  path: string
  message: string
  hint?: string
}

/** One day of all tasks, or of one. `ms`: of all its runs together. */
export interface Day {
  day: string
  ok: number
  failed: number
  other: number
  ms: number
  costUsd: number
}

export interface TemplateView {
  id: string
  title: string
  description: string
  /** What must be allowed for it to work, in words. */
  permissions: string[]
  estimatedCost: string
  /** JSON Schema. */
  parameters: Record<string, unknown>
}

export interface ImportResult {
  created: string[]
  updated: string[]
  unchanged: string[]
}

/**
 * Runs tasks at their time (S1 to S14).
 *
 * The owner of a task is the plugin that made it. A plugin sees and changes its own tasks; the host and the plugins named as
 * `managers` in the scheduler's config see and change all. What was acknowledged survives a crash and a power cut.
 * All instants are epoch ms.
 *
 * @throws TASK_INVALID for a task that cannot be meant, TASK_PHRASE, TASK_EXPRESSION and TASK_FLOW for what is wrong in a phrase, a
 *   condition or a workflow, TASK_NEVER for a trigger without a next time, TASK_UNKNOWN for an id that is not there or not the caller's,
 *   TASK_NAME_TAKEN, TASK_LIMIT, TASK_REFUSED for what only managers may.
 */
export interface Scheduler {
  /** Makes a task; its name must be new among the owner's. Emits `task.created`. */
  create(spec: TaskSpec): Promise<Task>
  /** Makes the owner's task of that name, or brings it up to date. Made for `activate`: a task that is unchanged is left as it is. */
  createOrUpdate(spec: TaskSpec): Promise<Task>
  /** Changes what is named; null takes it away. A new trigger counts from now. Emits `task.updated`. */
  update(id: string, changes: { [K in keyof TaskSpec]?: TaskSpec[K] | null }): Promise<Task>
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
  /** Removes the task and its history. A run in progress is stopped. */
  remove(id: string): Promise<void>
  /** Queues a run as soon as possible, beside the schedule, which stays as it is. Works on a paused task too. */
  runNow(id: string, input?: unknown): Promise<Run>
  /**
   * Queues a run for each of at most 1,000 inputs, in one transaction: all or none. A task's `backlog` says how many may wait.
   *
   * @returns The ids of the runs, in the order of the inputs.
   */
  runEach(id: string, inputs: readonly unknown[]): Promise<string[]>
  /**
   * Newest first, at most 100 are kept. Runs in progress or waiting are among them. Results of more than 2,000 characters are left out and
   * logs cut to their last 2,000: `run` has them whole.
   */
  history(id: string, options?: { limit?: number | undefined }): Promise<Run[]>
  /** The same as CSV, RFC 4180. */
  historyCsv(id: string): Promise<string>
  /** One run, with its whole result and log. */
  run(runId: string): Promise<Run>
  /** The next `count` (default 5, at most 100) instants of a trigger, of a task that need not exist. */
  preview(trigger: TriggerInput, count?: number): Promise<number[]>
  /** What a trigger or a phrase means: expression, words and next runs, to be shown before it is kept. */
  plan(trigger: TriggerInput, count?: number): Promise<Plan>
  /**
   * Reports how a run of an `event` task ended. The first report counts.
   *
   * @returns False if the run is over already (reported, timed out, task removed): nothing was recorded.
   */
  complete(runId: string, completion: z.input<typeof completionSchema>): Promise<boolean>
  /** Tells what a run is at and what its model calls used. Call it after each model call: `go: false` means stop now. */
  progress(
    runId: string,
    report: { progress?: Run['progress']; usage?: Partial<Usage> },
  ): Promise<{ go: boolean; reason?: string }>
  /** Stops a run that waits or works. @returns False if it is over already. */
  cancel(runId: string): Promise<boolean>
  /** Says that the caller listens to `task.due` from now on: its runs in progress are announced once more, with the same `runId`. */
  attend(): Promise<void>
  /** What became of every occurrence from `from` to `to`, both included. */
  ledger(id: string, from: number, to: number): Promise<Balance>
  /** What each step did, from what, in the order they began. */
  steps(runId: string): Promise<StepLog[]>
  /** The whole output of one step. */
  stepOutput(runId: string, path: string): Promise<unknown>
  /**
   * Answers a step: an approval with `approved`; one that was cut off with `again` (it did not happen) or `output` (it did).
   *
   * @returns False if no such answer is waited for (any more).
   */
  answer(
    runId: string,
    path: string,
    answer: { approved: boolean; note?: string } | { again: true } | { output: unknown },
  ): Promise<boolean>
  /** Queues a run that does nothing which could change anything, and shows what it would have done. */
  dryRun(id: string, input?: unknown): Promise<Run>
  /** Queues a run with the recorded input and outcomes of another. */
  replay(runId: string): Promise<Run>
  /** What is different between two runs. */
  compare(a: string, b: string): Promise<Difference[]>
  /** Where a webhook task is called, and the secret its messages are signed with (Standard Webhooks). */
  webhook(id: string): Promise<{ url: string; secret: string }>
  /** Of one task, or of all together (managers). */
  spending(id?: string): Promise<Spending>
  /** Newest first. For managers. */
  notices(limit?: number): Promise<NoticeView[]>
  /** Ends an escalation. For managers and `messengers`. @returns False if it was acknowledged already. */
  acknowledge(noticeId: string): Promise<boolean>
  /** At most 200 tasks with their last run and the month's cost, in order of ids; go on with `after`. */
  overview(filter?: { owner?: string; after?: string; limit?: number }): Promise<Overview[]>
  /**
   * Tasks by text, tag and state, in the order asked for; a page of at most 200 (default 50). Managers see all, or with `owner` one
   * plugin's.
   */
  search(query?: QueryInput): Promise<Found>
  /** How many tasks there are of each state and tag, and how many runs work and wait. */
  tally(): Promise<Tally>
  /** Runs that work, then those that wait, at most 200. */
  live(limit?: number): Promise<LiveRun[]>
  /** What is usual for a task, and what was not, from the runs that are kept. */
  rhythm(id: string): Promise<Rhythm>
  /** A workflow as a graph to be drawn; none for other tasks. */
  outline(id: string): Promise<OutlineStep[]>
  /** Judges a task without keeping it, as `create` or, with `id`, `update` would. Every problem that can be told is told. */
  check(spec: unknown, id?: string): Promise<{ problems: Problem[]; plan?: Plan }>
  /** The last `days` (at most 366) in the scheduler's zone, oldest first; days without runs are left out. */
  days(options?: { id?: string; days?: number }): Promise<Day[]>
  templates(): Promise<TemplateView[]>
  /** Makes a task from a template (managers). @throws TASK_INVALID for parameters that do not fit */
  fromTemplate(template: string, name: string, parameters: Record<string, unknown>): Promise<Task>
  /** The caller's tasks, or all (managers), as a document. The same tasks give the same bytes. */
  exportTasks(options?: { format?: 'json' | 'yaml' }): Promise<string>
  /** Makes or updates what a document holds. All is judged before anything is changed. @throws TASK_DOCUMENT */
  importTasks(text: string): Promise<ImportResult>
}

const id = z.string().min(1).max(64)
const path = z.string().min(1).max(1_024)
const filter = z.strictObject({
  owner: z.string().optional(),
  limit: z.number().optional(),
  after: z.string().optional(),
})
const one = { input: z.tuple([id]) }
const withInput = { input: z.tuple([id]).rest(z.unknown()) }

export const Scheduler = defineService<Scheduler>('scheduler', '1.4.0', {
  methods: {
    create: { input: z.tuple([taskSpecSchema]) },
    createOrUpdate: { input: z.tuple([taskSpecSchema]) },
    update: { input: z.tuple([id, z.record(z.string(), z.unknown())]) },
    list: { input: z.tuple([]).rest(filter.optional()) },
    get: one,
    pause: one,
    resume: one,
    remove: one,
    runNow: withInput,
    runEach: { input: z.tuple([id, z.array(z.unknown())]) },
    history: { input: z.tuple([id]).rest(z.strictObject({ limit: z.number().optional() }).optional()) },
    historyCsv: one,
    run: one,
    preview: { input: z.tuple([triggerSchema]).rest(z.unknown()) },
    plan: { input: z.tuple([triggerSchema]).rest(z.unknown()) },
    complete: { input: z.tuple([id, completionSchema]) },
    progress: { input: z.tuple([id, z.record(z.string(), z.unknown())]) },
    cancel: one,
    ledger: { input: z.tuple([id, z.number(), z.number()]) },
    steps: one,
    stepOutput: { input: z.tuple([id, path]) },
    answer: { input: z.tuple([id, path, z.record(z.string(), z.unknown())]) },
    dryRun: withInput,
    replay: one,
    compare: { input: z.tuple([id, id]) },
    webhook: one,
    spending: { input: z.tuple([]).rest(id.optional()) },
    notices: { input: z.tuple([]).rest(z.number().optional()) },
    acknowledge: { input: z.tuple([z.string().min(1).max(512)]) },
    overview: { input: z.tuple([]).rest(filter.optional()) },
    search: { input: z.tuple([]).rest(z.record(z.string(), z.unknown()).optional()) },
    live: { input: z.tuple([]).rest(z.number().optional()) },
    rhythm: one,
    outline: one,
    check: { input: z.tuple([z.unknown()]).rest(id.optional()) },
    days: { input: z.tuple([]).rest(z.strictObject({ id: id.optional(), days: z.number().optional() }).optional()) },
    fromTemplate: { input: z.tuple([id, z.string().min(1).max(128), z.record(z.string(), z.unknown())]) },
    exportTasks: {
      input: z.tuple([]).rest(z.strictObject({ format: z.enum(['json', 'yaml']).optional() }).optional()),
    },
    importTasks: { input: z.tuple([z.string().max(900_000)]) },
  },
})

/** What an owner's work answers; all optional, result and log within 64 KiB each as JSON and as text. */
export type Outcome = { result?: unknown; log?: string; usage?: Partial<Usage> } | undefined

/**
 * The owner's side of an `event` task in one call: listens, makes or updates the task, works on each due run and reports its end.
 * A throw is a failed run, with the error's message. The same run is never worked on twice by one instance.
 *
 * @param work Gets the due run; must be safe to repeat after a crash (at least once, told apart by `due.runId`). `signal` aborts when the
 *   run is stopped by the user, by a newer run, or by its budget.
 */
export async function runTask(
  ctx: Pick<PluginContext, 'events' | 'log'>,
  scheduler: Scheduler,
  spec: TaskSpec,
  work: (due: TaskDue, signal: AbortSignal) => Promise<Outcome | void> | Outcome | void,
): Promise<{ task: Task; stop: Release }> {
  let taskId: string | undefined
  const seen = new Set<string>()
  const active = new Map<string, AbortController>()
  const stopDue = ctx.events.on(taskEvents.due, (due) => {
    if (due.taskId !== taskId || seen.has(due.key)) return
    seen.add(due.key)
    if (seen.size > 2_000) seen.delete(seen.values().next().value as string)
    void report(due) // not awaited: a long run must not hold up the next event
  })
  const stopCancelled = ctx.events.on(taskEvents.cancelled, ({ runId, reason }) =>
    active.get(runId)?.abort(new Error(reason)),
  )
  const task = await scheduler.createOrUpdate(spec)
  taskId = task.id
  await scheduler.attend() // whatever fell due before we knew our task's id is announced again
  return {
    task,
    stop: async () => {
      await stopDue()
      await stopCancelled()
    },
  }

  async function report(due: TaskDue): Promise<void> {
    const controller = new AbortController()
    active.set(due.runId, controller)
    const completion = await Promise.resolve()
      .then(() => work(due, controller.signal))
      .then(
        (outcome) => ({ ...outcome, ok: true, attempt: due.attempt }),
        (error: unknown) => ({
          ok: false,
          attempt: due.attempt,
          error: error instanceof Error ? error.message : String(error),
        }),
      )
    active.delete(due.runId)
    await scheduler.complete(due.runId, completion).catch((error) => ctx.log.warn('a run could not be reported', error))
  }
}
