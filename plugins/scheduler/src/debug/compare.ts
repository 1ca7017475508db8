// plugins/scheduler/src/debug/compare.ts: what is different between two runs (S11). Pure.
import type { Run } from '../task.ts'
import type { StepLog } from '../workflow/journal.ts'

const MAX_DIFFERENCES = 500
const MAX_DEPTH = 12

/** At `path` the first run has `a` and the second `b`; undefined where there is nothing. */
export interface Difference {
  path: string
  a: unknown
  b: unknown
}

export interface RunAndSteps {
  run: Run
  steps: readonly StepLog[]
}

/** At most 500 differences: of status, input, result and error, then of the steps in the order they began. */
export function compareRuns(a: RunAndSteps, b: RunAndSteps): Difference[] {
  const found: Difference[] = []
  for (const key of ['status', 'attempt', 'input', 'result', 'error', 'usage'] as const)
    compare(`run.${key}`, a.run[key], b.run[key], found, 0)
  const second = new Map(b.steps.map((step) => [step.path, step]))
  for (const step of a.steps) {
    const other = second.get(step.path)
    second.delete(step.path)
    for (const key of ['status', 'input', 'output', 'error'] as const)
      compare(`${step.path}.${key}`, step[key], other?.[key], found, 0)
  }
  for (const step of second.values())
    compare(step.path, undefined, { status: step.status, output: step.output }, found, 0)
  return found.slice(0, MAX_DIFFERENCES)
}

function compare(path: string, a: unknown, b: unknown, found: Difference[], depth: number): void {
  if (Object.is(a, b) || found.length > MAX_DIFFERENCES) return
  if (depth < MAX_DEPTH && isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      compare(
        Array.isArray(a) ? `${path}[${key}]` : `${path}.${key}`,
        (a as Record<string, unknown>)[key],
        (b as Record<string, unknown>)[key],
        found,
        depth + 1,
      )
  } else found.push({ path, a, b })
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
