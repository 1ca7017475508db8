// plugins/web/src/chat/models.ts: what the picker shows, and what a session has cost. Unknown stays unknown: never zero, never free.
import type { Model, Models, ProviderStatus } from '@pryx/plugin-router/service'
import { PryxError } from '@pryx/sdk'

const MAX_LISTED = 200
const ECHO = 'echo'
/** Asked about first, in this order: what most people have a key for. */
const USUAL = ['anthropic', 'openai', 'google', 'openrouter', 'mistral', 'groq', 'xai', 'deepseek']

export interface ModelChoice {
  slug: string
  name: string
  provider: string
  local: boolean
  /** Tokens; absent: unknown. */
  context?: number
  /** USD for a million tokens; absent: unknown. */
  input?: number
  output?: number
  tools: boolean
  vision: boolean
  reasoning: boolean
}

export interface Choices {
  models: ModelChoice[]
  /** Providers that can be asked now. */
  ready: { id: string; name: string; local: boolean }[]
  /** Providers that lack a key, the usual ones. */
  missing: { id: string; name: string }[]
  /** Nobody but the echo answers. */
  echoOnly: boolean
}

export async function choicesOf(models: Models): Promise<Choices> {
  const [providers, listed] = await Promise.all([models.providers(), models.list({ ready: true, limit: MAX_LISTED })])
  const ready = providers.filter(({ state }) => state === 'ready')
  const named = new Map(providers.map((one) => [one.id, one]))
  const real = listed.filter(({ status, output }) => status !== 'deprecated' && output.includes('text'))
  return {
    models: real.map((model) => choiceOf(model, named)),
    ready: ready.map(({ id, name, local }) => ({ id, name, local })),
    missing: USUAL.flatMap((id) => missingOf(named.get(id))),
    echoOnly: real.every(({ provider }) => provider === ECHO),
  }
}

export interface Cost {
  usd: number
  /** Calls whose price is unknown. */
  unpriced: number
  inputTokens: number
  outputTokens: number
  calls: number
  /** Tokens that fit the model that answered last; absent: unknown. */
  context?: number
}

/** @param model The model that answered last. */
export async function costOf(models: Models, session: string, model: string | undefined): Promise<Cost> {
  const [rows, shown] = await Promise.all([
    models.usage({ session, since: 0 }),
    model === undefined ? undefined : models.show(model).catch(unknownModel),
  ])
  const { usd = 0, unpriced = 0, inputTokens = 0, outputTokens = 0, calls = 0 } = rows[0] ?? {}
  const context = shown?.context
  return { usd, unpriced, inputTokens, outputTokens, calls, ...(context !== undefined && { context }) }
}

function choiceOf(model: Model, providers: ReadonlyMap<string, ProviderStatus>): ModelChoice {
  const { slug, name, provider, local, context, prices, tools, vision, reasoning } = model
  return {
    slug,
    name,
    provider: providers.get(provider)?.name ?? provider,
    local,
    ...(context !== undefined && { context }),
    ...(prices.input !== undefined && { input: prices.input }),
    ...(prices.output !== undefined && { output: prices.output }),
    tools,
    vision,
    reasoning,
  }
}

function missingOf(provider: ProviderStatus | undefined): Choices['missing'] {
  return provider?.state === 'needs-key' ? [{ id: provider.id, name: provider.name }] : []
}

function unknownModel(error: unknown): undefined {
  if (PryxError.is(error)) return undefined
  throw error
}
