// plugins/scheduler/src/engine.ts: the clockwork: sees what is due, claims it, starts runs, ends them (S1 S5 S8).
//   E1  Wall-clock time decides. One timer, to the next thing to do and at most 1 s ahead, so sleep and clock jumps are noticed.
//   E2  A claim is one transaction: the rows of the occurrences and the task's next time, or neither. No occurrence is lost or taken twice.
//   E3  A turn is bounded: MAX_PER_TURN claims and starts, MAX_COUNTED walked occurrences; what is left comes in the next turn.
//   E4  Changes happen one after the other (`alone`); nothing a task does, and no failure of the disk, ends the clockwork.
//   E5  What ran when the last life ended is marked `interrupted` at the start, and made up for where the policy catches up.
import { createFacts } from './facts.ts'
import { type PlannedRun, planDue } from './plan.ts'
import type { Ports, Settings } from './ports.ts'
import type { OpenRun } from './rows.ts'
import * as db from './statements.ts'
import type { DueTask } from './store.ts'
import { type Completion, MAX_ERROR_CHARS, MAX_RESULT_CHARS, type Task } from './task.ts'
import { type Due, dueUntil, MAX_COUNTED } from './trigger.ts'

const LONGEST_SLEEP_MS = 1_000
const LONGEST_BLIND_MS = 30_000 // how long the clockwork trusts its own memory of when there is something to do
const MAX_PER_TURN = 100
const MAX_BACKOFF_MS = 86_400_000
const MAX_RECOVERIES = 3 // a run that was interrupted so often may be the cause
const TIMED_OUT = 'no report before the time-out'

export type Engine = ReturnType<typeof createEngine>

