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
  if (!isClass(fn) || !prototype) return
  if (!Object.hasOwn(prototype, Symbol.toStringTag)) tag(prototype, name)
  for (const key of Object.getOwnPropertyNames(prototype))
    if (key !== 'constructor') Object.defineProperty(prototype, key, { enumerable: true })
}

export function tag(prototype: object, name: string): void {
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
}

/** Makes methods throw TypeError for fewer arguments than they need; an argument that is there and undefined is an argument. */
export function requireArguments(prototype: object, needed: Readonly<Record<string, number>>): void {
  const methods = prototype as Record<string, (...args: unknown[]) => unknown>
  for (const [name, count] of Object.entries(needed)) {
    const enumerable = Object.prototype.propertyIsEnumerable.call(methods, name)
    const value = requiring(count, name, methods[name]!)
    Object.defineProperty(methods, name, { value, writable: true, configurable: true, enumerable })
  }
}

/** `run`, for at least `count` arguments. */
export function requiring<A extends unknown[], R>(count: number, name: string, run: (...args: A) => R) {
  const named = {
    [name](this: unknown, ...args: A): R {
      if (args.length < count)
        throw new TypeError(`${name} needs ${count} argument${count > 1 ? 's' : ''}, it got ${args.length}`)
      return run.apply(this, args)
    },
  }
  return named[name] as (...args: A) => R
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
