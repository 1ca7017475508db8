import ivm from 'isolated-vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleWeb, createTestRealm, type TestRealm } from './test-realm.ts'

const SMOKE = `
const params = new URL('/a?b=1', 'http://x.y/z').searchParams
const text = new TextDecoder().decode(new TextEncoder().encode('é€😀'))
const late = await new Promise((resolve) => setTimeout(resolve, 1, 'late'))
const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(3))
const piped = await new Response(ReadableStream.from(['a', 'b']).pipeThrough(new TextEncoderStream())).text()
const aborted = AbortSignal.any([AbortSignal.abort('x')]).reason
const clone = structuredClone(new Map([[1, { a: new Uint8Array(2) }]])).get(1).a.length
const form = new FormData(); form.append('a', new File(['x'], 'n'))
const back = (await new Response(form).formData()).get('a').name
const moved = new ArrayBuffer(8); structuredClone(moved, { transfer: [moved] })
return [params.get('b'), text, late, digest.byteLength, piped, aborted, clone, back, moved.byteLength, new URLPattern({ pathname: '/:x' }).test('http://a/b'), navigator.userAgent, atob(btoa('ok'))]`
const SMOKE_ANSWER = ['1', 'é€😀', 'late', 32, 'ab', 'x', 2, 'n', 0, true, 'Pryx', 'ok']

const HARD = `const name = (f) => { try { f(); return 'fine' } catch (e) { return e.name } }
      const Hidden = Object.getPrototypeOf(new Uint8Array(1).buffer).constructor
      class Mine extends ArrayBuffer {}
      return [
        typeof SharedArrayBuffer, typeof Atomics, typeof WebAssembly, ['resize', 'transfer', 'transferToFixedLength'].filter((m) => m in ArrayBuffer.prototype),
        name(() => new ArrayBuffer(1, { maxByteLength: 9 })), name(() => new Hidden(1, { maxByteLength: 9 })), name(() => new Mine(1, { maxByteLength: 9 })), name(() => Reflect.construct(ArrayBuffer, [1, { maxByteLength: 9 }])), name(() => ArrayBuffer(1)),
      ]`
const HARD_ANSWER = [
  'undefined',
  'undefined',
  'undefined',
  [],
  'RangeError',
  'RangeError',
  'RangeError',
  'RangeError',
  'TypeError',
]

const STANDARD =
  'AbortController AbortSignal Blob ByteLengthQueuingStrategy CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException ErrorEvent Event EventTarget File FormData Headers MessageChannel MessageEvent MessagePort ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WritableStream WritableStreamDefaultController WritableStreamDefaultWriter'.split(
    ' ',
  )
const PLAIN =
  'atob btoa clearInterval clearTimeout console crypto fetch navigator performance queueMicrotask reportError self setInterval setTimeout structuredClone'.split(
    ' ',
  )

let bundle: string
beforeAll(async () => {
  bundle = await bundleWeb()
})

describe('what is installed', () => {
  let realm: TestRealm
  beforeAll(() => {
    realm = createTestRealm({ bundle })
  })
  afterAll(() => realm.dispose())

  test('classes are there, named, tagged and not enumerable', async () => {
    const bad = await realm.run(`return ${JSON.stringify(STANDARD)}.filter((n) => {
      const d = Object.getOwnPropertyDescriptor(globalThis, n)
      return !d || d.enumerable || d.value.name !== n || d.value.prototype[Symbol.toStringTag] !== n
    })`)

    expect(bad).toEqual([])
  })

  test('functions and objects are there, and not enumerable', async () => {
    const bad = await realm.run(
      `return ${JSON.stringify(PLAIN)}.filter((n) => !Object.hasOwn(globalThis, n) || Object.keys(globalThis).includes(n))`,
    )

    expect(bad).toEqual([])
    expect(await realm.run(`return [self === globalThis, Object.keys(globalThis)]`)).toEqual([true, []])
  })

  test('K3: memory that the limit does not count is out of reach', async () => {
    expect(await realm.run(HARD)).toEqual(HARD_ANSWER)
  })

  test('ordinary buffers work as ever', async () => {
    const answers = await realm.run(`const b = new ArrayBuffer(8); class Mine extends ArrayBuffer {}
      return [b.byteLength, b instanceof ArrayBuffer, new Uint8Array(3).buffer instanceof ArrayBuffer, b.slice(2).byteLength, b.slice(2) instanceof ArrayBuffer, ArrayBuffer.isView(new Uint8Array(b)), ArrayBuffer.name, ArrayBuffer.length, new Mine(4) instanceof Mine, new Mine(4).byteLength, ArrayBuffer[Symbol.species] === ArrayBuffer, Object.prototype.toString.call(b)]`)

    expect(answers).toEqual([8, true, true, 6, true, true, 'ArrayBuffer', 1, true, 4, true, '[object ArrayBuffer]'])
  })

  test('the smoke set passes', async () => {
    expect(await realm.run(SMOKE)).toEqual(SMOKE_ANSWER)
  })
})

