// plugins/web/page/tasks/draft.ts: a task that is being written: fields by path, and what has to be sent to change a kept one. Pure.
//   F1  What the form does not show stays as it is.
//   F2  Nothing is judged here: the scheduler says what is wrong, and where.
import type { Problem, Task, TaskSpec } from '@pryx/plugin-scheduler/service'

export type Draft = Record<string, unknown>

export const emptyDraft: Draft = {
  name: '',
  trigger: { kind: 'phrase', text: '' },
  action: { kind: 'notify', text: '' },
}

/** What a trigger or an action of each kind begins with. */
export const TRIGGERS = {
  phrase: { title: 'In plain words', begin: { text: '' } },
  cron: { title: 'Cron expression', begin: { expression: '0 9 * * 1-5' } },
  interval: { title: 'Every so often', begin: { everyMs: 3_600_000 } },
  once: { title: 'Once', begin: {} },
  event: { title: 'At an event', begin: { pattern: '' } },
  file: { title: 'When a file changes', begin: { path: '' } },
  webhook: { title: 'By webhook', begin: {} },
  state: { title: 'State of this machine', begin: { fact: 'cpu.percent', is: 'above', than: 80, forMs: 60_000 } },
  predicate: { title: 'When a condition holds', begin: { expression: '' } },
  manual: { title: 'By hand only', begin: {} },
} as const satisfies Record<TaskSpec['trigger']['kind'], { title: string; begin: object }>

export const DEEDS = {
  notify: { title: 'Tell me', begin: { text: '' } },
  prompt: { title: 'Ask the agent', begin: { text: '' } },
  tool: { title: 'Call a tool', begin: { name: '' } },
  shell: { title: 'Run a command', begin: { command: '', args: [] } },
  http: { title: 'Send a request', begin: { url: '', method: 'GET' } },
  emit: { title: 'Publish an event', begin: { name: '' } },
  workflow: {
    title: 'Workflow of steps',
    begin: { flow: 'steps:\n  - id: tell\n    do: { kind: notify, text: "Hello" }\n' },
  },
  event: { title: 'Its plugin does the work', begin: {} },
} as const

const OWN = ['id', 'owner', 'state', 'nextDue', 'problem', 'createdAt', 'updatedAt'] as const

/** What a kept task was made of. */
export function draftOf(task: Task): Draft {
  const draft: Draft = { ...task }
  for (const key of OWN) delete draft[key]
  return draft
}

export function valueAt(draft: Draft, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), draft)
}

/** Which of its kinds a policy is: it is kept as a word, or as an object. */
export function kindOf(value: unknown): string | undefined {
  const kind = isTree(value) ? value.kind : value
  return typeof kind === 'string' ? kind : undefined
}

/** @param value Undefined takes the field away, and what held nothing else with it. */
export function withValue(draft: Draft, path: string, value: unknown): Draft {
  const [key = '', ...rest] = path.split('.')
  const next = { ...draft }
  const inner = rest.length === 0 ? value : withValue(isTree(draft[key]) ? draft[key] : {}, rest.join('.'), value)
  const hollow = rest.length > 0 && value === undefined && isTree(inner) && Object.keys(inner).length === 0
  if (inner === undefined || hollow) delete next[key]
  else next[key] = inner
  return next
}

/** What is sent to `update`: null for what was taken away. */
export function changesOf(before: Draft, after: Draft): Draft {
  const gone = Object.keys(before).filter((key) => !(key in after))
  return { ...after, ...Object.fromEntries(gone.map((key) => [key, null])) }
}

/** Problems of a field: of its own path, or of one within it. */
export function problemAt(problems: readonly Problem[], path: string): string | undefined {
  const found = problems.find((problem) => problem.path === path || problem.path.startsWith(`${path}.`))
  return found && [found.message, found.hint].filter(Boolean).join(' ')
}

/** Those that no field of the form shows. */
export function problemsElsewhere(problems: readonly Problem[], shown: readonly string[]): Problem[] {
  return problems.filter(({ path }) => !shown.some((field) => path === field || path.startsWith(`${field}.`)))
}

function isTree(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
