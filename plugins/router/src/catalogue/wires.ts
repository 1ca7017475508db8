// plugins/router/src/catalogue/wires.ts: which wire a provider speaks and where, from the SDK package its catalogue entry names.
//   W1  A key is never sent in the clear: an address is https, or it is this machine's own.
import type { Wire } from '../facts.ts'

export const WIRES: readonly Wire[] = ['none', 'openai', 'openai-compatible', 'anthropic', 'google', 'echo']

const BY_PACKAGE: Readonly<Record<string, Wire>> = {
  '@ai-sdk/openai': 'openai',
  '@ai-sdk/openai-compatible': 'openai-compatible',
  '@ai-sdk/anthropic': 'anthropic',
  '@ai-sdk/google': 'google',
}

/** Addresses the catalogue leaves to a package: the makers of the wires, and providers that offer an OpenAI-compatible one beside their own. */
const KNOWN: Readonly<Record<string, { wire: Wire; baseUrl: string }>> = {
  openai: { wire: 'openai', baseUrl: 'https://api.openai.com/v1' },
  anthropic: { wire: 'anthropic', baseUrl: 'https://api.anthropic.com/v1' },
  google: { wire: 'google', baseUrl: 'https://generativelanguage.googleapis.com/v1beta' },
  openrouter: { wire: 'openai-compatible', baseUrl: 'https://openrouter.ai/api/v1' },
  groq: { wire: 'openai-compatible', baseUrl: 'https://api.groq.com/openai/v1' },
  mistral: { wire: 'openai-compatible', baseUrl: 'https://api.mistral.ai/v1' },
  xai: { wire: 'openai-compatible', baseUrl: 'https://api.x.ai/v1' },
  deepinfra: { wire: 'openai-compatible', baseUrl: 'https://api.deepinfra.com/v1/openai' },
  cerebras: { wire: 'openai-compatible', baseUrl: 'https://api.cerebras.ai/v1' },
  togetherai: { wire: 'openai-compatible', baseUrl: 'https://api.together.xyz/v1' },
  perplexity: { wire: 'openai-compatible', baseUrl: 'https://api.perplexity.ai' },
  cohere: { wire: 'openai-compatible', baseUrl: 'https://api.cohere.ai/compatibility/v1' },
  venice: { wire: 'openai-compatible', baseUrl: 'https://api.venice.ai/api/v1' },
  v0: { wire: 'openai-compatible', baseUrl: 'https://api.v0.dev/v1' },
  vercel: { wire: 'openai-compatible', baseUrl: 'https://ai-gateway.vercel.sh/v1' },
}

export function wireOfPackage(npm: unknown): Wire {
  return typeof npm === 'string' && Object.hasOwn(BY_PACKAGE, npm) ? (BY_PACKAGE[npm] as Wire) : 'none'
}

export function endpointOf(provider: string, npm: unknown, api: unknown): { wire: Wire; baseUrl: string | undefined } {
  if (Object.hasOwn(KNOWN, provider)) return KNOWN[provider] as { wire: Wire; baseUrl: string }
  const wire = wireOfPackage(npm)
  return { wire, baseUrl: wire === 'none' ? undefined : usableUrl(api) }
}

/** Without a slash at the end; undefined for what is no address, or one with a place to fill in, or not safe (W1). */
export function usableUrl(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > 512 || text.includes('${') || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  if (!safe || url.username !== '' || url.password !== '') return undefined
  return text.replace(/\/+$/, '')
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Programs that run models themselves. Others on a loopback address may well be a door to somewhere else. */
const RUN_HERE = new Set(['ollama', 'llamacpp', 'lmstudio', 'atomic-chat'])

/** True for a provider whose models run on this machine: nothing leaves it. */
export function runsHere(provider: string, baseUrl: string | undefined): boolean {
  return RUN_HERE.has(provider) && baseUrl !== undefined && isLoopback(new URL(baseUrl).hostname)
}