describe('in a startup snapshot', () => {
  test('a realm from a snapshot passes the smoke set, and is as hard', async () => {
    const snapshot = ivm.Isolate.createSnapshot([{ code: bundle, filename: 'web.js' }])
    const realm = createTestRealm({ snapshot })

    const answers = await realm.run(SMOKE)
    const hard = await realm.run(HARD)

    expect(answers).toEqual(SMOKE_ANSWER)
    expect(hard).toEqual(HARD_ANSWER)
    realm.dispose()
  })

  test('realms from one snapshot do not share their randomness or clock', async () => {
    const snapshot = ivm.Isolate.createSnapshot([{ code: bundle }])
    const [a, b] = [createTestRealm({ snapshot }), createTestRealm({ snapshot })]

    const code = `return [crypto.randomUUID(), Math.random(), performance.now() < 1000, Math.abs(performance.timeOrigin - Date.now()) < 1000]`
    const [one, two] = (await Promise.all([a.run(code), b.run(code)])) as [unknown[], unknown[]]

    expect(one[0]).not.toBe(two[0])
    expect(one[1]).not.toBe(two[1])
    expect([one[2], one[3]]).toEqual([true, true])
    a.dispose()
    b.dispose()
  })

  test('its cost is printed, for whoever changes it', async () => {
    const snapshot = ivm.Isolate.createSnapshot([{ code: bundle }])
    const bare = ivm.Isolate.createSnapshot([{ code: '0' }])

    const figures = {
      bundleKB: Math.round(bundle.length / 1024),
      snapshotKB: Math.round((snapshot.copy().byteLength - bare.copy().byteLength) / 1024),
      heapKB: Math.round((heapOf(snapshot) - heapOf(bare)) / 1024),
      cpuMsFromSnapshot: cpuMs(() => new ivm.Isolate({ snapshot })),
      cpuMsBareSnapshot: cpuMs(() => new ivm.Isolate({ snapshot: bare })),
      cpuMsWithoutSnapshot: cpuMs(() => new ivm.Isolate(), bundle),
    }

    console.info('web standards in a realm:', figures)
    expect(figures.bundleKB).toBeGreaterThan(0)
  })
})

function heapOf(snapshot: ivm.ExternalCopy<ArrayBuffer>): number {
  const isolate = new ivm.Isolate({ snapshot })
  isolate.createContextSync()
  const { used_heap_size } = isolate.getHeapStatisticsSync()
  isolate.dispose()
  return used_heap_size
}

/** CPU ms to make one isolate with its context, over 20 of them. */
function cpuMs(make: () => ivm.Isolate, script = '0'): number {
  const times = Array.from({ length: 20 }, () => {
    const from = process.cpuUsage()
    const isolate = make()
    isolate.createContextSync().evalSync(script)
    const { user, system } = process.cpuUsage(from)
    isolate.dispose()
    return (user + system) / 1_000
  })
  return times.sort((a, b) => a - b)[10]!
}
