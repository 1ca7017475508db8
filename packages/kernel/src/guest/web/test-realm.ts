// packages/kernel/src/guest/web/test-realm.ts: for tests: a real isolate with the web installed, driven in turns as the sandbox process does.
//   R1  Only strings, numbers and bytes cross. What the guest awaits is answered by a later turn.
import { randomFillSync, webcrypto } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import ivm from 'isolated-vm'
import { decodeText, encodingName } from '../../node/guest-text.ts'
import { runCrypto } from './crypto-host.ts'

const TURN_MS = 5_000
const PARTS = 'href protocol username password host hostname port pathname search hash origin'.split(
  ' ',
) as (keyof URL)[]

// The guest's half of the message style, small. `run` takes the body of an async function and sends its result as JSON.
const ENTRY = `
import { hardenGlobals, installWeb } from './index.ts'
let lent
let lastCall = 0
const calls = new Map()
const ask = (kind, text, ...data) => new Promise((resolve, reject) => {
  calls.set(++lastCall, { resolve, reject })
  lent.send(kind, lastCall, text, ...data)
})
const late = (name) => (...args) => lent[name](...args)
const web = installWeb({
  parseUrl: late('parseUrl'), setUrl: late('setUrl'), encodingName: late('encodingName'), decodeText: late('decodeText'), random: late('random'), startTimer: late('startTimer'), stopTimer: late('stopTimer'), now: late('now'),
  crypto: (operation, parameters, data) => ask('crypto', JSON.stringify([operation, parameters]), ...data),
  log: (level, text) => lent.send('log', 0, JSON.stringify([level, text])),
  uncaught: (error) => lent.send('uncaught', 0, String(error)),
  async fetch({ body, ...request }) {
    const bytes = body instanceof ReadableStream ? await new Response(body).bytes() : body
    const { json, data } = await ask('fetch', JSON.stringify(request), ...(bytes ? [bytes] : []))
    return { ...JSON.parse(json), body: ReadableStream.from([data.slice(0, 3), data.slice(3)]) }
  },
})
hardenGlobals()
globalThis.__boot = (send, parseUrl, setUrl, encodingName, decodeText, random, startTimer, stopTimer, now) => {
  delete globalThis.__boot
  lent = { send, parseUrl, setUrl, encodingName, decodeText, random, startTimer, stopTimer, now }
  hardenGlobals()
  return deliver
}
function deliver(kind, id, text, data) {
  if (kind === 'timer') return web.fireTimer(id)
  if (kind === 'run') return run(id, text)
  const { resolve, reject } = calls.get(id)
  calls.delete(id)
  if (kind === 'failed') reject(JSON.parse(text))
  else resolve({ json: text, data })
}
async function run(id, code) {
  try {
    const value = await (0, eval)('(async () => {' + code + '\\n})')()
    lent.send('done', id, JSON.stringify(value) ?? 'null')
  } catch (error) {
    lent.send('threw', id, JSON.stringify({ name: String(error?.name), message: String(error?.message), stack: String(error?.stack) }))
  }
}
`

export interface TestRealm {
  /** Runs the body of an async function and answers what it returns, by way of JSON. */
  run(code: string): Promise<unknown>
  readonly logs: [level: string, text: string][]
  readonly uncaught: string[]
  heapBytes(): number
  dispose(): void
}

