// packages/kernel/src/guest/crossing.ts: what a single message carries that is neither text nor bytes, and how to take it back.
import { decode, type Handles } from '../contract/codec.ts'
import { UsageError } from '../contract/errors.ts'
import type { Carrier } from './outbox.ts'
import type { Streams } from './streams.ts'

export type Fn = (...args: unknown[]) => unknown

/** Functions lent to the host, each until the host has given it back as often as it was lent. Lending it again gives the same id. */
export interface LentFunctions {
  lend(fn: Fn): number
  get(id: number): Fn | undefined
  release(id: number): void
  clear(): void
}

export function createLentFunctions(): LentFunctions {
  const byId = new Map<number, { fn: Fn; loans: number }>()
  const ids = new Map<Fn, number>()
  let lastId = 0
  return {
    lend(fn) {
      const id = ids.get(fn) ?? ++lastId
      const loans = byId.get(id)?.loans ?? 0
      ids.set(fn, id)
      byId.set(id, { fn, loans: loans + 1 })
      return id
    },
    get: (id) => byId.get(id)?.fn,
    release(id) {
      const lent = byId.get(id)
      if (lent === undefined || --lent.loans > 0) return
      byId.delete(id)
      ids.delete(lent.fn)
    },
    clear() {
      ids.clear()
      byId.clear()
    },
  }
}

/** Handles of one outgoing message. A class: one is made for every reply and call, and its methods need no closures. */
export class Crossing implements Carrier {
  readonly #streams: Streams
  readonly #functions: LentFunctions | undefined
  #sent: number[] | undefined
  #lent: number[] | undefined

  /** @param functions Where functions go; without it they cannot be part of the message. */
  constructor(streams: Streams, functions?: LentFunctions) {
    this.#streams = streams
    this.#functions = functions
  }

  sendStream(stream: ReadableStream): number {
    if (stream.locked) throw new UsageError('USAGE_NOT_CLONEABLE', 'a stream that is being read cannot cross the wall')
    const id = this.#streams.send(stream)
    this.#sent ??= []
    this.#sent.push(id)
    return id
  }

  sendFunction(fn: Fn): number {
    if (this.#functions) {
      const id = this.#functions.lend(fn)
      this.#lent ??= []
      this.#lent.push(id)
      return id
    }
    throw new UsageError('USAGE_NOT_CLONEABLE', 'a function cannot cross the wall here', {
      hint: 'Functions may be arguments of capabilities only.',
    })
  }

  undo(): void {
    for (const id of this.#sent ?? []) this.#streams.unsend(id)
    for (const id of this.#lent ?? []) this.#functions?.release(id)
  }
}

/** Turns payloads of a batch into values. */
export interface Reader {
  take(value: unknown): unknown
  /** For a payload nobody waits for any more: its streams are refused. */
  drop(value: unknown): void
}

/** Reads payloads that are plain JSON. */
export const PLAIN: Reader = Object.freeze({ take: (value: unknown) => value, drop: () => {} })

export function createReader(buffers: Uint8Array[], streams: Streams): Reader {
  const parcel = { buffers }
  const refusing: Handles = {
    receiveStream(id) {
      streams.refuse(id)
      return new ReadableStream()
    },
  }
  return {
    take: (value) => decode(value, parcel, { receiveStream: streams.receive }),
    drop: (value) => void decode(value, parcel, refusing),
  }
}
