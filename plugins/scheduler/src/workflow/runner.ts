// plugins/scheduler/src/workflow/runner.ts: drives one run of a workflow to its end, through as many lives as it takes (S10).
//   R1  What happens next is `advance`'s word; the runner does it and notes it (J1), and asks again.
//   R2  After a restart a step that had started is done again only if it is idempotent, with the same key; else it is ambiguous.
//   R3  What a run began ends with it: its deeds' signals abort, its listeners go.
//   R4  A note that cannot be written is written later; nothing goes on before it is.
//   R5  While a step is ambiguous the run has no time-out: it waits for somebody to look, however long that takes.
import type { Release } from '@pryx/sdk'
import { type Deed, deedSchema, hasEffect } from '../actions/action.ts'
import { type Done, perform } from '../actions/perform.ts'
import { parseExpression } from '../conditions/expression.ts'
import { addUsage, NO_USAGE, type Usage } from '../money/usage.ts'
import type { Notices } from '../notify/notices.ts'
import type { Ports } from '../ports.ts'
import { messageOf } from '../running/failure.ts'
import type { Statement } from '../store/statements.ts'
import type { Completion, Run, Task } from '../task.ts'
import { type Advance, advance, type Entry, type Givens, type Move } from './advance.ts'
import type { DoStep, Flow, Wait } from './flow.ts'
import type { StepJournal } from './journal.ts'

const MAX_AT_ONCE = 16 // deeds of one run
const FILE_EVERY_MS = 1_000
const DISK_EVERY_MS = 1_000
const MAX_ROUNDS = 200_000

/** How deeds are done: for real, or in a dry run or a replay not. */
export interface Mode {
  /** Undefined: do it. Otherwise what stands for having done it. */
  instead(path: string, deed: Deed, readOnly: boolean): Promise<{ output: unknown } | { error: string } | undefined>
  /** What stands for having waited. */
  arrives(path: string, wait: Wait): { output: unknown } | { error: string }
}

export interface RunnerPorts extends Pick<Ports, 'store' | 'clock' | 'hands' | 'senses' | 'warn'> {
  journal: StepJournal
  notices: Notices
  /** Tells what the run is at and what it used. */
  progress(run: Run, report: { progress?: Run['progress']; usage?: Usage }): Promise<{ go: boolean; reason?: string }>
  /** Budget that is left for one model call. */
  maxCostUsd(task: Task, run: Run): Promise<number | undefined>
}

/** An answer to a step that waits for one. */
export type StepAnswer =
  | { approved: boolean; by: string; note?: string | undefined }
  | { again: true }
  | { output: unknown }

