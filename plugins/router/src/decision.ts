// plugins/router/src/decision.ts: what the router decided, and why (R4 R6).
import type { ChooseRequest, Strategy } from './request.ts'

/** Why a model was not taken. */
export type Refusal =
  | 'not-named'
  | 'not-ready'
  | 'not-spoken'
  | 'deprecated'
  | 'place'
  | 'modality'
  | 'tools'
  | 'tool-count'
  | 'parallel-tools'
  | 'images'
  | 'streaming'
  | 'structured'
  | 'reasoning'
  | 'cache'
  | 'context'
  | 'request-tokens'
  | 'price-unknown'
  | 'max-cost'
  | 'budget'
  | 'rate-limit'
  | 'cooling-down'

export interface Choice {
  slug: string
  name: string
  provider: string
  /** Estimated USD of this job; null where the price is unknown. */
  usd: number | null
  /** Expected ms to the whole answer, and whether it was measured or guessed from the kind of model. */
  ms: number
  measured: boolean
  /** What the strategy ranked by; lower is better. */
  score: number
  /** In words. */
  reasons: string[]
  /** Parallel tool calls it was cut down to, where it takes fewer than asked for (R6). */
  parallelToolCalls?: number
}

/** One of the four ways a job does not fit (R6), with what can be done about it. */
export type Violation =
  | { kind: 'context'; tokens: number; window: number; resolutions: ContextResolution[] }
  | {
      kind: 'rate-limit'
      until: number
      resolutions: ({ do: 'wait'; ms: number } | { do: 'fall-back'; model: string })[]
    }
  | {
      kind: 'tool-limit'
      wanted: number
      max: number
      resolutions: ({ do: 'fewer-parallel'; max: number } | { do: 'fewer-tools'; max: number })[]
    }
  | { kind: 'budget'; budget: string; leftUsd: number; wantedUsd: number | null; resolutions: BudgetResolution[] }

export type ContextResolution =
  /** Cut the input into pieces and work on each. */
  | { do: 'chunk'; pieces: number; tokensEach: number }
  /** Put a summary in place of the messages `[0, before)` (system messages stay), then ask again. */
  | { do: 'summarise'; before: number; tokens: number }
  | { do: 'larger-model'; model: string }

export type BudgetResolution =
  | { do: 'pause' }
  | { do: 'cheaper-model'; model: string; usd: number }
  | { do: 'raise-budget'; budget: string }

export interface Decision {
  id: string
  /** Epoch ms. */
  at: number
  strategy: Strategy
  /** Version of the catalogue it was made on. */
  catalogue: string
  /** Absent if no model will do; `violation` or `refused` says why. */
  chosen?: Choice
  /** Asked in this order should the chosen one fail. */
  fallbacks: Choice[]
  considered: number
  admissible: number
  /** Why the others were out, most frequent first, with examples. */
  refused: { why: Refusal; count: number; examples: string[] }[]
  /** Admissible, and yet not taken: the nearest, and by what they lost. */
  runnersUp: { slug: string; usd: number | null; ms: number; lostBy: string }[]
  violation?: Violation
  request: ChooseRequest
  /** Tokens the job was judged by. */
  estimate: { inputTokens: number; outputTokens: number }
  /** The whole decision in a few sentences. */
  summary: string
}
