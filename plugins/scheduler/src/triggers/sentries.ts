// plugins/scheduler/src/triggers/sentries.ts: keeps watch for the triggers that time does not decide (S1): events, files, states, conditions.
//   T1  What is watched follows from the active tasks alone: `refresh` brings it in line, whatever was before.
//   T2  A watch that cannot be kept (a permission, a path) breaks its own task, which says why; no other is touched.
//   T3  Each firing is a row in the ledger: it runs, waits, or is skipped with the reason.
import type { Release } from '@pryx/sdk'
import { parseExpression } from '../conditions/expression.ts'
import type { Ports } from '../ports.ts'
import { LEVELS } from '../running/choose.ts'
import type { Engine } from '../running/engine.ts'
import { messageOf, resultText } from '../running/failure.ts'
import { MAX_OPEN } from '../running/plan.ts'
import * as db from '../store/statements.ts'
import { parallelOf, type Task, type Trigger } from '../task.ts'
import { type ConditionState, judge, look } from './condition.ts'

const OWN_EVENTS = /^(task|notice)\./ // a task that is triggered by its own run would never end
const FACTS = [
  'cpu.percent',
  'memory.percentUsed',
  'memory.free',
  'disk.percentUsed',
  'disk.free',
  'battery.percent',
] as const
const NEWER = 'a newer trigger took its place'

export type Sentries = ReturnType<typeof createSentries>

