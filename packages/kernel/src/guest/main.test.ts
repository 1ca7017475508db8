import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import type * as IsolatedVm from 'isolated-vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { GuestMessage } from '../contract/wire.ts'
import { guestBundle } from '../node/guest-bundle.ts'
import { inFull } from './guest-testing.ts'
import type { Delivered } from './local.ts'

// The real script in real isolates: what a plain realm cannot show (snapshot, bare globals, who sees what).
const ivm: typeof IsolatedVm = createRequire(import.meta.url)('isolated-vm')
const isolates: IsolatedVm.Isolate[] = []
let snapshot: IsolatedVm.ExternalCopy<ArrayBuffer>

beforeAll(async () => {
  const entryPoints = [join(import.meta.dirname, 'main.ts')]
  const { outputFiles } = await build({ ...guestBundle, entryPoints, write: false, logLevel: 'error' })
  const code = outputFiles[0]?.text ?? ''
  snapshot = ivm.Isolate.createSnapshot([{ code, filename: 'pryx-runtime.js' }], '__pryxBoot.warmUp()')
})

afterAll(() => {
  for (const isolate of isolates) isolate.dispose()
})

test('K3: a plugin in an isolate made from the snapshot sees no trace of the runtime and no shared memory', () => {
  const guest = openIsolate(`Object.getOwnPropertyNames(globalThis)`)
  guest.deliver({ t: 'activate', name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] })

  const [reply] = guest.deliver(call(1, 'names')) as { value: string[] }[]

  expect(
    reply?.value.filter((name) => /pryx|ivm|SharedArrayBuffer|WebAssembly|Atomics|process|require/i.test(name)),
  ).toEqual([])
  expect(reply?.value).toEqual(expect.arrayContaining(['fetch', 'setTimeout', 'crypto', 'URL']))
})

test('K3: instances of one snapshot share no randomness', () => {
  const values = [1, 2].map(() => {
    const guest = openIsolate('[Math.random(), crypto.randomUUID()]')
    guest.deliver({ t: 'activate', name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] })
    return (guest.deliver(call(1, 'names')) as { value: unknown[] }[])[0]?.value
  })

  expect(values[0]?.[0]).not.toEqual(values[1]?.[0])
  expect(values[0]?.[1]).not.toEqual(values[1]?.[1])
})

test('K3: an error with an endless getter ends with the turn, not beyond it', () => {
  const guest = openIsolate('(() => { throw { get message() { for (;;); }, [Symbol.toPrimitive]() { for (;;); } } })()')
  guest.deliver({ t: 'activate', name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] })

  expect(() => guest.deliver(call(1, 'names'))).toThrow(/timed out/)
})

test('K6: errors keep their class names through bundling', () => {
  const guest = openIsolate('1')

  expect(guest.deliver(call(1, 'nowhere'))).toMatchObject([{ error: { name: 'ServiceError', code: 'TOOL_MISSING' } }])
})

test('K6: fetch in a guest is a call of the net capability, and its body a stream', () => {
  const guest = openIsolate(`(async () => (await fetch('https://a.test/x', { method: 'POST', body: 'hi' })).text())()`)
  guest.deliver({ t: 'activate', name: 'p', version: '1.0.0', config: {}, previous: undefined, tools: [] })

  const [request] = guest.deliver(call(1, 'names'))
  const value = {
    status: 200,
    statusText: 'OK',
    headers: [],
    url: 'https://a.test/x',
    redirected: false,
    body: { $: 'stream', id: 1 },
  }
  const pulls = guest.deliver({ t: 'reply', id: (request as { id: number }).id, value })
  const replies = guest.deliver({ t: 'chunk', s: 1, data: { $: 'bytes', i: 0 } }, { t: 'end', s: 1 })

  expect(request).toMatchObject({
    t: 'call',
    service: 'net',
    method: 'fetch',
    args: [{ url: 'https://a.test/x', method: 'POST', body: { $: 'bytes', i: 0 } }],
  })
  expect(pulls).toEqual([{ t: 'pull', s: 1, n: 16 }])
  expect(replies).toEqual([{ t: 'reply', id: 1, value: 'hey' }])
})

/** An isolate whose plugin answers `expression`, driven as the sandbox process drives it. */
function openIsolate(expression: string) {
  const isolate = new ivm.Isolate({ snapshot, memoryLimit: 64 })
  isolates.push(isolate)
  const context = isolate.createContextSync()
  const sent: GuestMessage[] = []
  const lent = {
    send: (text: string) => void sent.push(...(JSON.parse(text) as GuestMessage[]).map(inFull)),
    parseUrl: (href: string) => urlParts(href),
    setUrl: () => undefined,
    random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
    startTimer: () => true,
    stopTimer: () => {},
    now: () => 0,
    cryptoCall: () => {},
  }
  const fields = Object.keys(lent).map((name, i) => `${name}: $${i}`)
  const callbacks = Object.values(lent).map((fn) => new ivm.Callback(fn as (...args: never[]) => unknown))
  const record = context.evalClosureSync(`return __pryxBoot({ ${fields.join(', ')} })`, callbacks, {
    result: { reference: true },
  })
  const tool = `{ name: 'names', run: () => ${expression} }`
  const plugin = context.evalSync(`({ default: { activate(ctx) { ctx.tools.provide(${tool}) } } })`, {
    reference: true,
  })
  record.getSync('start', { reference: true }).applySync(undefined, [plugin.derefInto()])
  const deliver = record.getSync('deliver', { reference: true })
  return {
    deliver(...messages: Delivered[]): GuestMessage[] {
      const bytes = new Uint8Array([104, 101, 121])
      deliver.applySync(undefined, [JSON.stringify(messages), bytes], { timeout: 250, arguments: { copy: true } })
      return sent.splice(0)
    },
  }
}

function call(id: number, name: string): Delivered {
  return { t: 'call', id, kind: 'tool', name, method: '', args: {}, from: 'host', trace: 't' }
}

function urlParts(href: string): string {
  const url = new URL(href)
  const names = [
    'href',
    'protocol',
    'username',
    'password',
    'host',
    'hostname',
    'port',
    'pathname',
    'search',
    'hash',
    'origin',
  ] as const
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, url[name]])))
}
