// plugins/scheduler/src/tasks.ts: tasks as callers see them: whose is it, may they, is it possible.
//   A1  The owner is who the kernel says is calling, never an argument.
//   A2  A task of another is as good as none: TASK_UNKNOWN. Managers and the host see all.
//   A3  Deeds are done with the scheduler's permissions, so only managers and the host may schedule any; others get an event when it is due.
//   A4  Work of a plugin that was removed stands still, marked, until the plugin itself asks for it again. What managers scheduled to be
//       done by others goes on: it needs no owner.
import { UsageError } from '@pryx/sdk'
import { settleTrigger } from './clock/settle.ts'
import { dueUntil, nextAfter } from './clock/trigger.ts'
import type { Ports, Settings } from './ports.ts'
import { bounded, readSpec, same, specOf } from './reading.ts'
import type { Engine } from './running/engine.ts'
import type { Scheduler } from './service.ts'
import * as db from './store/statements.ts'
import { type FullSpec, isTimed, type Task } from './task.ts'

const MAX_TASKS = 10_000 // of one owner
const MAX_LIST = 100
const MAX_LIST_CHARS = 600_000 // a page goes through one message
const PAUSED = 'the task was paused or changed'
const ORPHANED = 'its plugin was removed'
const ORPHANS_AT_ONCE = 100 // in one transaction

export type TaskBook = ReturnType<typeof createTaskBook>

