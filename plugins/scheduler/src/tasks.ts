// plugins/scheduler/src/tasks.ts: the scheduler as callers see it: whose task is it, may they, is it possible.
//   A1  The owner is who the kernel says is calling, never an argument.
//   A2  A task of another is as good as none: TASK_UNKNOWN. Managers and the host see all.
//   A3  A tool runs with the scheduler's permissions, so only managers and the host may schedule one.
import { UsageError } from '@pryx/sdk'
import type { Engine } from './engine.ts'
import { MAX_OPEN } from './plan.ts'
import type { Ports, Settings } from './ports.ts'
import { publicRun } from './rows.ts'
import type { Scheduler } from './service.ts'
import * as db from './statements.ts'
import { completionSchema, type FullSpec, type Task, type TaskSpec, taskSpecSchema, triggerSchema } from './task.ts'
import { dueUntil, nextAfter, preview, settleTrigger } from './trigger.ts'

const MAX_TASKS = 1_000 // of one owner
const MAX_SPEC_CHARS = 8_192 // a hundred of them fit into one message
const MAX_LIST = 100
const MAX_PREVIEW = 100
const PAUSED = 'the task was paused or changed'

/** @param caller Who makes the call being served; read before anything is awaited. */
export function createTasks(engine: Engine, ports: Ports, settings: Settings, caller: () => string): Scheduler {
  const { store, clock } = ports
  const { facts } = engine
  return {
    create: (spec) => change((who) => create(who, readSpec(spec))),
    createOrUpdate: (spec) => change((who) => createOrUpdate(who, readSpec(spec))),
    update: (id, changes) => change(async (who) => update(who, await own(who, id), changes)),
    list: (filter) => read((who) => list(who, filter)),
    get: (id) => read((who) => own(who, id)),
    pause: (id) => change(async (who) => pause(await own(who, id))),
    resume: (id) => change(async (who) => resume(await own(who, id))),
    remove: (id) => change(async (who) => remove(await own(who, id))),
    runNow: (id) => change(async (who) => runNow(await own(who, id))),
    history: (id, options) =>
      read(async (who) => store.history((await own(who, id)).id, bounded(options?.limit, db.KEPT_RUNS, db.KEPT_RUNS))),
    run: (runId) => read((who) => runOf(who, runId)),
    preview: (trigger, count) => read(async () => previewOf(trigger, count)),
    complete: (runId, completion) => read((who) => complete(who, runId, completion)),
    attend: () => read((who) => engine.announceOpen(who)),
  }

  /** One change after the other; the clockwork looks again after each. */
  async function change<T>(work: (who: string) => Promise<T>): Promise<T> {
    const who = caller() // A1: before any await
    const result = await engine.alone(() => work(who))
    engine.wake()
    return result
  }

  async function read<T>(work: (who: string) => Promise<T>): Promise<T> {
    return work(caller())
  }

  async function own(who: string, id: string): Promise<Task> {
    const task = await store.task(id)
    if (task && (task.owner === who || isManager(who))) return task
    throw new UsageError('TASK_UNKNOWN', `there is no task ${id} that ${who} may use`, { hint: 'list() names yours.' }) // A2
  }

  function isManager(who: string): boolean {
    return who === 'host' || settings.managers.includes(who)
  }

  async function create(owner: string, spec: FullSpec): Promise<Task> {
    if (await store.taskNamed(owner, spec.name)) throw nameTaken(owner, spec.name)
    if ((await store.countTasks(owner)) >= MAX_TASKS)
      throw new UsageError('TASK_LIMIT', `${owner} has ${MAX_TASKS} tasks already`, {
        max: MAX_TASKS,
        hint: 'Remove some.',
      })
    const now = clock.now()
    const task = scheduled({ id: ports.nextId(), owner, createdAt: now }, allowed(owner, spec), now)
    await store.commit([db.putTask(task)])
    facts.created(task)
    return task
  }

  async function createOrUpdate(owner: string, spec: FullSpec): Promise<Task> {
    const known = await store.taskNamed(owner, spec.name)
    return known ? replace(known, allowed(owner, spec)) : create(owner, spec)
  }

  async function update(who: string, task: Task, changes: Partial<TaskSpec>): Promise<Task> {
    const spec = allowed(who, readSpec({ ...specOf(task), ...changes }))
    if (spec.name !== task.name && (await store.taskNamed(task.owner, spec.name)))
      throw nameTaken(task.owner, spec.name)
    return replace(task, spec)
  }

  /** The task with a new spec: its next time stays unless the trigger is another. */
  async function replace(task: Task, spec: FullSpec): Promise<Task> {
    const now = clock.now()
    const settled = { ...spec, trigger: settleLike(task, spec, now) }
    if (same(settled, specOf(task)) && task.state !== 'broken') return task
    const sameTrigger = same(settled.trigger, task.trigger) && task.state !== 'broken'
    const changed = sameTrigger ? { ...task, ...settled, updatedAt: now } : scheduled(task, settled, now)
    const kept: Task = task.state === 'paused' ? { ...changed, state: 'paused', nextDue: undefined } : changed
    await store.commit([...(sameTrigger ? [] : leftOver(task, now)), db.putTask(kept)])
    facts.updated(kept)
    return kept
  }

  /** An interval without an anchor keeps the one it was given at first. */
  function settleLike(task: Task, spec: FullSpec, now: number) {
    const anchor = task.trigger.kind === 'interval' ? (task.trigger.anchor ?? now) : now
    return settleTrigger(spec.trigger, anchor, settings.timeZone)
  }

  function scheduled(base: Pick<Task, 'id' | 'owner' | 'createdAt'>, spec: FullSpec, now: number): Task {
    const { id, owner, createdAt } = base
    const trigger = settleTrigger(spec.trigger, now, settings.timeZone)
    const nextDue = nextAfter(trigger, now)
    if (nextDue === undefined) throw never(trigger.kind)
    return { ...spec, trigger, id, owner, createdAt, state: 'active', nextDue, problem: undefined, updatedAt: now }
  }

  async function list(who: string, filter: Parameters<Scheduler['list']>[0] = {}): Promise<Task[]> {
    const { owner = who, limit, after } = filter
    if (owner !== who && !isManager(who))
      throw new UsageError('TASK_REFUSED', `${who} may list its own tasks only`, { hint: 'Leave `owner` out.' })
    return store.tasks(owner === '*' ? undefined : owner, bounded(limit, MAX_LIST, MAX_LIST), after)
  }

  async function pause(task: Task): Promise<Task> {
    if (task.state === 'paused') return task
    const now = clock.now()
    const paused: Task = { ...task, state: 'paused', nextDue: undefined, updatedAt: now }
    await store.commit([...leftOver(task, now), db.putTask(paused), db.skipQueued(task.id, PAUSED, now)])
    facts.updated(paused)
    return paused
  }

  /** Records what fell due and was not claimed yet, before the task's next time is changed: nothing vanishes. */
  function leftOver(task: Task, now: number): db.Statement[] {
    if (task.state !== 'active' || task.nextDue === undefined || task.nextDue > now) return []
    const { since, last, count, exact } = dueUntil(task.trigger, task.nextDue, now, 1)
    const row = { status: 'skipped' as const, since, occurrence: last, count, exact, reason: PAUSED }
    return [db.addPlanned(task, row, ports.nextId(), now)]
  }

  async function resume(task: Task): Promise<Task> {
    if (task.state === 'active') return task
    const now = clock.now()
    const nextDue = nextAfter(task.trigger, now)
    const state = nextDue === undefined ? 'done' : 'active'
    const resumed: Task = { ...task, state, nextDue, problem: undefined, updatedAt: now }
    await store.commit([db.putTask(resumed)])
    facts.updated(resumed)
    return resumed
  }

  async function remove(task: Task): Promise<void> {
    await store.commit(db.deleteTask(task.id))
    facts.removed(task)
  }

  async function runNow(task: Task) {
    if ((await store.openRuns(task.id)) >= MAX_OPEN)
      throw new UsageError('TASK_LIMIT', `${MAX_OPEN} runs of ${task.name} wait already`, { max: MAX_OPEN })
    const now = clock.now()
    const id = ports.nextId()
    await store.commit([db.addExtra(task.id, { id, source: 'manual', occurrence: now, since: now }, now)])
    return publicRun((await store.run(id))!)
  }

  async function runOf(who: string, runId: string) {
    const run = await store.run(runId)
    if (run === undefined)
      throw new UsageError('TASK_UNKNOWN', `there is no run ${runId}`, { hint: 'history() names them.' })
    await own(who, run.taskId)
    return publicRun(run)
  }

  async function complete(who: string, runId: string, report: unknown): Promise<boolean> {
    const completion = parsed(completionSchema, report, 'the report')
    const run = await store.run(runId)
    if (run === undefined) return false
    await own(who, run.taskId)
    if (run.status !== 'running' || (completion.attempt ?? run.attempt) !== run.attempt) return false
    return engine.complete(run, completion)
  }

  function previewOf(trigger: unknown, count: number | undefined): number[] {
    const now = clock.now()
    const settled = settleTrigger(parsed(triggerSchema, trigger, 'the trigger'), now, settings.timeZone)
    return preview(settled, now, bounded(count, 5, MAX_PREVIEW))
  }

  function allowed(who: string, spec: FullSpec): FullSpec {
    if (spec.action.kind !== 'tool' || isManager(who)) return spec
    throw new UsageError('TASK_REFUSED', `${who} may not schedule a tool`, {
      hint: 'Make an `event` task and call the tool when it is due: then your own permissions count.', // A3
    })
  }
}

