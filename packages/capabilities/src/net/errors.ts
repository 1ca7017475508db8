// packages/capabilities/src/net/errors.ts: how the network says no. Every code begins with NET_; fetch makes TypeErrors of them.
import { CapabilityError, PryxError } from '@pryx/kernel/contract'

const HINTS: Record<string, [code: string, hint: string]> = {
  ENOTFOUND: ['NET_DNS', 'Check the name, and that this machine is online.'],
  EAI_AGAIN: ['NET_DNS', 'Check that this machine is online, and try again.'],
  ECONNREFUSED: ['NET_REFUSED', 'Check that the server runs and listens on this port.'],
  ECONNRESET: ['NET_RESET', 'Try again.'],
  EPIPE: ['NET_RESET', 'Try again.'],
  UND_ERR_SOCKET: ['NET_RESET', 'Try again.'],
  ETIMEDOUT: ['NET_TIMEOUT', 'Try again later.'],
  EHOSTUNREACH: ['NET_UNREACHABLE', 'Check that this machine is online.'],
  ENETUNREACH: ['NET_UNREACHABLE', 'Check that this machine is online.'],
  UND_ERR_CONNECT_TIMEOUT: ['NET_TIMEOUT', 'Try again later.'],
  UND_ERR_HEADERS_TIMEOUT: ['NET_TIMEOUT', 'The server took too long to answer; try again later.'],
  UND_ERR_BODY_TIMEOUT: ['NET_TIMEOUT', 'The server stopped in the middle of its answer; try again.'],
  UND_ERR_HEADERS_OVERFLOW: ['NET_HEADERS_TOO_BIG', 'The server sent more headers than are taken.'],
  HPE_HEADER_OVERFLOW: ['NET_HEADERS_TOO_BIG', 'The server sent more headers than are taken.'],
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: ['NET_REQUEST', 'Leave content-length out, or make the body that long.'],
  UND_ERR_INVALID_ARG: ['NET_REQUEST', 'Check the method and the headers.'],
}

/** The error for the guest. Those of Pryx pass; an abort keeps its own reason. */
export function netError(error: unknown, host: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  const known = pryxCause(error)
  if (known) return known
  const { code = '', message } = innermost(error)
  const [name, hint] = HINTS[code] ?? [tlsCode(code) ?? 'NET_FAILED', undefined]
  return new CapabilityError(name, `${host}: ${message}`, { host, reason: code, ...(hint && { hint }) })
}

export function privateAddress(host: string, kind: string): CapabilityError {
  const what =
    kind === 'private'
      ? 'into the own network'
      : kind === 'loopback'
        ? 'to this machine itself'
        : `to a ${kind} address`
  return new CapabilityError('NET_PRIVATE_ADDRESS', `${host} leads ${what}`, {
    host,
    kind,
    hint:
      kind === 'private'
        ? `If that is meant, the plugin must declare net:private:${host}.`
        : 'If that is meant, the plugin must declare the address itself, such as net:127.0.0.1:8080.',
  })
}

export function tooBig(host: string, max: number): CapabilityError {
  return new CapabilityError('NET_TOO_BIG', `the answer of ${host} is larger than ${max} bytes`, {
    host,
    max,
    hint: 'Ask for less, or raise maxBytes.',
  })
}

export function redirectError(host: string, why: string, hint: string): CapabilityError {
  return new CapabilityError('NET_REDIRECT', `${host} redirects ${why}`, { host, hint })
}

function tlsCode(code: string): string | undefined {
  return /CERT|TLS|SSL|SIGNATURE/.test(code) ? 'NET_TLS' : undefined
}

/** Our own error, wherever the HTTP client has wrapped it. */
export function pryxCause(error: unknown): PryxError | undefined {
  if (PryxError.is(error) || typeof error !== 'object' || error === null) return PryxError.is(error) ? error : undefined
  if (error instanceof AggregateError) return error.errors.map(pryxCause).find((found) => found !== undefined)
  return pryxCause((error as { cause?: unknown }).cause)
}

function innermost(error: unknown): { code?: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { ...(typeof code === 'string' && { code }), message: String(message ?? error) }
}
