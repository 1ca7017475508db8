// plugins/scheduler/src/workflow/advance.ts: what a workflow does next, from its journal alone. Pure.
//   V1  The same flow, input and journal give the same moves: a restart, a replay and a picture of it need nothing else.
//   V2  A step is started once its needs have ended; a step that ended is never looked at again.
import { parseExpression } from '../conditions/expression.ts'
import { fill, type Source } from '../conditions/fill.ts'
import type { Block, DoStep, Flow, Step, Wait, WaitStep } from './flow.ts'
import { needsOf } from './parse.ts'

/** `ambiguous`: it was cut off and may have taken effect; somebody must say. */
export type StepStatus = 'started' | 'waiting' | 'ok' | 'failed' | 'skipped' | 'ambiguous'

export interface Entry {
  path: string
  status: StepStatus
  attempt: number
  startedAt?: number | undefined
  finishedAt?: number | undefined
  /** Not before this: the next try, or the end of a wait. */
  wakeAt?: number | undefined
  output?: unknown
  error?: string | undefined
}

export type Journal = ReadonlyMap<string, Entry>

export type Move =
  | { kind: 'do'; path: string; step: DoStep; deed: unknown; sources: Source[] }
  | { kind: 'wait'; path: string; step: WaitStep; wait: Wait; until: number | undefined }
  | {
      kind: 'end'
      path: string
      status: 'ok' | 'skipped' | 'failed'
      output?: unknown
      error?: string
      sources?: Source[]
    }

export interface Advance {
  moves: Move[]
  /** When to look again though nothing else happens, epoch ms. */
  wakeAt: number | undefined
  outcome: { ok: true; output: unknown } | { ok: false; error: string } | undefined
}

export interface Givens {
  input: unknown
  task: unknown
  run: unknown
  /** When the run began, epoch ms: `now` in expressions, so that what was decided stays decided. */
  now: number
}

type Result = { done: false } | { done: true; ok: true; output: unknown } | { done: true; ok: false; error: string }
interface Frame {
  prefix: string
  names: Record<string, unknown>
  steps: Record<string, unknown>
}

const PENDING: Result = { done: false }

