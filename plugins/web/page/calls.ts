// plugins/web/page/calls.ts: requests to the plugin's API. A refusal is a `Refusal` with the server's own words.

export class Refusal extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, message: string, hint?: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

const AHEAD_MS = 5_000 // older answers are not news
const ahead = new Map<string, { asked: number; answer: Promise<unknown> }>()

/** Asks for what will be wanted in a moment: the next `get` of the same path takes this answer, once. */
export function askAhead(path: string): void {
  const answer = ask(path, { method: 'GET' })
  answer.catch(() => {}) // told to whoever takes it
  ahead.set(path, { asked: Date.now(), answer })
}

export function get<T>(path: string): Promise<T> {
  const early = ahead.get(path)
  ahead.delete(path)
  if (early !== undefined && Date.now() - early.asked < AHEAD_MS) return early.answer as Promise<T>
  return ask<T>(path, { method: 'GET' })
}

export function post<T = unknown>(path: string, body: unknown = {}): Promise<T> {
  return ask<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch(() => {
    throw new Refusal('WEB_AWAY', 'Pryx does not answer. Is it still running?')
  })
  const json = (await response.json().catch(() => ({}))) as { error?: { code: string; message: string; hint?: string } }
  if (response.ok) return json as T
  if (response.status === 503 && json.error === undefined)
    throw new Refusal('WEB_RESTARTING', 'Pryx’s page is restarting.')
  const { code = 'WEB_FAILED', message = `the server answered ${response.status}`, hint } = json.error ?? {}
  throw new Refusal(code, message, hint)
}
