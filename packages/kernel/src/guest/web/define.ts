// packages/kernel/src/guest/web/define.ts: puts things on the global object the way browsers do.

/** Defines non-enumerable globals, names functions after their key and gives classes their `Symbol.toStringTag`. */
export function defineGlobals(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'function') label(value, name)
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

// The bundler may have renamed the class: the global's name is the right one. A function renamed keeps its properties in a hash table.
function label(fn: object, name: string): void {
  if ((fn as { name?: unknown }).name !== name) Object.defineProperty(fn, 'name', { value: name, configurable: true })
  const prototype = (fn as { prototype?: object }).prototype
  if (isClass(fn) && prototype && !Object.hasOwn(prototype, Symbol.toStringTag)) tag(prototype, name)
}

export function tag(prototype: object, name: string): void {
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
}

/** Gives the iterators that a generator method makes the tag the standard asks for. */
export function tagIterator(generator: object, name: string): void {
  tag((generator as { prototype: object }).prototype, name)
}

/** Text as the standards' USVString: lone surrogates replaced. Symbols throw, as they must. */
export function usv(value: unknown): string {
  return `${value as string}`.toWellFormed()
}

/** The bytes a BufferSource looks at, uncopied; undefined if it is none. */
export function bytesOf(source: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (ArrayBuffer.isView(source))
    return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength)
  return isArrayBuffer(source) ? new Uint8Array(source) : undefined
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object ArrayBuffer]'
}

function isClass(fn: object): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false
}
