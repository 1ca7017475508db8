// packages/kernel/src/guest/web/clone.ts: structuredClone. @see https://html.spec.whatwg.org/multipage/structured-data.html
//   C1  The copy has the shape of the value, cycles and shared parts included, and shares nothing with it.
//   C2  Functions, symbols and instances that hold hidden state are refused with DataCloneError, before anything is transferred.
import { Blob, blobBytes, File } from './blob.ts'
import { CryptoKey, copyKey } from './crypto.ts'
import { isArrayBuffer, requiring } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { moveStream, ReadableStream, WritableStream } from './streams.ts'

// Kept from before `hardenGlobals` takes it away: at its own length it moves a buffer, and does not grow one.
const transferBuffer = ArrayBuffer.prototype.transfer
const ERROR_NAMES = new Set(['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'])
const UNCLONEABLE = new Set([
  'WeakMap',
  'WeakSet',
  'WeakRef',
  'Promise',
  'Generator',
  'AsyncGenerator',
  'FinalizationRegistry',
])

type Seen = Map<object, unknown>

interface Transferable {
  isMovable(object: object): boolean
  /** Leaves the object empty and answers what has its content from now on. */
  move(object: object): object
}
const transferables: Transferable[] = [
  { isMovable: isFreeStream, move: (object) => moveStream(object)! }, // free as it is, it can move
]

/** Lets objects of another kind move with a clone. */
export function addTransferable(kind: Transferable): void {
  transferables.push(kind)
}

export const structuredClone = requiring(
  1,
  'structuredClone',
  (value: unknown, options?: CloneOptions) => cloneMoving(value, options).copy,
)

export interface CloneOptions {
  transfer?: Iterable<unknown>
}

/** The copy, and what moved with it in the order of the list. */
export function cloneMoving(value: unknown, options?: CloneOptions): { copy: unknown; moved: unknown[] } {
  const transfer = [...(options?.transfer ?? [])]
  for (const item of transfer)
    if (!isMovable(item) || transfer.indexOf(item) !== transfer.lastIndexOf(item)) throw refused('the transfer list')
  // Views need their buffer while they are copied, so what moves does so last. Buffers are patched in by identity; other objects stand
  // for themselves in a first copy, which finds all that is refused, and are moved for the second.
  const seen: Seen = new Map()
  const buffers = transfer.filter(isArrayBuffer)
  for (const buffer of buffers) seen.set(buffer, buffer.slice())
  const others = transfer.filter((item) => !isArrayBuffer(item)) as object[]
  const copy = clone(value, new Map([...seen, ...others.map((item): [object, object] => [item, item])])) // C2
  for (const object of others) seen.set(object, kindOf(object)!.move(object))
  const final = others.length > 0 ? clone(value, seen) : copy
  for (const buffer of buffers) transferBuffer.call(buffer)
  return { copy: final, moved: transfer.map((item) => seen.get(item as object)) }
}

function isFreeStream(object: object): boolean {
  return (object instanceof ReadableStream || object instanceof WritableStream) && !object.locked
}

function isMovable(item: unknown): boolean {
  if (isArrayBuffer(item)) return !item.detached
  return typeof item === 'object' && item !== null && kindOf(item) !== undefined
}

function kindOf(object: object): Transferable | undefined {
  return transferables.find((kind) => kind.isMovable(object))
}

function clone(value: unknown, seen: Seen): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw refused(String(value))
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return seen.get(value)
  return cloneObject(value, seen)
}

function cloneObject(object: object, seen: Seen): unknown {
  if (Array.isArray(object)) return copyFields(object, keep(seen, object, new Array(object.length)), seen)
  if (ArrayBuffer.isView(object)) return cloneView(object, seen)
  const leaf = cloneLeaf(object)
  if (leaf !== undefined) return keep(seen, object, leaf)
  if (object instanceof Map) return cloneMap(object, seen)
  if (object instanceof Set) return cloneSet(object, seen)
  if (object instanceof Error) return cloneError(object, seen)
  const tag = tagOf(object)
  if (UNCLONEABLE.has(tag) || isPlatform(object)) throw refused(`#<${object.constructor?.name ?? tag}>`)
  return copyFields(object, keep(seen, object, {}), seen)
}

