// packages/capabilities/src/net/net.ts: the capability `net`: HTTP requests to hosts a plugin names (K4, K12).
import { type Capability, type CapabilityMethod, defineMethod } from '@pryx/kernel/contract'
import { z } from 'zod'
import { createDialer, type Dialer, type Lookup, lookupByMachine } from './dialer.ts'
import { performFetch } from './fetch.ts'
import { coversNet, format, netConsent, parseNet, targetOf } from './grammar.ts'

const CONNECT_MS = 10_000
const HEADERS_MS = 300_000 // a model may think for minutes before it answers
const BODY_MS = 300_000
const HEADER_BYTES = 65_536
const MAX_HEADERS = 128
const MAX_VALUE = 16_384 // characters of one request header
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FIELD = /^[\t\x20-\x7e\x80-\xff]*$/
const UNSAFE_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK'])
const STANDARD_METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])

export interface NetOptions {
  /** Resolves names. Default: the machine's own way, hosts file included. */
  lookup?: Lookup
  /** Longest time to connect, ms. Default 10,000. */
  connectMs?: number
  /** Longest wait for an answer to begin, ms. Default 300,000. */
  headersMs?: number
  /** Longest silence within an answer, ms. Default 300,000. */
  bodyMs?: number
  /** Most bytes of an answer's headers. Default 64 KiB. */
  headerBytes?: number
  /** Most bytes of an answer's body, decoded. Default: no limit, for it is streamed. */
  maxBytes?: number
}

/** Requests over HTTP/1.1. Environment proxies are not used. Disposing it closes every connection. */
export function createNetCapability(options: NetOptions = {}): Capability {
  const {
    lookup = lookupByMachine,
    connectMs = CONNECT_MS,
    headersMs = HEADERS_MS,
    bodyMs = BODY_MS,
    headerBytes = HEADER_BYTES,
    maxBytes = Number.POSITIVE_INFINITY,
  } = options
  const dialer = createDialer({ lookup, connectMs, headersMs, bodyMs, headerBytes })
  return {
    name: 'net',
    version: '1.0.0',
    summary: 'HTTP requests to named hosts',
    parse: parseNet,
    covers: coversNet,
    consent: netConsent,
    methods: { fetch: fetchMethod(dialer, maxBytes) },
    [Symbol.asyncDispose]: () => dialer.close(),
  }
}

const method = z
  .string()
  .max(32)
  .regex(TOKEN, 'an HTTP method')
  .refine((text) => !UNSAFE_METHODS.has(text.toUpperCase()), 'a method other than CONNECT and TRACE')
  .transform((text) => (STANDARD_METHODS.has(text.toUpperCase()) ? text.toUpperCase() : text))
const header = z.tuple([
  z.string().max(256).regex(TOKEN, 'a header name'),
  z.string().max(MAX_VALUE).regex(FIELD, 'a header value'),
])
const request = z.strictObject({
  url: z
    .string()
    .max(16_384)
    .refine((text) => URL.canParse(text), 'an absolute URL'),
  method: method.optional(),
  headers: z.array(header).max(MAX_HEADERS).optional(),
  body: z.union([z.string(), z.instanceof(Uint8Array), z.instanceof(ReadableStream<Uint8Array>)]).optional(),
  redirect: z.enum(['follow', 'error', 'manual']).optional(),
  maxBytes: z.number().int().min(0).optional(),
})

function fetchMethod(dialer: Dialer, maxBytes: number): CapabilityMethod<never> {
  return defineMethod({
    input: z.tuple([request]),
    access: ([{ url }]) => [format(targetOf(new URL(url)))],
    run: ([request], { signal, check }) => performFetch(request, { dialer, signal, check, maxBytes }),
    redact: ([{ url, method = 'GET' }]) => `${method} ${withoutSecrets(url)}`,
    timeoutMs: 0, // it lives as long as its signal, within the limits on silence
  })
}

/** A part of a path that long, of letters and digits mixed, is taken for a key. */
const TOKEN_LIKE = /(?=[\w:%-]*\d)(?=[\w:%-]*[A-Za-z])[\w:%-]{24,}/g

/** A query may hold a key, and so may a path (Telegram's, Slack's, Discord's do): what looks like one is cut short. */
function withoutSecrets(text: string): string {
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname.replace(TOKEN_LIKE, (token) => `${token.slice(0, 4)}…`)}`
}
