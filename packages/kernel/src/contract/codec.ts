// packages/kernel/src/contract/codec.ts: values across the wall. JSON as it is; whatever JSON cannot say is a tagged object `{ "$": tag }`.
//   C1  Both sides only ever see copies. Encoding runs on the sender's side and time.
//   C2  Bytes travel beside the text, by index; streams and functions travel as numbers their owner keeps.
//   C3  Decoding takes untrusted input: an unknown tag, a bad index or too deep a value throws, and `__proto__` is never a key.
import { UsageError } from './errors.ts'

const MAX_DEPTH = 64

/** Where encoding puts what is not text, and decoding finds it. */
export interface Parcel {
  readonly buffers: Uint8Array[]
}

/** How one side keeps streams and functions. Absent: they cannot cross in this direction. */
export interface Handles {
  sendStream?(stream: ReadableStream): number
  receiveStream?(id: number): ReadableStream
  sendFunction?(fn: (...args: unknown[]) => unknown): number
  receiveFunction?(id: number): (...args: unknown[]) => unknown
}

type Tagged = { $: string; [key: string]: unknown }

/** A JSON-able value that stands for `value`; bytes go into `parcel`. Plain JSON comes back as the same object, uncopied. */
export function encode(value: unknown, parcel: Parcel, handles: Handles = {}): unknown {
  if (isPlain(value)) return value // nearly everything is; the walk below costs ten times as much
  return pack(value, 0)

  function pack(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { $: 'number', v: Object.is(value, -0) ? '-0' : String(value) }
      case 'undefined':
        return { $: 'undefined' }
      case 'bigint':
        return { $: 'bigint', v: String(value) }
      case 'function':
        if (handles.sendFunction) return { $: 'fn', id: handles.sendFunction(value as never) }
        throw notCloneable('a function')
      case 'symbol':
        throw notCloneable('a symbol')
    }
    if (value === null) return null
    if (depth >= MAX_DEPTH)
      throw new UsageError('USAGE_TOO_DEEP', `a value is nested deeper than ${MAX_DEPTH} levels`, { max: MAX_DEPTH })
    if (Array.isArray(value)) return packArray(value, depth + 1)
    return packObject(value as object, depth + 1)
  }

  function packArray(items: unknown[], depth: number): unknown {
    let copy: unknown[] | undefined
    for (let i = 0; i < items.length; i++) {
      const packed = pack(items[i], depth)
      if (packed !== items[i]) {
        copy ??= items.slice()
        copy[i] = packed
      }
    }
    return copy ?? items
  }

  function packObject(object: object, depth: number): unknown {
    const prototype = Object.getPrototypeOf(object)
    if (prototype !== Object.prototype && prototype !== null && !isForeignPlain(prototype))
      return packSpecial(object, depth)
    if (typeof (object as { toJSON?: unknown }).toJSON === 'function') throw notCloneable('an object with toJSON')
    let copy: Record<string, unknown> | undefined
    for (const key of Object.keys(object)) {
      const value = (object as Record<string, unknown>)[key]
      if (value === undefined) continue // JSON.stringify leaves it out too
      const packed = pack(value, depth)
      if (packed !== value) {
        copy ??= { ...object }
        copy[key] = packed
      }
    }
    const plain = copy ?? (object as Record<string, unknown>)
    return '$' in plain ? { $: 'object', v: plain } : plain
  }

  function packSpecial(object: object, depth: number): unknown {
    if (ArrayBuffer.isView(object))
      return packBytes(new Uint8Array(object.buffer, object.byteOffset, object.byteLength), kindOf(object))
    if (tagOf(object) === 'ArrayBuffer') return packBytes(new Uint8Array(object as ArrayBuffer), 'ArrayBuffer')
    if (tagOf(object) === 'Date') return { $: 'date', v: Number(object) }
    if (object instanceof Map)
      return { $: 'map', v: [...object].map(([key, item]) => [pack(key, depth), pack(item, depth)]) }
    if (object instanceof Set) return { $: 'set', v: [...object].map((item) => pack(item, depth)) }
    if (object instanceof Error) return { $: 'error', name: String(object.name), message: String(object.message) }
    if (isStream(object) && handles.sendStream) return { $: 'stream', id: handles.sendStream(object) }
    throw notCloneable(`a ${kindOf(object)}`)
  }

  function packBytes(bytes: Uint8Array, kind: string): Tagged {
    // A copy of the slice: the sender may go on writing, and a view may look into a far larger buffer (C1).
    parcel.buffers.push(bytes.slice())
    const tagged: Tagged = { $: 'bytes', i: parcel.buffers.length - 1 }
    if (kind === 'ArrayBuffer') tagged.as = kind
    return tagged
  }
}

