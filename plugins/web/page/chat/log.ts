// plugins/web/page/chat/log.ts: a session's log as a conversation. Pure: entries in, a new conversation out; what did not change stays the same object.
//   L1  Entries come in order, each once (a mirror sees to it); an outcome finds its request, however much stands between them.
import type { SessionEvent } from '@pryx/plugin-sessions/service'

type Of<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>['body']

interface Placed {
  /** Of the entry. */
  version: number
  /** Epoch ms. */
  at: number
}

export interface Said extends Placed {
  kind: 'said'
  role: 'user' | 'assistant'
  text: string
  surface: string
  client?: string | undefined
  origin?: string | undefined
  model?: string | undefined
  usd?: number | null | undefined
}

export interface ToolUse extends Placed {
  kind: 'tool'
  call: string
  name: string
  input: unknown
  /** Absent while it is under way. */
  done?: { output: unknown; outcome: Of<'tool.completed'>['outcome']; at: number }
}

/** A run that did not end well. */
export interface Ended extends Placed {
  kind: 'ended'
  status: Of<'run.finished'>['status']
  error?: string | undefined
  code?: string | undefined
}

/** From here on a model reads a summary in place of what stands above. */
export interface Summed extends Placed {
  kind: 'summed'
  text: string
  messages: number
}

export type Item = Said | ToolUse | Ended | Summed

export interface Conversation {
  items: readonly Item[]
  /** Entries up to this version were not loaded. */
  first: number
  /** The run that writes now. */
  run: string | undefined
  /** Ids of questions to the user that wait for an answer. */
  questions: readonly string[]
  /** Of the last answer: how much of the model's window it took. */
  window: { model: string; tokens: number } | undefined
}

export function emptyConversation(first = 0): Conversation {
  return { items: [], first, run: undefined, questions: [], window: undefined }
}

export function withEntries(conversation: Conversation, entries: readonly SessionEvent[]): Conversation {
  if (entries.length === 0) return conversation
  const items = [...conversation.items]
  let { run, questions, window } = conversation
  for (const entry of entries) {
    place(items, entry)
    if (entry.kind === 'run.started') run = entry.body.run
    else if (entry.kind === 'run.finished' && entry.body.run === run) run = undefined
    else if (entry.kind === 'approval.needed') questions = [...questions, entry.body.approval]
    else if (entry.kind === 'approval.resolved') questions = without(questions, entry.body.approval)
    else if (entry.kind === 'message') window = windowOf(entry.body) ?? window
  }
  return { ...conversation, items, run, questions, window }
}

/** Puts entries from before the first one in front. */
export function withEarlier(conversation: Conversation, entries: readonly SessionEvent[], first: number): Conversation {
  const earlier = withEntries(emptyConversation(first), entries)
  const outcomes = new Map(conversation.items.flatMap((item) => (item.kind === 'tool' ? [[item.call, item]] : [])))
  // A call whose request was cut off stands as its outcome alone; now the request takes its place.
  const items = earlier.items.map((item) => merged(item, outcomes))
  const moved = new Set(items.flatMap((item) => (item.kind === 'tool' ? [item.call] : [])))
  const rest = conversation.items.filter((item) => item.kind !== 'tool' || !moved.has(item.call))
  return { ...conversation, items: [...items, ...rest], first }
}

/** Tools that are under way. */
export function openTools({ items }: Conversation): readonly ToolUse[] {
  return items.filter((item): item is ToolUse => item.kind === 'tool' && item.done === undefined)
}

function merged(item: Item, outcomes: ReadonlyMap<string, ToolUse>): Item {
  const later = item.kind === 'tool' && item.done === undefined ? outcomes.get(item.call)?.done : undefined
  return later === undefined ? item : { ...(item as ToolUse), done: later }
}

function place(items: Item[], { kind, version, at, surface, client, body }: SessionEvent): void {
  if (kind === 'message') {
    const { role, text, origin, model, usd } = body as Of<'message'>
    if (text !== '') items.push({ kind: 'said', version, at, role, text, surface, client, origin, model, usd })
  } else if (kind === 'tool.requested') {
    const { call, name, input } = body as Of<'tool.requested'>
    items.push({ kind: 'tool', version, at, call, name, input })
  } else if (kind === 'tool.completed') {
    complete(items, version, at, body as Of<'tool.completed'>)
  } else if (kind === 'summary') {
    const { text, messages } = body as Of<'summary'>
    items.push({ kind: 'summed', version, at, text, messages })
  } else if (kind === 'run.finished') {
    const { status, error, code } = body as Of<'run.finished'>
    if (status !== 'ok') items.push({ kind: 'ended', version, at, status, error, code })
  }
}

function without(questions: readonly string[], id: string): readonly string[] {
  return questions.filter((one) => one !== id)
}

/** L1 */
function complete(items: Item[], version: number, at: number, body: Of<'tool.completed'>): void {
  const { call, name, output, outcome } = body
  const index = items.findLastIndex((item) => item.kind === 'tool' && item.call === call)
  const done = { output, outcome, at }
  if (index === -1) items.push({ kind: 'tool', version, at, call, name, input: undefined, done })
  else items[index] = { ...(items[index] as ToolUse), done }
}

function windowOf({ role, model, inputTokens, outputTokens }: Of<'message'>): Conversation['window'] {
  if (role !== 'assistant' || model === undefined || inputTokens === undefined) return undefined
  return { model, tokens: inputTokens + (outputTokens ?? 0) }
}
