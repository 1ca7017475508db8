// packages/kernel/src/guest/web/search-params.ts: URLSearchParams and the format behind it.
// @see https://url.spec.whatwg.org/#urlsearchparams
import { requireArguments, usv } from './define.ts'
import { TextDecoder } from './encoding.ts'
import { makeIterable, type PairList } from './pair-list.ts'
import { encodeUtf8 } from './utf8.ts'

export type Pairs = [string, string][]

let link: (params: URLSearchParams, changed: (query: string) => void) => void
let replace: (params: URLSearchParams, query: string) => void
let pairsIn: (params: URLSearchParams) => Pairs

export class URLSearchParams {
  #pairs: Pairs
  #changed: (query: string) => void = () => {}

  static {
    link = (params, changed) => {
      params.#changed = changed
    }
    replace = (params, query) => {
      params.#pairs = parsePairs(query)
    }
    pairsIn = (params) => params.#pairs
  }

  constructor(init: unknown = '') {
    this.#pairs = typeof init === 'object' && init !== null ? pairsOf(init) : parsePairs(usv(init).replace(/^\?/, ''))
  }

  get size(): number {
    return this.#pairs.length
  }

  append(name: string, value: string): void {
    this.#pairs.push([usv(name), usv(value)])
    this.#tell()
  }

  delete(name: string, value?: string): void {
    const same = matcher(name, value)
    this.#pairs = this.#pairs.filter((pair) => !same(pair))
    this.#tell()
  }

  get(name: string): string | null {
    return this.#pairs.find(matcher(name))?.[1] ?? null
  }

  getAll(name: string): string[] {
    return this.#pairs.filter(matcher(name)).map(([, value]) => value)
  }

  has(name: string, value?: string): boolean {
    return this.#pairs.some(matcher(name, value))
  }

  set(name: string, value: string): void {
    const same = matcher(name)
    const first = this.#pairs.find(same)
    if (first === undefined) this.#pairs.push([usv(name), usv(value)])
    else {
      first[1] = usv(value)
      this.#pairs = this.#pairs.filter((pair) => pair === first || !same(pair))
    }
    this.#tell()
  }

  sort(): void {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    this.#tell()
  }

  declare forEach: PairList<string>['forEach']
  declare entries: PairList<string>['entries']
  declare keys: PairList<string>['keys']
  declare values: PairList<string>['values']
  declare [Symbol.iterator]: PairList<string>['entries']

  toString(): string {
    return serializePairs(this.#pairs)
  }

  #tell(): void {
    this.#changed(serializePairs(this.#pairs))
  }
}
makeIterable(URLSearchParams, 'URLSearchParams', pairsIn!)
requireArguments(URLSearchParams.prototype, { append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2 })

/** Params that belong to a URL: `changed` hears the new query, without `?`. */
export function linkedParams(query: string, changed: (query: string) => void): URLSearchParams {
  const params = new URLSearchParams()
  replace(params, query)
  link(params, changed)
  return params
}

/** Gives linked params a new query, without telling anyone. */
export function replaceParams(params: URLSearchParams, query: string): void {
  replace(params, query)
}

/** Decodes `application/x-www-form-urlencoded`. Never fails: a bad escape stays as it is. */
export function parsePairs(text: string): Pairs {
  const parts = text.split('&').filter((part) => part !== '')
  return parts.map((part) => {
    const at = part.indexOf('=')
    return at < 0 ? [unescapeText(part), ''] : [unescapeText(part.slice(0, at)), unescapeText(part.slice(at + 1))]
  })
}

/** Encodes `application/x-www-form-urlencoded`. */
export function serializePairs(pairs: Pairs): string {
  return pairs.map(([name, value]) => `${escapeText(name)}=${escapeText(value)}`).join('&')
}

function matcher(name: string, value?: string): (pair: [string, string]) => boolean {
  const wantedName = usv(name)
  if (value === undefined) return ([n]) => n === wantedName
  const wantedValue = usv(value)
  return ([n, v]) => n === wantedName && v === wantedValue
}

function pairsOf(init: object): Pairs {
  if (typeof (init as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function') {
    return Array.from(init as Iterable<Iterable<unknown>>, (item) => {
      const pair = [...item]
      if (pair.length !== 2) throw new TypeError('each pair must have a name and a value')
      return [usv(pair[0]), usv(pair[1])]
    })
  }
  const fields = new Map(
    Reflect.ownKeys(init)
      .filter((key) => Object.prototype.propertyIsEnumerable.call(init, key))
      .map((key) => [usv(key), usv((init as never)[key])]),
  )
  return [...fields]
}

function unescapeText(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(unescapeBytes(encodeUtf8(spaced)))
  }
}

/** Percent-encoded bytes, decoded. */
export function unescapeBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out: number[] = []
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === 0x25 ? String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0) : ''
    if (/^[\da-f]{2}$/i.test(hex)) {
      out.push(Number.parseInt(hex, 16))
      i += 2
    } else out.push(bytes[i]!)
  }
  return new Uint8Array(out)
}

function escapeText(text: string): string {
  return encodeURIComponent(text).replace(/%20|[!'()~]/g, (found) =>
    found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
