// plugins/router/src/catalogue/local.ts: models that run on this machine, found by asking where their servers usually listen (R8).
//   V1  Nobody there is an ordinary answer: no error, no log, no waiting beyond a second and a half.
//   V2  What a local server says is taken as a stranger's word: checked, bounded, and only numbers and names of it kept.
import { z } from 'zod'
import type { Model } from '../facts.ts'
import { blankModel } from './catalogue.ts'
import type { Extra } from './shelf.ts'
import { isLoopback } from './wires.ts'

const PROBE_MS = 1_500
const MAX_MODELS = 100
/** What Ollama gives a model that nobody configured: more is cut off without a word, so more is not believed. */
const OLLAMA_CONTEXT = 4_096
const MODEL_ID = /^[A-Za-z0-9][\w./:-]{0,150}$/

const tags = z.object({
  models: z.array(
    z.object({
      name: z.string().regex(MODEL_ID),
      details: z.object({ family: z.string().max(64).optional() }).optional(),
    }),
  ),
})
const shown = z.object({
  parameters: z.string().optional(),
  capabilities: z.array(z.string()).default([]),
  model_info: z.record(z.string(), z.unknown()).default({}),
})
const served = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1).max(512),
      owned_by: z.string().optional(),
      meta: z.object({ n_ctx_train: z.number().optional(), n_ctx: z.number().optional() }).nullish(),
    }),
  ),
})

/** @param url Where it listens; only this machine is asked. */
export async function findOllama(url: string, fetch: typeof globalThis.fetch): Promise<Extra | undefined> {
  const root = rootOf(url)
  const list = root && (await ask(fetch, `${root}/api/tags`, tags))
  if (!root || !list) return undefined
  const models = await Promise.all(
    list.models.slice(0, MAX_MODELS).map(({ name, details }) => ollamaModel(root, name, details?.family, fetch)),
  )
  return { provider: { id: 'ollama', name: 'Ollama', wire: 'openai-compatible', baseUrl: `${root}/v1` }, models }
}

export async function findLlamaCpp(url: string, fetch: typeof globalThis.fetch): Promise<Extra | undefined> {
  const root = rootOf(url)
  const list = root && (await ask(fetch, `${root}/v1/models`, served))
  const [first] = list ? list.data : []
  if (!root || first === undefined || first.owned_by !== 'llamacpp') return undefined
  const id = first.id.slice(first.id.lastIndexOf('/') + 1).replace(/\.gguf$/i, '')
  if (!MODEL_ID.test(id)) return undefined
  const context = first.meta?.n_ctx ?? first.meta?.n_ctx_train
  return {
    provider: { id: 'llamacpp', name: 'llama.cpp server', wire: 'openai-compatible', baseUrl: `${root}/v1` },
    models: [localModel(`llamacpp/${id}`, { context, tools: true })],
  }
}

async function ollamaModel(
  root: string,
  name: string,
  family: string | undefined,
  fetch: typeof globalThis.fetch,
): Promise<Model> {
  const facts = await ask(fetch, `${root}/api/show`, shown, { model: name })
  const { parameters = '', capabilities = [], model_info = {} } = facts ?? {}
  const set = Number(/^num_ctx\s+(\d{1,9})$/m.exec(parameters)?.[1])
  const trained = Object.entries(model_info).find(([key]) => key.endsWith('.context_length'))?.[1]
  const context =
    set > 0 ? set : Math.min(OLLAMA_CONTEXT, typeof trained === 'number' && trained > 0 ? trained : OLLAMA_CONTEXT)
  const can = (ability: string) => capabilities.includes(ability)
  return localModel(`ollama/${name}`, {
    context,
    family,
    tools: can('tools'),
    vision: can('vision'),
    reasoning: can('thinking'),
  })
}

interface LocalFacts {
  context?: number | undefined
  family?: string | undefined
  tools?: boolean
  vision?: boolean
  reasoning?: boolean
}

/** What runs here costs nothing a call: that is known, not assumed. */
function localModel(
  slug: string,
  { context, family, tools = false, vision = false, reasoning = false }: LocalFacts,
): Model {
  return {
    ...blankModel(slug),
    wire: 'openai-compatible',
    local: true,
    open: true,
    tools,
    vision,
    reasoning,
    input: vision ? ['text', 'image'] : ['text'],
    prices: { input: 0, output: 0 },
    ...(family !== undefined && { family }),
    ...(context !== undefined && Number.isSafeInteger(context) && context > 0 && { context, outputLimit: context }),
  }
}

function rootOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { protocol, hostname, origin } = new URL(url)
  return (protocol === 'http:' || protocol === 'https:') && isLoopback(hostname) ? origin : undefined
}

async function ask<T>(
  fetch: typeof globalThis.fetch,
  url: string,
  schema: z.ZodType<T>,
  body?: object,
): Promise<T | undefined> {
  const init = body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(PROBE_MS) })
    if (!response.ok) return void (await response.body?.cancel())
    return schema.safeParse(await response.json()).data
  } catch {
    return undefined // V1
  }
}
