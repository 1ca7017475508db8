// packages/capabilities/src/http/grammar.ts: the permission `http:serve`, and how a prefix is written (K4).
import { type Consent, ManifestError, UsageError } from '@pryx/kernel/contract'

const PREFIX = /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/
const MAX_PREFIX = 128 // characters

/** The one normal form: `serve`. @throws MANIFEST_INVALID for anything else. */
export function parseHttp(rest: string): string {
  if (rest === 'serve') return rest
  throw new ManifestError('MANIFEST_INVALID', `"http:${rest.slice(0, 80)}" is not a permission of http`, {
    found: `http:${rest.slice(0, 80)}`,
    expected: 'http:serve',
    hint: 'Write http:serve. To make requests, write net:HOST.',
  })
}

export function coversHttp(granted: string, wanted: string): boolean {
  return granted === 'serve' && wanted === 'serve'
}

export function httpConsent(loopback: boolean): Consent {
  return loopback
    ? { text: 'serve web pages to programs on this machine', risk: 'low', traits: ['takes-untrusted'] }
    : { text: 'serve web pages to the network', risk: 'medium', traits: ['takes-untrusted', 'sends-out'] }
}

/** `/` or `/a/b`: a last slash is dropped. @throws HTTP_PREFIX_INVALID. */
export function parsePrefix(text: string): string {
  if (text === '/') return text
  const prefix = text.endsWith('/') ? text.slice(0, -1) : text
  if (prefix.length <= MAX_PREFIX && PREFIX.test(prefix)) return prefix
  throw new UsageError('HTTP_PREFIX_INVALID', `"${text.slice(0, 80)}" cannot be the prefix of a route`, {
    found: text.slice(0, 80),
    expected: 'a path such as /weather',
    hint: 'Begin with /; use letters, digits, ., _, ~ and -, and no part that begins with a dot.',
  })
}