/** True for what `JSON.stringify` writes as it is and no tag is needed for. A getter may answer differently later: that is still JSON. */
export function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value === 'number') return value - value === 0 && (value !== 0 || 1 / value > 0) // finite, and not -0
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const key in value) {
    if (key === '$') return false
    const field = (value as Record<string, unknown>)[key]
    if (field !== undefined && !isPlain(field, depth + 1)) return false
  }
  return true
}

/** The value for what `encode` made. Takes over `value` and may write into it. */
export function decode(value: unknown, parcel: Parcel, handles: Handles = {}): unknown {
  return unpack(value, 0)

  function unpack(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (depth >= MAX_DEPTH + 2) throw malformed('too deep')
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = unpack(value[i], depth + 1)
      return value
    }
    const object = value as Record<string, unknown>
    if (Object.hasOwn(object, '$')) return unpackTagged(object as Tagged, depth)
    return unpackFields(object, depth)
  }

  function unpackFields(object: Record<string, unknown>, depth: number): unknown {
    for (const key of Object.keys(object)) {
      if (key === '__proto__')
        delete object[key] // C3
      else object[key] = unpack(object[key], depth + 1)
    }
    return object
  }

  function unpackTagged(tagged: Tagged, depth: number): unknown {
    switch (tagged.$) {
      case 'object':
        return typeof tagged.v === 'object' && tagged.v !== null
          ? unpackFields(tagged.v as Record<string, unknown>, depth)
          : {}
      case 'undefined':
        return undefined
      case 'number':
        return numberOf(tagged.v)
      case 'bigint':
        if (typeof tagged.v !== 'string' || !/^-?\d{1,4096}$/.test(tagged.v)) throw malformed('bigint')
        return BigInt(tagged.v)
      case 'date':
        return new Date(numberOf(tagged.v))
      case 'map':
        return new Map(
          listOf(tagged.v).map((pair) => [unpack(listOf(pair)[0], depth + 1), unpack(listOf(pair)[1], depth + 1)]),
        )
      case 'set':
        return new Set(listOf(tagged.v).map((item) => unpack(item, depth + 1)))
      case 'error':
        return Object.assign(new Error(textOf(tagged.message)), { name: textOf(tagged.name) })
      case 'bytes': {
        const bytes = typeof tagged.i === 'number' ? parcel.buffers[tagged.i] : undefined // C3: a list has more names than numbers
        if (bytes === undefined) throw malformed('bytes')
        return tagged.as === 'ArrayBuffer' ? bytes.slice().buffer : bytes
      }
      case 'stream':
        if (handles.receiveStream && typeof tagged.id === 'number') return handles.receiveStream(tagged.id)
        throw malformed('stream')
      case 'fn':
        if (handles.receiveFunction && typeof tagged.id === 'number') return handles.receiveFunction(tagged.id)
        throw malformed('function')
      default:
        throw malformed(textOf(tagged.$).slice(0, 32))
    }
  }
}

/** False when text of JSON surely holds nothing that `decode` would change. */
export function needsDecode(text: string): boolean {
  // One sign first: that search is ten times as fast, and mostly finds nothing.
  return (
    (text.includes('$') && text.includes('"$"')) ||
    (text.includes('\\') && text.includes('\\u')) ||
    text.includes('__proto__')
  )
}

/** An object would be asked for its own `valueOf`, which may be anything. */
function numberOf(value: unknown): number {
  if (typeof value === 'object' && value !== null) throw malformed('number')
  return Number(value)
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? '' : String(value)
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw malformed('list')
  return value
}

function isStream(object: object): object is ReadableStream {
  return typeof (object as { getReader?: unknown }).getReader === 'function'
}

/** An `Object.prototype` of another realm: nothing above it, and it owns `hasOwnProperty`. */
function isForeignPlain(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty')
}

function tagOf(object: object): string {
  return Object.prototype.toString.call(object).slice(8, -1)
}

function kindOf(object: object): string {
  return object.constructor?.name ?? tagOf(object)
}

function notCloneable(what: string): UsageError {
  return new UsageError('USAGE_NOT_CLONEABLE', `${what} cannot cross the wall`, {
    hint: 'Pass plain objects, arrays, strings, numbers, bytes, dates, maps, sets or a ReadableStream.',
  })
}

function malformed(what: string): UsageError {
  return new UsageError('USAGE_WIRE', `a message is malformed (${what})`)
}
