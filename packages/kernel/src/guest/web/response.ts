// packages/kernel/src/guest/web/response.ts: Response. @see https://fetch.spec.whatwg.org/#response-class
import { Body, type BodyState, cloneState, extractBody } from './body.ts'
import { usv } from './define.ts'
import { freezeHeaders, Headers } from './headers.ts'
import type { HostResponse } from './host.ts'
import { URL } from './url.ts'

const NO_BODY = new Set([101, 103, 204, 205, 304])
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const INTERNAL = Symbol('internal')

interface Origin {
  type: 'default' | 'basic' | 'error'
  url: string
  redirected: boolean
}

export interface ResponseOptions {
  status?: number
  statusText?: string
  headers?: unknown
}

const OWN: Origin = { type: 'default', url: '', redirected: false }
let make: (state: BodyState, status: number, statusText: string, headers: Headers, origin: Origin) => Response

export class Response extends Body {
  #state: BodyState
  #status: number
  #statusText: string
  #origin = OWN

  static {
    make = (state, status, statusText, headers, origin) => {
      const response = new Response(INTERNAL, { state, headers } as never)
      response.#status = status
      response.#statusText = statusText
      response.#origin = origin
      return response
    }
  }

  constructor(body: unknown = null, init: ResponseOptions = {}) {
    const given = body === INTERNAL ? (init as unknown as { state: BodyState; headers: Headers }) : readInit(body, init)
    super(given.state, given.headers)
    this.#state = given.state
    this.#status = body === INTERNAL ? 0 : Number(init?.status ?? 200)
    this.#statusText = body === INTERNAL ? '' : String(init?.statusText ?? '')
  }

  static error(): Response {
    const headers = new Headers()
    freezeHeaders(headers)
    return make({ content: null, used: false }, 0, '', headers, { type: 'error', url: '', redirected: false })
  }

  static json(data: unknown, init: ResponseOptions = {}): Response {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError('the value cannot be written as JSON')
    const headers = new Headers(init?.headers)
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    return new Response(text, { ...init, headers })
  }

  static redirect(url: string | URL, status = 302): Response {
    const target = new URL(usv(url)).href
    if (!REDIRECTS.has(Number(status))) throw new RangeError(`${status} is not the status of a redirect`)
    const response = new Response(null, { status, headers: { location: target } })
    freezeHeaders(response.headers)
    return response
  }

  get type(): Origin['type'] {
    return this.#origin.type
  }
  get url(): string {
    return this.#origin.url
  }
  get redirected(): boolean {
    return this.#origin.redirected
  }
  get status(): number {
    return this.#status
  }
  get ok(): boolean {
    return this.#status >= 200 && this.#status <= 299
  }
  get statusText(): string {
    return this.#statusText
  }

  clone(): Response {
    return make(cloneState(this.#state), this.#status, this.#statusText, new Headers(this.headers), this.#origin)
  }
}

/** The response for what the host has answered. Its headers are immutable. */
export function receivedResponse(answer: HostResponse, body: BodyState['content']): Response {
  const headers = new Headers(answer.headers)
  freezeHeaders(headers)
  const content = NO_BODY.has(answer.status) ? null : body
  const origin: Origin = { type: 'basic', url: answer.url.split('#')[0] ?? '', redirected: answer.redirected }
  return make({ content, used: false }, answer.status, answer.statusText, headers, origin)
}

function readInit(body: unknown, init: ResponseOptions): { state: BodyState; headers: Headers } {
  const status = Number(init?.status ?? 200)
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw new RangeError(`the status ${status} is not between 200 and 599`)
  if (/[^\t\x20-\x7e\x80-\xff]/.test(String(init?.statusText ?? '')))
    throw new TypeError('the status text has characters that are not allowed')
  const headers = new Headers(init?.headers)
  const { content, type } = extractBody(body)
  if (content !== null && NO_BODY.has(status)) throw new TypeError(`a response with status ${status} has no body`)
  if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type)
  return { state: { content, used: false }, headers }
}
