// packages/kernel/src/events/deque.ts: a first-in first-out list whose ends are cheap, however long it is.
const COMPACT_AT = 1_024 // taken slots at the front before the array is cut

export interface Deque<T> {
  readonly size: number
  /** The next to be taken. */
  readonly first: T | undefined
  push(item: T): void
  shift(): T | undefined
  /** Puts `items` before all others, in their order. */
  prepend(items: readonly T[]): void
  clear(): void
  /** What is in it, first one first; it stays there. */
  list(): T[]
}

export function createDeque<T>(): Deque<T> {
  let items: (T | undefined)[] = []
  let head = 0
  return {
    get size() {
      return items.length - head
    },
    get first() {
      return items[head]
    },
    push: (item) => void items.push(item),
    shift() {
      if (head === items.length) return undefined
      if (head === 0 && items.length === 1) return items.pop() // the common case: straight through, nothing allocated
      const item = items[head]
      items[head++] = undefined // lets go of the payload at once
      if (head === items.length) reset()
      else if (head >= COMPACT_AT && head * 2 >= items.length) reset(items.slice(head))
      return item
    },
    prepend(front) {
      if (front.length > 0) reset([...front, ...items.slice(head)])
    },
    clear: () => reset(),
    list: () => items.slice(head) as T[],
  }

  function reset(rest: (T | undefined)[] = []): void {
    items = rest
    head = 0
  }
}
