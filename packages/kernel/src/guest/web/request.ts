// packages/kernel/src/guest/web/request.ts: Request. @see https://fetch.spec.whatwg.org/#request-class
import { AbortController, AbortSignal } from './abort.ts'
import { assertUnused, Body, type BodyState, cloneState, extractBody, takeContent } from './body.ts'
import { usv } from './define.ts'
import { Headers } from './headers.ts'
import type { ReadableStream } from './streams.ts'
import { URL } from './url.ts'

const NORMAL_METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
const FORBIDDEN_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK'])
const MODES = {
  redirect: ['follow', 'error', 'manual'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  credentials: ['same-origin', 'omit', 'include'],
  mode: ['cors', 'no-cors', 'same-origin'],
} as const
type Modes = { [K in keyof typeof MODES]: (typeof MODES)[K][number] }

export interface RequestOptions extends Partial<Modes> {
  method?: string
  headers?: unknown
  body?: unknown
  signal?: AbortSignal | null
  duplex?: 'half'
  integrity?: string
  keepalive?: boolean
  referrer?: string
  referrerPolicy?: string
}

let stateOf: (request: Request) => BodyState

export class Request extends Body {
  readonly #state: BodyState
  readonly #url: string
  readonly #method: string
  readonly #signal: AbortSignal
  readonly #modes: Modes
  readonly #rest: { integrity: string; keepalive: boolean; referrer: string; referrerPolicy: string }

  static {
    stateOf = (request) => request.#state
  }

  constructor(input: string | URL | Request, init: RequestOptions = {}) {
    const from = input instanceof Request ? input : undefined
    const method = normalMethod(init?.method ?? from?.method ?? 'GET')
    const headers = new Headers(init?.headers ?? from?.headers)
    const state = readBody(from, init, method, headers)
    super(state, headers)
    this.#state = state
    this.#url = from ? from.#url : parseTarget(input as string | URL)
    this.#method = method
    this.#signal = follow(init?.signal === undefined ? from?.signal : (init.signal ?? undefined))
    this.#modes = readModes(init, from)
    const {
      integrity = '',
      keepalive = false,
      referrer = 'about:client',
      referrerPolicy = '',
    } = { ...(from ? from.#rest : {}), ...init }
    this.#rest = { integrity, keepalive: Boolean(keepalive), referrer, referrerPolicy }
  }

  get url(): string {
    return this.#url
  }
  get method(): string {
    return this.#method
  }
  get signal(): AbortSignal {
    return this.#signal
  }
  get redirect(): Modes['redirect'] {
    return this.#modes.redirect
  }
  get cache(): Modes['cache'] {
    return this.#modes.cache
  }
  get credentials(): Modes['credentials'] {
    return this.#modes.credentials
  }
  get mode(): Modes['mode'] {
    return this.#modes.mode
  }
  get integrity(): string {
    return this.#rest.integrity
  }
  get keepalive(): boolean {
    return this.#rest.keepalive
  }
  get referrer(): string {
    return this.#rest.referrer
  }
  get referrerPolicy(): string {
    return this.#rest.referrerPolicy
  }
  get destination(): string {
    return ''
  }
  get duplex(): 'half' {
    return 'half'
  }

  clone(): Request {
    const { content } = cloneState(this.#state)
    return new Request(this.#url, {
      ...this.#modes,
      ...this.#rest,
      method: this.#method,
      headers: this.headers,
      body: content,
      signal: this.#signal,
      duplex: 'half',
    })
  }
}

/** Takes the body out of a request that is being sent. */
export function takeRequestBody(request: Request): Uint8Array | ReadableStream<Uint8Array> | undefined {
  return takeContent(stateOf(request))
}

function readBody(from: Request | undefined, init: RequestOptions, method: string, headers: Headers): BodyState {
  const own = init?.body !== undefined && init.body !== null
  if ((own || (from && stateOf(from).content !== null)) && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError('Request with GET/HEAD method cannot have body')
  }
  if (!own) return from ? moveBody(from) : { content: null, used: false }
  const { content, type } = extractBody(init.body)
  if (content && !(content instanceof Uint8Array) && init.duplex === undefined) {
    throw new TypeError('RequestInit: duplex option is required when sending a body.')
  }
  if (type !== undefined && !headers.has('content-type')) headers.set('content-type', type)
  return { content, used: false }
}

function moveBody(from: Request): BodyState {
  const state = stateOf(from)
  assertUnused(state)
  return { content: (takeContent(state) as BodyState['content']) ?? null, used: false }
}

function parseTarget(input: string | URL): string {
  const url = URL.parse(usv(input))
  if (url === null) throw new TypeError(`Failed to parse URL from ${usv(input)}`)
  if (url.username || url.password)
    throw new TypeError(`the URL ${url.origin} … has credentials in it; send them in a header`)
  return url.href
}

function normalMethod(method: unknown): string {
  const text = String(method)
  const upper = text.toUpperCase()
  if (!/^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/.test(text) || FORBIDDEN_METHODS.has(upper))
    throw new TypeError(`'${text}' is not a method that can be sent`)
  return NORMAL_METHODS.has(upper) ? upper : text
}

function readModes(init: RequestOptions, from: Request | undefined): Modes {
  const modes = Object.entries(MODES).map(([name, allowed]) => {
    const value = init?.[name as keyof Modes] ?? from?.[name as keyof Modes] ?? allowed[0]
    if (!(allowed as readonly string[]).includes(value))
      throw new TypeError(`"${String(value)}" is not a ${name} of a request`)
    return [name, value]
  })
  return Object.fromEntries(modes) as Modes
}

/** A signal of its own that aborts with `signal`. */
function follow(signal: AbortSignal | undefined): AbortSignal {
  if (signal === undefined) return new AbortController().signal
  if (!(signal instanceof AbortSignal)) throw new TypeError('the signal of a request must be an AbortSignal')
  return AbortSignal.any([signal])
}
