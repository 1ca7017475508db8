// test/hostile/escapes/watches.ts: how it is seen that something of the host was reached.

const INTRINSICS = [
  globalThis,
  ...[
    Object,
    Function,
    Array,
    Promise,
    Error,
    TypeError,
    Map,
    Set,
    WeakMap,
    Date,
    RegExp,
    String,
    Number,
    Symbol,
    ArrayBuffer,
  ],
  ...[Uint8Array, ReadableStream, URL, EventTarget, AbortSignal, BigInt, Boolean],
].flatMap((one) => (one === globalThis ? [one] : [one, (one as { prototype?: unknown }).prototype])) as object[]
INTRINSICS.push(JSON, Reflect, Math, Atomics, process, process.env)
for (const fn of [async () => {}, function* () {}, async function* () {}]) INTRINSICS.push(Object.getPrototypeOf(fn))

/** Every property of the host's intrinsics by place and name, and which functions stand under it. */
export function fingerprint(): Map<string, string> {
  const marks = new Map<string, string>()
  for (const [i, object] of INTRINSICS.entries())
    for (const key of Reflect.ownKeys(object)) marks.set(`${i} ${String(key)}`, markOf(object, key))
  return marks
}

/** What differs between two fingerprints. */
export function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name} of the host has changed`)
}

const numbers = new WeakMap<object, number>()
let last = 0

/** Own properties of intrinsics change by no honest means; counters and lazily made values are told by their kind alone. */
function markOf(object: object, key: PropertyKey): string {
  const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) ?? {}
  const parts = [value, get, set].map((part: unknown) => (typeof part === 'function' ? numberOf(part) : typeof part))
  return parts.join(':')
}

function numberOf(fn: object): number {
  const known = numbers.get(fn)
  if (known !== undefined) return known
  numbers.set(fn, ++last)
  return last
}

const PLAIN = new Set<unknown>([null, Object.prototype, Array.prototype])
const KINDS = new Set<unknown>(
  [Date, Map, Set, Uint8Array, ArrayBuffer, Error, ReadableStream].map(({ prototype }) => prototype),
)
const OWNED = new Set<unknown>([...PLAIN, ...KINDS, ...INTRINSICS])

/** What in a decoded value is no copy of data: live objects of the host, and objects that act by themselves. */
export function foreignIn(value: unknown, path = 'it', depth = 0): string[] {
  if (typeof value === 'symbol') return [`${path}: a symbol`]
  if (typeof value === 'function') return isNative(value) ? [`${path}: a function of the host`] : [] // lent ones are the kernel's own
  if (typeof value !== 'object' || value === null || depth > 80) return []
  if (OWNED.has(value)) return [`${path}: a live object of the host`]
  const prototype: unknown = Object.getPrototypeOf(value)
  if (KINDS.has(prototype))
    return value instanceof Map || value instanceof Set ? foreignInList([...value], path, depth) : []
  if (!PLAIN.has(prototype)) return [`${path}: an object with a prototype of its own`]
  return Reflect.ownKeys(value).flatMap((key) => {
    const { get, value: held } = Object.getOwnPropertyDescriptor(value, key) ?? {}
    if (get !== undefined) return [`${path}: a getter`]
    if (key === '__proto__') return [`${path}: a key __proto__`]
    return foreignIn(held, Array.isArray(value) ? `${path}[${String(key)}]` : `${path}.${String(key)}`, depth + 1)
  })
}

function foreignInList(items: unknown[], path: string, depth: number): string[] {
  return items.flatMap((item, i) => foreignIn(item, `${path}<${i}>`, depth + 1))
}

function isNative(fn: unknown): boolean {
  return /\[native code\]/.test(Function.prototype.toString.call(fn))
}
