// plugins/router/src/stream.ts: the parts of an answer, and two ways to take them.
//   P1  Parts between two `start`s are one model's. A `restart` voids all since the last `start`; nothing of it belongs to the answer.
//   P2  `finish` comes once and last. A stream that ends without it has failed, with an error.
import type { Violation } from './decision.ts'

export interface TokenUsage {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  reasoningTokens: number
  /** False: the provider reported none, so they are estimated. */
  reported: boolean
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other'

export type ModelPart =
  | { type: 'start'; decision: string; model: string; name: string; attempt: number; summary: string }
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool-call'; id: string; name: string; input: unknown }
  /** What came since the last `start` is void: it broke, and another answer follows (`start`). */
  | { type: 'restart'; reason: string; code: string }
  /** A limit was hit and dealt with, or is about to fail the stream. */
  | { type: 'violation'; violation: Violation }
  | { type: 'finish'; reason: FinishReason; usage: TokenUsage; usd: number | null; ms: number }

export interface Generated {
  text: string
  reasoning: string
  toolCalls: { id: string; name: string; input: unknown }[]
  model: string
  decision: string
  reason: FinishReason
  usage: TokenUsage
  usd: number | null
}

/** Takes all parts; answers what they come to. @throws what the stream fails with */
export async function collect(parts: ReadableStream<ModelPart>): Promise<Generated> {
  const empty = () => ({ text: '', reasoning: '', toolCalls: [] as Generated['toolCalls'] })
  let answer = empty()
  let from = { model: '', decision: '' }
  for await (const part of parts) {
    if (part.type === 'start') from = { model: part.model, decision: part.decision }
    else if (part.type === 'restart')
      answer = empty() // P1
    else if (part.type === 'text') answer.text += part.text
    else if (part.type === 'reasoning') answer.reasoning += part.text
    else if (part.type === 'tool-call') answer.toolCalls.push({ id: part.id, name: part.name, input: part.input })
    else if (part.type === 'finish') {
      const { reason, usage, usd } = part
      return { ...answer, ...from, reason, usage, usd }
    }
  }
  throw new Error('the stream ended without a finish') // P2: cannot be, unless the provider of the service is not ours
}

/** The same stream, which fails and lets go of its source when `signal` aborts. */
export function endingWith<T>(source: ReadableStream<T>, signal: AbortSignal): ReadableStream<T> {
  const reader = source.getReader()
  let leave = () => {}
  return new ReadableStream<T>(
    {
      start(controller) {
        const abort = () => {
          controller.error(signal.reason)
          reader.cancel(signal.reason).catch(() => {})
        }
        if (signal.aborted) return abort()
        signal.addEventListener('abort', abort, { once: true })
        leave = () => signal.removeEventListener('abort', abort)
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (signal.aborted) return
          if (!done) return controller.enqueue(value)
          leave()
          controller.close()
        } catch (error) {
          leave()
          if (!signal.aborted) controller.error(error)
        }
      },
      cancel(reason) {
        leave()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