export function createRunner(ports: RunnerPorts) {
  const pokes = new Map<string, () => void>() // by run: look again now
  return { run, poke: (runId: string) => pokes.get(runId)?.() }

  async function run(flow: Flow, task: Task, record: Run, signal: AbortSignal, mode?: Mode): Promise<Completion> {
    const journal = await ports.journal.read(record.id)
    const known = new Map<string, Entry>(journal)
    const cutOff = new Map<string, number>() // which try a step was in when the last life ended
    const active = new Map<string, AbortController>()
    const listening = new Map<string, Release>()
    const givens: Givens = { input: record.input ?? null, ...described(task, record) }
    let poked = Promise.withResolvers<void>()
    let failure: unknown
    let untimed = record.deadline === undefined
    const poke = () => poked.resolve()
    pokes.set(record.id, poke)
    signal.addEventListener('abort', poke)
    try {
      await settleCutOff()
      for (let round = 0; round < MAX_ROUNDS; round++) {
        if (failure !== undefined) throw failure
        if (signal.aborted) return { ok: false, error: messageOf(signal.reason) }
        poked = Promise.withResolvers<void>()
        const next = advance(flow, known, givens, ports.clock.now())
        if (await act(next)) continue
        if (next.outcome !== undefined)
          return next.outcome.ok ? { ok: true, result: next.outcome.output } : { ok: false, error: next.outcome.error }
        await pause(next.wakeAt)
      }
      return { ok: false, error: `it took more than ${MAX_ROUNDS} steps` }
    } finally {
      if (pokes.get(record.id) === poke) pokes.delete(record.id)
      signal.removeEventListener('abort', poke)
      for (const controller of active.values()) controller.abort(new Error('the run is over')) // R3
      for (const release of listening.values()) void release()
    }

    /** R2 */
    async function settleCutOff(): Promise<void> {
      for (const entry of known.values()) {
        if (entry.status === 'waiting') listenAgain(entry)
        if (isDoneAgain(entry)) doAgain(entry) // the last life was told so and ended before it began
        if (entry.status !== 'started') continue
        const step = stepAt(flow, entry.path)
        if (mode !== undefined || (step !== undefined && (step.idempotent || step.readOnly || !hasEffect(step.do)))) {
          known.delete(entry.path) // done again, with the same key
          cutOff.set(entry.path, entry.attempt)
          continue
        }
        await commit([
          ports.journal.ambiguous(record.id, entry.path),
          ...ports.notices.raise(ambiguousNotice(task, record, entry)),
        ])
        known.set(entry.path, { ...entry, status: 'ambiguous' })
      }
      await keepTime()
    }

    /** A new try, so that it is told again if it is cut off again. */
    function doAgain({ path, attempt }: Entry): void {
      known.delete(path)
      cutOff.set(path, attempt + 1)
    }

    /** R5 */
    async function keepTime(): Promise<void> {
      const asks = [...known.values()].some(({ status }) => status === 'ambiguous')
      if (asks === untimed) return
      untimed = asks
      const deadline = asks ? null : ports.clock.now() + task.timeoutMs
      await commit([
        { sql: `UPDATE runs SET deadline = ? WHERE id = ? AND status = 'running'`, params: [deadline, record.id] },
      ])
    }

    /** @returns Whether something ended at once or began to wait, so that there may be more to do, or to wait for. */
    async function act({ moves }: Advance): Promise<boolean> {
      const ends = moves.filter((move) => move.kind === 'end')
      if (ends.length > 0) {
        await commit(
          ends.flatMap((move) => ports.journal.ended(record.id, move.path, move.status, move, ports.clock.now())),
        )
        for (const move of ends) {
          note(move)
          for (const [path, controller] of active)
            if (path.startsWith(`${move.path}/`)) controller.abort(new Error('not needed any more'))
        }
        return true
      }
      for (const move of moves) {
        if (move.kind === 'do' && !active.has(move.path) && active.size < MAX_AT_ONCE) await begin(move)
        if (move.kind === 'wait') await beginWait(move)
      }
      return moves.some(({ kind }) => kind === 'wait')
    }

    async function begin(move: Extract<Move, { kind: 'do' }>): Promise<void> {
      const { path, step } = move
      const attempt = cutOff.get(path) ?? (known.get(path)?.attempt ?? 0) + 1
      cutOff.delete(path)
      const parsed = deedSchema.safeParse(move.deed)
      await commit([ports.journal.started(record.id, path, attempt, move.deed, move.sources, ports.clock.now())]) // J1
      known.set(path, { path, status: 'started', attempt, startedAt: ports.clock.now() })
      await tell(path)
      const controller = new AbortController()
      active.set(path, controller)
      const work = parsed.success
        ? doIt(path, step, parsed.data, attempt, AbortSignal.any([signal, controller.signal]))
        : Promise.reject(
            new Error(`${path}: ${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`),
          )
      void work
        .then(
          (done) => finish(step, path, attempt, done, undefined),
          (error) => finish(step, path, attempt, undefined, messageOf(error)),
        )
        .catch((error) => {
          failure = error
        })
        .finally(() => {
          active.delete(path)
          poke()
        })
    }

    async function doIt(path: string, step: DoStep, deed: Deed, attempt: number, stop: AbortSignal): Promise<Done> {
      const instead = await mode?.instead(path, deed, step.readOnly)
      if (instead !== undefined) {
        if ('error' in instead) throw new Error(instead.error)
        return instead
      }
      const maxCostUsd = deed.kind === 'prompt' ? await ports.maxCostUsd(task, record) : undefined
      return within(ports.clock, step.timeoutMs, stop, (signal) =>
        perform(deed, ports.hands, {
          ...{ signal, key: `${record.id}/${path}`, attempt, timeoutMs: step.timeoutMs, maxCostUsd, name: task.name },
        }),
      )
    }

    async function finish(
      step: DoStep,
      path: string,
      attempt: number,
      done: Done | undefined,
      error: string | undefined,
    ): Promise<void> {
      if (signal.aborted) return // whoever aborted has recorded the end
      const now = ports.clock.now()
      if (done === undefined && step.retry !== undefined && attempt <= step.retry.attempts) {
        const wakeAt = now + Math.round(step.retry.backoffMs * step.retry.factor ** (attempt - 1))
        await commit([ports.journal.retry(record.id, path, error ?? '', wakeAt)])
        known.set(path, { path, status: 'failed', attempt, wakeAt, error })
        return
      }
      const status = done === undefined ? 'failed' : 'ok'
      const notices =
        done?.notice === undefined
          ? []
          : ports.notices.raise({
              ...done.notice,
              id: `message:${record.id}:${path}`,
              kind: 'message',
              task,
              run: record.id,
            })
      await commit([...ports.journal.ended(record.id, path, status, { output: done?.output, error }, now), ...notices])
      known.set(path, { path, status, attempt, output: done?.output, error, finishedAt: now })
      if (done?.usage !== undefined) await ports.progress(record, { usage: done.usage })
    }

    async function beginWait({ path, wait, until }: Extract<Move, { kind: 'wait' }>): Promise<void> {
      const notice =
        mode === undefined && 'approval' in wait
          ? ports.notices.raise(approvalNotice(task, record, path, wait.approval))
          : []
      await commit([ports.journal.waiting(record.id, path, wait, until, ports.clock.now()), ...notice])
      known.set(path, { path, status: 'waiting', attempt: 0, wakeAt: until, startedAt: ports.clock.now() })
      await tell(path)
      if (mode === undefined) return listen(path, wait)
      const instead = mode.arrives(path, wait)
      if ('error' in instead) await arrived(path, undefined, instead.error)
      else await arrived(path, instead.output)
    }

    function listenAgain({ path }: Entry): void {
      if (mode !== undefined) return void known.delete(path) // it waits for nothing: the step is begun again
      const step = stepAt(flow, path, 'wait')
      if (step !== undefined && 'wait' in step) listen(path, step.wait)
    }

    function listen(path: string, wait: Wait): void {
      if ('event' in wait)
        listening.set(
          path,
          ports.senses.listen(wait.event, (event) => {
            const fits = wait.where === undefined || truthy(wait.where, { ...givens, event, steps: {} })
            if (fits) void arrived(path, { name: event.name, from: event.from, at: event.at, payload: event.payload })
          }),
        )
      if ('file' in wait) lookForFile(path, wait.file)
    }

    function lookForFile(path: string, file: string): void {
      const release = ports.clock.after(FILE_EVERY_MS, () => {
        void ports.senses
          .exists(file)
          .then((there) => (there ? arrived(path, { path: file }) : lookForFile(path, file)))
          .catch((error) => arrived(path, undefined, messageOf(error)))
      })
      listening.set(path, release)
    }

    async function arrived(path: string, output: unknown, error?: string): Promise<void> {
      if (known.get(path)?.status !== 'waiting' || signal.aborted) return
      void listening.get(path)?.()
      listening.delete(path)
      const status = error === undefined ? 'ok' : 'failed'
      const now = ports.clock.now()
      known.set(path, { path, status, attempt: 0, output, error, finishedAt: now })
      try {
        await commit(ports.journal.ended(record.id, path, status, { output, error }, now))
      } catch (problem) {
        failure = problem
      }
      poke()
    }

    /** Until something ends, somebody answers, or a time has come. */
    async function pause(wakeAt: number | undefined): Promise<void> {
      const sleep = wakeAt === undefined ? 30_000 : Math.min(1_000, Math.max(0, wakeAt - ports.clock.now())) // wall clock: at most 1 s blind
      const release = ports.clock.after(sleep, poke)
      await poked.promise
      void release()
      await takeAnswers()
    }

    async function takeAnswers(): Promise<void> {
      const open = [...known.values()].filter(({ status }) => status === 'waiting' || status === 'ambiguous')
      if (open.length === 0) return
      const rows = await ports.store.sql.all<{ path: string; status: Entry['status'] }>(
        `SELECT path, status FROM steps WHERE run = ? AND status NOT IN ('waiting', 'ambiguous', 'started')`,
        record.id,
      )
      const answered = new Set(rows.map((row) => row.path))
      for (const entry of open) {
        if (!answered.has(entry.path)) continue
        const fresh = (await ports.journal.read(record.id)).get(entry.path)
        if (fresh === undefined) continue
        if (isDoneAgain(fresh)) doAgain(fresh)
        else known.set(entry.path, fresh)
      }
      await keepTime()
    }

    function note(move: Extract<Move, { kind: 'end' }>): void {
      known.set(move.path, {
        path: move.path,
        status: move.status,
        attempt: 0,
        output: move.output,
        error: move.error,
        finishedAt: ports.clock.now(),
      })
    }

    async function tell(path: string): Promise<void> {
      const done = [...known.values()].filter(({ status }) => status === 'ok' || status === 'skipped').length
      await ports.progress(record, { progress: { step: path.slice(0, 200), done } })
    }

    /** R4: a disk that is full or gone holds a run up; it does not fail it. Each statement may take effect twice. */
    async function commit(statements: Statement[]): Promise<void> {
      for (;;) {
        try {
          return void (await ports.store.commit(statements))
        } catch (error) {
          if (signal.aborted) throw error
          ports.warn(`run ${record.id} waits for the disk`, error)
          await new Promise<void>((resolve) => void ports.clock.after(DISK_EVERY_MS, resolve))
        }
      }
    }
  }
}

