// plugins/scheduler/src/conditions/expression.ts: conditions and values in CEL, the Common Expression Language. Pure.
//   X1  An expression reaches what it is handed and nothing else; it has no loop but over lists it is handed.
//   X2  Its work is bounded: size and depth of the text, no regular expressions, comprehensions at most two deep and then over short lists.

import { Environment } from '@marcbachmann/cel-js'
import { UsageError } from '@pryx/sdk'

const MAX_NODES = 500
const MAX_DEPTH = 40
const MAX_NESTED = 2
const MAX_NESTED_LIST = 300
const MAX_LIST = 20_000
const MAX_KEPT = 500
const LOOPS = new Set(['map', 'filter', 'all', 'exists', 'exists_one'])

interface Node {
  op: string
  args: unknown
  start?: number
}

export interface Expression {
  readonly text: string
  /** Dotted paths it reads, such as `steps.fetch.output`; as long as they are plain. */
  readonly reads: readonly string[]
  /** @throws TASK_EXPRESSION if it cannot be computed from these values. */
  evaluate(values: Record<string, unknown>): unknown
}

const environment = mixedNumbers(
  new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_DEPTH },
  }),
)
const known = new Map<string, Expression>()

/** @throws TASK_EXPRESSION naming the place of what is wrong. */
export function parseExpression(text: string): Expression {
  const found = known.get(text)
  if (found !== undefined) return found
  const made = compile(text)
  if (known.size >= MAX_KEPT) known.delete(known.keys().next().value as string)
  known.set(text, made)
  return made
}

function compile(text: string): Expression {
  const program = attempt(text, () => environment.parse(text))
  const ast = program.ast as unknown as Node
  const nested = judge(text, ast, 0)
  return {
    text,
    reads: [...new Set(pathsIn(ast))],
    evaluate(values) {
      const longest = longestList(values, 0)
      if (longest > (nested > 1 ? MAX_NESTED_LIST : MAX_LIST) && nested > 0)
        throw refused(text, `a list of ${longest} is too long for it`) // X2
      return plain(attempt(text, () => program(values)))
    },
  }
}

/** How deep its comprehensions lie within one another. */
function judge(text: string, node: Node, depth: number): number {
  const name = (node.op === 'rcall' || node.op === 'call') && Array.isArray(node.args) ? String(node.args[0]) : ''
  if (name === 'matches')
    throw refused(text, 'regular expressions are not available; use contains, startsWith or endsWith')
  const inner = LOOPS.has(name) ? depth + 1 : depth
  if (inner > MAX_NESTED) throw refused(text, `loops may lie at most ${MAX_NESTED} deep`)
  return Math.max(inner, ...nodesIn(node.args).map((each) => judge(text, each, inner)))
}

function pathsIn(node: Node): string[] {
  const path = pathOf(node)
  return path === undefined ? nodesIn(node.args).flatMap(pathsIn) : [path]
}

function pathOf(node: Node): string | undefined {
  if (node.op === 'id') return String(node.args)
  if (node.op !== '.' || !Array.isArray(node.args)) return undefined
  const [base, key] = node.args as [Node, string]
  const path = pathOf(base)
  return path === undefined ? undefined : `${path}.${key}`
}

function nodesIn(args: unknown): Node[] {
  if (Array.isArray(args)) return args.flatMap(nodesIn)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as Node] : []
}

function longestList(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null || depth > 8) return 0
  const inner = Object.values(value)
    .slice(0, MAX_LIST)
    .map((each) => longestList(each, depth + 1))
  return inner.reduce((max, each) => Math.max(max, each), Array.isArray(value) ? value.length : 0)
}

/** CEL's integers are bigints; JSON has none. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
  return value
}

/** Values come from JSON, where `2` is a double: whole numbers in the text shall work with them. */
function mixedNumbers(env: Environment): Environment {
  const operators: [string, (a: number, b: number) => number][] = [
    ['+', (a, b) => a + b],
    ['-', (a, b) => a - b],
    ['*', (a, b) => a * b],
    ['/', (a, b) => a / b],
  ]
  for (const [sign, compute] of operators) {
    env.registerOperator(`double ${sign} int`, (a: number, b: bigint) => compute(a, Number(b)))
    env.registerOperator(`int ${sign} double`, (a: bigint, b: number) => compute(Number(a), b))
  }
  return env
}

function attempt<T>(text: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw refused(text, reason ?? 'it cannot be read')
  }
}

function refused(text: string, reason: string): UsageError {
  return new UsageError('TASK_EXPRESSION', `“${text.slice(0, 120)}”: ${reason}`, {
    found: text.slice(0, 120),
    expected: 'an expression in CEL, such as facts.disk.percentUsed > 90.0 && size(steps.fetch.output) > 0',
    hint: 'Names are those the place offers; has(a.b) asks whether something is there.',
  })
}
