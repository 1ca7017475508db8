import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type ivmTypes from 'isolated-vm'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { GuestIsolate, IsolateEvents } from './isolate.ts'

/** In the place of the guest runtime: it hands the plugin all that the host lends it, and tells what came of it. */
const HOSTILE_RUNTIME = `globalThis.__pryxBoot = (lent) => {
  const tell = (value) => lent.send(JSON.stringify(value === undefined ? null : value))
  const odd = () => {
    const detached = new Uint8Array(8)
    detached.buffer.transfer()
    const trap = { get length() { throw new Error('seen') }, get byteLength() { throw new Error('seen') }, toString() { throw new Error('seen') }, valueOf() { throw new Error('seen') }, toJSON() { throw new Error('seen') } }
    const endless = new Proxy({}, { get: (t, key, self) => (typeof key === 'symbol' ? undefined : self), ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) })
    const cycle = {}; cycle.self = cycle
    return [undefined, null, true, NaN, Infinity, -Infinity, -1, 0, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308, 1n, 2n ** 64n, '', 'x', '__proto__', 'constructor', 'href', 'http://a/', '\\ud800', 'x'.repeat(600000), 'http://a/' + '\\u00e9'.repeat(600000), Symbol.iterator, Symbol('s'), () => { throw new Error('called') }, class {}, [], [[[[]]]], new Array(1e6), {}, trap, endless, cycle, { __proto__: null }, new Proxy(() => {}, {}), new Date(NaN), /x/, new Map([[1, 2]]), new Set([1]), new WeakMap(), Promise.resolve(1), new Error('x'), new ArrayBuffer(8), new ArrayBuffer(8, { maxByteLength: 64 }), detached, detached.buffer, new Uint8Array(1e6), new DataView(new ArrayBuffer(8)), new Float64Array(4), globalThis, lent, lent.send]
  }
  const isOurs = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function') || Object.getPrototypeOf(value) === Uint8Array.prototype
  return {
    deliver(code) { tell((0, eval)('(' + code + ')')({ lent, odd: odd(), isOurs, tell })) },
    modules: {},
  }
}`

let make: (events?: Partial<IsolateEvents>) => GuestIsolate
const made: GuestIsolate[] = []
let sent: unknown[] = []
beforeAll(async () => {
  process.argv[2] = nativePath() // where the sandbox process is told to find it
  const { ivm } = await import('./native.ts')
  const { createEmptyIsolate } = await import('./isolate.ts')
  const snapshot = ivm.Isolate.createSnapshot([{ code: HOSTILE_RUNTIME }])
  make = (events = {}) => open(createEmptyIsolate, snapshot, events)
})
afterEach(() => {
  for (const guest of made.splice(0)) guest.dispose()
  sent = []
})

function nativePath(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'))
  const find = createRequire(`${folder}/package.json`)('node-gyp-build') as { path(folder: string): string }
  return find.path(folder)
}

function open(
  create: typeof import('./isolate.ts').createEmptyIsolate,
  snapshot: ivmTypes.ExternalCopy<ArrayBuffer>,
  events: Partial<IsolateEvents>,
): GuestIsolate {
  const silent = { wake() {}, ended() {}, slow() {}, stuck() {}, catastrophe() {}, debug() {}, paused() {} }
  const guest = create(64, snapshot).assign(
    { id: 1, name: 'hostile', code: '', turnMs: 5_000, activateMs: 5_000 },
    { ...silent, sent: (text) => sent.push(text), ...events },
  )
  made.push(guest)
  return guest
}

/** Runs `code`, a function of what was lent, in a turn, and answers what it tells. */
function run(guest: GuestIsolate, code: string): unknown {
  guest.turnSync([{ text: code, buffers: [] }], true)
  return sent.length > 0 ? JSON.parse(String(sent.at(-1))) : undefined
}

const LENT = [
  'send',
  'parseUrl',
  'setUrl',
  'encodingName',
  'decodeText',
  'random',
  'startTimer',
  'stopTimer',
  'now',
  'cryptoCall',
]

