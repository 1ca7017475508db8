// plugins/router/src/request.ts: what one asks of the router: a model for a job, or the job itself. All of it crosses an isolate wall.
import { z } from 'zod'

export const modalitySchema = z.enum(['text', 'image', 'audio', 'video', 'pdf'])
export type Modality = z.infer<typeof modalitySchema>

/**
 * `cheapest` by the estimated price of this job; `fastest` by measured speed, else by a guess that says so; `balanced` 0.6 cost + 0.4 latency;
 * `capability` the model with most of what `prefer` wishes; `chain` primary → secondary → tertiary as listed; `diverse` the provider
 * used least lately; `preferred` the user's own order.
 */
export const strategySchema = z.enum(['cheapest', 'fastest', 'balanced', 'capability', 'chain', 'diverse', 'preferred'])
export type Strategy = z.infer<typeof strategySchema>

export const abilitySchema = z.enum(['tools', 'vision', 'reasoning', 'structured', 'cache', 'audio', 'pdf', 'open'])
export type Ability = z.infer<typeof abilitySchema>

const tokens = z.number().int().min(0).max(100_000_000)

/** What the job needs of a model. A model of which a needed fact is unknown does not satisfy it (R5). */
export const needsSchema = z.strictObject({
  /** Tokens that go in. Default: estimated from the messages and tools, 1,000 without any. */
  inputTokens: tokens.optional(),
  /** Tokens that may come out, for the window and the bill. Default 1,024, or less where the model's own limit is lower. */
  outputTokens: tokens.optional(),
  tools: z.number().int().min(0).max(100_000).optional(),
  parallelToolCalls: z.number().int().min(1).max(10_000).optional(),
  images: z.number().int().min(0).max(10_000).optional(),
  input: z.array(modalitySchema).optional(),
  /** Default text. */
  output: z.array(modalitySchema).optional(),
  streaming: z.boolean().optional(),
  structured: z.boolean().optional(),
  /** Tokens of thinking before the answer; 0 means any thinking will do. */
  reasoningTokens: tokens.optional(),
  /** Prompt caching with a known price. */
  cache: z.boolean().optional(),
  /** Most this call may cost, USD. A model without a known price does not satisfy it. */
  maxUsd: z.number().min(0).optional(),
})
export type Needs = z.infer<typeof needsSchema>

const pattern = z.string().min(1).max(256)
const name = z.string().min(1).max(128)

export const chooseSchema = z.strictObject({
  strategy: strategySchema.optional(),
  /** The model the user named, `provider/id`: this one or none. */
  model: pattern.optional(),
  /** Only these: slugs or patterns such as `anthropic/*`. */
  only: z.array(pattern).max(64).optional(),
  /** For `chain`: slugs or patterns, best first. */
  chain: z.array(pattern).min(1).max(16).optional(),
  /** For `preferred`, over the user's configured order. */
  order: z.array(pattern).min(1).max(64).optional(),
  /** For `capability`: what would be good to have. */
  prefer: z.array(abilitySchema).max(8).optional(),
  needs: needsSchema.optional(),
  /** Where it may run. `local`: nothing leaves this machine. Default: the user's configuration. */
  place: z.enum(['any', 'local', 'local-first', 'cloud-first']).optional(),
  /** `ready`: providers that are set up (default). `all`: the whole catalogue, to compare. */
  among: z.enum(['ready', 'all']).optional(),
  /** Whose money it is. */
  session: name.optional(),
  task: name.optional(),
  /** What to do where a limit is hit (R6); the defaults are the first of each. */
  onBudget: z.enum(['stop', 'cheaper']).optional(),
  onRateLimit: z.enum(['fall-back', 'wait', 'stop']).optional(),
  onToolLimit: z.enum(['reduce', 'stop']).optional(),
})
export type ChooseRequest = z.infer<typeof chooseSchema>

const text = z.strictObject({ type: z.literal('text'), text: z.string() })
const media = z.strictObject({
  type: z.literal('file'),
  /** Bytes, or an https URL that the provider fetches itself. */
  data: z.union([z.instanceof(Uint8Array), z.string()]),
  mediaType: z.string().max(128),
  filename: z.string().max(256).optional(),
})
const toolCall = z.strictObject({ type: z.literal('tool-call'), id: name, name, input: z.unknown() })
const toolResult = z.strictObject({
  type: z.literal('tool-result'),
  id: name,
  name,
  /** Any JSON, or text. */
  output: z.unknown(),
  failed: z.boolean().optional(),
})

export const messageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('user'), content: z.union([z.string(), z.array(z.union([text, media]))]) }),
  z.strictObject({ role: z.literal('assistant'), content: z.union([z.string(), z.array(z.union([text, toolCall]))]) }),
  z.strictObject({ role: z.literal('tool'), content: z.array(toolResult) }),
])
export type Message = z.infer<typeof messageSchema>

export const toolSchema = z.strictObject({
  name: z.string().min(1).max(64),
  description: z.string().max(8_192).optional(),
  /** JSON Schema of an object. */
  inputSchema: z.record(z.string(), z.unknown()),
})
export type Tool = z.infer<typeof toolSchema>

export const generateSchema = chooseSchema.extend({
  messages: z.array(messageSchema).min(1).max(10_000),
  tools: z.array(toolSchema).max(1_024).optional(),
  toolChoice: z.union([z.enum(['auto', 'none', 'required']), z.strictObject({ tool: name })]).optional(),
  maxOutputTokens: z.number().int().min(1).max(10_000_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  stop: z.array(z.string().min(1)).max(8).optional(),
  seed: z.number().int().optional(),
  /** What to do when a stream breaks in the middle. `continue`: the same model again, whose words must match those already told, else `replace`. */
  onBreak: z.enum(['replace', 'continue', 'stop']).optional(),
})
export type GenerateRequest = z.infer<typeof generateSchema>