/** @param now Epoch ms. */
export function advance(flow: Flow, journal: Journal, givens: Givens, now: number): Advance {
  const moves: Move[] = []
  let wakeAt: number | undefined
  const result = block(flow, { prefix: '', names: { ...givens }, steps: {} })
  if (!result.done) return { moves, wakeAt, outcome: undefined }
  return {
    moves,
    wakeAt,
    outcome: result.ok ? { ok: true, output: result.output } : { ok: false, error: result.error },
  }

  function block({ steps, output }: Block, frame: Frame): Result {
    const result = list(steps, frame)
    if (!result.done || !result.ok || output === undefined) return result
    return attempt(() => fill(output, { ...frame.names, steps: result.output }))
  }

  /** Steps of one list. Its output is that of all its steps, by id. */
  function list(steps: readonly Step[], outer: Frame): Result {
    const frame = { ...outer, steps: { ...outer.steps } }
    const ended = new Set<string>()
    let pending = false
    for (const i of inOrder(steps)) {
      const step = steps[i]!
      if (!needsOf(steps, i).every((need) => ended.has(need))) {
        pending = true
        continue
      }
      const result = one(step, frame)
      if (!result.done) pending = true
      else if (!result.ok && step.onError === 'fail') return result
      else {
        ended.add(step.id)
        frame.steps[step.id] = result.ok ? { output: result.output } : { output: null, error: result.error }
      }
    }
    return pending ? PENDING : { done: true, ok: true, output: frame.steps }
  }

  function one(step: Step, frame: Frame): Result {
    const path = `${frame.prefix}${step.id}`
    const entry = journal.get(path)
    if (entry?.status === 'ok' || entry?.status === 'skipped')
      return { done: true, ok: true, output: entry.output ?? null }
    if (entry?.status === 'failed' && entry.wakeAt === undefined)
      return { done: true, ok: false, error: entry.error ?? 'failed' }
    const values = { ...frame.names, steps: frame.steps }
    if (entry === undefined && step.when !== undefined) {
      const wanted = attempt(() => parseExpression(step.when!).evaluate(values))
      if (wanted.done && !wanted.ok) return ended(path, wanted)
      if (wanted.done && wanted.ok && wanted.output !== true) {
        moves.push({ kind: 'end', path, status: 'skipped', output: null })
        return { done: true, ok: true, output: null }
      }
    }
    if ('do' in step) return deed(step, path, entry, values)
    if ('wait' in step) return wait(step, path, entry, values)
    if ('set' in step) {
      const sources: Source[] = []
      return ended(
        path,
        attempt(() => fill(step.set, values, sources)),
        sources,
      )
    }
    return ended(path, inner(step, path, frame, values))
  }

  function deed(step: DoStep, path: string, entry: Entry | undefined, values: Record<string, unknown>): Result {
    if (entry !== undefined && entry.status !== 'failed') return PENDING // in progress, or ambiguous
    if (entry?.wakeAt !== undefined && entry.wakeAt > now) return later(entry.wakeAt)
    const sources: Source[] = []
    const filled = attempt(() => fill(step.do, values, sources))
    if (filled.done && !filled.ok) return ended(path, filled)
    moves.push({ kind: 'do', path, step, deed: filled.done && filled.ok ? filled.output : step.do, sources })
    return PENDING
  }

  function wait(step: WaitStep, path: string, entry: Entry | undefined, values: Record<string, unknown>): Result {
    if (entry?.wakeAt !== undefined && entry.wakeAt <= now) {
      const timed = 'forMs' in step.wait || 'until' in step.wait
      return ended(
        path,
        timed
          ? { done: true, ok: true, output: { at: entry.wakeAt } }
          : { done: true, ok: false, error: 'nothing came before the time-out' },
      )
    }
    if (entry !== undefined) return entry.wakeAt === undefined ? PENDING : later(entry.wakeAt)
    const until = attempt(() => untilOf(step.wait, values))
    if (until.done && !until.ok) return ended(path, until)
    moves.push({
      kind: 'wait',
      path,
      step,
      wait: step.wait,
      until: until.done && until.ok ? (until.output as number | undefined) : undefined,
    })
    return PENDING
  }

  function untilOf(wait: Wait, values: Record<string, unknown>): number | undefined {
    if ('forMs' in wait) return now + wait.forMs
    if ('until' in wait) return Number(parseExpression(wait.until).evaluate(values))
    return wait.timeoutMs === undefined ? undefined : now + wait.timeoutMs
  }

  function inner(
    step: Exclude<Step, { do: unknown } | { wait: unknown } | { set: unknown }>,
    path: string,
    frame: Frame,
    values: Record<string, unknown>,
  ): Result {
    if ('if' in step) {
      const condition = attempt(() => parseExpression(step.if).evaluate(values))
      if (!condition.done || !condition.ok) return condition
      const branch = condition.output === true ? 'then' : 'else'
      return mapped(list(step[branch], { ...frame, prefix: `${path}/${branch}/` }), (output) => ({
        branch,
        steps: own(output, frame),
      }))
    }
    if ('forEach' in step) return forEach(step, path, frame, values)
    if ('repeat' in step) return repeat(step, path, frame)
    if ('parallel' in step) return parallel(step, path, frame)
    const input = attempt(() => fill(step.input ?? null, values))
    if (!input.done || !input.ok) return input
    const called = flow.flows![step.call]! // parse.ts refused names that are not there
    const result = block(called, { prefix: `${path}/`, names: { ...frame.names, input: input.output }, steps: {} })
    return called.output === undefined ? mapped(result, (output) => ({ steps: output })) : result
  }

  function forEach(
    step: Extract<Step, { forEach: string }>,
    path: string,
    frame: Frame,
    values: Record<string, unknown>,
  ): Result {
    const items = attempt(() => parseExpression(step.forEach).evaluate(values))
    if (!items.done || !items.ok) return items
    if (!Array.isArray(items.output)) return { done: true, ok: false, error: `${step.forEach} is no list` }
    if (items.output.length > step.max)
      return { done: true, ok: false, error: `the list has ${items.output.length} items, more than ${step.max}` }
    const outputs: unknown[] = []
    let open = 0
    for (const [index, item] of items.output.entries()) {
      if (open >= step.atOnce) break
      const names = { ...frame.names, [step.as]: item, index }
      const result = list(step.steps, { prefix: `${path}[${index}]/`, names, steps: frame.steps })
      if (result.done && !result.ok) return result
      if (result.done) outputs[index] = own(result.output, frame)
      else open++
    }
    return open > 0 || outputs.length < items.output.length ? PENDING : { done: true, ok: true, output: outputs }
  }

  function repeat(step: Extract<Step, { repeat: unknown }>, path: string, frame: Frame): Result {
    const { until, max, everyMs } = step.repeat
    for (let index = 0; index < max; index++) {
      const names = { ...frame.names, index }
      const prefix = `${path}[${index}]/`
      const result = list(step.steps, { prefix, names, steps: frame.steps })
      if (!result.done || !result.ok) return result
      const stop = attempt(() => parseExpression(until).evaluate({ ...names, steps: result.output }))
      if (!stop.done || !stop.ok) return stop
      if (stop.output === true)
        return { done: true, ok: true, output: { times: index + 1, steps: own(result.output, frame) } }
      const next = lastEnd(prefix) + everyMs
      if (everyMs > 0 && next > now && index + 1 < max) return later(next)
    }
    return { done: true, ok: false, error: `it was not so after ${max} times` }
  }

  function parallel(step: Extract<Step, { parallel: unknown }>, path: string, frame: Frame): Result {
    const branches = Object.entries(step.parallel)
    const wanted = step.join === 'all' ? branches.length : step.join === 'any' ? 1 : step.join
    const outputs: Record<string, unknown> = {}
    const before = moves.length
    let good = 0
    let failed: string | undefined
    let bad = 0
    for (const [name, steps] of branches) {
      const result = list(steps, { ...frame, prefix: `${path}/${name}/` })
      if (!result.done) continue
      if (result.ok) {
        good++
        outputs[name] = own(result.output, frame)
      } else {
        bad++
        failed ??= result.error
      }
    }
    const enough = good >= wanted
    const hopeless = branches.length - bad < wanted
    if (!enough && !hopeless) return PENDING
    moves.splice(before, moves.length, ...moves.slice(before).filter((move) => move.kind === 'end')) // what is not needed any more is not begun
    return enough
      ? { done: true, ok: true, output: outputs }
      : { done: true, ok: false, error: failed ?? 'a branch failed' }
  }

  /** When the last step below `prefix` ended. */
  function lastEnd(prefix: string): number {
    let last = 0
    for (const [path, entry] of journal) if (path.startsWith(prefix)) last = Math.max(last, entry.finishedAt ?? 0)
    return last === 0 ? now : last
  }

  /** Notes the end of a step that needs nobody. */
  function ended(path: string, result: Result, sources?: Source[]): Result {
    if (!result.done) return result
    const move = result.ok
      ? { status: 'ok' as const, output: result.output }
      : { status: 'failed' as const, error: result.error }
    moves.push({ kind: 'end', path, ...move, ...(sources !== undefined && sources.length > 0 && { sources }) })
    return result
  }

  function later(at: number): Result {
    wakeAt = Math.min(wakeAt ?? at, at)
    return PENDING
  }
}

/** In an order in which each comes after what it needs. */
function inOrder(steps: readonly Step[]): number[] {
  const order: number[] = []
  const at = new Map(steps.map((step, i) => [step.id, i]))
  const visit = (i: number) => {
    if (order.includes(i)) return
    for (const need of needsOf(steps, i)) visit(at.get(need)!)
    order.push(i)
  }
  steps.forEach((_, i) => {
    visit(i)
  })
  return order
}

/** Outputs of a list without those of the steps around it. */
function own(output: unknown, frame: Frame): Record<string, unknown> {
  return Object.fromEntries(Object.entries(output as object).filter(([id]) => !(id in frame.steps)))
}

function mapped(result: Result, change: (output: unknown) => unknown): Result {
  return result.done && result.ok ? { ...result, output: change(result.output) } : result
}

function attempt(compute: () => unknown): Result {
  try {
    return { done: true, ok: true, output: compute() }
  } catch (error) {
    return { done: true, ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}
