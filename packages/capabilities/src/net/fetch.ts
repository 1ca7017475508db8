// packages/capabilities/src/net/fetch.ts: one fetch, with its redirects (K4, K12).
//   F1  Every hop is judged as if it had been asked for: the first by the gate, the others by `check`.
//   F2  A redirect keeps of the request what the fetch standard keeps, and no credential across origins.
//   F3  The signal ends all of it at any point: name look-up, upload, answer, body.
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { bodyStream, discard } from './body.ts'
import type { Dialer } from './dialer.ts'
import { netError, pryxCause, redirectError } from './errors.ts'
import { format, targetOf } from './grammar.ts'
import { type HeaderList, requestHeaders, responseHeaders, withoutBodyHeaders, withoutCredentials } from './headers.ts'

const MAX_REDIRECTS = 10
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const NO_BODY = new Set([101, 204, 205, 304])

export interface FetchRequest {
  url: string
  /** Default GET. */
  method?: string | undefined
  headers?: HeaderList | undefined
  body?: string | Uint8Array | ReadableStream<Uint8Array> | undefined
  /** Default `follow`. */
  redirect?: 'follow' | 'error' | 'manual' | undefined
  /** Most bytes of the answer's body after decoding. */
  maxBytes?: number | undefined
}

export interface FetchResponse {
  status: number
  statusText: string
  headers: HeaderList
  /** After redirects. */
  url: string
  redirected: boolean
  body: ReadableStream<Uint8Array> | undefined
}

export interface FetchOptions {
  dialer: Dialer
  signal: AbortSignal
  check(rest: string): Promise<void>
  maxBytes: number
}

interface Hop {
  url: URL
  method: string
  headers: HeaderList
  body: FetchRequest['body']
}

export async function performFetch(request: FetchRequest, options: FetchOptions): Promise<FetchResponse> {
  const { url, method = 'GET', headers = [], body, redirect = 'follow' } = request
  let hop: Hop = { url: new URL(url), method, headers, body }
  for (let hops = 0; ; hops++) {
    const answer = await send(hop, options)
    const location = REDIRECTS.has(answer.statusCode) && redirect !== 'manual' ? locationOf(answer) : undefined
    if (location === undefined) return respond(answer, { hop, redirected: hops > 0, request, options })
    const { host } = hop.url
    await discard(answer.body)
    if (redirect === 'error') throw redirectError(host, 'elsewhere', 'Use redirect "follow" or "manual".')
    if (hops === MAX_REDIRECTS) throw redirectError(host, `more than ${MAX_REDIRECTS} times`, 'Check the URL.')
    hop = nextHop(hop, answer.statusCode, location)
    await options.check(format(targetOf(hop.url))) // F1
  }
}

async function send(hop: Hop, options: FetchOptions): Promise<Dispatcher.ResponseData> {
  const { signal, dialer, check } = options
  const target = targetOf(hop.url)
  try {
    signal.throwIfAborted()
    return await dialer.request(target.local, wireRequest(hop, signal))
  } catch (error) {
    if (!isPrivate(error) || target.local || hop.body instanceof ReadableStream) throw fetchFailure(error)
    await check(format({ ...target, local: true })).catch(() => Promise.reject(fetchFailure(error))) // by this name, may it?
    return await dialer.request(true, wireRequest(hop, signal)).catch((second) => Promise.reject(fetchFailure(second)))
  }

  function fetchFailure(error: unknown): unknown {
    return netError(error, hop.url.host, signal)
  }
}

function wireRequest({ url, method, headers, body }: Hop, signal: AbortSignal): Dispatcher.RequestOptions {
  const kind = body instanceof ReadableStream ? 'stream' : body === undefined ? 'none' : 'bytes'
  return {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: method as Dispatcher.HttpMethod,
    headers: requestHeaders(headers, kind).flat(),
    body: body instanceof ReadableStream ? Readable.from(bytesOf(body), { objectMode: false }) : (body ?? null),
    signal,
  }
}

async function* bytesOf(stream: ReadableStream<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a request body must be made of bytes')
    if (chunk.byteLength > 0) yield chunk
  }
}

interface Answered {
  hop: Hop
  redirected: boolean
  request: FetchRequest
  options: FetchOptions
}

async function respond(
  answer: Dispatcher.ResponseData,
  { hop, redirected, request, options }: Answered,
): Promise<FetchResponse> {
  const { statusCode, statusText, headers, body } = answer
  const empty = hop.method === 'HEAD' || NO_BODY.has(statusCode)
  if (empty) await discard(body)
  const { hash } = new URL(request.url)
  if (hop.url.hash === '') hop.url.hash = hash
  return {
    status: statusCode,
    statusText: statusText ?? '',
    headers: responseHeaders(headers),
    url: hop.url.href,
    redirected,
    body: empty ? undefined : stream(),
  }

  function stream(): ReadableStream<Uint8Array> {
    const maxBytes = Math.min(request.maxBytes ?? Number.POSITIVE_INFINITY, options.maxBytes)
    const encoding = String(headers['content-encoding'] ?? '')
    return bodyStream(body, { host: hop.url.host, encoding, maxBytes, signal: options.signal })
  }
}

function locationOf({ headers }: Dispatcher.ResponseData): string | undefined {
  const { location } = headers
  return Array.isArray(location) ? location[0] : location
}

/** @see https://fetch.spec.whatwg.org/#http-redirect-fetch */
function nextHop(hop: Hop, status: number, location: string): Hop {
  const { host, origin } = hop.url
  const url = URL.parse(location, hop.url)
  if (url === null) throw redirectError(host, 'to what is not a URL', 'Tell whoever runs the server.')
  const toGet =
    ((status === 301 || status === 302) && hop.method === 'POST') ||
    (status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD')
  if (!toGet && hop.body instanceof ReadableStream)
    throw redirectError(host, 'a streamed body, which cannot be sent twice', 'Send bytes or text instead of a stream.')
  let { headers } = hop
  if (toGet) headers = withoutBodyHeaders(headers)
  if (url.origin !== origin) headers = withoutCredentials(headers) // F2
  return { url, method: toGet ? 'GET' : hop.method, headers, body: toGet ? undefined : hop.body }
}

function isPrivate(error: unknown): boolean {
  const found = pryxCause(error)
  return found?.code === 'NET_PRIVATE_ADDRESS' && found.details.kind === 'private'
}
