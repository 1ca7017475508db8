// plugins/scheduler/src/actions/work.ts: works on a run: one deed, or a workflow; for real, dry, or from a record.
//   A1  Every run leaves a step log, a single deed too: what it was asked, where each value came from, what came of it. That of a single
//       deed is on disk together with the end of its run.
import { fill, type Source } from '../conditions/fill.ts'
import { dryMode, replayMode } from '../debug/modes.ts'
import { messageOf } from '../running/failure.ts'
import type { Worked } from '../running/working.ts'
import type { OpenRun } from '../store/rows.ts'
import type { Completion, Task } from '../task.ts'
import type { StepJournal } from '../workflow/journal.ts'
import { parseFlow } from '../workflow/parse.ts'
import { createRunner, described, type Mode, type RunnerPorts } from '../workflow/runner.ts'
import { type Action, type Deed, deedSchema } from './action.ts'
import { perform } from './perform.ts'

/** The path of a task's only deed in its step log. */
export const ONLY = 'do'

type Single = Exclude<Action, { kind: 'event' | 'workflow' }>

export function createWork(ports: RunnerPorts & { journal: StepJournal }) {
  const runner = createRunner(ports)
  return { work, poke: runner.poke }

  async function work(task: Task, run: OpenRun, signal: AbortSignal): Promise<Worked> {
    const mode = await modeOf(run)
    const { action } = task
    if (action.kind === 'workflow') return runner.run(parseFlow(action.flow), task, run, signal, mode)
    if (action.kind === 'event')
      return mode === undefined
        ? { ok: false, error: 'its owner works on it' }
        : { ok: true, result: { blocked: true, would: action } }
    return single(action, task, run, signal, mode)
  }

  async function modeOf(run: OpenRun): Promise<Mode | undefined> {
    if (run.source === 'dry') return dryMode
    return run.source === 'replay' ? replayMode(ports.journal, run.recovers ?? '') : undefined
  }

  async function single(
    action: Single,
    task: Task,
    run: OpenRun,
    signal: AbortSignal,
    mode: Mode | undefined,
  ): Promise<Worked> {
    const sources: Source[] = []
    const begun = ports.clock.now()
    let deed: Deed = action
    let completion: Completion
    try {
      deed = asWritten(action) ?? filledIn(action, task, run, sources)
      completion = await doOne(deed, task, run, signal, mode)
    } catch (error) {
      completion = { ok: false, error: messageOf(error) }
    }
    const { attempt } = run
    const step = { attempt, input: deed, sources, output: completion.result, error: completion.error }
    return { ...completion, notes: ports.journal.only(run.id, ONLY, step, [begun, ports.clock.now()]) } // A1
  }

  async function doOne(
    deed: Deed,
    task: Task,
    run: OpenRun,
    signal: AbortSignal,
    mode: Mode | undefined,
  ): Promise<Completion> {
    const instead = await mode?.instead(ONLY, deed, false)
    if (instead !== undefined)
      return 'error' in instead ? { ok: false, error: instead.error } : { ok: true, result: instead.output }
    const maxCostUsd = deed.kind === 'prompt' ? await ports.maxCostUsd(task, run) : undefined
    const { output, usage, notice } = await perform(deed, ports.hands, {
      ...{ signal, key: `${run.id}/${ONLY}`, attempt: run.attempt, timeoutMs: task.timeoutMs, name: task.name },
      maxCostUsd,
    })
    if (notice !== undefined)
      await ports.store.commit(
        ports.notices.raise({ ...notice, id: `message:${run.id}:${run.attempt}`, kind: 'message', task, run: run.id }),
      )
    return { ok: true, result: output, ...(usage !== undefined && { usage }) }
  }
}

/** Actions that hold no expression, read once for all their runs. */
const written = new WeakMap<Single, Deed | 'to be filled in'>()

function asWritten(action: Single): Deed | undefined {
  let deed = written.get(action)
  if (deed === undefined) {
    deed = JSON.stringify(action).includes('${') ? 'to be filled in' : deedSchema.parse(action)
    written.set(action, deed)
  }
  return deed === 'to be filled in' ? undefined : deed
}

function filledIn(action: Single, task: Task, run: OpenRun, sources: Source[]): Deed {
  return deedSchema.parse(fill(action, { input: run.input ?? null, ...described(task, run) }, sources))
}
