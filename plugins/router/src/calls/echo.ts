// plugins/router/src/calls/echo.ts: a provider without key or network, so that the first start answers something, and the whole chain can be tried.
//   E1  It says what it is and what to set up next. It never pretends to be a model.
//   `/tool NAME {json}` as a user's message makes it call that tool, if it was given; the result is then told back.

import { estimateTokens } from '../catalogue/tokenizer.ts'
import { tokensOfMessage } from '../choice/violations.ts'
import type { Model } from '../facts.ts'
import type { GenerateRequest, Message } from '../request.ts'
import type { Piece, Question } from './attempt.ts'

const COMMAND = /^\/tool\s+([A-Za-z0-9_.-]{1,64})\s*(\{[\s\S]*\})?\s*$/
const MAX_ECHO = 2_000 // characters
const PACE_MS = 5 // between words: slow enough to be seen streaming

export const ECHO: Model = {
  slug: 'echo/echo',
  id: 'echo',
  provider: 'echo',
  name: 'Echo',
  status: 'stable',
  wire: 'echo',
  local: true,
  context: 1_000_000,
  outputLimit: 8_192,
  tokenizer: 'unknown',
  input: ['text', 'image', 'audio', 'video', 'pdf'],
  output: ['text'],
  tools: true,
  vision: true,
  reasoning: false,
  streaming: true,
  structured: false,
  temperature: false,
  open: true,
  limits: {},
  prices: { input: 0, output: 0 },
}

/** @param pause Waits between words; ends early when the signal aborts. */
export function createEcho(pause: (ms: number, signal: AbortSignal) => Promise<void>) {
  return async function* echo({ request, signal }: Question): AsyncGenerator<Piece> {
    const call = toolCallIn(request)
    const text = call ? `Calling ${call.name}.` : answerTo(request)
    for (const word of text.match(/\s*\S+/g) ?? []) {
      signal.throwIfAborted()
      yield { type: 'text', text: word }
      await pause(PACE_MS, signal)
    }
    if (call) yield { type: 'tool-call', ...call }
    yield { type: 'end', reason: call ? 'tool-calls' : 'stop', usage: usageOf(request, text) }
  }
}

function answerTo({ messages }: GenerateRequest): string {
  const last = messages.at(-1) as Message
  if (last.role === 'tool') {
    const results = last.content.map(
      ({ name, output, failed }) => `${name} ${failed ? 'failed' : 'answered'}: ${textOf(output)}`,
    )
    return `${results.join('\n')}\n\nThat was the echo. ${NEXT}`
  }
  return `You said: ${said(last).slice(0, MAX_ECHO) || '(nothing)'}\n\nI am the echo: no model is set up yet, so nothing has left this machine. ${NEXT}`
}

const NEXT =
  'Next: run `pryx setup`, or follow the first steps beside the chat on the page, and give a key of a provider (OpenAI, Anthropic, Google, OpenRouter …). With Ollama or a llama.cpp server running here, its models are found by themselves.'

function toolCallIn({
  messages,
  tools = [],
}: GenerateRequest): { id: string; name: string; input: unknown } | undefined {
  const last = messages.at(-1) as Message
  if (last.role !== 'user') return undefined
  const [, typed, json = '{}'] = COMMAND.exec(said(last).trim()) ?? []
  const names = [typed, typed?.replaceAll('.', '__')] // models are told of `notes.add` by a name without a dot
  const name = tools.find((tool) => names.includes(tool.name))?.name
  if (name === undefined) return undefined
  try {
    return { id: `echo-${messages.length}`, name, input: JSON.parse(json) as unknown }
  } catch {
    return undefined
  }
}

function said({ content }: Message): string {
  if (typeof content === 'string') return content
  return content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join(' ')
}

function textOf(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, MAX_ECHO)
}

function usageOf({ messages }: GenerateRequest, text: string) {
  const inputTokens = messages.reduce((sum, message) => sum + tokensOfMessage(message), 0)
  return {
    inputTokens,
    outputTokens: estimateTokens(text),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  }
}