/** Marks a step whose effect did not take place, says somebody: it is done again. */
export const DO_AGAIN = 'it is done again'

function isDoneAgain({ status, error }: Entry): boolean {
  return status === 'failed' && error === DO_AGAIN
}

export function sumUsage(all: readonly Usage[]): Usage {
  return all.reduce(addUsage, NO_USAGE)
}

/** What expressions see of the task and the run. */
export function described(task: Task, run: Run) {
  return {
    task: { id: task.id, name: task.name, owner: task.owner, tags: task.tags ?? [] },
    run: { id: run.id, occurrence: run.occurrence, attempt: run.attempt, source: run.source, count: run.count },
    now: run.startedAt ?? run.occurrence,
  }
}

/** The written step a path in the journal belongs to. */
export function stepAt(flow: Flow, path: string, kind: 'do'): DoStep | undefined
export function stepAt(flow: Flow, path: string): DoStep | undefined
export function stepAt(flow: Flow, path: string, kind: 'wait'): import('./flow.ts').WaitStep | undefined
export function stepAt(flow: Flow, path: string, kind: 'do' | 'wait' = 'do'): unknown {
  const parts = path.split('/').map((part) => part.replace(/\[\d+\]$/, ''))
  let steps = flow.steps
  for (let i = 0; i < parts.length; i++) {
    const step = steps.find((each) => each.id === parts[i])
    if (step === undefined) return undefined
    if (i === parts.length - 1) return kind in step ? step : undefined
    if ('if' in step) steps = parts[++i] === 'then' ? step.then : step.else
    else if ('parallel' in step) steps = step.parallel[parts[++i]!] ?? []
    else if ('call' in step) steps = flow.flows?.[step.call]?.steps ?? []
    else if ('steps' in step) steps = step.steps
    else return undefined
  }
  return undefined
}

