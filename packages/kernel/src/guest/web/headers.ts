// packages/kernel/src/guest/web/headers.ts: Headers. Names are kept in lower case and iterated sorted; `set-cookie` is never joined.
// @see https://fetch.spec.whatwg.org/#headers-class
//   H1  Names are tokens, values are bytes without NUL, CR or LF: nothing can be smuggled into a request.
import { requireArguments } from './define.ts'
import { makeIterable, type PairList } from './pair-list.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const BAD_VALUE = /[\0\r\n]|[^\0-\xff]/

let freeze: (headers: Headers) => void
let pairsIn: (headers: Headers) => readonly (readonly [string, string])[]

export class Headers {
  #values = new Map<string, string[]>()
  #immutable = false
  #sorted: [string, string][] | undefined

  static {
    freeze = (headers) => {
      headers.#immutable = true
    }
    pairsIn = (headers) => headers.#pairs()
  }

  constructor(init?: unknown) {
    if (init === undefined) return
    if (typeof init !== 'object' || init === null) throw new TypeError('headers must be pairs or a record')
    if (init instanceof Headers) for (const [name, values] of init.#values) this.#values.set(name, [...values])
    else for (const [name, value] of pairsOf(init)) this.append(name, value)
  }

  append(name: string, value: string): void {
    const key = this.#check(name)
    const values = this.#values.get(key)
    if (values) values.push(normalValue(value))
    else this.#values.set(key, [normalValue(value)])
  }

  set(name: string, value: string): void {
    this.#values.set(this.#check(name), [normalValue(value)])
  }

  delete(name: string): void {
    this.#values.delete(this.#check(name))
  }

  get(name: string): string | null {
    return this.#values.get(normalName(name))?.join(', ') ?? null
  }

  has(name: string): boolean {
    return this.#values.has(normalName(name))
  }

  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])]
  }

  declare forEach: PairList<string>['forEach']
  declare entries: PairList<string>['entries']
  declare keys: PairList<string>['keys']
  declare values: PairList<string>['values']
  declare [Symbol.iterator]: PairList<string>['entries']

  /** Sorted by name; kept until the next change. */
  #pairs(): [string, string][] {
    this.#sorted ??= [...this.#values.keys()].sort().flatMap((name): [string, string][] => {
      const values = this.#values.get(name) ?? []
      return name === 'set-cookie' ? values.map((value) => [name, value]) : [[name, values.join(', ')]]
    })
    return this.#sorted
  }

  #check(name: string): string {
    if (this.#immutable) throw new TypeError('these headers are immutable')
    this.#sorted = undefined
    return normalName(name)
  }
}
makeIterable(Headers, 'Headers', pairsIn!)
requireArguments(Headers.prototype, { append: 2, delete: 1, get: 1, has: 1, set: 2 })

export function freezeHeaders(headers: Headers): void {
  freeze(headers)
}

function pairsOf(init: object): [string, string][] {
  if (typeof (init as { [Symbol.iterator]?: unknown })[Symbol.iterator] !== 'function')
    return Object.entries(init) as [string, string][]
  return Array.from(init as Iterable<Iterable<string>>, (item) => {
    const pair = [...item]
    if (pair.length !== 2) throw new TypeError('each header must be a name and a value')
    return pair as [string, string]
  })
}

function normalName(name: unknown): string {
  const text = `${name as string}`
  if (!TOKEN.test(text)) throw new TypeError(`"${text}" is not a header name`)
  return text.toLowerCase()
}

function normalValue(value: unknown): string {
  const text = `${value as string}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')
  if (BAD_VALUE.test(text)) throw new TypeError('a header value has characters that are not allowed')
  return text
}
