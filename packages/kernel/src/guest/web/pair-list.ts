// packages/kernel/src/guest/web/pair-list.ts: what URLSearchParams, Headers and FormData share: they are lists of pairs, read in order.
//   P1  Iterators are live: each step looks at the list as it is then.
// @see https://webidl.spec.whatwg.org/#js-iterable

/** The members that `makeIterable` gives a class; declare them in it. */
export interface PairList<V> {
  entries(): IterableIterator<[string, V]>
  keys(): IterableIterator<string>
  values(): IterableIterator<V>
  forEach(callback: (value: V, name: string, list: this) => void, self?: unknown): void
}

type Pairs<V> = readonly (readonly [string, V])[]

/** @param pairsOf The list as it is now; throws for what is no instance of the class. */
export function makeIterable<T extends object, V>(
  Class: { name: string; prototype: T },
  name: string,
  pairsOf: (list: T) => Pairs<V>,
): void {
  const iterate = iteratorsNamed(`${name} Iterator`, pairsOf)
  const members = {
    entries(this: T) {
      return iterate(this, ([key, value]) => [key, value])
    },
    keys(this: T) {
      return iterate(this, ([key]) => key)
    },
    values(this: T) {
      return iterate(this, ([, value]) => value)
    },
    forEach(this: T, callback: (value: V, name: string, list: T) => void, self?: unknown) {
      if (typeof callback !== 'function') throw new TypeError('forEach needs a function')
      for (const [key, value] of iterate(this, (pair) => pair) as Iterable<[string, V]>)
        callback.call(self, value, key, this)
    },
  }
  for (const [key, value] of Object.entries(members)) define(Class.prototype, key, value, true)
  define(Class.prototype, Symbol.iterator, members.entries, false)
}

function iteratorsNamed<T extends object, V>(name: string, pairsOf: (list: T) => Pairs<V>) {
  class PairIterator {
    readonly #list: T
    readonly #pick: (pair: readonly [string, V]) => unknown
    #at = 0

    constructor(list: T, pick: (pair: readonly [string, V]) => unknown) {
      this.#list = list
      this.#pick = pick
    }

    next(): { value: unknown; done: boolean } {
      const pair = pairsOf(this.#list)[this.#at] // P1
      if (pair === undefined) return { value: undefined, done: true }
      this.#at++
      return { value: this.#pick(pair), done: false }
    }
  }
  const { prototype } = PairIterator
  Object.setPrototypeOf(prototype, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())))
  Reflect.deleteProperty(prototype, 'constructor') // nothing may make one
  define(prototype, 'next', prototype.next, true)
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
  return (list: T, pick: (pair: readonly [string, V]) => unknown) => {
    pairsOf(list)
    return new PairIterator(list, pick) as unknown as IterableIterator<unknown>
  }
}

function define(target: object, key: PropertyKey, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable })
}
