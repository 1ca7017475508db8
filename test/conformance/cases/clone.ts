// test/conformance/cases/clone.ts: structuredClone. @see https://html.spec.whatwg.org/multipage/structured-data.html
import type { Area, Case } from '../case.ts'
import { bytes, hex, show, thrown } from '../case.ts'

const copy = structuredClone
const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1)

const REFUSED: readonly (readonly [what: string, make: () => unknown])[] = [
  ['a function', () => () => {}],
  ['a class', () => class {}],
  ['a symbol', () => Symbol('x')],
  ['a boxed symbol', () => Object(Symbol('x'))],
  ['a WeakMap', () => new WeakMap()],
  ['a WeakSet', () => new WeakSet()],
  ['a WeakRef', () => new WeakRef({})],
  ['a promise', () => Promise.resolve()],
  ['a generator', () => (function* () {})()],
  ['a function deep inside', () => ({ a: [new Map([[1, () => {}]])] })],
  ['an event', () => new Event('x')],
  ['a URL', () => new URL('http://a')],
  ['Headers', () => new Headers()],
  ['a Response', () => new Response()],
  ['an AbortSignal', () => new AbortController().signal],
  ['a stream that is not transferred', () => new ReadableStream()],
]

const SAME: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  0,
  -0,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  'é\ud800',
  10n,
  -(2n ** 70n),
]

