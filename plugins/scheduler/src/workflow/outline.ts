// plugins/scheduler/src/workflow/outline.ts: a workflow as a graph to be drawn: every step once, and after which it comes. Pure.
//   O1  Paths are those of the step log, with `[]` where that has the number of an iteration.
//   O2  What follows a step that holds others comes after the last of those, on every way through it.
import type { Flow, Step } from './flow.ts'
import { needsOf } from './parse.ts'

export interface OutlineEdge {
  path: string
  /** Which way: `then`, `else`, `each`, the name of a branch. */
  way?: string
}

export interface OutlineStep {
  path: string
  id: string
  /** What it does, in a word: the kind of its deed, or of what it holds. */
  what: string
  after: OutlineEdge[]
}

export function outlineOf(flow: Flow): OutlineStep[] {
  const all: OutlineStep[] = []
  list(flow.steps, '', [])
  return all

  /** Adds the steps of a list that is entered by `entry`. @returns What is left by whoever follows it. */
  function list(steps: readonly Step[], prefix: string, entry: readonly OutlineEdge[]): OutlineEdge[] {
    const exits = new Map<string, OutlineEdge[]>()
    const needed = new Set<string>()
    for (const i of inOrder(steps)) {
      const step = steps[i]!
      const needs = needsOf(steps, i)
      for (const need of needs) needed.add(need)
      const after = needs.length === 0 ? [...entry] : needs.flatMap((need) => exits.get(need) ?? [])
      const path = prefix + step.id
      all.push({ path, id: step.id, what: whatOf(step), after })
      exits.set(step.id, within(step, path))
    }
    return steps.filter(({ id }) => !needed.has(id)).flatMap(({ id }) => exits.get(id)!)
  }

  /** O2 */
  function within(step: Step, path: string): OutlineEdge[] {
    if ('if' in step) {
      const then = list(step.then, `${path}/then/`, [{ path, way: 'then' }])
      return [
        ...then,
        ...(step.else.length === 0
          ? [{ path, way: 'else' }]
          : list(step.else, `${path}/else/`, [{ path, way: 'else' }])),
      ]
    }
    if ('steps' in step) return list(step.steps, `${path}[]/`, [{ path, way: 'each' }])
    if ('parallel' in step)
      return Object.entries(step.parallel).flatMap(([way, steps]) => list(steps, `${path}/${way}/`, [{ path, way }]))
    return [{ path }]
  }
}

/** A step may need one that stands after it: places of the list, so that what is needed comes first. `parseFlow` has refused rings. */
function inOrder(steps: readonly Step[]): number[] {
  const places = new Map(steps.map(({ id }, i) => [id, i]))
  const order = new Set<number>()
  const visit = (i: number): void => {
    if (order.has(i)) return
    for (const need of needsOf(steps, i)) visit(places.get(need)!)
    order.add(i)
  }
  for (const i of steps.keys()) visit(i)
  return [...order]
}

function whatOf(step: Step): string {
  if ('do' in step) return step.do.kind
  if ('wait' in step) return `wait: ${Object.keys(step.wait)[0]}`
  if ('set' in step) return 'set'
  if ('if' in step) return 'if'
  if ('forEach' in step) return 'for each'
  if ('repeat' in step) return 'repeat'
  return 'parallel' in step ? 'side by side' : `runs ${step.call}`
}