/** @param session Names this life of the scheduler; a successor that adopts it continues the runs it has started. */
export function createEngine(ports: Ports, settings: Settings, session: string) {
  const { store, clock } = ports
  const facts = createFacts(ports)
  const ownTools = new Set<string>() // runs whose tool call lives in this instance
  let queue: Promise<unknown> = Promise.resolve()
  let cancelTimer: () => unknown = () => {}
  let idleUntil = 0 // nothing to do before, epoch ms: the disk is left alone until then
  let ended = false
  return { facts, alone, start, turn, wake, complete, announceOpen, end }

  /** Runs `work` when nothing else is changing tasks or runs (E4). */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  /** Recovers what an earlier life left (E5) and sets the clockwork going. */
  async function start(): Promise<void> {
    await alone(async () => {
      await store.prepare()
      await interrupt((await store.running()).filter((run) => run.session !== session))
    })
    wake()
  }

  /** Something may be due at once: look now. */
  function wake(): void {
    idleUntil = 0
    sleepFor(0)
  }

  function sleepFor(ms: number): void {
    void cancelTimer()
    if (ended) return
    cancelTimer = clock.after(ms, () => void turnAndSleep())
  }

  async function turnAndSleep(): Promise<void> {
    let rest = Math.min(LONGEST_SLEEP_MS, idleUntil - clock.now())
    try {
      if (rest <= 0) rest = await turn()
    } catch (error) {
      rest = LONGEST_SLEEP_MS
      ports.warn('the scheduler could not read or write its tasks; it tries again in a second', error) // E4
    }
    sleepFor(rest)
  }

  /** Does what is due now. @returns How long nothing needs to be done, ms, at most a second (E1). */
  function turn(): Promise<number> {
    return alone(async () => {
      if (ended) return LONGEST_SLEEP_MS
      const now = clock.now()
      await timeOut(now)
      const moreDue = await claim(now)
      const moreToStart = await startWaiting(now)
      if (moreDue || moreToStart) return 0
      const next = (await store.nextWake()) ?? Number.POSITIVE_INFINITY
      const idleMs = next <= now ? LONGEST_SLEEP_MS : Math.min(LONGEST_BLIND_MS, next - now) // in the past: it waits for room
      idleUntil = now + idleMs
      return Math.min(LONGEST_SLEEP_MS, idleMs)
    })
  }

  async function timeOut(now: number): Promise<void> {
    const late = (await store.running()).filter((run) => run.deadline !== undefined && run.deadline <= now)
    for (const run of late.slice(0, MAX_PER_TURN)) await settle(run, { ok: false, error: TIMED_OUT })
  }

  /** Turns due occurrences into rows (E2). @returns Whether there may be more. */
  async function claim(now: number): Promise<boolean> {
    const due = await store.dueTasks(now, MAX_PER_TURN)
    const claims: { due: DueTask; planned: PlannedRun[]; statements: db.Statement[] }[] = []
    let walked = 0
    for (const each of due) {
      if (walked > MAX_COUNTED) break // E3
      const claimed = claimOf(each, now)
      walked += claimed.walked
      claims.push({ due: each, ...claimed })
    }
    if (claims.length === 0) return false
    const changes = await store.commit(claims.flatMap((each) => each.statements))
    let at = 0
    for (const { due, planned, statements } of claims) {
      const moved = changes[at + statements.length - 2] // the last but one: see claimOf
      if (moved === 1) for (const run of planned) facts.missed(due.task, run)
      at += statements.length
    }
    return due.length === MAX_PER_TURN || claims.length < due.length
  }

  function claimOf({ task, open, newest }: DueTask, now: number) {
    const due = readDue(task, now)
    const planned = 'problem' in due ? [lost(task, due.problem)] : planDue(task, due, now, open, settings.graceMs)
    const statements = planned.map((run) => {
      const same = newest?.status === run.status && newest.error === run.reason && run.status === 'skipped'
      return same ? db.mergePlanned(task, run, newest.seq, now) : db.addPlanned(task, run, ports.nextId(), now)
    })
    if ('problem' in due) statements.push(db.moveOn(task, undefined, 'broken', due.problem))
    else statements.push(db.moveOn(task, due.next, due.next === undefined ? 'done' : 'active', undefined))
    statements.push(db.trim(task.id))
    const walked = !('problem' in due) && task.trigger.kind === 'cron' ? due.count : 1
    return { planned, statements, walked }
  }

  /** A trigger that cannot be computed stops its own task and no other (E4). */
  function readDue(task: Task, now: number): Due | { problem: string } {
    try {
      const newest = task.misfire.kind === 'run-all' ? task.misfire.limit : 1
      return dueUntil(task.trigger, task.nextDue!, now, newest + 1)
    } catch (error) {
      ports.warn(`task ${task.name} of ${task.owner} is stopped`, error)
      return { problem: messageOf(error) }
    }
  }

  async function startWaiting(now: number): Promise<boolean> {
    const room = settings.maxRunning - (await store.running()).length
    if (room <= 0) return false
    const limit = Math.min(room, MAX_PER_TURN)
    const runs = await store.startable(now, limit)
    const ready: { task: Task; run: OpenRun }[] = []
    for (const run of runs) {
      const task = await store.task(run.taskId)
      if (task) ready.push({ task, run: begun(run, task, session, now) })
    }
    if (ready.length === 0) return false
    const changes = await store.commit(ready.map(({ run }) => db.startRun(run, session, now, run.deadline!)))
    ready.forEach(({ task, run }, i) => {
      if (changes[i] === 1) launch(task, run)
    })
    return runs.length === MAX_PER_TURN
  }

  function launch(task: Task, run: OpenRun): void {
    facts.started(task, run)
    facts.due(task, run)
    if (task.action.kind === 'tool') void callTool(task.action, run)
  }

  async function callTool(action: { name: string; input?: unknown }, run: OpenRun): Promise<void> {
    ownTools.add(run.id)
    const completion = await Promise.resolve()
      .then(() => ports.callTool(action.name, action.input))
      .then(
        (result) => ({ ok: true, result }),
        (error) => ({ ok: false, error: messageOf(error) }),
      )
    ownTools.delete(run.id)
    await complete(run, completion).catch((error) => ports.warn(`run ${run.id} could not be recorded`, error))
  }

  /** Records the end of the attempt in progress. False if that attempt is over already. */
  async function complete(run: OpenRun, completion: Completion): Promise<boolean> {
    const recorded = await alone(() => settle(run, completion))
    wake()
    return recorded
  }

  async function settle(run: OpenRun, completion: Completion): Promise<boolean> {
    const now = clock.now()
    const task = await store.task(run.taskId)
    if (task === undefined) return false
    const ending = endingOf(completion)
    if (!completion.ok && run.attempt <= task.retry.attempts && task.state !== 'paused') {
      return (await store.commit([db.retryRun(run, ending, now + backoff(task, run.attempt))]))[0] === 1
    }
    const [changed] = await store.commit([db.endRun(run, ending, now), db.trim(task.id)])
    if (changed === 1) facts.finished(task, endedAs(run, ending, now))
    return changed === 1
  }

  /** Marks runs in progress as interrupted and queues what makes up for them (E5). */
  async function interrupt(runs: OpenRun[]): Promise<void> {
    const now = clock.now()
    for (const run of runs) {
      const task = await store.task(run.taskId)
      if (task === undefined) continue
      const ending = { status: 'interrupted' as const, error: 'the scheduler ended during the run' }
      const statements = [db.endRun(run, ending, now), db.trim(task.id)]
      if (catchesUp(task, run)) statements.push(db.addExtra(task.id, recoveryOf(run, ports.nextId()), now))
      const [changed] = await store.commit(statements)
      if (changed === 1) facts.finished(task, endedAs(run, ending, now))
    }
  }

  /** Tells the owner once more of its runs in progress: it may have missed the first telling. */
  async function announceOpen(owner: string): Promise<void> {
    for (const run of await store.running()) {
      const task = await store.task(run.taskId)
      if (task?.owner === owner) facts.due(task, run)
    }
  }

  /** Stops the clockwork. Tool calls of this instance end with it, so their runs are interrupted; event runs go on at their owners. */
  async function end(): Promise<void> {
    ended = true
    void cancelTimer()
    await alone(async () => {
      if (ownTools.size > 0) await interrupt((await store.running()).filter((run) => ownTools.has(run.id)))
    })
  }
}