/** The web and the test's guest half as one script. */
export async function bundleWeb(): Promise<string> {
  const resolveDir = fileURLToPath(new URL('.', import.meta.url))
  const built = await build({
    stdin: { contents: ENTRY, resolveDir, sourcefile: 'entry.js' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2024',
    minify: true,
  })
  return built.outputFiles[0]!.text
}

/** A realm from the bundle, or from a snapshot made of it. */
export function createTestRealm(from: { bundle: string } | { snapshot: ivm.ExternalCopy<ArrayBuffer> }): TestRealm {
  const isolate = new ivm.Isolate({ memoryLimit: 64, ...('snapshot' in from && { snapshot: from.snapshot }) })
  const context = isolate.createContextSync()
  if ('bundle' in from) context.evalSync(from.bundle, { timeout: TURN_MS })
  const timers = new Map<number, NodeJS.Timeout>()
  const runs = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const logs: [string, string][] = []
  const uncaught: string[] = []
  let lastRun = 0
  const lent = [
    send,
    parseUrl,
    setUrl,
    encodingName,
    decodeText,
    random,
    startTimer,
    stopTimer,
    () => performance.now(),
  ]
  const deliver = context.evalClosureSync(
    `return __boot(${lent.map((_, i) => `$${i}`).join(', ')})`,
    lent.map((fn) => new ivm.Callback(fn as (...args: never[]) => unknown)),
    { result: { reference: true } },
  ) as ivm.Reference<(...args: unknown[]) => void>
  return { run, logs, uncaught, heapBytes: () => isolate.getHeapStatisticsSync().used_heap_size, dispose }

  function run(code: string): Promise<unknown> {
    const id = ++lastRun
    const done = new Promise((resolve, reject) => runs.set(id, { resolve, reject }))
    turn('run', id, code)
    return done
  }

  function turn(kind: string, id: number, text = '', data?: Uint8Array): void {
    if (!isolate.isDisposed)
      deliver.applySync(undefined, [kind, id, text, data], { timeout: TURN_MS, arguments: { copy: true } })
  }

  function send(kind: string, id: number, text: string, ...data: Uint8Array[]): void {
    if (kind === 'log') logs.push(JSON.parse(text))
    else if (kind === 'uncaught') uncaught.push(text)
    else if (kind === 'done') runs.get(id)?.resolve(JSON.parse(text))
    else if (kind === 'threw') runs.get(id)?.reject(Object.assign(new Error(), JSON.parse(text)))
    else if (kind === 'crypto') answer(id, cryptoAnswer(text, data))
    else answer(id, fetchAnswer(text, data[0]))
  }

  function answer(id: number, result: Promise<{ json?: string; data?: Uint8Array }>): void {
    const failed = (error: Error) => turn('failed', id, JSON.stringify({ name: error.name, message: error.message }))
    result.then(({ json, data }) => turn('answer', id, json, data), failed)
  }

  function startTimer(id: number, ms: number): void {
    timers.set(
      id,
      setTimeout(() => turn('timer', id), ms),
    )
  }

  function stopTimer(id: number): void {
    clearTimeout(timers.get(id))
  }

  function dispose(): void {
    for (const timer of timers.values()) clearTimeout(timer)
    if (!isolate.isDisposed) isolate.dispose()
  }
}

function parseUrl(href: string, base?: string): string | undefined {
  const url = URL.parse(href, base)
  return url === null ? undefined : partsOf(url)
}

function setUrl(href: string, part: string, value: string): string | undefined {
  const url = new URL(href)
  try {
    Object.assign(url, { [part]: value })
  } catch {
    return undefined
  }
  return partsOf(url)
}

function partsOf(url: URL): string {
  return JSON.stringify(Object.fromEntries(PARTS.map((part) => [part, url[part]])))
}

function random(bytes: number): Uint8Array {
  return randomFillSync(new Uint8Array(bytes))
}

function cryptoAnswer(text: string, data: Uint8Array[]): Promise<{ json?: string; data?: Uint8Array }> {
  const [operation, parameters] = JSON.parse(text) as [string, string]
  return runCrypto(webcrypto as unknown as Crypto, operation, parameters, data)
}

async function fetchAnswer(text: string, body: Uint8Array | undefined): Promise<{ json: string; data: Uint8Array }> {
  const { url, ...init } = JSON.parse(text) as { url: string } & RequestInit
  const response = await fetch(url, { ...init, ...(body && { body: body as never }) })
  const { status, statusText, headers, redirected } = response
  const json = JSON.stringify({ status, statusText, headers: [...headers], url: response.url, redirected })
  return { json, data: new Uint8Array(await response.arrayBuffer()) }
}
