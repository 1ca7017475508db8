// packages/kernel/src/guest/web/inspect.ts: values as text for logs, in the manner of Node's own.
//   I1  Bounded: in depth, entries and length, so that no value makes a log line without end.
//   I2  Getters are shown, not called; what throws while it is looked at is shown as such.
const MAX_DEPTH = 4
const MAX_ENTRIES = 100
const MAX_LISTED = 10_000 // items of a list whose further fields are still looked for
const MAX_STRING = 10_000
const MAX_TEXT = 100_000
const LINE = 76 // longer groups are broken into lines

interface Look {
  depth: number
  indent: number
  path: object[]
  circular: Map<object, number>
  size: number
}

export function inspect(value: unknown, depth = MAX_DEPTH): string {
  return show(value, { depth, indent: 0, path: [], circular: new Map(), size: 0 })
}

function show(value: unknown, look: Look): string {
  switch (typeof value) {
    case 'string':
      return quote(
        value.length > MAX_STRING
          ? `${value.slice(0, MAX_STRING)}… ${value.length - MAX_STRING} more characters`
          : value,
      )
    case 'bigint':
      return `${value}n`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'function':
    case 'object':
      return value === null ? 'null' : attempt(() => showObject(value, look)) // I2
    default:
      return String(value)
  }
}

function showObject(object: object, look: Look): string {
  if (look.path.includes(object)) return `[Circular *${mark(look.circular, object)}]`
  if (look.size > MAX_TEXT) return '[…]' // I1
  const head = headOf(object)
  if (look.path.length > look.depth)
    return Array.isArray(object) ? '[Array]' : `[${nameOf(object) || 'Object: null prototype'}]`
  look.path.push(object)
  look.indent += 2
  const entries = entriesOf(object, look)
  look.indent -= 2
  look.path.pop()
  const text = assemble(head, entries, Array.isArray(object) || ArrayBuffer.isView(object), look.indent)
  look.size += text.length
  const reference = look.circular.get(object)
  return reference === undefined ? text : `<ref *${reference}> ${text}`
}

function assemble(head: string, entries: string[], isList: boolean, indent: number): string {
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  const standsAlone = head !== '' && !head.endsWith(' ') // functions, errors, dates: shown without an empty `{}`
  if (entries.length === 0) return standsAlone ? head : `${head}${open}${close}`
  const width = entries.reduce((sum, entry) => sum + entry.length + 2, head.length)
  const space = standsAlone ? ' ' : ''
  if (width + indent <= LINE && !entries.some((entry) => entry.includes('\n')))
    return `${head}${space}${open} ${entries.join(', ')} ${close}`
  const pad = ' '.repeat(indent + 2)
  return `${head}${space}${open}\n${pad}${entries.join(`,\n${pad}`)}\n${' '.repeat(indent)}${close}`
}

