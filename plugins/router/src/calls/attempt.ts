// plugins/router/src/calls/attempt.ts: one question to one model, whatever wire it is on.
import type { Model } from '../facts.ts'
import type { GenerateRequest } from '../request.ts'
import type { FinishReason, TokenUsage } from '../stream.ts'

/** What an answer is made of, before it is known whose turn in the conversation it becomes. */
export type Piece =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool-call'; id: string; name: string; input: unknown }
  /** `usage` as reported; absent where nothing was. */
  | { type: 'end'; reason: FinishReason; usage?: Omit<TokenUsage, 'reported'> }

export interface Question {
  model: Model
  baseUrl: string
  key: string | undefined
  request: GenerateRequest
  maxOutputTokens: number | undefined
  /** Fewer than the caller asked for where the model takes fewer. */
  parallelToolCalls: number | undefined
  signal: AbortSignal
}

/** Asks; throws what the provider or the network says. Ends with `end`, or throws. */
export type Ask = (question: Question) => AsyncIterable<Piece>