function begun(run: OpenRun, task: Task, session: string, now: number): OpenRun {
  return {
    ...run,
    status: 'running',
    attempt: run.attempt + 1,
    startedAt: now,
    deadline: now + task.timeoutMs,
    session,
  }
}

function endedAs(run: OpenRun, ending: db.Ending, now: number): OpenRun {
  return { ...run, status: ending.status, finishedAt: now, deadline: undefined, error: ending.error }
}

function catchesUp(task: Task, run: OpenRun): boolean {
  return task.misfire.kind !== 'skip' && task.state !== 'paused' && run.recoveries < MAX_RECOVERIES
}

function recoveryOf(run: OpenRun, id: string): db.ExtraRun {
  const { occurrence, since } = run
  return { id, source: 'recovery', occurrence, since, recoveries: run.recoveries + 1, recovers: run.id }
}

function lost(task: Task, problem: string): PlannedRun {
  return { status: 'missed', since: task.nextDue!, occurrence: task.nextDue!, count: 1, exact: false, reason: problem }
}

function backoff(task: Task, attempt: number): number {
  return Math.min(MAX_BACKOFF_MS, Math.round(task.retry.backoffMs * task.retry.factor ** (attempt - 1)))
}

function endingOf({ ok, result, error, log }: Completion): db.Ending {
  return {
    status: ok ? 'ok' : 'failed',
    result: resultText(result),
    error: ok ? undefined : (error ?? 'failed without a reason').slice(0, MAX_ERROR_CHARS),
    log: log?.slice(-MAX_RESULT_CHARS),
  }
}

function resultText(result: unknown): string | undefined {
  try {
    const text = JSON.stringify(result)
    if (text === undefined || text.length <= MAX_RESULT_CHARS) return text
    return JSON.stringify(`[result of ${text.length} characters, not kept: more than ${MAX_RESULT_CHARS}]`)
  } catch {
    return JSON.stringify('[result not kept: it is no JSON]')
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
