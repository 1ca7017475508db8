// plugins/scheduler/src/running/endings.ts: how runs end: reported, tried again, timed out, cancelled, cut off; and what follows (S9).
//   N1  A run ends once: each ending is conditional on the attempt it ends (D2), and what follows is in the same transaction.
//   N2  A run that was cut off is made up for only if its effect may be repeated; otherwise it is ambiguous, and the user is told.
import { describe, type Line, type Purse } from '../money/purse.ts'
import { addUsage, NO_USAGE, periodOf, type Usage } from '../money/usage.ts'
import type { Notice, Notices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { OpenRun } from '../store/rows.ts'
import * as db from '../store/statements.ts'
import { type Completion, type FailureStep, MAX_ERROR_CHARS, MAX_RESULT_CHARS, type Run, type Task } from '../task.ts'
import type { Facts } from './facts.ts'
import { resultText } from './failure.ts'
import { retryDelay } from './retry.ts'
import type { Working } from './working.ts'

const MAX_RECOVERIES = 3 // a run that was interrupted so often may be the cause
const CUT_OFF = 'the scheduler ended during the run'
const UNKNOWN_EFFECT = `${CUT_OFF}; whether it took effect is not known, so it was not repeated`

export type Endings = ReturnType<typeof createEndings>

interface Charged {
  statements: db.Statement[]
  over: Line | undefined
  /** Of the run so far. */
  usage: Usage | undefined
}

/** Statements around the one that ends a run, and what the run used if that has changed. */
interface Also {
  before: db.Statement[]
  after: db.Statement[]
  spent: Usage | undefined
}

export interface ProgressReport {
  progress?: Run['progress']
  /** What the model calls since the last report used. */
  usage?: Completion['usage']
}

export function createEndings(
  ports: Ports,
  settings: Settings,
  facts: Facts,
  working: Working,
  purse: Purse,
  notices: Notices,
) {
  const { store, clock } = ports
  return { settle, progress, cancel, cancelOpen, interrupt }

  /** Records the end of the attempt in progress. False if that attempt is over already. */
  async function settle(run: OpenRun, completion: Completion): Promise<boolean> {
    const now = clock.now()
    const task = await store.task(run.taskId)
    if (task === undefined) return false
    working.abort(run.id, 'the run is over')
    const ending = endingOf(completion)
    const spent = await chargeOf(task, run, completion)
    if (!completion.ok && run.attempt <= task.retry.attempts && task.state !== 'paused' && spent.over === undefined) {
      const at = now + retryDelay(task.retry, run.attempt, ports.random())
      return (await store.commit([...spent.statements, db.retryRun(run, ending, at)])).at(-1) === 1
    }
    const over = spent.over === undefined ? [] : overBudget(task, spent.over)
    return end(task, run, ending, { before: spent.statements, after: over, spent: spent.usage }, now)
  }

  async function end(task: Task, run: OpenRun, ending: db.Ending, also: Also, now: number): Promise<boolean> {
    const current = await store.run(run.id)
    if (current?.status !== 'running' || current.attempt !== run.attempt) return false // N1: what follows must not happen twice
    const usage = also.spent ?? current.usage
    const failed = ending.status === 'failed'
    const counts = run.source !== 'dry' && run.source !== 'replay' // those say nothing of the task's health
    const day = periodOf(now, settings.timeZone, 'day')
    const statements = [...also.before, db.endRun(run, ending, now), ...also.after]
    if (counts) {
      statements.push(db.countDaily(task.id, day, ending.status, now - (run.startedAt ?? now), usage?.costUsd ?? 0))
      if (failed || ending.status === 'ok') statements.push(db.noteOutcome(task.id, !failed, now))
      statements.push(...(failed ? await afterFailure(task, run, ending, now) : afterSuccess(task, run, ending)))
    }
    const changed = (await store.commit(statements))[also.before.length]
    if (changed === 1) facts.finished(task, { ...endedAs(current, ending, now), usage })
    return changed === 1
  }

  function afterSuccess(task: Task, run: OpenRun, { status }: db.Ending): db.Statement[] {
    if (status !== 'ok') return []
    const title = `${task.name} is done`
    return notices.raise({
      id: `succeeded:${run.id}`,
      kind: 'succeeded',
      level: 'info',
      title,
      text: '',
      task,
      run: run.id,
    })
  }

  /** What the task says shall follow a final failure, in order. */
  async function afterFailure(
    task: Task,
    run: OpenRun,
    { error = '' }: db.Ending,
    now: number,
  ): Promise<db.Statement[]> {
    const steps: readonly FailureStep[] = task.onFailure ?? [{ kind: 'notify' }]
    const notice: Notice = {
      ...{
        id: `failed:${run.id}`,
        kind: 'failed',
        level: 'error',
        title: `${task.name} failed`,
        text: error,
        task,
        run: run.id,
      },
    }
    const statements: db.Statement[] = []
    for (const step of steps) {
      if (step.kind === 'notify') statements.push(...notices.raise({ ...notice, text: step.text ?? error }))
      if (step.kind === 'escalate')
        statements.push(...notices.raise({ ...notice, id: `escalated:${run.id}`, escalate: step }))
      if (step.kind === 'pause' && (await store.failures(task.id)) + 1 >= step.after)
        statements.push(...pauseFor(task, `${step.after} failed runs in a row`, now))
      if (step.kind === 'task') statements.push(...(await fallback(task, run, step.name, error, now)))
    }
    return statements
  }

  async function fallback(task: Task, run: OpenRun, name: string, error: string, now: number): Promise<db.Statement[]> {
    const other = await store.taskNamed(task.owner, name)
    if (run.source === 'fallback') return [] // a fallback has none of its own: no two tasks call each other for ever
    if (other === undefined) return notices.raise(noFallback(task, run, name))
    const input = resultText({ failed: { task: task.name, run: run.id, error } })
    return [db.addExtra(other.id, { id: ports.nextId(), source: 'fallback', occurrence: now, since: now, input }, now)]
  }

  /** Tells what a run is at, and what it has used. @returns Whether it may go on. */
  async function progress(run: OpenRun, report: ProgressReport): Promise<{ go: boolean; reason?: string }> {
    const task = await store.task(run.taskId)
    if (task === undefined || run.status !== 'running') return { go: false, reason: 'the run is over' }
    const spent = await chargeOf(task, run, report)
    const [changed] = await store.commit([db.setProgress(run, report.progress, undefined), ...spent.statements])
    if (changed !== 1) return { go: false, reason: 'the run is over' }
    if (report.progress) facts.progressed(task, run.id, report.progress)
    if (spent.over === undefined) return { go: true }
    const reason = `over budget: ${describe(spent.over)}`
    await stop(task, run, reason, overBudget(task, spent.over))
    return { go: false, reason }
  }

  /** What an attempt used, written to it and to the books; nothing if that attempt is over. */
  async function chargeOf(task: Task, run: OpenRun, { usage }: Pick<Completion, 'usage'>): Promise<Charged> {
    const current = (await store.run(run.id)) ?? run
    const over = current.status !== 'running' || current.attempt !== run.attempt
    if (over || usage === undefined || usage.calls === 0)
      return { statements: [], over: undefined, usage: current.usage }
    const charged = await purse.charge(task, run.id, current.usage ?? NO_USAGE, usage)
    const sum = addUsage(current.usage ?? NO_USAGE, usage)
    return { ...charged, usage: sum, statements: [db.setProgress(run, undefined, sum), ...charged.statements] }
  }

  function overBudget(task: Task, line: Line): db.Statement[] {
    const text = describe(line)
    const asks = task.budget?.over !== 'pause'
    const notice: Notice = {
      ...{
        id: `budget:${task.id}:${line.scope}:${line.period}:${line.limitUsd}:over`,
        kind: 'budget',
        level: 'warning',
        task,
      },
      title: `${task.name} is over budget${line.scope === 'run' ? '' : ' and paused'}`,
      text: asks ? `${text}. Raise the budget and resume it, if it shall go on.` : `${text}.`,
    }
    return [
      ...(line.scope === 'run' ? [] : pauseFor(task, `over budget: ${text}`, clock.now())),
      ...notices.raise(notice),
    ]
  }

  /** Pauses the task from within: its problem says why. */
  function pauseFor(task: Task, why: string, now: number): db.Statement[] {
    return [
      {
        sql: `UPDATE tasks SET state = 'paused', next_due = NULL, problem = ?, updated_at = ? WHERE id = ? AND state = 'active'`,
        params: [why, now, task.id],
      },
      db.closeEpoch(task.id, now, why),
      db.skipQueued(task.id, why, now),
    ]
  }

  /** Stops a run on somebody's word. @returns False if it is over already. */
  async function cancel(run: OpenRun, reason: string): Promise<boolean> {
    const task = await store.task(run.taskId)
    return task === undefined ? false : stop(task, run, reason, [])
  }

  async function stop(task: Task, run: OpenRun, reason: string, also: db.Statement[]): Promise<boolean> {
    const now = clock.now()
    const [changed] = await store.commit([db.cancelRun(run.id, reason, now), ...also])
    if (changed !== 1) return false
    working.abort(run.id, reason)
    const current = await store.run(run.id)
    facts.cancelled(task, run.id, reason)
    if (current) facts.finished(task, current)
    return true
  }

  async function cancelOpen(task: Task, reason: string, now: number): Promise<void> {
    for (const run of await store.openRunsOf(task.id)) {
      const [changed] = await store.commit([db.cancelRun(run.id, reason, now)])
      if (changed !== 1) continue
      working.abort(run.id, reason)
      if (run.status === 'running') {
        facts.cancelled(task, run.id, reason)
        facts.finished(task, { ...run, status: 'cancelled', finishedAt: now, deadline: undefined, error: reason })
      }
    }
  }

  /** Marks runs in progress as interrupted and queues what makes up for them (E5, N2). */
  async function interrupt(runs: readonly OpenRun[]): Promise<void> {
    const now = clock.now()
    for (const run of runs) {
      const task = await store.task(run.taskId)
      if (task === undefined) continue
      const repeatable = task.idempotent ?? task.action.kind === 'event'
      const ending: db.Ending = {
        status: 'interrupted',
        error: repeatable ? CUT_OFF : UNKNOWN_EFFECT,
        ambiguous: !repeatable,
      }
      const statements = [db.endRun(run, ending, now)]
      if (repeatable && catchesUp(task, run))
        statements.push(db.addExtra(task.id, recoveryOf(run, ports.nextId()), now))
      if (!repeatable) statements.push(...notices.raise(ambiguousNotice(task, run)))
      const [changed] = await store.commit(statements)
      if (changed === 1) facts.finished(task, endedAs(run, ending, now))
    }
  }
}

function noFallback(task: Task, run: OpenRun, name: string): Notice {
  return {
    ...{ id: `fallback:${run.id}`, kind: 'failed', level: 'error', task, run: run.id },
    title: `${task.name}: nothing took its place`,
    text: `It failed, and the task “${name}” that shall run then is not there.`,
  }
}

function ambiguousNotice(task: Task, run: OpenRun): Notice {
  return {
    ...{ id: `ambiguous:${run.id}:${run.attempt}`, kind: 'ambiguous', level: 'error', task, run: run.id },
    title: `${task.name}: did it happen?`,
    text: `${UNKNOWN_EFFECT}. Look, and run it again if it did not.`,
  }
}

function endedAs(run: OpenRun, { status, error, ambiguous }: db.Ending, now: number): OpenRun {
  return { ...run, status, finishedAt: now, deadline: undefined, error, ...(ambiguous && { ambiguous }) }
}

function catchesUp(task: Task, run: OpenRun): boolean {
  return task.misfire.kind !== 'skip' && task.state !== 'paused' && run.recoveries < MAX_RECOVERIES
}

function recoveryOf(run: OpenRun, id: string): db.ExtraRun {
  const { occurrence, since, priority, input } = run
  return {
    id,
    source: 'recovery',
    occurrence,
    since,
    priority,
    recoveries: run.recoveries + 1,
    recovers: run.id,
    input: resultText(input),
  }
}

function endingOf({ ok, result, error, log }: Completion): db.Ending {
  return {
    status: ok ? 'ok' : 'failed',
    result: resultText(result),
    error: ok ? undefined : (error ?? 'failed without a reason').slice(0, MAX_ERROR_CHARS),
    log: log?.slice(-MAX_RESULT_CHARS),
  }
}