/** Objects that hold no other objects. */
function cloneLeaf(object: object): object | undefined {
  switch (tagOf(object)) {
    case 'Boolean':
    case 'Number':
    case 'String':
    case 'BigInt':
      return isBoxed(object) ? Object(object.valueOf()) : undefined
    case 'Date':
      return object instanceof Date ? new Date(object.getTime()) : undefined
    case 'RegExp':
      return object instanceof RegExp ? new RegExp(object.source, object.flags) : undefined
    case 'ArrayBuffer':
      if ((object as ArrayBuffer).detached) throw refused('an ArrayBuffer that has moved')
      return (object as ArrayBuffer).slice()
    case 'CryptoKey':
      return object instanceof CryptoKey ? copyKey(object) : undefined
    case 'File':
      return object instanceof File
        ? new File([blobBytes(object)], object.name, { type: object.type, lastModified: object.lastModified })
        : undefined
    case 'Blob':
      return object instanceof Blob ? new Blob([blobBytes(object)], { type: object.type }) : undefined
    default:
      return undefined
  }
}

function cloneView(view: ArrayBufferView, seen: Seen): unknown {
  const buffer = clone(view.buffer, seen) as ArrayBuffer
  const length = view instanceof DataView ? view.byteLength : (view as Uint8Array).length
  const View = (globalThis as unknown as Record<string, new (b: ArrayBuffer, at: number, n: number) => object>)[
    view instanceof DataView ? 'DataView' : tagOf(view)
  ]
  if (View === undefined) throw refused('a view')
  return keep(seen, view, new View(buffer, view.byteOffset, length))
}

function cloneMap(map: Map<unknown, unknown>, seen: Seen): unknown {
  const copy = keep(seen, map, new Map())
  for (const [key, value] of [...map]) copy.set(clone(key, seen), clone(value, seen))
  return copy
}

function cloneSet(set: Set<unknown>, seen: Seen): unknown {
  const copy = keep(seen, set, new Set())
  for (const value of [...set]) copy.add(clone(value, seen))
  return copy
}

function cloneError(error: Error, seen: Seen): unknown {
  if (error instanceof DOMException)
    return keep(seen, error, withStack(new DOMException(error.message, error.name), error))
  const name = ERROR_NAMES.has(error.name) ? error.name : 'Error'
  const Family = (globalThis as unknown as Record<string, ErrorConstructor>)[name]!
  const copy = keep(seen, error, withStack(new Family(error.message), error))
  if (Object.hasOwn(error, 'cause')) {
    Object.defineProperty(copy, 'cause', {
      value: clone(error.cause, seen),
      writable: true,
      configurable: true,
      enumerable: false,
    })
  }
  return copy
}

function withStack<T extends Error>(copy: T, from: Error): T {
  Object.defineProperty(copy, 'stack', {
    value: String(from.stack ?? ''),
    writable: true,
    configurable: true,
    enumerable: false,
  })
  return copy
}

function copyFields(from: object, to: object, seen: Seen): object {
  for (const key of Object.keys(from)) {
    const value = clone((from as Record<string, unknown>)[key], seen)
    Object.defineProperty(to, key, { value, writable: true, configurable: true, enumerable: true })
  }
  return to
}

function keep<T>(seen: Seen, object: object, copy: T): T {
  seen.set(object, copy)
  return copy
}

/** Instances of the classes of the web, which keep their state where a copy cannot reach it. */
function isPlatform(object: object): boolean {
  const tag = (object as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  const Platform = typeof tag === 'string' ? (globalThis as unknown as Record<string, unknown>)[tag] : undefined
  return typeof Platform === 'function' && Platform !== Object && object instanceof Platform
}

function isBoxed(object: object): boolean {
  return object instanceof Boolean || object instanceof Number || object instanceof String || object instanceof BigInt
}

function tagOf(object: object): string {
  return Object.prototype.toString.call(object).slice(8, -1)
}

function refused(what: string): DOMException {
  return new DOMException(`${what} could not be cloned.`, 'DataCloneError')
}
