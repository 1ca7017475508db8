import { expect, test } from 'vitest'
import { decode, encode } from './codec.ts'
import { parseGuestMessage } from './wire.ts'

const parcel = { buffers: [new Uint8Array([1, 2])] }

test.each(['__proto__', 'push', 'constructor', 'length', 'values', '0', ['0'], 0.5, -1, 1, null])(
  'C3: bytes are found by a whole number of the list and by nothing else its prototype has (%j)',
  (i) => {
    expect(() => decode({ $: 'bytes', i }, parcel)).toThrow(/malformed/)
    expect(() => decode({ $: 'bytes', i, as: 'ArrayBuffer' }, parcel)).toThrow(/malformed/)
  },
)

test('C3: `__proto__` is never a key, at any depth or inside any tag', () => {
  const texts = [
    '{"__proto__":{"polluted":1}}',
    '{"a":[{"__proto__":{"polluted":1}}]}',
    '{"$":"object","v":{"__proto__":{"polluted":1},"$":1}}',
    '{"$":"map","v":[["k",{"__proto__":{"polluted":1}}]]}',
  ]

  for (const text of texts) {
    const value = decode(JSON.parse(text), parcel)
    const found = JSON.stringify(value instanceof Map ? [...value] : value)
    expect(found).not.toContain('polluted')
  }
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test('C3: a function is none where nobody takes functions', () => {
  expect(() => decode({ later: { $: 'fn', id: 1 } }, parcel)).toThrow(/malformed/)
})

test('C1: bytes, dates, maps, sets, odd numbers and objects with a `$` come back as they went', () => {
  const value = {
    bytes: new Uint8Array([3]),
    at: new Date(5),
    map: new Map([['k', new Set([1n])]]),
    odd: [Number.NaN, -0, Number.POSITIVE_INFINITY],
    tagged: { $: 'bytes', i: 0 },
  }
  const sent = { buffers: [] as Uint8Array[] }

  const text = JSON.stringify(encode(value, sent))

  expect(decode(JSON.parse(text), sent)).toEqual(value)
})

test('W3: no type of a message is found on a prototype, and none that is no text is looked for', () => {
  const types = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    { toString: 1, valueOf: 1 },
    ['call'],
    null,
    1,
  ]

  for (const t of types) expect(parseGuestMessage({ t, id: 1 })).toBeUndefined()
})
