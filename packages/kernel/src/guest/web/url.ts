// packages/kernel/src/guest/web/url.ts: URL over the host's parser, so that both sides of the wall agree on every URL.
// @see https://url.spec.whatwg.org/#url-class
import { usv } from './define.ts'
import { type UrlPart, type UrlParts, webHost } from './host.ts'
import { linkedParams, replaceParams, type URLSearchParams } from './search-params.ts'

export class URL {
  #parts: UrlParts
  #params: URLSearchParams | undefined

  constructor(href: string | URL, base: string | URL | undefined = undefined) {
    const parts = parse(href, base)
    if (parts === undefined)
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: usv(href) })
    this.#parts = parts
  }

  static canParse(href: string | URL, base?: string | URL): boolean {
    return parse(href, base) !== undefined
  }

  static parse(href: string | URL, base?: string | URL): URL | null {
    return parse(href, base) === undefined ? null : new URL(href, base)
  }

  get href(): string {
    return this.#parts.href
  }
  set href(value: string) {
    if (!this.#set('href', value))
      throw Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: usv(value) })
  }
  get origin(): string {
    return this.#parts.origin
  }
  get protocol(): string {
    return this.#parts.protocol
  }
  set protocol(value: string) {
    this.#set('protocol', value)
  }
  get username(): string {
    return this.#parts.username
  }
  set username(value: string) {
    this.#set('username', value)
  }
  get password(): string {
    return this.#parts.password
  }
  set password(value: string) {
    this.#set('password', value)
  }
  get host(): string {
    return this.#parts.host
  }
  set host(value: string) {
    this.#set('host', value)
  }
  get hostname(): string {
    return this.#parts.hostname
  }
  set hostname(value: string) {
    this.#set('hostname', value)
  }
  get port(): string {
    return this.#parts.port
  }
  set port(value: string) {
    this.#set('port', value)
  }
  get pathname(): string {
    return this.#parts.pathname
  }
  set pathname(value: string) {
    this.#set('pathname', value)
  }
  get search(): string {
    return this.#parts.search
  }
  set search(value: string) {
    this.#set('search', value)
  }
  get hash(): string {
    return this.#parts.hash
  }
  set hash(value: string) {
    this.#set('hash', value)
  }

  get searchParams(): URLSearchParams {
    this.#params ??= linkedParams(this.#query(), (query) => this.#apply('search', query))
    return this.#params
  }

  toString(): string {
    return this.#parts.href
  }

  toJSON(): string {
    return this.#parts.href
  }

  #set(part: UrlPart, value: unknown): boolean {
    const changed = this.#apply(part, usv(value))
    if (changed && this.#params) replaceParams(this.#params, this.#query())
    return changed
  }

  #apply(part: UrlPart, value: string): boolean {
    const json = webHost().setUrl(this.#parts.href, part, value)
    if (json !== undefined) this.#parts = JSON.parse(json) as UrlParts
    return json !== undefined
  }

  #query(): string {
    return this.#parts.search.slice(1)
  }
}

function parse(href: unknown, base: unknown): UrlParts | undefined {
  const json = webHost().parseUrl(usv(href), base === undefined ? undefined : usv(base))
  return json === undefined ? undefined : (JSON.parse(json) as UrlParts)
}
