// plugins/agent/src/prompt/messages.ts: a session's log as a model reads it. Pure.
//   P1  Every tool call has a result: one whose outcome is not in the log is told as interrupted.
//   P3  The word a run was started with stands where that run begins: what waits for its turn is not seen by the run before it.
//   P4  Entries a summary stands for are left out, and it stands in their place, marked: it may repeat what others said (M2). The word of the
//       run in progress is never left out.
//   P2  What did not come from the user's own hand is marked (marked.ts).
import type { Message } from '@pryx/plugin-router/service'
import type { SessionEvent } from '@pryx/plugin-sessions/service'
import { marked } from './marked.ts'
import { summedUpTo } from './window.ts'

const MAX_OUTPUT = 30_000 // characters of one tool's result as the model sees it

type Result = Extract<SessionEvent, { kind: 'tool.completed' }>['body']
type Said = Extract<SessionEvent, { kind: 'message' }>
type Calls = Extract<Message, { role: 'assistant' }>['content']

/** The client id of the word a run was started with. */
export const clientOf = (run: string) => `run:${run}`

/** Tool names on the wire of providers hold no dots. */
export const wireName = (tool: string) => tool.replaceAll('.', '__')

/** @param current The run in progress. */
export function messagesOf(events: readonly SessionEvent[], current?: string): Message[] {
  const results = new Map(
    events.flatMap((event) => (event.kind === 'tool.completed' ? [[event.body.call, event.body] as const] : [])),
  )
  const upTo = summedUpTo(events)
  const messages: Message[] = summaryIn(events)
  const waiting = new Map<string, Said>()
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as SessionEvent
    const old = event.version <= upTo // P4
    if (event.kind === 'message' && event.client?.startsWith('run:'))
      waiting.set(event.client, event) // P3
    else if (event.kind === 'message' && !old) messages.push(saidIn(event))
    const begun = event.kind === 'run.started' ? clientOf(event.body.run) : ''
    const said = waiting.get(begun)
    if (said && (!old || begun === (current && clientOf(current)))) messages.push(saidIn(said))
    waiting.delete(begun)
    if (event.kind !== 'tool.requested' || old) continue
    const calls = [event.body]
    while (events[i + 1]?.kind === 'tool.requested') calls.push((events[++i] as typeof event).body)
    addCalls(messages, calls, results)
  }
  return messages
}

function summaryIn(events: readonly SessionEvent[]): Message[] {
  const summary = events.findLast(({ kind }) => kind === 'summary')
  if (summary?.kind !== 'summary') return []
  const { text, messages, upTo } = summary.body
  const what = `Summary of the ${messages} messages before (entries 1 to ${upTo} of the log, which keeps them whole):`
  return [{ role: 'user', content: `${what}\n${marked('summary', text)}` }]
}

function saidIn({ body }: Said): Message {
  if (body.role === 'assistant') return { role: 'assistant', content: body.text }
  return { role: 'user', content: body.origin === undefined ? body.text : marked(body.origin, body.text) } // P2
}

function addCalls(
  messages: Message[],
  calls: readonly { call: string; name: string; input: unknown }[],
  results: ReadonlyMap<string, Result>,
): void {
  const before = messages.at(-1)
  const text = before?.role === 'assistant' && typeof before.content === 'string' ? before.content : undefined
  if (text !== undefined) messages.pop()
  const content: Calls = [
    ...(text ? [{ type: 'text' as const, text }] : []),
    ...calls.map(({ call, name, input }) => ({ type: 'tool-call' as const, id: call, name: wireName(name), input })),
  ]
  messages.push({ role: 'assistant', content })
  messages.push({
    role: 'tool',
    content: calls.map(({ call, name }) => {
      const { output, outcome } = results.get(call) ?? { output: INTERRUPTED, outcome: 'interrupted' } // P1
      return {
        type: 'tool-result' as const,
        id: call,
        name: wireName(name),
        output: marked(name, textOf(output)), // P2
        ...(outcome !== 'ok' && { failed: true }),
      }
    }),
  })
}

export const INTERRUPTED = 'Interrupted: whether it took effect is not known. It was not tried again.'

export function textOf(output: unknown): string {
  const text = typeof output === 'string' ? output : (JSON.stringify(output) ?? 'null')
  if (text.length <= MAX_OUTPUT) return text
  return `${text.slice(0, MAX_OUTPUT)}\n[${text.length - MAX_OUTPUT} more characters left out]`
}
