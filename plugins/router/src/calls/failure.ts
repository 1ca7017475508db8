// plugins/router/src/calls/failure.ts: what a provider's failure means: try again, ask another, or tell the user.
//   F1  No key and no request leaves in an error: only a status, a short cleaned message and a code.
import { CapabilityError, PryxError, UsageError } from '@pryx/sdk'

const MAX_MESSAGE = 300
const MAX_WAIT_MS = 24 * 3_600_000
/** What looks like a key, in case a provider repeats one that is not ours. */
const KEY_LIKE = /\b(sk|pk|rk|gsk|xai|key|AIza|Bearer)[-_ ]?[A-Za-z0-9_-]{12,}/g

export type FailureCode =
  | 'MODELS_KEY'
  | 'MODELS_RATE_LIMIT'
  | 'MODELS_CREDIT'
  | 'MODELS_CONTEXT'
  | 'MODELS_GONE'
  | 'MODELS_REQUEST'
  | 'MODELS_PROVIDER'
  | 'MODELS_NET'
  | 'MODELS_NOT_ALLOWED'
  | 'MODELS_SLOW'
  | 'MODELS_BROKEN'

/** A failed attempt. */
export interface Failure {
  code: FailureCode
  message: string
  status?: number
  /** The same model may well answer next time. */
  retryable: boolean
  /** As the provider asked for it. */
  retryAfterMs?: number
}

export class AttemptFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** @param now Epoch ms, for a Retry-After that is a date. @param secret Cut out of whatever is told. */
export function failureOf(error: unknown, now: number, secret: string | undefined): Failure {
  if (error instanceof AttemptFailed) return error.failure
  const found = unwrapped(error)
  const status = numberOf(found.statusCode)
  const message = clean(typeof found.message === 'string' ? found.message : String(error), secret)
  if (status !== undefined && status >= 400) return ofStatus(status, message, retryAfter(found.responseHeaders, now))
  const code = typeof found.code === 'string' ? found.code : ''
  if (code.startsWith('PERMISSION_') || code.startsWith('APPROVAL_'))
    return { code: 'MODELS_NOT_ALLOWED', message, retryable: false }
  if (code.startsWith('NET_') || found.name === 'TypeError')
    return { code: 'MODELS_NET', message, retryable: code !== 'NET_PRIVATE_ADDRESS' && code !== 'NET_URL' }
  return { code: 'MODELS_BROKEN', message, retryable: true }
}

function ofStatus(status: number, message: string, retryAfterMs: number | undefined): Failure {
  const about = { message: `${status}: ${message}`, status }
  if (status === 401 || status === 403) return { code: 'MODELS_KEY', ...about, retryable: false }
  if (status === 402) return { code: 'MODELS_CREDIT', ...about, retryable: false }
  if (status === 404) return { code: 'MODELS_GONE', ...about, retryable: false }
  if (status === 429)
    return { code: 'MODELS_RATE_LIMIT', ...about, retryable: true, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  if (status === 413 || (status === 400 && /context|too long|too many tokens|maximum.*tokens/i.test(message)))
    return { code: 'MODELS_CONTEXT', ...about, retryable: false }
  if (status >= 500 || status === 408 || status === 409)
    return { code: 'MODELS_PROVIDER', ...about, retryable: true, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return { code: 'MODELS_REQUEST', ...about, retryable: false }
}

/** Seconds, a date, or `retry-after-ms`. @see RFC 9110 §10.2.3 */
export function retryAfter(headers: unknown, now: number): number | undefined {
  const all = (typeof headers === 'object' && headers !== null ? headers : {}) as Record<string, unknown>
  const ms = Number.parseFloat(String(all['retry-after-ms'] ?? ''))
  if (Number.isFinite(ms)) return within(ms)
  const text = String(all['retry-after'] ?? '').trim()
  if (/^\d+(\.\d+)?$/.test(text)) return within(Number(text) * 1_000)
  const date = text === '' ? Number.NaN : Date.parse(text)
  return Number.isNaN(date) ? undefined : within(date - now)
}

const HINTS: Readonly<Record<FailureCode, string>> = {
  MODELS_KEY: 'Check the key: `pryx setup`, or the models page.',
  MODELS_RATE_LIMIT: 'Wait, set up another provider, or lower how often this runs.',
  MODELS_CREDIT: 'The account with this provider has run out of credit.',
  MODELS_CONTEXT: 'Summarise the early messages, or choose a model with a larger window.',
  MODELS_GONE: 'The provider does not know this model: `pryx models refresh`, or choose another.',
  MODELS_REQUEST: 'The provider does not take this request as it is.',
  MODELS_PROVIDER: 'The provider has trouble of its own. Try later, or set up a second one.',
  MODELS_NET: 'Look at the connection. A local model works without one.',
  MODELS_NOT_ALLOWED: 'Allow the router to talk to this provider: `pryx permissions list router`.',
  MODELS_SLOW: 'The provider fell silent. Try later, or set up a second one.',
  MODELS_BROKEN: 'The answer broke off, or was not in the form it should be. Try again.',
}

/** The error for whoever asked, once nothing more will be tried. */
export function errorFor({ code, message, status, retryAfterMs }: Failure, model: string): PryxError {
  const details = {
    model,
    hint: HINTS[code],
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
  const Family = code === 'MODELS_REQUEST' || code === 'MODELS_CONTEXT' ? UsageError : CapabilityError
  return new Family(code, `${model}: ${message}`, details)
}

/** The SDK wraps what went wrong: the first that says something of its own. */
function unwrapped(error: unknown): Record<string, unknown> {
  let found = error as Record<string, unknown>
  for (let depth = 0; depth < 4 && typeof found === 'object' && found !== null; depth++) {
    if (found.statusCode !== undefined || (typeof found.code === 'string' && PryxError.is(found))) return found
    const inner = found.cause ?? found.lastError
    if (typeof inner !== 'object' || inner === null) break
    found = inner as Record<string, unknown>
  }
  return typeof found === 'object' && found !== null ? found : { message: String(error) }
}

/** F1 */
function clean(message: string, secret: string | undefined): string {
  const without = secret !== undefined && secret.length >= 4 ? message.replaceAll(secret, '‹key›') : message
  return without.replace(KEY_LIKE, '‹key›').replace(/\s+/g, ' ').slice(0, MAX_MESSAGE)
}

function within(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), MAX_WAIT_MS)
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined
}