/** What stands before the brackets; with a blank at the end if brackets must follow. */
function headOf(object: object): string {
  if (typeof object === 'function') return functionHead(object)
  if (object instanceof Error) return errorHead(object)
  if (object instanceof RegExp) return RegExp.prototype.toString.call(object)
  if (object instanceof Date) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString()
  const name = nameOf(object)
  if (object instanceof Map || object instanceof Set) {
    const kind = object instanceof Map ? 'Map' : 'Set'
    return `${name}(${object.size}) ${name === kind ? '' : `[${kind}] `}`
  }
  if (ArrayBuffer.isView(object) && !(object instanceof DataView)) return `${name}(${(object as Uint8Array).length}) `
  if (Array.isArray(object)) return name === 'Array' ? '' : `${name}(${object.length}) `
  if (object instanceof String || object instanceof Number || object instanceof Boolean)
    return `[${name}: ${show(object.valueOf(), look0())}]`
  if (object instanceof Promise) return 'Promise '
  if (Object.getPrototypeOf(object) === null) return '[Object: null prototype] '
  const tag = (object as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  const tagged = typeof tag === 'string' && tag !== '' && tag !== name ? `${name} [${tag}] ` : `${name} `
  return tagged === 'Object ' ? '' : tagged
}

function functionHead(fn: object): string {
  const name = String((fn as { name?: unknown }).name ?? '')
  if (/^class\b/.test(Function.prototype.toString.call(fn))) {
    const parent = (Object.getPrototypeOf(fn) as { name?: string } | null)?.name
    return `[class ${name || '(anonymous)'}${parent ? ` extends ${parent}` : ''}]`
  }
  const kind = fn.constructor?.name ?? 'Function'
  return name ? `[${kind}: ${name}]` : `[${kind} (anonymous)]`
}

function errorHead(error: Error): string {
  const title = error.message ? `${error.name}: ${error.message}` : String(error.name)
  const stack = typeof error.stack === 'string' ? error.stack : ''
  if (stack === '') return `[${title}]`
  return stack.includes(error.message) && stack.includes(error.name)
    ? stack
    : `${title}\n${stack.slice(stack.indexOf('\n') + 1)}`
}

function entriesOf(object: object, look: Look): string[] {
  const entries: string[] = []
  if (Array.isArray(object)) listEntries(object, object.length, look, entries)
  else if (ArrayBuffer.isView(object) && !(object instanceof DataView))
    listEntries(object as Uint8Array, (object as Uint8Array).length, look, entries)
  else if (object instanceof Map)
    for (const [key, item] of head(object)) entries.push(`${show(key, look)} => ${show(item, look)}`)
  else if (object instanceof Set) for (const item of head(object)) entries.push(show(item, look))
  else if (isArrayBuffer(object)) entries.push(`byteLength: ${object.byteLength}`)
  else if (isWebObject(object)) entries.push(...webEntries(object, look))
  if (object instanceof Map || object instanceof Set) noteRest(object.size, entries)
  entries.push(...fieldEntries(object, look))
  if (object instanceof Error && object.cause !== undefined && !Object.keys(object).includes('cause'))
    entries.push(`[cause]: ${show(object.cause, look)}`)
  if (object instanceof AggregateError) entries.push(`[errors]: ${show(object.errors, look)}`)
  return entries
}

function listEntries(list: ArrayLike<unknown>, length: number, look: Look, entries: string[]): void {
  let holes = 0
  const noteHoles = () => {
    if (holes > 0) entries.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`)
    holes = 0
  }
  for (let i = 0; i < Math.min(length, MAX_ENTRIES); i++) {
    if (!(i in list)) {
      holes++
      continue
    }
    noteHoles()
    entries.push(show(list[i], look))
  }
  noteHoles()
  noteRest(length, entries)
}

function fieldEntries(object: object, look: Look): string[] {
  const keys = fieldNames(object)
  const symbols = Object.getOwnPropertySymbols(object).filter((symbol) =>
    Object.prototype.propertyIsEnumerable.call(object, symbol),
  )
  const shown = [...keys, ...symbols]
    .slice(0, MAX_ENTRIES)
    .map((key) => `${keyText(key)}: ${fieldText(object, key, look)}`)
  noteRest(keys.length + symbols.length, shown)
  return shown
}

/** Names of fields beside the items of a list. Of a long list they are not asked for: V8 would make a string of each index. */
function fieldNames(object: object): string[] {
  const isList = Array.isArray(object) || ArrayBuffer.isView(object) || object instanceof String
  if (!isList) return Object.keys(object)
  return (object as Uint8Array).length > MAX_LISTED ? [] : Object.keys(object).filter((key) => !/^\d+$/.test(key))
}

function fieldText(object: object, key: string | symbol, look: Look): string {
  const field = Object.getOwnPropertyDescriptor(object, key)
  if (field?.get) return field.set ? '[Getter/Setter]' : '[Getter]' // I2
  if (field?.set) return '[Setter]'
  return show(field?.value, look)
}

/** What a URL, Headers or Response holds is behind getters of its class; those are ours and safe to call. */
function webEntries(object: object, look: Look): string[] {
  if (Symbol.iterator in object)
    return [...(object as Iterable<[string, unknown]>)]
      .slice(0, MAX_ENTRIES)
      .map(([key, item]) => `${quote(key)} => ${show(item, look)}`)
  const fields = WEB_FIELDS[nameOf(object)] ?? []
  return fields.map((field) => `${field}: ${show((object as Record<string, unknown>)[field], look)}`)
}

const WEB_FIELDS: Record<string, readonly string[]> = {
  URL: ['href'],
  Request: ['method', 'url', 'headers'],
  Response: ['status', 'statusText', 'url', 'headers'],
  Blob: ['size', 'type'],
  File: ['size', 'type', 'name', 'lastModified'],
  AbortSignal: ['aborted'],
  Event: ['type'],
}
const WEB_ITERABLES = new Set(['Headers', 'FormData', 'URLSearchParams'])

function isWebObject(object: object): boolean {
  const name = nameOf(object)
  return (
    (Object.hasOwn(WEB_FIELDS, name) || WEB_ITERABLES.has(name)) &&
    object.constructor === (globalThis as unknown as Record<string, unknown>)[name]
  )
}

function head<T>(items: Iterable<T>): T[] {
  const taken: T[] = []
  for (const item of items) {
    if (taken.length >= MAX_ENTRIES) break
    taken.push(item)
  }
  return taken
}

function noteRest(length: number, entries: string[]): void {
  const rest = length - MAX_ENTRIES
  if (rest > 0) entries.push(`... ${rest} more item${rest > 1 ? 's' : ''}`)
}

function mark(circular: Map<object, number>, object: object): number {
  const known = circular.get(object) ?? circular.size + 1
  circular.set(object, known)
  return known
}

function nameOf(object: object): string {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const field = Object.getOwnPropertyDescriptor(at, 'constructor')?.value as { name?: unknown } | undefined
    if (
      typeof field === 'function' &&
      typeof (field as { name?: unknown }).name === 'string' &&
      (field as { name: string }).name !== ''
    )
      return (field as { name: string }).name
  }
  return ''
}

function keyText(key: string | symbol): string {
  if (typeof key === 'symbol') return String(key)
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)
}

function quote(text: string): string {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'"
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
  return mark + text.replace(/[\\\0-\x1f\x7f]|'/g, (found) => escapeOne(found, mark)) + mark
}

function escapeOne(found: string, mark: string): string {
  if (found === "'") return mark === "'" ? "\\'" : "'"
  const short: Record<string, string> = {
    '\\': '\\\\',
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
  }
  return short[found] ?? `\\x${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function isArrayBuffer(object: object): object is ArrayBuffer {
  return Object.prototype.toString.call(object) === '[object ArrayBuffer]'
}

function look0(): Look {
  return { depth: 0, indent: 0, path: [], circular: new Map(), size: 0 }
}

/** What `text` gives, or that it could not be had. */
export function attempt(text: () => string): string {
  try {
    return text()
  } catch {
    return '[could not be shown]'
  }
}
