// test/conformance/cases/globals.ts: what is there, and the small things: DOMException, performance, console, navigator.
// @see ECMA-429, https://webidl.spec.whatwg.org
import type { Area, Case } from '../case.ts'
import { nameOf, thrown } from '../case.ts'

const CLASSES =
  'AbortController AbortSignal Blob ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DecompressionStream DOMException ErrorEvent Event EventTarget File FormData Headers MessageChannel MessageEvent MessagePort Performance PromiseRejectionEvent ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WritableStream WritableStreamDefaultController WritableStreamDefaultWriter'.split(
    ' ',
  )
const FUNCTIONS =
  'atob btoa clearInterval clearTimeout fetch queueMicrotask reportError setInterval setTimeout structuredClone'.split(
    ' ',
  )
const OBJECTS = 'console crypto globalThis navigator performance self'.split(' ')
const CODES: readonly (readonly [name: string, code: number])[] = [
  ['IndexSizeError', 1],
  ['NotFoundError', 8],
  ['NotSupportedError', 9],
  ['InvalidStateError', 11],
  ['SyntaxError', 12],
  ['InvalidAccessError', 15],
  ['AbortError', 20],
  ['TimeoutError', 23],
  ['DataCloneError', 25],
  ['OperationError', 0],
  ['NotAllowedError', 0],
  ['Whatever', 0],
]
const METHODS =
  'assert clear count countReset debug dir dirxml error group groupCollapsed groupEnd info log table time timeEnd timeLog trace warn'.split(
    ' ',
  )
const at = (name: string) => (globalThis as never as Record<string, unknown>)[name]

export const globals: Area = {
  name: 'Globals',
  standard: 'ECMA-429 (WinterTC minimum common API)',
  cases: [
    ...CLASSES.map(
      (name): Case => [
        `${name} is a class of that name`,
        () => {
          const it = at(name) as { name: string; prototype: object } | undefined
          return [typeof it, it?.name, Object.prototype.toString.call(it?.prototype ?? null)]
        },
        ['function', name, `[object ${name}]`],
      ],
    ),
    ...['Module', 'Instance', 'Memory', 'Table', 'compile', 'instantiate', 'validate'].map(
      (name): Case => [
        `WebAssembly.${name} is there`,
        () => typeof (at('WebAssembly') as Record<string, unknown> | undefined)?.[name],
        'function',
      ],
    ),
    ...FUNCTIONS.map(
      (name): Case => [
        `${name} is a function`,
        () => [typeof at(name), (at(name) as { name: string } | undefined)?.name],
        ['function', name],
      ],
    ),
    ...OBJECTS.map((name): Case => [`${name} is an object`, () => typeof at(name), 'object']),
    ...CODES.map(
      ([name, code]): Case => [`the code of ${name} is ${code}`, () => new DOMException('', name).code, code],
    ),
    ...METHODS.map(
      (name): Case => [`console.${name}`, () => typeof (console as never as Record<string, unknown>)[name], 'function'],
    ),
    ['self is globalThis', () => self === globalThis, true],
    [
      'DOMException is an Error',
      () => {
        const e = new DOMException('m', 'N')
        return [e instanceof Error, e.name, e.message, `${e}`, typeof e.stack]
      },
      [true, 'N', 'm', 'N: m', 'string'],
    ],
    [
      'DOMException without arguments',
      () => {
        const e = new DOMException()
        return [e.name, e.message, e.code]
      },
      ['Error', '', 0],
    ],
    [
      'DOMException keeps its constants',
      () => [DOMException.ABORT_ERR, DOMException.prototype.DATA_CLONE_ERR],
      [20, 25],
    ],
    [
      'DOMException has its attributes on the prototype',
      () =>
        ['name', 'message', 'code'].map(
          (name) => typeof Object.getOwnPropertyDescriptor(DOMException.prototype, name)?.get,
        ),
      ['function', 'function', 'function'],
    ],
    [
      'the class string of DOMException',
      () => Object.prototype.toString.call(new DOMException()),
      '[object DOMException]',
    ],
    [
      'performance.now counts up',
      () => {
        const a = performance.now()
        const b = performance.now()
        return a >= 0 && b >= a
      },
      true,
    ],
    [
      'timeOrigin is a time of the clock',
      () => Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 2_000,
      true,
    ],
    [
      'performance as JSON',
      () => typeof (JSON.parse(JSON.stringify(performance)) as { timeOrigin: number }).timeOrigin,
      'number',
    ],
    ['performance is a Performance', () => performance instanceof Performance, true],
    [
      'navigator.userAgent is text',
      () => typeof navigator.userAgent === 'string' && navigator.userAgent.length > 0,
      true,
    ],
    ['console is a plain namespace', () => Object.prototype.toString.call(console), '[object console]'],
    [
      'console methods need no object',
      () => {
        const { debug } = console
        debug('conformance')
        return 'fine'
      },
      'fine',
    ],
    [
      'console survives what cannot be shown',
      () => {
        console.debug(Object.create(null), Symbol('x'), 1n, new Proxy({}, {}), '%o %d %s', {}, 'x', Symbol('y'))
        console.table(undefined)
        console.count()
        return 'fine'
      },
      'fine',
    ],
    [
      'console looks at no getter',
      () => {
        let n = 0
        console.debug({
          get a() {
            return ++n
          },
        })
        return n
      },
      0,
    ],
    [
      'globals are not enumerable where classes are',
      () => Object.keys(globalThis).filter((key) => CLASSES.includes(key)),
      [],
    ],
    [
      'constructors that are closed throw',
      async () =>
        Promise.all(
          [
            'Crypto',
            'SubtleCrypto',
            'CryptoKey',
            'Performance',
            'AbortSignal',
            'ReadableStreamDefaultController',
            'TransformStreamDefaultController',
          ].map((name) => thrown(() => new (at(name) as new () => unknown)())),
        ),
      ['TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError'],
    ],
    [
      'there is no Node',
      () => ['require', 'module', 'exports', '__dirname'].map((name) => typeof at(name)),
      ['undefined', 'undefined', 'undefined', 'undefined'],
    ],
    [
      'a thrown DOMException has its name',
      () => {
        try {
          atob('!')
        } catch (error) {
          return nameOf(error)
        }
        return 'none'
      },
      'InvalidCharacterError',
    ],
  ],
}
