// test/fuzz/borders.test.ts: whatever stands at the kernel's borders (frames, guest messages, values, manifests, grants), it answers with a clear error or takes it (K1 K3 K4).
//   A crash is an error without a code of ours; a hang is a test that runs out of time. Seeds are printed by fast-check.
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, parseGuestMessage } from '../../packages/kernel/src/contract/index.ts'
import { parseManifest } from '../../packages/kernel/src/contract/manifest.ts'
import { createFrameReader, createFrameWriter, type Frame } from '../../packages/kernel/src/node/frame.ts'
import { openGrants } from '../../packages/kernel/src/permissions/grants.ts'
import { createCountingIds, createFakeClock } from '../../packages/kernel/src/powers-testing.ts'
import { expectClear, numRuns, replaceAt } from './fuzz-testing.ts'

test('K3: frames cut anywhere come out whole and in order', () => {
  const frame = fc.tuple(
    fc.nat(0xffff),
    fc.string({ unit: 'grapheme' }),
    fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 5 }),
  )
  fc.assert(
    fc.property(
      fc.array(frame, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (frames, cuts) => {
        const seen: Frame[] = []
        const read = createFrameReader((one) => seen.push(one))
        for (const piece of cut(bytesOf(frames), cuts)) read(piece)
        expect(seen.map(({ isolate, text, buffers }) => [isolate, text, buffers.map((one) => [...one])])).toEqual(
          frames.map(([isolate, text, buffers]) => [isolate, text.toWellFormed(), buffers.map((one) => [...one])]),
        )
      },
    ),
    { numRuns },
  )
})

test('K3: bytes that are no frames end the connection by a clear error, and nothing else', () => {
  const frame = fc.tuple(fc.nat(9), fc.string(), fc.array(fc.uint8Array({ maxLength: 16 }), { maxLength: 3 }))
  const spoilt = fc
    .tuple(frame, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }), fc.nat(60))
    .map(([one, changes, keep]) => {
      const bytes = Buffer.from(bytesOf([one]))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes.subarray(0, Math.max(1, bytes.length - (keep % bytes.length)))
    })
  const any = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(spoilt, any), (bytes) => {
      const read = createFrameReader(() => {})
      expectClear(() => read(bytes))
    }),
    { numRuns },
  )
})

test('K3: a guest may say anything; it is understood or left alone, and its values decode or are refused', () => {
  const types =
    'active failed state stopped call use tool hook reply cancel emit on off ack provide withdraw log checkpoint uncaught chunk end pull stop __proto__ constructor toString'.split(
      ' ',
    )
  const keys =
    't id s n sub seq service range method args trace name input value error data pattern policy capacity kind version methods level text state has optional timeoutMs failure'.split(
      ' ',
    )
  const message = fc
    .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...keys), fc.anything()))
    .map(([t, rest]) => ({ ...rest, t }))
  fc.assert(
    fc.property(fc.oneof(message, fc.anything()), (raw) => {
      expectClear(() => parseGuestMessage(raw))
    }),
    { numRuns: numRuns * 4 },
  )
  const tagged = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.record(
        {
          $: fc.oneof(
            fc.constantFrom(
              'object',
              'undefined',
              'number',
              'bigint',
              'date',
              'map',
              'set',
              'error',
              'bytes',
              'stream',
              'fn',
            ),
            fc.string(),
          ),
          v: tie('value'),
          i: fc.anything(),
          id: fc.anything(),
        },
        { requiredKeys: ['$'] },
      ),
    ),
  })).value
  fc.assert(
    fc.property(tagged, (value) => {
      expectClear(() => decode(value, { buffers: [new Uint8Array(2)] }))
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    }),
    { numRuns: numRuns * 4 },
  )
})

test('K1: a manifest with anything anywhere is read, or refused by file and path with a hint', () => {
  const good = {
    name: 'pryx-plugin-weather',
    version: '1.2.0',
    description: 'd',
    pryx: {
      engine: '^1.0.0',
      entry: 'dist/plugin.js',
      permissions: ['net:api.open-meteo.com', 'storage'],
      requires: { scheduler: '^1.0.0' },
      provides: { weather: '1.2.0' },
      activation: ['startup'],
      events: { emits: ['a.b'], listens: ['**'] },
      hooks: ['before:tool.call'],
      tools: [{ name: 'weather.now', description: 'now', input: { type: 'object' } }],
      limits: { memoryMb: 64 },
    },
  }
  const odd = fc.oneof(
    fc.anything(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', '*'.repeat(5_000), -1, Number.POSITIVE_INFINITY, null, {}, []),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 3 }), (changes) => {
      let json: unknown = structuredClone(good)
      for (const [where, value] of changes) json = replaceAt(json, where, value)
      expectClear(
        () => parseManifest(json, '/p/package.json'),
        ({ details, hint, code }) => {
          expect(code).toBe('MANIFEST_INVALID')
          expect(details.file).toBe('/p/package.json')
          expect(typeof details.path).toBe('string')
          expect(hint).toBeTruthy()
        },
      )
    }),
    { numRuns },
  )
})

test('K4: a grants file with anything in it opens, or is refused with a hint', async () => {
  const grant = {
    id: 'g1',
    plugin: 'a',
    permission: 'net:x.org',
    mode: 'allow',
    duration: 'forever',
    scope: { kind: 'host' },
    at: 1,
    by: 'ada',
  }
  const good = { version: 1, grants: [grant, { ...grant, id: 'g2', duration: { until: 9e12 } }] }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.anything()), { maxLength: 3 }), async (changes) => {
      let json: unknown = structuredClone(good)
      for (const [where, value] of changes) json = replaceAt(json, where, value)
      const store = { load: async () => json, save: async () => {} }
      const opening = openGrants({
        store,
        clock: createFakeClock(),
        ids: createCountingIds(),
        covers: (a, b) => a === b,
      })
      const failure: unknown = await opening.then(
        () => undefined,
        (error: unknown) => error,
      )
      if (failure !== undefined) expectClear(() => {}, undefined, failure)
    }),
    { numRuns },
  )
})

function bytesOf(frames: readonly [number, string, Uint8Array[]][]): Buffer {
  const chunks: Buffer[] = []
  const socket = { destroyed: false, write: (data: Buffer) => chunks.push(data) } as unknown as Socket
  const writer = createFrameWriter(socket)
  for (const [isolate, text, buffers] of frames) writer.write(isolate, text, buffers)
  writer.flush()
  return Buffer.concat(chunks)
}

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number
    yield bytes.subarray(at, at + size)
    at += size
  }
}
