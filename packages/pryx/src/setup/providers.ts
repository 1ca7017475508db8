// packages/pryx/src/setup/providers.ts: providers that setup names, and a look whether a key of theirs is good. Any other: `pryx models connect`.
//   P1  A key goes to the address of its provider and nowhere else: no redirect is followed, and nothing unencrypted leaves this machine.
//   P2  What a provider answers is looked at for its status alone.

export interface KnownProvider {
  id: string
  name: string
  baseUrl: string
  /** Where a key is had. */
  keys: string
  /** The variable other programs read it from. */
  env: string
}

export const PROVIDERS: readonly KnownProvider[] = [
  known('anthropic', 'Anthropic', 'https://api.anthropic.com/v1', 'console.anthropic.com'),
  known('openai', 'OpenAI', 'https://api.openai.com/v1', 'platform.openai.com/api-keys'),
  known(
    'google',
    'Google',
    'https://generativelanguage.googleapis.com/v1beta',
    'aistudio.google.com',
    'GEMINI_API_KEY',
  ),
  known('openrouter', 'OpenRouter', 'https://openrouter.ai/api/v1', 'openrouter.ai/keys'),
  known('mistral', 'Mistral', 'https://api.mistral.ai/v1', 'console.mistral.ai'),
  known('groq', 'Groq', 'https://api.groq.com/openai/v1', 'console.groq.com/keys'),
  known('xai', 'xAI', 'https://api.x.ai/v1', 'console.x.ai'),
  known('deepseek', 'DeepSeek', 'https://api.deepseek.com', 'platform.deepseek.com'),
]

function known(id: string, name: string, baseUrl: string, keys: string, env = `${id.toUpperCase()}_API_KEY`) {
  return { id, name, baseUrl, keys, env }
}

export type Verdict = { kind: 'good' } | { kind: 'refused' } | { kind: 'unknown'; why: string }

const CHECK_MS = 10_000

/** Asks for the list of models, or, where anybody may, for the key's own facts: neither costs anything. */
export function checkKey(provider: string, baseUrl: string, key: string): Promise<Verdict> {
  const path = provider === 'openrouter' ? '/key' : '/models'
  const refusals = provider === 'google' ? [400, 401, 403] : [401, 403]
  return ask(`${baseUrl}${path}`, headersOf(provider, key), refusals)
}

/** Asks Telegram who the bot is. */
export function checkTelegram(token: string, api = 'https://api.telegram.org'): Promise<Verdict> {
  if (!/^\d+:[\w-]{30,}$/.test(token)) return Promise.resolve({ kind: 'refused' })
  return ask(`${api}/bot${token}/getMe`, {}, [401, 403, 404])
}

function headersOf(provider: string, key: string): Record<string, string> {
  if (provider === 'anthropic') return { 'x-api-key': key, 'anthropic-version': '2023-06-01' }
  return provider === 'google' ? { 'x-goog-api-key': key } : { authorization: `Bearer ${key}` }
}

async function ask(url: string, headers: Record<string, string>, refusals: readonly number[]): Promise<Verdict> {
  if (!isSafe(url)) return { kind: 'unknown', why: 'its address is not https' } // P1
  try {
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(CHECK_MS) })
    await response.body?.cancel() // P2
    if (response.ok) return { kind: 'good' }
    return refusals.includes(response.status)
      ? { kind: 'refused' }
      : { kind: 'unknown', why: `it answered with ${response.status}` }
  } catch {
    return { kind: 'unknown', why: 'it cannot be reached' } // the error's own words may hold the URL, and that a token
  }
}

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}
