// plugins/scheduler/src/transfer/document.ts: tasks as a document for other machines and for version control (S12). Pure.
//   X1  The same tasks give the same bytes: order by owner and name, keys in order, nothing of this machine (ids, times, states of runs).
//   X2  A document of any earlier version is read; one of a newer version is refused.
import { UsageError } from '@pryx/sdk'
import { parse as parseYaml, stringify as toYaml } from 'yaml'
import { z } from 'zod'
import { canonical } from '../reading.ts'
import { type Task, taskSpecSchema } from '../task.ts'

export const DOCUMENT_VERSION = '2.0'
const MAX_CHARS = 4_000_000
const MAX_TASKS = 10_000

const entrySchema = z.strictObject({
  owner: z.string().min(1).max(214),
  paused: z.boolean().optional(),
  task: taskSpecSchema,
})
const documentSchema = z.strictObject({
  pryx: z.literal('tasks'),
  version: z.literal(DOCUMENT_VERSION),
  tasks: z.array(entrySchema).max(MAX_TASKS),
})
/** Before there were owners in it, and states: a bare list of specs. */
const firstSchema = z.strictObject({ version: z.literal('1.0'), tasks: z.array(z.unknown()).max(MAX_TASKS) })

export interface DocumentEntry {
  owner: string
  paused: boolean
  /** Judged by the schema; triggers and workflows are judged when the task is made. */
  spec: z.output<typeof taskSpecSchema>
}

/** X1 */
export function writeDocument(tasks: readonly { task: Task; spec: unknown }[], format: 'json' | 'yaml'): string {
  const entries = [...tasks]
    .sort((a, b) => compare(a.task.owner, b.task.owner) || compare(a.task.name, b.task.name))
    .map(({ task, spec }) => ({ owner: task.owner, ...(task.state === 'paused' && { paused: true }), task: spec }))
  const text = canonical({ pryx: 'tasks', version: DOCUMENT_VERSION, tasks: entries }, 2)
  return format === 'json' ? `${text}\n` : toYaml(JSON.parse(text), { lineWidth: 0 })
}

/**
 * @param owner Of tasks in a document that names none (1.0).
 * @throws TASK_DOCUMENT naming every place that is wrong, up to ten.
 */
export function readDocument(text: string, owner: string): DocumentEntry[] {
  if (text.length > MAX_CHARS) throw refused([`the document has ${text.length} characters, more than ${MAX_CHARS}`])
  const raw = upgraded(readText(text), owner)
  const read = documentSchema.safeParse(raw)
  if (!read.success)
    throw refused(
      read.error.issues
        .slice(0, 10)
        .map(({ path, message }) => `${path.map(String).join('.') || 'the document'}: ${message}`),
    )
  const seen = new Set<string>()
  for (const { owner, task } of read.data.tasks) {
    const key = `${owner} ${task.name}`
    if (seen.has(key)) throw refused([`there are two tasks “${task.name}” of ${owner}`])
    seen.add(key)
  }
  return read.data.tasks.map(({ owner, paused, task }) => ({ owner, paused: paused ?? false, spec: task }))
}

/** X2 */
function upgraded(raw: unknown, owner: string): unknown {
  const first = firstSchema.safeParse(raw)
  if (first.success)
    return { pryx: 'tasks', version: DOCUMENT_VERSION, tasks: first.data.tasks.map((task) => ({ owner, task })) }
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? String(raw.version) : undefined
  if (version === undefined) throw refused(['it has no version: it is no export of tasks'])
  if (version !== DOCUMENT_VERSION)
    throw refused([`it is of version ${version.slice(0, 20)}; this scheduler reads 1.0 and ${DOCUMENT_VERSION}`])
  return raw
}

function readText(text: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 20 }) as unknown // JSON is YAML
  } catch (error) {
    throw refused([(error as Error).message.split('\n')[0] ?? 'it is neither JSON nor YAML'])
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function refused(problems: string[]): UsageError {
  return new UsageError(
    'TASK_DOCUMENT',
    `the document cannot be taken in: ${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`,
    {
      problems: problems.join(' | '),
      hint: 'Nothing was changed.',
    },
  )
}
