// plugins/scheduler/src/conditions/fill.ts: `${expression}` inside inputs, filled in. Pure.
//   A text that is one `${…}` alone becomes the value itself; within other text the value is written out. `$${` is a plain `${`.
import { type Expression, parseExpression } from './expression.ts'

const HOLE = /\$?\$\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}/g

/** A value of the result and what it came from: for the step log. */
export interface Source {
  /** Where in the input, such as `body.items[0]`. */
  path: string
  expression: string
  value: unknown
}

/** Every expression in `template`. @throws TASK_EXPRESSION for one that cannot be read. */
export function expressionsIn(template: unknown): Expression[] {
  if (typeof template === 'string')
    return [...template.matchAll(HOLE)]
      .filter(([whole]) => !whole.startsWith('$$'))
      .map(([, text]) => parseExpression(text!))
  if (Array.isArray(template)) return template.flatMap(expressionsIn)
  if (typeof template === 'object' && template !== null) return Object.values(template).flatMap(expressionsIn)
  return []
}

/** The template with every expression computed. `sources`, if given, is told of each. */
export function fill(template: unknown, values: Record<string, unknown>, sources: Source[] = [], path = ''): unknown {
  if (typeof template === 'string') return fillText(template, values, sources, path)
  if (Array.isArray(template)) return template.map((each, i) => fill(each, values, sources, `${path}[${i}]`))
  if (typeof template !== 'object' || template === null) return template
  return Object.fromEntries(
    Object.entries(template).map(([key, each]) => [
      key,
      fill(each, values, sources, path === '' ? key : `${path}.${key}`),
    ]),
  )
}

function fillText(template: string, values: Record<string, unknown>, sources: Source[], path: string): unknown {
  const compute = (expression: string) => {
    const value = parseExpression(expression).evaluate(values)
    sources.push({ path, expression, value })
    return value
  }
  const [only] = template.matchAll(HOLE)
  if (only !== undefined && only[0] === template && !template.startsWith('$$')) return compute(only[1]!)
  return template.replace(HOLE, (whole: string, expression: string) =>
    whole.startsWith('$$') ? whole.slice(1) : written(compute(expression)),
  )
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
