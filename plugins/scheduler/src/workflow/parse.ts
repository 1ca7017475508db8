// plugins/scheduler/src/workflow/parse.ts: reads a workflow and refuses what could not run, with its place (S10). Pure.
//   F1  No cycle: neither among `needs` nor among sub-workflows.
//   F2  Every name an expression reads is there, and every step it reads has ended by then.
import { UsageError } from '@pryx/sdk'
import { parse as parseYaml } from 'yaml'
import { parseExpression } from '../conditions/expression.ts'
import { expressionsIn } from '../conditions/fill.ts'
import { type Block, type Flow, flowSchema, KINDS, type Step, stepSchema } from './flow.ts'

const MAX_STEPS = 500
const GLOBALS = ['input', 'task', 'run', 'now']

/**
 * @param source YAML text, or the object it stands for.
 * @throws TASK_FLOW naming the place, such as `steps[2].then[0].do.url`.
 */
export function parseFlow(source: unknown): Flow {
  const raw = typeof source === 'string' ? readYaml(source) : source
  const parsed = flowSchema.safeParse(raw)
  if (!parsed.success) throw refused(...firstIssue(raw, parsed.error.issues[0]!))
  const flow = parsed.data as Flow
  if (count(flow.steps) + Object.values(flow.flows ?? {}).reduce((sum, { steps }) => sum + count(steps), 0) > MAX_STEPS)
    throw refused('steps', `there are more than ${MAX_STEPS} steps`)
  judgeBlock(flow, '', GLOBALS, new Set(), flow)
  for (const [name, block] of Object.entries(flow.flows ?? {}))
    judgeBlock(block, `flows.${name}.`, GLOBALS, new Set(), flow)
  judgeCalls(flow)
  return flow
}

function readYaml(text: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 20, merge: false }) as unknown
  } catch (error) {
    const { message, linePos } = error as Error & { linePos?: { line: number; col: number }[] }
    const at = linePos?.[0]
    throw refused(
      at === undefined ? 'the text' : `line ${at.line}, column ${at.col}`,
      message.split('\n')[0] ?? 'it is no YAML',
    )
  }
}

/** @param visible Steps around this block that have ended when it begins. */
function judgeBlock(
  block: Block,
  place: string,
  names: readonly string[],
  visible: ReadonlySet<string>,
  flow: Flow,
): void {
  judgeSteps(block.steps, `${place}steps`, names, visible, flow)
  judgeFilled(block.output, `${place}output`, names, new Set([...visible, ...block.steps.map((step) => step.id)]))
}

function judgeSteps(
  steps: readonly Step[],
  place: string,
  names: readonly string[],
  visible: ReadonlySet<string>,
  flow: Flow,
): void {
  const byId = new Map<string, number>()
  steps.forEach((step, i) => {
    if (byId.has(step.id) || visible.has(step.id))
      throw refused(`${place}[${i}].id`, `there is a step “${step.id}” already`)
    byId.set(step.id, i)
  })
  const before = closures(steps, place, byId)
  steps.forEach((step, i) => {
    const seen = new Set([...visible, ...before[i]!])
    judgeStep(step, `${place}[${i}]`, names, seen, flow)
  })
}

/** For each step, all that have ended before it. @throws TASK_FLOW for a cycle or an unknown name (F1) */
function closures(steps: readonly Step[], place: string, byId: ReadonlyMap<string, number>): Set<string>[] {
  const done: (Set<string> | undefined)[] = steps.map(() => undefined)
  const open: number[] = []
  return steps.map((_, i) => visit(i))

  function visit(i: number): Set<string> {
    const known = done[i]
    if (known !== undefined) return known
    if (open.includes(i)) {
      const cycle = [...open.slice(open.indexOf(i)), i].map((at) => steps[at]!.id)
      throw refused(`${place}[${i}].needs`, `the steps wait for one another: ${cycle.join(' → ')}`)
    }
    open.push(i)
    const all = new Set<string>()
    for (const need of needsOf(steps, i)) {
      const at = byId.get(need)
      if (at === undefined) throw refused(`${place}[${i}].needs`, `there is no step “${need}” beside “${steps[i]!.id}”`)
      all.add(need)
      for (const each of visit(at)) all.add(each)
    }
    open.pop()
    done[i] = all
    return all
  }
}

/** Names of the steps a step waits for. */
export function needsOf(steps: readonly Step[], i: number): readonly string[] {
  const before = steps[i - 1]
  return steps[i]!.needs ?? (before === undefined ? [] : [before.id])
}