async function within(
  clock: Ports['clock'],
  ms: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<Done>,
): Promise<Done> {
  const controller = new AbortController()
  const release = clock.after(ms, () => controller.abort(new Error(`no end after ${ms} ms`)))
  const both = AbortSignal.any([stop, controller.signal])
  const aborted = new Promise<never>((_, reject) =>
    both.addEventListener('abort', () => reject(both.reason), { once: true }),
  )
  try {
    return await Promise.race([work(both), aborted])
  } finally {
    void release()
  }
}

function truthy(expression: string, values: Record<string, unknown>): boolean {
  try {
    return parseExpression(expression).evaluate(values) === true
  } catch {
    return false
  }
}

function ambiguousNotice(task: Task, run: Run, { path, attempt }: Entry) {
  return {
    ...{
      id: `ambiguous:${run.id}:${path}:${attempt}`,
      kind: 'ambiguous' as const,
      level: 'error' as const,
      task,
      run: run.id,
    },
    title: `${task.name}: did step ${path} happen?`,
    text: 'The scheduler ended while it was done, and it is not marked idempotent. Answer whether it took effect; the run waits.',
  }
}

function approvalNotice(task: Task, run: Run, path: string, question: string) {
  return {
    ...{ id: `approval:${run.id}:${path}`, kind: 'approval' as const, level: 'warning' as const, task, run: run.id },
    title: `${task.name} asks`,
    text: question,
  }
}
