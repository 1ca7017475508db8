// plugins/router/src/facts.ts: what is known of a model and of a provider (R2). Absent means unknown, and unknown is never free or unlimited.
import { z } from 'zod'
import { modalitySchema } from './request.ts'

/** The wire a provider speaks; `none`: one that this router does not. */
export const wireSchema = z.enum(['openai', 'openai-compatible', 'anthropic', 'google', 'echo', 'none'])
export type Wire = z.infer<typeof wireSchema>

const count = z.number().int().min(0)
const usd = z.number().min(0)

/** USD for a million tokens; `request` USD for a call. */
export const pricesSchema = z.strictObject({
  input: usd.optional(),
  output: usd.optional(),
  cacheRead: usd.optional(),
  cacheWrite: usd.optional(),
  reasoning: usd.optional(),
  request: usd.optional(),
  /** Prices for the whole call once more than `above` tokens go in. Rising. */
  tiers: z
    .array(
      z.strictObject({ above: count, input: usd, output: usd, cacheRead: usd.optional(), cacheWrite: usd.optional() }),
    )
    .max(8)
    .optional(),
})
export type Prices = z.infer<typeof pricesSchema>

export const requestLimitsSchema = z.strictObject({
  /** Tokens in and out of one request. */
  tokens: count.optional(),
  tools: count.optional(),
  parallelToolCalls: count.optional(),
  images: count.optional(),
})
export type RequestLimits = z.infer<typeof requestLimitsSchema>

export const modelSchema = z.strictObject({
  /** `provider/id`: permanent, whatever the model is called later. */
  slug: z.string(),
  id: z.string(),
  provider: z.string(),
  name: z.string(),
  family: z.string().optional(),
  status: z.enum(['stable', 'beta', 'alpha', 'deprecated']),
  /** ISO date or month. */
  released: z.string().optional(),
  wire: wireSchema,
  /** Runs on this machine. */
  local: z.boolean(),
  /** Tokens in and out together. */
  context: count.optional(),
  inputLimit: count.optional(),
  outputLimit: count.optional(),
  /** The family of tokenizer that counts best for it. */
  tokenizer: z.string(),
  input: z.array(modalitySchema),
  output: z.array(modalitySchema),
  tools: z.boolean(),
  vision: z.boolean(),
  reasoning: z.boolean(),
  streaming: z.boolean(),
  structured: z.boolean(),
  temperature: z.boolean(),
  open: z.boolean(),
  /** Tokens of thinking it can be given, where it takes such a budget. */
  reasoningBudget: z.strictObject({ min: count, max: count.optional() }).optional(),
  limits: requestLimitsSchema,
  prices: pricesSchema,
})
export type Model = z.infer<typeof modelSchema>

/** What a user may say of a model, over what the catalogue says (R1); of a provider's every model likewise (R3). `free` means prices of 0. */
export const overrideSchema = modelSchema
  .pick({
    name: true,
    status: true,
    wire: true,
    context: true,
    inputLimit: true,
    outputLimit: true,
    tokenizer: true,
    input: true,
    output: true,
    tools: true,
    reasoning: true,
    streaming: true,
    structured: true,
    reasoningBudget: true,
    limits: true,
    prices: true,
  })
  .extend({ free: z.boolean() })
  .partial()
export type Override = z.infer<typeof overrideSchema>

export interface Provider {
  id: string
  name: string
  wire: Wire
  /** Where it is reached, without a slash at the end; absent where each customer has an address of their own. */
  baseUrl?: string
  doc?: string
  models: number
}