function judgeStep(
  step: Step,
  place: string,
  names: readonly string[],
  visible: ReadonlySet<string>,
  flow: Flow,
): void {
  const judge = (
    text: string | undefined,
    at: string,
    more: readonly string[] = [],
    inner: ReadonlySet<string> = visible,
  ) => text !== undefined && judgeExpression(text, `${place}.${at}`, [...names, ...more], inner)
  judge(step.when, 'when')
  if ('do' in step) judgeFilled(step.do, `${place}.do`, names, visible)
  else if ('set' in step) judgeFilled(step.set, `${place}.set`, names, visible)
  else if ('wait' in step) {
    if ('until' in step.wait) judge(step.wait.until, 'wait.until')
    if ('event' in step.wait) judge(step.wait.where, 'wait.where', ['event'])
  } else if ('if' in step) {
    judge(step.if, 'if')
    judgeSteps(step.then, `${place}.then`, names, visible, flow)
    judgeSteps(step.else, `${place}.else`, names, visible, flow)
  } else if ('forEach' in step) {
    judge(step.forEach, 'forEach')
    judgeSteps(step.steps, `${place}.steps`, [...names, step.as, 'index'], visible, flow)
  } else if ('repeat' in step) {
    judge(step.repeat.until, 'repeat.until', ['index'], new Set([...visible, ...step.steps.map((each) => each.id)]))
    judgeSteps(step.steps, `${place}.steps`, [...names, 'index'], visible, flow)
  } else if ('parallel' in step) {
    const branches = Object.entries(step.parallel)
    if (typeof step.join === 'number' && step.join > branches.length)
      throw refused(`${place}.join`, `it waits for ${step.join} of ${branches.length} branches`)
    for (const [name, steps] of branches) judgeSteps(steps, `${place}.parallel.${name}`, names, visible, flow)
  } else {
    if (flow.flows?.[step.call] === undefined)
      throw refused(`${place}.call`, `there is no sub-workflow “${step.call}” under flows`)
    judgeFilled(step.input, `${place}.input`, names, visible)
  }
}

function judgeFilled(template: unknown, place: string, names: readonly string[], visible: ReadonlySet<string>): void {
  try {
    for (const { text } of expressionsIn(template)) judgeExpression(text, place, names, visible)
  } catch (error) {
    if (error instanceof UsageError && error.code === 'TASK_EXPRESSION') throw refused(place, error.message)
    throw error
  }
}

/** F2 */
function judgeExpression(text: string, place: string, names: readonly string[], visible: ReadonlySet<string>): void {
  let reads: readonly string[]
  try {
    reads = parseExpression(text).reads
  } catch (error) {
    throw refused(place, (error as Error).message)
  }
  for (const path of reads) {
    const [root, id] = path.split('.')
    if (root === 'steps') {
      if (id === undefined || !visible.has(id))
        throw refused(place, `it reads step “${id ?? '?'}”, which has not ended by then or is not there`)
    }
  }
  const bound = boundNames(text)
  for (const path of reads) {
    const root = path.split('.')[0]!
    if (root !== 'steps' && !names.includes(root) && !bound.has(root) && !TYPES.has(root))
      throw refused(
        place,
        `“${root}” is nothing an expression can read here; there are ${[...names, 'steps'].join(', ')}`,
      )
  }
}

const TYPES = new Set([
  'int',
  'uint',
  'double',
  'string',
  'bool',
  'bytes',
  'list',
  'map',
  'type',
  'null_type',
  'dyn',
  'math',
  'strings',
])

/** Names that comprehensions bind: `items.map(i, …)`. */
function boundNames(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/\.(?:map|filter|all|exists|exists_one)\(\s*([A-Za-z_]\w*)\s*,/g)].map(([, name]) => name!),
  )
}

function judgeCalls(flow: Flow): void {
  const calls = (steps: readonly Step[]): string[] =>
    steps.flatMap((step) => ('call' in step ? [step.call] : innerOf(step).flatMap(calls)))
  const open: string[] = []
  const visit = (name: string) => {
    if (open.includes(name))
      throw refused(
        `flows.${name}`,
        `sub-workflows call one another: ${[...open.slice(open.indexOf(name)), name].join(' → ')}`,
      )
    open.push(name)
    for (const each of calls(flow.flows?.[name]?.steps ?? [])) visit(each)
    open.pop()
  }
  for (const name of Object.keys(flow.flows ?? {})) visit(name)
}

/** The lists of steps inside a step. */
export function innerOf(step: Step): Step[][] {
  if ('if' in step) return [step.then, step.else]
  if ('steps' in step) return [step.steps]
  return 'parallel' in step ? Object.values(step.parallel) : []
}

function count(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + 1 + innerOf(step).reduce((inner, each) => inner + count(each), 0), 0)
}

/** A union says only that nothing fits; the keys of the step tell which kind was meant. */
function firstIssue(
  raw: unknown,
  issue: { path: PropertyKey[]; message: string; code?: string },
): [place: string, reason: string] {
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], raw)
  const place = issue.path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
  if (issue.code !== 'invalid_union') return [place || 'the workflow', issue.message]
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  const kind = KINDS.find((each) => keys.includes(each))
  if (kind === undefined) return [place, `it must have one of ${KINDS.join(', ')}`]
  const option = stepSchema.options[KINDS.indexOf(kind)]!
  const inner = option.safeParse(value)
  const first = inner.success ? undefined : inner.error.issues[0]
  if (first === undefined) return [place, issue.message]
  const [innerPlace, reason] = firstIssue(value, first as typeof issue)
  return [
    innerPlace === 'the workflow' ? place : `${place}${innerPlace.startsWith('[') ? '' : '.'}${innerPlace}`,
    reason,
  ]
}

function refused(place: string, reason: string): UsageError {
  return new UsageError('TASK_FLOW', `${place}: ${reason}`, {
    path: place,
    hint: 'docs/guides/workflows.md shows every kind of step.',
  })
}
