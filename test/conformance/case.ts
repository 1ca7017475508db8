// test/conformance/case.ts: what a case is, and the small tools that cases share. It runs in a guest and in Node, so it uses the web only.

/** `run` answers (at once or later) what the standard says: `expected`. Both are compared as `show` writes them. */
export type Case = readonly [title: string, run: () => unknown, expected: unknown]

export interface Area {
  name: string
  /** The standard that the cases were written from. */
  standard: string
  cases: readonly Case[]
}

export interface Outcome {
  title: string
  passed: boolean
  /** What came instead, for the report. */
  got?: string
}

const CASE_MS = 4_000

/** Runs some cases of an area, side by side where they wait. Never rejects. */
export function runCases(cases: readonly Case[]): Promise<Outcome[]> {
  return Promise.all(cases.map(runCase))
}

async function runCase([title, run, expected]: Case): Promise<Outcome> {
  const got = await outcomeOf(run)
  return got === show(expected) ? { title, passed: true } : { title, passed: false, got: got.slice(0, 300) }
}

async function outcomeOf(run: () => unknown): Promise<string> {
  let timer: unknown
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve('still waiting'), CASE_MS)
  })
  try {
    return show(await Promise.race([run(), late]))
  } catch (error) {
    return `threw ${nameOf(error)}: ${String((error as Error | undefined)?.message)}`
  } finally {
    clearTimeout(timer as number)
  }
}

/** A value as text that tells apart what JSON does not. */
export function show(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : String(value)
  if (value instanceof ArrayBuffer) return `buffer ${hex(value)}`
  if (ArrayBuffer.isView(value)) return `bytes ${hex(value)}`
  if (value instanceof Date) return `date ${value.getTime()}`
  if (Array.isArray(value)) return `[${Array.from(value, show).join(', ')}]`
  return `{${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${key}: ${show(item)}`)
    .join(', ')}}`
}

/** The name of what `run` throws or rejects with; `nothing` if it does not. */
export async function thrown(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'nothing'
  } catch (error) {
    return nameOf(error)
  }
}

export function nameOf(error: unknown): string {
  if (error === undefined || error === null) return String(error)
  return typeof error === 'object' ? String((error as { name?: unknown }).name) : String(error)
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
}

export function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values)
}

export function hex(source: ArrayBuffer | ArrayBufferView): string {
  const view =
    source instanceof ArrayBuffer
      ? new Uint8Array(source)
      : new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  return Array.from(view, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function unhex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** All chunks of a stream. */
export async function chunksOf<T>(stream: ReadableStream<T>): Promise<T[]> {
  const chunks: T[] = []
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return chunks
    chunks.push(value)
  }
}

export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array((await chunksOf(stream)).flatMap((chunk) => [...chunk]))
}

/** A stream that gives these chunks. */
export function streamOf<T>(...chunks: T[]): ReadableStream<T> {
  return new ReadableStream<T>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(() => resolve(), ms))
}

/** Lets everything that is ready run, in a task of its own. */
export function soon(): Promise<void> {
  return after(0)
}

/** True if reading twice gives the same object. */
export function always(read: () => unknown): boolean {
  return Object.is(read(), read())
}