/** @param changed Told when the set of active tasks with triggers of this kind may have changed. */
export function createTaskBook(
  engine: Engine,
  ports: Ports,
  settings: Settings,
  changed: (kind: Task['trigger']['kind']) => void,
) {
  const { store, clock } = ports
  const { facts } = engine
  return { create, createOrUpdate, update, list, pause, resume, remove, orphan, own, isManager, read, admit }

  function read(spec: unknown): FullSpec {
    return readSpec(spec, clock.now(), settings.timeZone)
  }

  async function own(who: string, id: string): Promise<Task> {
    const task = await store.task(id)
    if (task && (task.owner === who || isManager(who))) return task
    throw new UsageError('TASK_UNKNOWN', `there is no task ${id} that ${who} may use`, { hint: 'list() names yours.' }) // A2
  }

  function isManager(who: string): boolean {
    return who === 'host' || settings.managers.includes(who)
  }

  async function create(who: string, spec: FullSpec, owner = who): Promise<Task> {
    if (await store.taskNamed(owner, spec.name)) throw nameTaken(owner, spec.name)
    if ((await store.countTasks(owner)) >= MAX_TASKS)
      throw new UsageError('TASK_LIMIT', `${owner} has ${MAX_TASKS} tasks already`, {
        max: MAX_TASKS,
        hint: 'Remove some.',
      })
    const now = clock.now()
    const task = scheduled({ id: ports.nextId(), owner, createdAt: now }, allowed(who, spec), now)
    await store.commit([db.putTask(task), ...db.openEpoch(task.id, task.trigger, now)])
    facts.created(task)
    changed(task.trigger.kind)
    return task
  }

  /** Refuses what `create`, or `update` of `task`, would refuse. */
  async function admit(who: string, spec: FullSpec, task: Task | undefined): Promise<void> {
    allowed(who, spec)
    const owner = task?.owner ?? who
    if (spec.name !== task?.name && (await store.taskNamed(owner, spec.name))) throw nameTaken(owner, spec.name)
    if (task === undefined || !same(spec.trigger, task.trigger))
      scheduled({ id: '', owner, createdAt: 0 }, spec, clock.now())
  }

  async function createOrUpdate(who: string, spec: FullSpec, owner = who): Promise<Task> {
    const known = await store.taskNamed(owner, spec.name)
    if (known === undefined) return create(who, spec, owner)
    const replaced = await replace(known, allowed(who, spec))
    return who === owner && isOrphan(known) ? resume(replaced) : replaced // A4
  }

  async function update(who: string, task: Task, changes: Parameters<Scheduler['update']>[1]): Promise<Task> {
    const kept = Object.entries({ ...specOf(task), ...changes }).filter(([, value]) => value !== null)
    const spec = allowed(who, read(Object.fromEntries(kept)))
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
    const { id, owner, createdAt, state, nextDue, problem } = task
    const kept = { id, owner, createdAt }
    const next: Task = sameTrigger
      ? { ...settled, ...kept, state, nextDue, problem, updatedAt: now }
      : scheduled(kept, settled, now)
    const final: Task = state === 'paused' ? { ...next, state: 'paused', nextDue: undefined } : next
    const moved = sameTrigger
      ? []
      : [...leftOver(task, now), ...(final.state === 'active' ? db.openEpoch(id, final.trigger, now) : [])]
    await store.commit([...moved, db.putTask(final)])
    facts.updated(final)
    changed(task.trigger.kind)
    changed(final.trigger.kind)
    return final
  }

  /** An interval without an anchor keeps the one it was given at first. */
  function settleLike(task: Task, spec: FullSpec, now: number) {
    if (spec.trigger.kind !== 'interval' || task.trigger.kind !== 'interval') return spec.trigger
    const { everyMs, anchor } = spec.trigger
    const was = task.trigger.anchor ?? now
    return settleTrigger({ kind: 'interval', everyMs, anchor: anchor === now ? was : anchor }, was, settings.timeZone)
  }

  function scheduled(base: Pick<Task, 'id' | 'owner' | 'createdAt'>, spec: FullSpec, now: number): Task {
    const nextDue = nextAfter(spec.trigger, now)
    if (isTimed(spec.trigger) && nextDue === undefined) throw never(spec.trigger.kind)
    return { ...spec, ...base, state: 'active', nextDue, problem: undefined, updatedAt: now }
  }

  async function list(
    who: string,
    filter: { owner?: string | undefined; limit?: number | undefined; after?: string | undefined } = {},
  ): Promise<Task[]> {
    const { owner = who, limit, after } = filter
    if (owner !== who && !isManager(who))
      throw new UsageError('TASK_REFUSED', `${who} may list its own tasks only`, { hint: 'Leave `owner` out.' })
    const tasks = await store.tasks(owner === '*' ? undefined : owner, bounded(limit, MAX_LIST, MAX_LIST), after)
    let chars = 0
    return tasks.filter((task, i) => {
      chars += JSON.stringify(task).length
      return i === 0 || chars < MAX_LIST_CHARS
    })
  }

  async function pause(task: Task): Promise<Task> {
    if (task.state === 'paused') return task
    const now = clock.now()
    const paused: Task = { ...task, state: 'paused', nextDue: undefined, updatedAt: now }
    await store.commit([...leftOver(task, now), db.putTask(paused), db.skipQueued(task.id, PAUSED, now)])
    facts.updated(paused)
    changed(task.trigger.kind)
    return paused
  }

  /** Records what fell due and was not claimed yet, before the task's next time is changed: nothing vanishes. */
  function leftOver(task: Task, now: number, why = PAUSED): db.Statement[] {
    const close = db.closeEpoch(task.id, now, why)
    if (task.state !== 'active' || !isTimed(task.trigger) || task.nextDue === undefined || task.nextDue > now)
      return [close]
    const { since, last, count, exact } = dueUntil(task.trigger, task.nextDue, now, 1)
    const row = { status: 'skipped' as const, since, occurrence: last, count, exact, reason: why }
    return [db.addPlanned(task, row, ports.nextId(), now, 0), close]
  }

  async function resume(task: Task): Promise<Task> {
    if (task.state === 'active') return task
    const now = clock.now()
    const nextDue = nextAfter(task.trigger, now)
    const state = isTimed(task.trigger) && nextDue === undefined ? 'done' : 'active'
    const resumed: Task = { ...task, state, nextDue, problem: undefined, updatedAt: now }
    await store.commit([db.putTask(resumed), ...(state === 'active' ? db.openEpoch(task.id, task.trigger, now) : [])])
    facts.updated(resumed)
    changed(task.trigger.kind)
    return resumed
  }

  async function remove(task: Task): Promise<void> {
    for (const run of await store.openRunsOf(task.id)) {
      engine.working.abort(run.id, 'the task was removed')
      if (run.status === 'running') facts.cancelled(task, run.id, 'the task was removed')
    }
    await store.commit(db.deleteTask(task.id))
    facts.removed(task)
    changed(task.trigger.kind)
  }

  /** The plugin is gone for good: nobody is there to work on its tasks. Takes turns, so that thousands of them hold up nobody. A4 */
  async function orphan(owner: string): Promise<void> {
    for (let after: string | undefined, page: Task[] = []; ; after = page.at(-1)?.id) {
      page = await store.tasks(owner, ORPHANS_AT_ONCE, after)
      await engine.alone(() => orphanAll(page.map(({ id }) => id)))
      if (page.length < ORPHANS_AT_ONCE) return
    }
  }

  async function orphanAll(ids: readonly string[]): Promise<void> {
    const found = await Promise.all(ids.map((id) => store.task(id)))
    const left = found.filter((task) => task?.action.kind === 'event') as Task[]
    if (left.length === 0) return
    const now = clock.now()
    const stood = left.filter(({ state }) => state === 'active' || state === 'broken')
    const orphans = stood.map((task): Task => ({ ...task, ...ORPHAN, updatedAt: now }))
    await store.commit([
      ...stood.flatMap((task) => leftOver(task, now, ORPHANED)),
      ...orphans.map((task) => db.putTask(task)),
      ...left.map(({ id }) => db.skipQueued(id, ORPHANED, now)),
    ])
    for (const task of left) for (const run of await store.openRunsOf(task.id)) await engine.cancelWithin(run, ORPHANED)
    for (const task of orphans) {
      facts.updated(task)
      changed(task.trigger.kind)
    }
  }

  function allowed(who: string, spec: FullSpec): FullSpec {
    if (isManager(who)) return spec
    if (spec.action.kind !== 'event')
      throw new UsageError(
        'TASK_REFUSED',
        `${who} may not schedule ${spec.action.kind === 'tool' ? 'a tool' : `a ${spec.action.kind}`}`,
        {
          hint: 'Make an `event` task and do it yourself when it is due: then your own permissions count.', // A3
        },
      )
    if (spec.trigger.kind === 'event' || spec.trigger.kind === 'file')
      throw new UsageError('TASK_REFUSED', `${who} may not have the scheduler look at ${spec.trigger.kind}s for it`, {
        hint: 'Listen or watch yourself: then your own permissions count.', // A3
      })
    return spec
  }
}

const ORPHAN = { state: 'paused', nextDue: undefined, problem: ORPHANED } as const

function isOrphan({ state, problem }: Task): boolean {
  return state === ORPHAN.state && problem === ORPHAN.problem
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