export const clone: Area = {
  name: 'Structured clone',
  standard: 'https://html.spec.whatwg.org/multipage/structured-data.html',
  cases: [
    ...SAME.map((value): Case => [`${show(value)} is itself`, () => Object.is(copy(value), value), true]),
    ...REFUSED.map(
      ([what, make]): Case => [`${what} is DataCloneError`, () => thrown(() => copy(make())), 'DataCloneError'],
    ),
    [
      'boxed primitives',
      () =>
        [Object(true), Object(1), Object('a'), Object(1n)].map((box) => {
          const c = copy(box)
          return [tagOf(c), typeof c, c.valueOf() === box.valueOf(), c !== box]
        }),
      [
        ['Boolean', 'object', true, true],
        ['Number', 'object', true, true],
        ['String', 'object', true, true],
        ['BigInt', 'object', true, true],
      ],
    ],
    [
      'dates, also invalid ones',
      () => [copy(new Date(5)).getTime(), copy(new Date(Number.NaN)).getTime()],
      [5, Number.NaN],
    ],
    ['properties of a date are left', () => Object.keys(copy(Object.assign(new Date(0), { a: 1 }))), []],
    [
      'regular expressions, without lastIndex',
      () => {
        const r = /a(b)/giu
        r.lastIndex = 3
        const c = copy(r)
        return [c.source, c.flags, c.lastIndex]
      },
      ['a(b)', 'giu', 0],
    ],
    ['objects and arrays', () => copy({ a: [1, { b: 2 }], c: null }), { a: [1, { b: 2 }], c: null }],
    [
      'holes of arrays stay',
      () => {
        const c = copy(Object.assign(new Array(3), { 0: 1, 2: 3 }))
        return [c.length, 1 in c]
      },
      [3, false],
    ],
    ['properties of arrays stay', () => (copy(Object.assign([1], { a: 2 })) as never as { a: number }).a, 2],
    ['length of a sparse array', () => copy(new Array(5)).length, 5],
    ['symbol keys are left', () => Object.getOwnPropertySymbols(copy({ [Symbol('x')]: 1 })).length, 0],
    ['what is not enumerable is left', () => Object.keys(copy(Object.defineProperty({}, 'a', { value: 1 }))), []],
    [
      'getters are read',
      () => {
        const c = copy({
          get a() {
            return 1
          },
        })
        return Object.getOwnPropertyDescriptor(c, 'a')
      },
      { value: 1, writable: true, enumerable: true, configurable: true },
    ],
    [
      'what is inherited is left',
      () => {
        const c = copy(Object.create({ a: 1 }))
        return [Object.keys(c), Object.getPrototypeOf(c) === Object.prototype]
      },
      [[], true],
    ],
    [
      'instances become plain',
      () => {
        class A {
          x = 1
        }
        const c = copy(new A())
        return [c instanceof A, c]
      },
      [false, { x: 1 }],
    ],
    [
      'objects without a prototype',
      () => {
        const c = copy(Object.assign(Object.create(null), { a: 1 }))
        return [c.a, Object.getPrototypeOf(c) === Object.prototype]
      },
      [1, true],
    ],
    [
      '__proto__ is a key like others',
      () => {
        const c = copy(JSON.parse('{"__proto__":{"a":1}}'))
        return [Object.hasOwn(c, '__proto__'), Object.getPrototypeOf(c) === Object.prototype]
      },
      [true, true],
    ],
    [
      'errors of getters come through',
      () =>
        thrown(() =>
          copy({
            get a() {
              throw new RangeError('x')
            },
          }),
        ),
      'RangeError',
    ],
    [
      'cycles',
      () => {
        const o: { me?: unknown } = {}
        o.me = o
        const c = copy(o)
        return c.me === c
      },
      true,
    ],
    [
      'shared parts stay shared',
      () => {
        const part = {}
        const c = copy({ a: part, b: part })
        return c.a === c.b
      },
      true,
    ],
    [
      'cycles through maps and sets',
      () => {
        const m = new Map<string, unknown>()
        m.set('m', m)
        m.set('s', new Set([m]))
        const c = copy(m)
        return [c.get('m') === c, (c.get('s') as Set<unknown>).has(c)]
      },
      [true, true],
    ],
    [
      'maps keep order and kinds of keys',
      () => [
        ...copy(
          new Map<unknown, unknown>([
            [1, 'a'],
            ['1', 'b'],
            [null, 'c'],
          ]),
        ),
      ],
      [
        [1, 'a'],
        ['1', 'b'],
        [null, 'c'],
      ],
    ],
    ['sets', () => [...copy(new Set([3, 1, 2]))], [3, 1, 2]],
    [
      'buffers are copied',
      () => {
        const b = bytes(1, 2)
        const c = copy(b.buffer)
        b[0] = 9
        return [hex(c), c !== b.buffer]
      },
      ['0102', true],
    ],
    [
      'all views',
      () =>
        [
          new Int8Array(2),
          new Uint8ClampedArray(2),
          new Int16Array(2),
          new Float32Array([1.5]),
          new Float64Array([2.5]),
          new BigInt64Array([5n]),
          new DataView(new ArrayBuffer(3)),
        ].map((view) => {
          const c = copy(view)
          return [tagOf(c), c.byteLength, hex(c)]
        }),
      [
        ['Int8Array', 2, '0000'],
        ['Uint8ClampedArray', 2, '0000'],
        ['Int16Array', 4, '00000000'],
        ['Float32Array', 4, '0000c03f'],
        ['Float64Array', 8, '0000000000000440'],
        ['BigInt64Array', 8, '0500000000000000'],
        ['DataView', 3, '000000'],
      ],
    ],
    [
      'views keep their offset and share their buffer',
      () => {
        const { buffer } = bytes(1, 2, 3, 4)
        const c = copy([new Uint8Array(buffer, 1, 2), new Uint8Array(buffer)])
        return [hex(c[0]!), c[0]!.byteOffset, c[0]!.buffer === c[1]!.buffer, c[0]!.buffer.byteLength]
      },
      ['0203', 1, true, 4],
    ],
    [
      'errors keep class, message and cause',
      () => {
        const c = copy(new RangeError('m', { cause: { a: 1 } }))
        return [c instanceof RangeError, c.name, c.message, c.cause]
      },
      [true, 'RangeError', 'm', { a: 1 }],
    ],
    [
      'errors of other classes become Error',
      () => {
        class Mine extends Error {
          override name = 'Mine'
        }
        const c = copy(new Mine('m'))
        return [c.constructor === Error, c.name, c.message]
      },
      [true, 'Error', 'm'],
    ],
    ['properties of errors are left', () => Object.keys(copy(Object.assign(new Error('m'), { code: 1 }))), []],
    ['errors keep their stack as text', () => typeof copy(new Error('m')).stack, 'string'],
    [
      'DOMException keeps name, message and code',
      () => {
        const c = copy(new DOMException('m', 'AbortError'))
        return [c instanceof DOMException, c.name, c.message, c.code]
      },
      [true, 'AbortError', 'm', 20],
    ],
    [
      'blobs',
      async () => {
        const c = copy(new Blob(['ab'], { type: 'x/y' }))
        return [c instanceof Blob, c.type, await c.text()]
      },
      [true, 'x/y', 'ab'],
    ],
    [
      'files',
      async () => {
        const c = copy(new File(['ab'], 'n', { type: 'x/y', lastModified: 5 }))
        return [c instanceof File, c.name, c.type, c.lastModified, await c.text()]
      },
      [true, 'n', 'x/y', 5, 'ab'],
    ],
    [
      'crypto keys',
      async () => {
        const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
        const c = copy(key)
        return [
          c instanceof CryptoKey,
          c.type,
          c.extractable,
          c.usages,
          (await crypto.subtle.sign('HMAC', c, bytes(1))).byteLength,
        ]
      },
      [true, 'secret', false, ['sign'], 32],
    ],
    [
      'a buffer moves',
      () => {
        const { buffer } = bytes(1, 2)
        const c = copy(buffer, { transfer: [buffer] })
        return [buffer.byteLength, hex(c)]
      },
      [0, '0102'],
    ],
    [
      'a moved buffer takes its views along',
      () => {
        const view = bytes(1, 2)
        const c = copy({ view }, { transfer: [view.buffer] })
        return [view.byteLength, hex(c.view)]
      },
      [0, '0102'],
    ],
    [
      'a buffer that is only in the list is moved too',
      () => {
        const { buffer } = bytes(1)
        copy(1, { transfer: [buffer] })
        return buffer.byteLength
      },
      0,
    ],
    [
      'moving the same twice is DataCloneError',
      () => {
        const { buffer } = bytes(1)
        return thrown(() => copy(1, { transfer: [buffer, buffer] }))
      },
      'DataCloneError',
    ],
    [
      'moving what cannot move is DataCloneError',
      () => thrown(() => copy({}, { transfer: [{} as never] })),
      'DataCloneError',
    ],
    [
      'moving a moved buffer is DataCloneError',
      () => {
        const { buffer } = bytes(1)
        copy(buffer, { transfer: [buffer] })
        return thrown(() => copy(1, { transfer: [buffer] }))
      },
      'DataCloneError',
    ],
    [
      'copying a moved buffer is DataCloneError',
      () => {
        const { buffer } = bytes(1)
        copy(buffer, { transfer: [buffer] })
        return thrown(() => copy(buffer))
      },
      'DataCloneError',
    ],
    [
      'nothing moves if the copy fails',
      async () => {
        const { buffer } = bytes(1)
        await thrown(() => copy([buffer, () => {}], { transfer: [buffer] }))
        return buffer.byteLength
      },
      1,
    ],
    [
      'a message port moves',
      () => {
        const { port1 } = new MessageChannel()
        const c = copy(port1, { transfer: [port1] })
        return c instanceof MessagePort
      },
      true,
    ],
    [
      'a stream moves',
      async () => {
        const s = new ReadableStream({
          start(c) {
            c.enqueue('a')
            c.close()
          },
        })
        const c = copy(s, { transfer: [s] })
        return [s.locked, (await c.getReader().read()).value]
      },
      [true, 'a'],
    ],
    ['a missing argument is TypeError', () => thrown(() => (copy as never as () => void)()), 'TypeError'],
    ['options null are none', () => copy(1, null as never), 1],
  ],
}
