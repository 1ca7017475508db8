// plugins/scheduler/src/reading.ts: what callers hand in, judged: specs and reports, with errors that name the place.
import { UsageError } from '@pryx/sdk'
import { settleTrigger } from './clock/settle.ts'
import { parseExpression } from './conditions/expression.ts'
import { expressionsIn } from './conditions/fill.ts'
import { type FullSpec, type Task, taskSpecSchema } from './task.ts'
import { parseFlow } from './workflow/parse.ts'

const MAX_SPEC_CHARS = 8_192
const MAX_FLOW_CHARS = 131_072

/**
 * A task as it is kept: complete, its trigger settled, its expressions and its workflow judged.
 *
 * @throws TASK_INVALID, TASK_PHRASE, TASK_EXPRESSION, TASK_FLOW
 */
export function readSpec(spec: unknown, now: number, timeZone: string): FullSpec {
  const { trigger, ...rest } = parsed(taskSpecSchema, spec, 'the task')
  const full: FullSpec = { ...rest, trigger: settleTrigger(trigger, now, timeZone) }
  judgeSize(full)
  if (full.trigger.kind === 'event' && full.trigger.where !== undefined) parseExpression(full.trigger.where)
  if (full.trigger.kind === 'predicate') parseExpression(full.trigger.expression)
  if (full.action.kind === 'workflow') parseFlow(full.action.flow)
  else if (full.action.kind !== 'event') expressionsIn(full.action)
  return full
}

function judgeSize(spec: FullSpec): void {
  const size = JSON.stringify(spec).length
  const max = spec.action.kind === 'workflow' ? MAX_FLOW_CHARS : MAX_SPEC_CHARS
  if (size <= max) return
  throw new UsageError('TASK_INVALID', `the task takes ${size} characters as JSON`, {
    max,
    hint: 'Keep large payloads in your own storage and pass their key.',
  })
}

/** What a task was made of. */
export function specOf(task: Task): FullSpec {
  const { id: _i, owner: _o, state: _s, nextDue: _n, problem: _p, createdAt: _c, updatedAt: _u, ...spec } = task
  return spec
}

/** Equal as JSON, whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

/** JSON with its keys in order. */
export function canonical(value: unknown, indent?: number): string {
  return JSON.stringify(value, sorted, indent)
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function bounded(value: number | undefined, fallback: number, max: number): number {
  return Number.isFinite(value) ? Math.min(max, Math.max(1, Math.floor(value as number))) : fallback
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: Issue[] } }
}
interface Issue {
  path: PropertyKey[]
  message: string
}

export function parsed<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const path = issue.path.map(String).join('.')
  throw new UsageError('TASK_INVALID', `${what}: ${path === '' ? '' : `${path}: `}${issue.message}`, { path })
}