export function createSentries(engine: Engine, ports: Ports) {
  const { store, clock, senses } = ports
  const watches = new Map<string, { trigger: string; release: Release }>()
  let refreshing = Promise.resolve()
  let ended = false
  return { refresh, fire, end }

  /** T1 */
  function refresh(): Promise<void> {
    refreshing = refreshing.then(once).catch((error) => ports.warn('the triggers could not be watched', error))
    return refreshing
  }

  async function once(): Promise<void> {
    if (ended) return
    const tasks = await store.pushed(['event', 'file', 'state', 'predicate'])
    const wanted = new Map(tasks.map((task) => [task.id, task]))
    for (const [id, { trigger, release }] of watches) {
      const task = wanted.get(id)
      if (task !== undefined && JSON.stringify(task.trigger) === trigger) continue
      watches.delete(id)
      await release()
    }
    for (const task of tasks) if (!watches.has(task.id)) await begin(task)
  }

  async function begin(task: Task): Promise<void> {
    const trigger = JSON.stringify(task.trigger)
    try {
      watches.set(task.id, { trigger, release: await watchFor(task) })
    } catch (error) {
      await broken(task, error) // T2
    }
  }

  async function watchFor(task: Task): Promise<Release> {
    const { trigger } = task
    if (trigger.kind === 'event') return listen(task, trigger)
    if (trigger.kind === 'file') return watchFile(task, trigger)
    if (trigger.kind === 'state') return poll(task, trigger.everyMs, trigger.forMs, () => lookAtFact(trigger))
    if (trigger.kind === 'predicate')
      return poll(task, trigger.everyMs, trigger.forMs, () => lookAtExpression(task, trigger))
    return () => {}
  }

  function listen(task: Task, { pattern, where }: Extract<Trigger, { kind: 'event' }>): Release {
    const condition = where === undefined ? undefined : parseExpression(where)
    return senses.listen(pattern, (event) => {
      if (OWN_EVENTS.test(event.name)) return
      try {
        if (condition !== undefined && condition.evaluate({ event }) !== true) return
      } catch {
        return // an event without what the condition reads does not match it
      }
      soon(task.id, event)
    })
  }

  async function watchFile(task: Task, { path, on, settleMs }: Extract<Trigger, { kind: 'file' }>): Promise<Release> {
    const changed = new Map<string, string>()
    let timer: Release | undefined
    const release = await senses.watch(path, (changes) => {
      for (const change of changes)
        if (change.kind === 'overflow' || on.includes(change.kind as never)) changed.set(change.path, change.kind)
      if (changed.size === 0) return
      void timer?.()
      timer = clock.after(settleMs, () => {
        const files = [...changed].slice(0, 1_000).map(([path, kind]) => ({ path, kind }))
        changed.clear()
        soon(task.id, { path, changes: files })
      })
    })
    return async () => {
      void timer?.()
      await release()
    }
  }

  function poll(
    task: Task,
    everyMs: number,
    forMs: number,
    lookOnce: () => Promise<{ holds: boolean; released: boolean; seen: unknown } | undefined>,
  ): Release {
    let release: Release = () => {}
    let over = false
    let looking = false
    const next = (ms: number) => {
      if (over) return
      void release()
      release = clock.after(ms, () => void turn())
    }
    const lookNow = () => {
      if (!looking) next(0) // a timer sleeps when the machine does: what it waited for is long over
    }
    async function turn(): Promise<void> {
      looking = true
      try {
        const seen = await lookOnce()
        if (seen !== undefined && !over) await engine.alone(() => note(task.id, seen, forMs))
        next(everyMs)
      } catch (error) {
        if (!over) await broken(task, error)
      } finally {
        looking = false
      }
    }
    next(0)
    engine.woken.add(lookNow)
    return () => {
      over = true
      engine.woken.delete(lookNow)
      return release()
    }
  }

  /** One look, on disk with what it led to. */
  async function note(
    taskId: string,
    seen: { holds: boolean; released: boolean; seen: unknown },
    forMs: number,
  ): Promise<void> {
    const [row] = await store.sql.all<{ state: string }>('SELECT state FROM watches WHERE task = ?', taskId)
    const before = row && (JSON.parse(row.state) as ConditionState)
    const { state, fire: fires } = judge(before, seen, forMs, clock.now())
    const changes =
      before === undefined || before.fired !== state.fired || before.since !== state.since || state.since !== undefined
    const kept: db.Statement = {
      sql: 'INSERT INTO watches (task, state) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET state = excluded.state',
      params: [taskId, JSON.stringify(state)],
    }
    if (fires) await fireNow(taskId, seen.seen, [kept])
    else if (changes) await store.commit([kept])
  }

  async function lookAtFact(trigger: Extract<Trigger, { kind: 'state' }>) {
    const value = await senses.fact(trigger.fact)
    if (value === undefined) throw new Error(`this machine has no ${trigger.fact}`)
    return { ...look(value, trigger.is, trigger.than, trigger.until), seen: { fact: trigger.fact, value } }
  }

  async function lookAtExpression(task: Task, { expression }: Extract<Trigger, { kind: 'predicate' }>) {
    const condition = parseExpression(expression)
    const facts: Record<string, Record<string, number | null>> = {}
    for (const name of FACTS) {
      const [group, field] = name.split('.') as [string, string]
      if (!condition.reads.some((path) => path === 'facts' || path.startsWith(`facts.${group}`))) continue
      facts[group] = { ...facts[group], [field]: (await senses.fact(name)) ?? null }
    }
    const last = condition.reads.some((path) => path.startsWith('last'))
      ? (await store.history(task.id, 1))[0]
      : undefined
    const value = condition.evaluate({ facts, now: clock.now(), last: last ?? { status: 'none' } })
    return { holds: value === true, released: value !== true, seen: { facts } }
  }

  function soon(taskId: string, input: unknown): void {
    void fire(taskId, input).catch((error) => ports.warn('a trigger could not be noted', error))
  }

  /** Queues a run for something that has happened. @returns Its id; undefined if the task is not active. */
  async function fire(taskId: string, input: unknown, also: db.Statement[] = []): Promise<string | undefined> {
    const id = await engine.alone(() => fireNow(taskId, input, also))
    engine.wake()
    return id
  }

  async function fireNow(taskId: string, input: unknown, also: db.Statement[]): Promise<string | undefined> {
    const task = await store.task(taskId)
    if (task?.state !== 'active') return undefined
    const now = clock.now()
    const open = await store.openRunsOf(taskId)
    const id = ports.nextId()
    const run = {
      id,
      source: 'trigger' as const,
      occurrence: now,
      since: now,
      count: 1,
      priority: LEVELS[task.priority ?? 'medium'],
    }
    const skipped =
      open.length >= MAX_OPEN
        ? `${MAX_OPEN} runs were waiting`
        : task.overlap === 'skip' && open.length >= parallelOf(task)
          ? 'the run before was not over'
          : undefined
    await store.commit([...also, db.addExtra(taskId, { ...run, input: resultText(input), skipped }, now)])
    engine.keeper.note(taskId)
    if (skipped !== undefined)
      engine.facts.missed(task, {
        status: 'skipped',
        since: now,
        occurrence: now,
        count: 1,
        exact: true,
        reason: skipped,
      })
    else if (task.overlap === 'cancel-old') for (const old of open) await engine.cancelWithin(old, NEWER)
    return id
  }

  async function broken(task: Task, error: unknown): Promise<void> {
    const problem = messageOf(error)
    const sql = `UPDATE tasks SET state = 'broken', problem = ?, updated_at = ? WHERE id = ? AND state = 'active'`
    await engine
      .alone(() =>
        store.commit([{ sql, params: [problem, clock.now(), task.id] }, db.closeEpoch(task.id, clock.now(), problem)]),
      )
      .catch((failure) => ports.warn(`task ${task.name} could not be stopped`, failure))
    ports.warn(`task ${task.name} of ${task.owner} is stopped`, error)
    const now = await store.task(task.id).catch(() => undefined)
    if (now !== undefined) engine.facts.updated(now)
  }

  async function end(): Promise<void> {
    ended = true
    await refreshing
    for (const { release } of watches.values()) await release()
    watches.clear()
  }
}
