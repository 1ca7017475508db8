// plugins/router/src/service.ts: the router's contract: token, types, events. Users import this file and no other.
import { defineService, type ServiceCaller } from '@pryx/sdk'
import { z } from 'zod'
import type { Decision } from './decision.ts'
import type { CallRecord } from './events.ts'
import { type Model, type Override, overrideSchema, type Provider } from './facts.ts'
import { type ChooseRequest, chooseSchema, type GenerateRequest, generateSchema } from './request.ts'
import { collect, endingWith, type Generated, type ModelPart } from './stream.ts'

export type { BudgetResolution, Choice, ContextResolution, Decision, Refusal, Violation } from './decision.ts'
export { type CallRecord, modelsEvents } from './events.ts'
export type { Model, Override, Prices, Provider, RequestLimits, Wire } from './facts.ts'
export type { ChooseRequest, GenerateRequest, Message, Modality, Needs, Strategy, Tool } from './request.ts'
export type { Generated, ModelPart, TokenUsage } from './stream.ts'

export interface ProviderStatus extends Provider {
  /** `ready`: may be asked now. `needs-key`, `needs-address`: what `connect` must be given. `not-spoken`: its wire is not one of ours. */
  state: 'ready' | 'needs-key' | 'needs-address' | 'not-spoken'
  local: boolean
}

export interface Finding {
  slug: string
  rule:
    | 'output-over-context'
    | 'context-unknown'
    | 'price-zero'
    | 'price-missing'
    | 'cache-dearer'
    | 'input-over-context'
    | 'no-output'
    | 'modality-missing'
    | 'date-odd'
  message: string
}

export interface RefreshReport {
  /** `fresh`: fetched less than 24 h ago. `offline`: the last good copy is in use, `error` says why. `off`: the user does not want it. */
  outcome: 'updated' | 'unchanged' | 'fresh' | 'offline' | 'off'
  version: string
  models: number
  providers: number
  /** Epoch ms of the data in use. */
  at: number
  source: 'bundled' | 'fetched'
  added: number
  removed: number
  error?: string
}

export interface UsageFilter {
  session?: string | undefined
  task?: string | undefined
  model?: string | undefined
  /** Epoch ms, included; and excluded. Default: since the first of this month, in the user's zone. */
  since?: number | undefined
  until?: number | undefined
  /** Default: one row for all. */
  by?: 'model' | 'provider' | 'session' | 'task' | 'day' | 'month' | undefined
}

export interface UsageRow {
  key: string
  calls: number
  inputTokens: number
  outputTokens: number
  /** Of calls with a known price. */
  usd: number
  /** Calls whose price is unknown: `usd` does not hold them. */
  unpriced: number
}

export interface BudgetStatus {
  /** `month`, `day`, `session:ID`, `task:ID` … */
  budget: string
  /** `2026-11`, `2026-11-22`, or the session or task. */
  period: string
  limitUsd: number
  usd: number
  /** Held back for calls under way. */
  reservedUsd: number
  leftUsd: number
  percent: number
  unpriced: number
  /** What the user has allowed on top, for this period. */
  extraUsd: number
}

/**
 * Language models: which one for a job, why, and the call itself (R1–R8).
 *
 * @throws MODELS_NONE if no model will do, with the reasons; MODELS_UNKNOWN for a slug that is not there; MODELS_CONTEXT, MODELS_RATE_LIMIT,
 *   MODELS_TOOL_LIMIT, MODELS_BUDGET for the four violations; MODELS_KEY if a provider refuses its key; MODELS_PROVIDER if all that were
 *   asked failed; MODELS_BROKEN if a stream broke and may not be replaced; MODELS_REFUSED for what only the host and managers may do.
 */
