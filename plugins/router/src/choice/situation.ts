// plugins/router/src/choice/situation.ts: all that a decision depends on beside the request and the catalogue. Plain data, so that it can be kept and the decision made again.
export interface Situation {
  /** Epoch ms. */
  at: number
  /** Ids of providers that can be asked now. */
  ready: readonly string[]
  /** Models left alone after a failure, by slug: until when, epoch ms. */
  cooling: Readonly<Record<string, number>>
  /** Providers whose requests per minute or hour are used up: until when, epoch ms. */
  limited: Readonly<Record<string, number>>
  /** Measured, by slug. */
  speeds: Readonly<Record<string, { firstMs: number; tokensPerSecond: number }>>
  /** Calls of late, by provider. */
  recent: Readonly<Record<string, number>>
  /** The user's own order of patterns. */
  preferred: readonly string[]
  /** The tightest budget that holds for the request. */
  budget?: { name: string; leftUsd: number; unknownPrice: 'allow' | 'refuse' }
}
