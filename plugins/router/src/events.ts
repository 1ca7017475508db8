// plugins/router/src/events.ts: facts about calls, money and providers. Never a prompt, an answer or a key.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'

const money = z.number().nullable()

export const callSchema = z.object({
  id: z.string(),
  /** The decision that chose the model. */
  decision: z.string(),
  /** Epoch ms at which it began. */
  at: z.number(),
  model: z.string(),
  provider: z.string(),
  /** The plugin that asked, or `host`. */
  from: z.string(),
  session: z.string().optional(),
  task: z.string().optional(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheWriteTokens: z.number(),
  reasoningTokens: z.number(),
  /** As the provider reported them; false: estimated, because it reported none. */
  reported: z.boolean(),
  /** USD; null: the price is unknown. */
  usd: money,
  /** To the first word, and to the end. */
  firstMs: z.number().nullable(),
  ms: z.number(),
  outcome: z.enum(['done', 'failed', 'cancelled']),
  /** Code of the failure. */
  code: z.string().optional(),
})
export type CallRecord = z.infer<typeof callSchema>

export const modelsEvents = defineEvents('models', {
  /** A call to a provider has ended, whichever way. */
  called: callSchema,
  /** A provider failed and another model was asked instead. */
  'fell-back': z.object({ decision: z.string(), from: z.string(), to: z.string(), code: z.string(), at: z.number() }),
  /** A budget has passed 50, 75 or 90 %; each told once in its period. */
  'budget-alert': z.object({
    budget: z.string(),
    period: z.string(),
    percent: z.number(),
    usd: z.number(),
    limitUsd: z.number(),
  }),
  /** A call was not made, because it would have crossed a budget. */
  'budget-stopped': z.object({
    budget: z.string(),
    period: z.string(),
    usd: z.number(),
    limitUsd: z.number(),
    wantedUsd: money,
  }),
  /** A model is left alone until then, after it failed. */
  cooled: z.object({ model: z.string(), until: z.number(), code: z.string() }),
  refreshed: z.object({ version: z.string(), models: z.number(), added: z.number(), removed: z.number() }),
  /** A provider was set up, or taken out. */
  provider: z.object({ provider: z.string(), ready: z.boolean() }),
})