export interface Models {
  /** Decides and calls nobody. */
  choose(request: ChooseRequest): Promise<Decision>
  /**
   * Asks the best model. Parts come as the provider sends them; the stream fails with what `@throws` lists. Cancel it, or abort `signal`, to stop.
   * Act on tool calls after `finish` only: until then a `restart` makes all before it void.
   */
  stream(request: GenerateRequest, options?: { signal?: AbortSignal }): Promise<ReadableStream<ModelPart>>
  /** As `stream`, and waits for the end. */
  generate(request: GenerateRequest, options?: { signal?: AbortSignal }): Promise<Generated>
  /** A decision of late (the last 500), by its id; the newest without one. @throws MODELS_UNKNOWN */
  decision(id?: string): Promise<Decision>
  /** Why `slug` was not, or would not be, chosen for this request: every reason, not the first only. */
  whyNot(request: ChooseRequest, slug: string): Promise<string[]>
  /** Makes a decision again from what it was made of. `same` is false only if the router itself has changed. @throws MODELS_CATALOGUE_GONE */
  replay(id: string): Promise<{ same: boolean; decision: Decision }>
  /** Models whose slug or name holds all words of `query`, in order of their slugs. At most 200. */
  list(filter?: {
    query?: string | undefined
    provider?: string | undefined
    ready?: boolean | undefined
    limit?: number | undefined
    after?: string | undefined
  }): Promise<Model[]>
  show(slug: string): Promise<Model>
  /** What is wrong in the catalogue's data. */
  lint(filter?: {
    provider?: string | undefined
    rule?: Finding['rule'] | undefined
    limit?: number | undefined
  }): Promise<{ total: number; counts: Record<string, number>; findings: Finding[] }>
  /** Fetches the catalogue if the copy is older than 24 h, or `force`. */
  refresh(options?: { force?: boolean | undefined }): Promise<RefreshReport>
  /** The user's word over the catalogue's, at once; null takes it back. A slug that is not there yet becomes a model. Managers only. */
  override(slug: string, override: Override | null): Promise<Model | null>
  providers(): Promise<ProviderStatus[]>
  /** Keeps a provider's key among the secrets, and its address where it needs one. Managers only. */
  connect(provider: string, access: { key?: string | undefined; baseUrl?: string | undefined }): Promise<ProviderStatus>
  /** Forgets the key. Managers only. */
  disconnect(provider: string): Promise<ProviderStatus>
  usage(filter?: UsageFilter): Promise<UsageRow[]>
  /** Newest first. */
  calls(filter?: {
    session?: string | undefined
    task?: string | undefined
    limit?: number | undefined
  }): Promise<CallRecord[]>
  /** Those that hold for the session and task, and the day's and month's. */
  budgets(of?: { session?: string | undefined; task?: string | undefined }): Promise<BudgetStatus[]>
  /** Allows `usd` more in the running period of a budget. Managers only. */
  extendBudget(budget: string, usd: number): Promise<BudgetStatus>
}

const slug = z.string().min(1).max(256)
const provider = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
const optional = (schema: z.ZodType) => z.tuple([]).rest(schema.optional())
const limit = z.number().int().min(1).max(200).optional()

export const Models = defineService<Models>('models', '1.0.0', {
  methods: {
    choose: { input: z.tuple([chooseSchema]) },
    stream: { input: z.tuple([generateSchema]) },
    decision: { input: optional(z.string().max(64)) },
    whyNot: { input: z.tuple([chooseSchema, slug]) },
    replay: { input: z.tuple([z.string().max(64)]) },
    list: {
      input: optional(
        z.strictObject({
          query: z.string().max(256).optional(),
          provider: provider.optional(),
          ready: z.boolean().optional(),
          limit,
          after: slug.optional(),
        }),
      ),
    },
    show: { input: z.tuple([slug]) },
    lint: {
      input: optional(
        z.strictObject({
          provider: provider.optional(),
          rule: z.string().max(32).optional(),
          limit: z.number().int().min(0).max(2_000).optional(),
        }),
      ),
    },
    refresh: { input: optional(z.strictObject({ force: z.boolean().optional() })) },
    override: { input: z.tuple([slug, overrideSchema.nullable()]) },
    providers: { input: z.tuple([]) },
    connect: {
      input: z.tuple([
        provider,
        z.strictObject({
          key: z.string().min(1).max(16_384).optional(),
          baseUrl: z
            .url({ protocol: /^https?$/ })
            .max(512)
            .optional(),
        }),
      ]),
    },
    disconnect: { input: z.tuple([provider]) },
    usage: {
      input: optional(
        z.strictObject({
          session: z.string().max(128).optional(),
          task: z.string().max(128).optional(),
          model: slug.optional(),
          since: z.number().optional(),
          until: z.number().optional(),
          by: z.enum(['model', 'provider', 'session', 'task', 'day', 'month']).optional(),
        }),
      ),
    },
    calls: {
      input: optional(
        z.strictObject({ session: z.string().max(128).optional(), task: z.string().max(128).optional(), limit }),
      ),
    },
    budgets: {
      input: optional(
        z.strictObject({ session: z.string().max(128).optional(), task: z.string().max(128).optional() }),
      ),
    },
    extendBudget: { input: z.tuple([z.string().min(1).max(200), z.number().min(0).max(1_000_000)]) },
  },
  face: modelsFace,
})

const PLAIN = [
  'choose',
  'decision',
  'whyNot',
  'replay',
  'list',
  'show',
  'lint',
  'refresh',
  'override',
  'providers',
  'connect',
  'disconnect',
  'usage',
  'calls',
  'budgets',
  'extendBudget',
] as const

/** A signal ends the stream too, after the call that opened it was answered; and `generate` is `stream`, collected on the consumer's side. */
function modelsFace(call: ServiceCaller): Models {
  const face = Object.fromEntries(
    PLAIN.map((method) => [method, (...args: unknown[]) => call(method, args)]),
  ) as unknown as Models
  const stream: Models['stream'] = async (request, { signal } = {}) => {
    const parts = (await call('stream', [request], { ...(signal && { signal }) })) as ReadableStream<ModelPart>
    return signal ? endingWith(parts, signal) : parts
  }
  return Object.assign(face, {
    stream,
    generate: async (...args: Parameters<Models['generate']>) => collect(await stream(...args)),
  })
}
