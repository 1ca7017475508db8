// packages/capabilities/src/http/guards.ts: what a request must be before a plugin sees it, and what every answer carries (N4). Pure.
//   H1  The Host header names this server: a page elsewhere cannot rebind its own name to the loopback and read the answers.
//   H2  What changes state comes from our own pages or from no page at all: a page elsewhere cannot post in the user's name.
//   H3  A plugin can tighten the security headers of its answers, never loosen them.
import type { IncomingHttpHeaders } from 'node:http'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const METHODS = new Set([...SAFE_METHODS, 'POST', 'PUT', 'PATCH', 'DELETE'])

const POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const FIXED: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
]
const OURS = new Set([
  ...FIXED.map(([name]) => name),
  'connection',
  'content-length', // counted by the server; a wrong one would let answers run into each other
  'date',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface Refusal {
  status: number
  text: string
}

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || host === '::1'
}

/** Why a request must not go on, if so. `hosts`: names beside the loopback's under which the server is known. */
export function refuseRequest(
  method: string,
  headers: IncomingHttpHeaders,
  hosts: ReadonlySet<string>,
): Refusal | undefined {
  const host = hostnameOf(headers.host)
  if (host === undefined) return { status: 400, text: 'The Host header is missing or malformed.' }
  if (!LOOPBACK.has(host) && !hosts.has(host))
    return { status: 421, text: 'This server does not answer to that host name.' } // H1
  if (!METHODS.has(method)) return { status: 405, text: 'That method is not served.' }
  if (SAFE_METHODS.has(method) || isOwnPage(headers)) return undefined
  return { status: 403, text: 'A page of another origin must not do this.' } // H2
}

/** True if no browser page, or a page of this very origin, sends the request. Programs send neither header. */
function isOwnPage(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const { origin } = headers
  if (origin === undefined) return true
  if (origin === 'null' && site === 'same-origin') return true // a form of ours: our pages send no referrer, so it names no origin
  return URL.canParse(origin) && new URL(origin).host === headers.host?.toLowerCase()
}

/** The name without its port, lower case; undefined if it is no host. */
export function hostnameOf(host: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(host ?? '')
  return match?.[1]?.toLowerCase()
}

/** The headers to send for those a plugin gave: ours in place, what belongs to the connection left out (H3). */
export function answerHeaders(given: readonly (readonly [string, string])[]): [string, string][] {
  const kept = given
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => !OURS.has(name))
  // Several policies hold together, so one more can only tighten.
  return [
    ...kept,
    ['content-security-policy', POLICY],
    ...FIXED.map(([name, value]): [string, string] => [name, value]),
  ]
}