function readSpec(spec: unknown): FullSpec {
  const full = parsed(taskSpecSchema, spec, 'the task')
  const size = JSON.stringify(full).length
  if (size <= MAX_SPEC_CHARS) return full
  throw new UsageError('TASK_INVALID', `the task takes ${size} characters as JSON`, {
    max: MAX_SPEC_CHARS,
    hint: 'Keep large payloads in your own storage and pass their key.',
  })
}

function specOf(task: Task): FullSpec {
  const { name, trigger, action, misfire, overlap, timeoutMs, retry } = task
  return { name, trigger, action, misfire, overlap, timeoutMs, retry }
}

/** Equal as JSON, whatever the order of keys. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sorted) === JSON.stringify(b, sorted)
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function bounded(value: number | undefined, fallback: number, max: number): number {
  return Number.isFinite(value) ? Math.min(max, Math.max(1, Math.floor(value as number))) : fallback
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: Issue[] } }
}
interface Issue {
  path: PropertyKey[]
  message: string
}

function parsed<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const path = issue.path.map(String).join('.')
  throw new UsageError('TASK_INVALID', `${what}: ${path === '' ? '' : `${path}: `}${issue.message}`, { path })
}

function nameTaken(owner: string, name: string): UsageError {
  return new UsageError('TASK_NAME_TAKEN', `${owner} has a task "${name}" already`, {
    hint: 'Use createOrUpdate or update.',
  })
}

function never(kind: string): UsageError {
  const hint = kind === 'once' ? '`at` must lie in the future.' : 'No date matches it; preview() shows what does.'
  return new UsageError('TASK_NEVER', 'the trigger will never fall due', { hint })
}
