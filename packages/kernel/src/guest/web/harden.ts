// packages/kernel/src/guest/web/harden.ts: closes the ways to memory that the isolate's limit does not count (K3).
// Each of these took gigabytes in an isolate limited to 32 MB. Ordinary buffers are counted, and stay.

const RESIZING = ['resize', 'transfer', 'transferToFixedLength']
let fixed: unknown

/**
 * Run it in every realm before plugin code runs; in a realm from a snapshot that means again, for V8 adds some of these late.
 * While a snapshot is being made there is no SharedArrayBuffer, and `Atomics` must stay: V8 dies on a snapshot without it.
 */
export function hardenGlobals(): void {
  const shared = 'SharedArrayBuffer' in globalThis ? ['SharedArrayBuffer', 'Atomics', 'WebAssembly'] : []
  for (const name of shared) Reflect.deleteProperty(globalThis, name)
  for (const method of RESIZING) Reflect.deleteProperty(ArrayBuffer.prototype, method)
  if (globalThis.ArrayBuffer !== fixed) fixed = fixArrayBuffer(globalThis.ArrayBuffer)
}

/** Puts a constructor without `maxByteLength` in place of V8's, which nothing leads back to. */
function fixArrayBuffer(Native: ArrayBufferConstructor): unknown {
  function FixedArrayBuffer(this: unknown, length: number, options?: { maxByteLength?: number }): ArrayBuffer {
    if (new.target === undefined) throw new TypeError("Constructor ArrayBuffer requires 'new'")
    if (options?.maxByteLength !== undefined) throw new RangeError('resizable buffers are not available to plugins')
    return Reflect.construct(Native, [length], new.target) as ArrayBuffer
  }
  const { prototype, isView } = Native
  const species = { get: speciesOf, configurable: true }
  Object.defineProperties(FixedArrayBuffer, {
    name: { value: 'ArrayBuffer', configurable: true },
    length: { value: 1, configurable: true },
    prototype: { value: prototype, writable: false },
    isView: { value: isView, writable: true, configurable: true },
    [Symbol.species]: species,
  })
  const place = { value: FixedArrayBuffer, writable: true, configurable: true, enumerable: false }
  Object.defineProperty(prototype, 'constructor', place)
  Object.defineProperty(globalThis, 'ArrayBuffer', place)
  return FixedArrayBuffer
}

function speciesOf(this: unknown): unknown {
  return this
}
