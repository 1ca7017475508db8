// plugins/scheduler/src/runs.ts: runs as callers see them: start, report, stop, answer, look into, repeat, compare.
import { UsageError } from '@pryx/sdk'
import { z } from 'zod'
import { compareRuns } from './debug/compare.ts'
import { usageSchema } from './money/usage.ts'
import type { Ports } from './ports.ts'
import { bounded, parsed } from './reading.ts'
import { LEVELS } from './running/choose.ts'
import type { Engine } from './running/engine.ts'
import { resultText } from './running/failure.ts'
import { MAX_OPEN } from './running/plan.ts'
import { type OpenRun, publicRun } from './store/rows.ts'
import * as db from './store/statements.ts'
import { completionSchema, progressSchema, type Run, type Task } from './task.ts'
import type { TaskBook } from './tasks.ts'
import type { StepJournal } from './workflow/journal.ts'
import { DO_AGAIN, type StepAnswer } from './workflow/runner.ts'

const MAX_EACH = 1_000 // runs queued in one call
const inputsSchema = z.array(z.unknown()).max(MAX_EACH)
const reportSchema = z.strictObject({ progress: progressSchema.optional(), usage: usageSchema.optional() })
const answerSchema = z.union([
  z.strictObject({ approved: z.boolean(), note: z.string().max(1_000).optional() }),
  z.strictObject({ again: z.literal(true) }),
  z.strictObject({ output: z.unknown() }),
])

export function createRunBook(
  engine: Engine,
  ports: Ports,
  book: TaskBook,
  journal: StepJournal,
  poke: (runId: string) => void,
) {
  const { store, clock } = ports
  return { runNow, runEach, run, history, complete, progress, cancel, steps, output, answer, repeat, compare }

  async function runNow(task: Task, input: unknown, source: 'manual' | 'dry' = 'manual'): Promise<Run> {
    return queue(task, { source, priority: LEVELS.high, input: resultText(input) }) // a person waits
  }

  /** @returns The ids of the runs, in the order of the inputs. */
  async function runEach(task: Task, given: unknown): Promise<string[]> {
    const inputs = parsed(inputsSchema, given, 'the inputs')
    if (inputs.length === 0) return []
    const batch = ports.nextId()
    const queued = inputs.map((input, i) => [`${batch}.${i}`, resultText(input)] as const)
    const most = task.backlog ?? MAX_OPEN
    const [added] = await store.commit([db.addEach(task.id, queued, LEVELS.high, clock.now(), most)])
    if (added !== queued.length) throw full(task)
    return queued.map(([id]) => id)
  }

  /** The same run once more with what was recorded (M2). */
  async function repeat(who: string, runId: string): Promise<Run> {
    const { run, task } = await runOf(who, runId)
    if (task.action.kind === 'event')
      throw new UsageError(
        'TASK_NO_RECORD',
        `the runs of ${task.name} are its owner’s: what they did is not recorded here`,
        { hint: 'Use runNow with the same input.' },
      )
    return queue(task, { source: 'replay', recovers: run.id, input: resultText(run.input) })
  }

  async function queue(
    task: Task,
    run: Pick<db.ExtraRun, 'source' | 'input'> & { priority?: number; recovers?: string },
  ): Promise<Run> {
    const now = clock.now()
    const queued = { id: ports.nextId(), occurrence: now, since: now, ...run }
    const [added] = await store.commit([db.addExtra(task.id, queued, now, task.backlog ?? MAX_OPEN)])
    if (added !== 1) throw full(task)
    const { input, priority: _priority, ...shown } = queued
    return {
      ...{ ...shown, taskId: task.id, status: 'queued', count: 0, exact: true, attempt: 0, startAt: now },
      ...(input !== undefined && { input: JSON.parse(input) as unknown }),
    }
  }

  async function runOf(who: string, runId: string): Promise<{ run: OpenRun; task: Task }> {
    const run = await store.run(runId)
    if (run === undefined)
      throw new UsageError('TASK_UNKNOWN', `there is no run ${runId}`, { hint: 'history() names them.' })
    return { run, task: await book.own(who, run.taskId) }
  }

  async function run(who: string, runId: string): Promise<Run> {
    return publicRun((await runOf(who, runId)).run)
  }

  async function history(who: string, id: string, limit: number | undefined): Promise<Run[]> {
    return store.history((await book.own(who, id)).id, bounded(limit, db.KEPT_RUNS, db.KEPT_RUNS))
  }

  async function complete(who: string, runId: string, report: unknown): Promise<boolean> {
    const completion = parsed(completionSchema, report, 'the report')
    const run = await store.run(runId)
    if (run === undefined) return false
    const task = await book.own(who, run.taskId)
    if (task.action.kind !== 'event' || run.status !== 'running' || (completion.attempt ?? run.attempt) !== run.attempt)
      return false
    return engine.complete(task, run, completion)
  }

  async function progress(who: string, runId: string, report: unknown) {
    const read = parsed(reportSchema, report, 'the report')
    await runOf(who, runId)
    return engine.progress(runId, {
      ...(read.progress !== undefined && { progress: read.progress }),
      ...(read.usage !== undefined && { usage: read.usage }),
    })
  }

  async function cancel(who: string, runId: string): Promise<boolean> {
    const { run } = await runOf(who, runId)
    return engine.cancel(run, `stopped by ${who}`)
  }

  async function steps(who: string, runId: string) {
    await runOf(who, runId)
    return journal.log(runId)
  }

  async function output(who: string, runId: string, path: string): Promise<unknown> {
    await runOf(who, runId)
    return journal.output(runId, path)
  }

  /** Answers a step that waits: an approval, or one of which nobody knows whether it happened. */
  async function answer(who: string, runId: string, path: string, given: unknown): Promise<boolean> {
    const { run } = await runOf(who, runId)
    const read: StepAnswer = withWho(parsed(answerSchema, given, 'the answer'), who)
    if (run.status !== 'running') return false
    const [step] = await store.sql.all<{ status: string }>(
      'SELECT status FROM steps WHERE run = ? AND path = ?',
      runId,
      path,
    )
    const wanted = 'approved' in read ? 'waiting' : 'ambiguous'
    if (step?.status !== wanted) return false
    await store.commit(answered(runId, path, read))
    poke(runId)
    return true
  }

  function answered(runId: string, path: string, given: StepAnswer): db.Statement[] {
    const now = clock.now()
    if ('again' in given) return journal.ended(runId, path, 'failed', { error: DO_AGAIN }, now)
    if ('output' in given) return journal.ended(runId, path, 'ok', { output: given.output }, now)
    if (given.approved) return journal.ended(runId, path, 'ok', { output: given }, now)
    return journal.ended(
      runId,
      path,
      'failed',
      { error: `${given.by} said no${given.note === undefined ? '' : `: ${given.note}`}` },
      now,
    )
  }

  async function compare(who: string, first: string, second: string) {
    const sides = await Promise.all(
      [first, second].map(async (id) => ({ run: await run(who, id), steps: await journal.log(id) })),
    )
    return compareRuns(sides[0]!, sides[1]!)
  }
}

function full({ name, backlog = MAX_OPEN }: Task): UsageError {
  return new UsageError('TASK_LIMIT', `${name} may have ${backlog} runs that wait or work, or it is gone`, {
    max: backlog,
    hint: 'Wait until some have ended, or give the task a larger `backlog`.',
  })
}

function withWho(answer: z.output<typeof answerSchema>, by: string): StepAnswer {
  return 'approved' in answer ? { ...answer, by } : (answer as StepAnswer)
}