test.each(LENT)('I2: %s, called with whatever there is, gives nothing of the host and throws nothing of it', (name) => {
  const guest = make({ sent: (text) => text.startsWith('{"tried"') && sent.push(text) })
  const told = run(
    guest,
    `({ lent, odd, isOurs }) => {
      const leaked = []
      const look = (value) => { if (!isOurs(value)) leaked.push(String(value)) }
      const attempt = (args) => {
        try { look(lent.${name}(...args)) } catch (error) {
          const cause = error !== null && typeof error === 'object' ? error : {}
          if (!(error instanceof Error) || cause.constructor.constructor !== Function || /node:|file:|\\/(home|usr|packages)\\//.test(cause.stack)) leaked.push('threw ' + String(cause.stack))
        }
      }
      let tried = 0
      for (const a of odd) for (const args of [[a], [a, a, a, a], ['http://a/', a], ['http://a/', 'href', a], [1, a], [1, 'digest', a, a], ['utf-8', a, true]]) { attempt(args); tried++ }
      attempt([])
      return { tried, leaked: [...new Set(leaked)] }
    }`,
  )

  expect(told).toEqual({ tried: expect.any(Number), leaked: [] })
  expect(guest.ended).toBe(false)
})

test.each(LENT)('I2: %s has no properties that lead to the host', (name) => {
  expect(
    run(
      make(),
      `({ lent }) => { const f = lent.${name}; return { realm: f.constructor === Function && f instanceof Function, node: f.constructor('return typeof process')(), own: Object.getOwnPropertyNames(f).filter((key) => typeof f[key] === 'object' && f[key] !== null && Object.getPrototypeOf(f[key]) !== Object.prototype) } }`,
    ),
  ).toEqual({ realm: true, node: 'undefined', own: [] })
})

test('I2: a guest that has ended is lent nothing more: no message, no timer', () => {
  const ends: string[] = []
  const guest = make({ ended: ({ code }) => ends.push(code) })
  run(guest, `({ lent }) => lent.startTimer(1, 1e9)`)
  const [timers, words] = [guest.timers, sent.length]

  guest.dispose()
  guest.turnSync([{ text: `({ lent }) => lent.startTimer(2, 0)`, buffers: [] }], true)

  expect(timers).toBe(1)
  expect(guest.timers).toBe(0)
  expect(sent).toHaveLength(words)
  expect(ends).toEqual([])
})

test('I2: timers are bounded, and a number that is none waits no time', () => {
  const guest = make()

  expect(
    run(
      guest,
      `({ lent }) => { let got = 0; for (let i = 0; i < 10500; i++) if (lent.startTimer(i, [NaN, -1, 1e308, 'x', 1e9][i % 5])) got++; return got }`,
    ),
  ).toBe(10_000)
  expect(guest.timers).toBe(10_000)
})

test('I2: random bytes come in the number asked for, up to a limit', () => {
  expect(
    run(make(), `({ lent }) => [16, -1, NaN, 1.9, 2 ** 31, 2 ** 32, 1e308, 1e6].map((n) => lent.random(n).length)`),
  ).toEqual([16, 0, 0, 1, 0, 0, 0, 65_536])
})

test('I6: cryptography asked for without end is refused past a limit, and none of it throws into the host', async () => {
  const answers: number[] = []
  const guest = make({ wake: () => answers.push(1) })

  run(guest, `({ lent, odd }) => { for (let i = 0; i < 1500; i++) lent.cryptoCall(i, 'digest', '{', odd[i % 3]) }`)

  await expect.poll(() => answers.length, { timeout: 15_000 }).toBe(1_500)
  expect(guest.ended).toBe(false)
})

test('I1: one turn that sends more than its limit ends the guest', async () => {
  const ends: string[] = []
  const guest = make({ sent() {}, ended: ({ code }) => ends.push(code) })

  guest.turnSync(
    [
      {
        text: `({ lent }) => { const text = 'x'.repeat(1e6); for (let i = 0; i < 40; i++) lent.send(text) }`,
        buffers: [],
      },
    ],
    true,
  )

  await expect.poll(() => ends, { timeout: 10_000 }).toEqual(['SANDBOX_FLOOD'])
})

test('I2: what cannot be interrupted is short: the longest text and address that are taken', () => {
  const told = run(
    make(),
    `({ lent }) => {
      const [text, long] = [new Uint8Array(65536).fill(255), 'http://a/' + '\\u00e9'.repeat(131000)]
      const taken = [lent.decodeText('shift_jis', text, true) !== undefined, lent.parseUrl(long) !== undefined]
      const refused = [lent.decodeText('shift_jis', new Uint8Array(65537), true), lent.parseUrl('x'.repeat(131073)), lent.parseUrl('x', 'http://a/' + 'x'.repeat(131072)), lent.setUrl('http://a/', 'hash', 'x'.repeat(131073))]
      return { taken, refused: refused.every((value) => value === undefined) }
    }`,
  )

  expect(told).toEqual({ taken: [true, true], refused: true })
})
