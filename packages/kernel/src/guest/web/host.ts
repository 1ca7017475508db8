// packages/kernel/src/guest/web/host.ts: what the sandbox process lends an isolate so that web standards can work in it.
//   H1  Nothing here is called while globals are installed: that happens in a snapshot, where no host exists yet.
//   H2  One realm has one host, lent once; classes such as `URL` are global too, so the host is kept beside them.

/** A request as it leaves the isolate. `body` is given once and read once. */
export interface HostRequest {
  url: string
  method: string
  headers: [string, string][]
  body: ReadableStream<Uint8Array> | Uint8Array | undefined
  redirect: 'follow' | 'error' | 'manual'
}

export interface HostResponse {
  status: number
  statusText: string
  headers: [string, string][]
  /** Where the answer came from, after redirects. */
  url: string
  redirected: boolean
  body: ReadableStream<Uint8Array> | undefined
}

/** Parts of a URL that can be set. */
export type UrlPart =
  | 'href'
  | 'protocol'
  | 'username'
  | 'password'
  | 'host'
  | 'hostname'
  | 'port'
  | 'pathname'
  | 'search'
  | 'hash'
/** What `parseUrl` answers, as JSON. */
export type UrlParts = Record<UrlPart | 'origin', string>

export type WebLogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface WebHost {
  /** JSON of `UrlParts`, or undefined if `href` is not a URL. */
  parseUrl(href: string, base: string | undefined): string | undefined
  /** JSON of `UrlParts` after one part was set; undefined if the setter of the standard would refuse it. */
  setUrl(href: string, part: UrlPart, value: string): string | undefined
  /** The name of the encoding of this label, or undefined. */
  encodingName(label: string): string | undefined
  /** Text in an encoding of old; without `last` an unfinished sequence is left out. Undefined: too long. */
  decodeText(encoding: string, bytes: Uint8Array, last: boolean): string | undefined
  /** @param bytes at most 65,536. */
  random(bytes: number): Uint8Array
  /** Calls `fireTimer(id)` once after `ms`. Answering `false` means that there is no room for another timer. */
  startTimer(id: number, ms: number): unknown
  stopTimer(id: number): void
  /** ms, monotonic, coarse. */
  now(): number
  /** The other half is `runCrypto` in crypto-host.ts. */
  crypto(operation: string, parameters: string, data: Uint8Array[]): Promise<{ json?: string; data?: Uint8Array }>
  log(level: WebLogLevel, text: string): void
  /** Rejects with what `fetch` shall reject with, but for aborts, which reject with the signal's reason. */
  fetch(request: HostRequest, signal: AbortSignal): Promise<HostResponse>
  /** An error nobody caught, in a timer, a listener or a microtask. Without it such errors are logged. */
  uncaught?(error: unknown): void
}

let lent: WebHost | undefined

export function lendHost(host: WebHost): void {
  lent = host
}

/** The host of this realm. Only for use at run time (H1). */
export function webHost(): WebHost {
  if (lent === undefined) throw new Error('web standards are not installed in this realm')
  return lent
}
