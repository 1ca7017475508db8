import { describe } from 'vitest'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()

describe('structuredClone', () => {
  sameAsNode(use, [
    ['plain values', `return ['x', 1, -0, null, true, [1, [2]], { a: { b: 'c' } }].map((v) => structuredClone(v))`],
    [
      'what JSON cannot say',
      `const c = structuredClone([NaN, undefined, 5n, new Date(7), /a\\/b/gi, new Map([[{ k: 1 }, 'v']]), new Set([1, 'a']), new Boolean(false), Object(3), Object('s')]); return [Number.isNaN(c[0]), c[1] === undefined, typeof c[2], c[3].getTime(), String(c[4]), [...c[5]], [...c[6]], c[7].valueOf(), typeof c[8], c[9] + '!']`,
    ],
    [
      'cycles and shared parts',
      `const s = { s: 1 }; const o = { a: s, b: s, list: [s] }; o.self = o; const c = structuredClone(o); return [c.self === c, c.a === c.b, c.list[0] === c.a, c.a === s]`,
    ],
    [
      'holes and extra fields of arrays',
      `const a = [1, , 3]; a.extra = 'x'; const c = structuredClone(a); return [c.length, 1 in c, c.extra]`,
    ],
    [
      'buffers and views share as before',
      `const b = new ArrayBuffer(8); const v = new Uint8Array(b, 2, 3); v[0] = 7; const c = structuredClone({ b, v, d: new DataView(b, 1), f: new Float64Array([1.5]) }); return [c.v.buffer === c.b, c.v.byteOffset, c.v.length, c.v[0], c.d.byteOffset, c.f[0], c.b === b]`,
    ],
    [
      'errors',
      `const e = new TypeError('m', { cause: { x: 1 } }); e.code = 'X'; const c = structuredClone(e); class Mine extends RangeError { name = 'Mine' } const d = structuredClone(new Mine('n')); return [c instanceof TypeError, c.name, c.message, c.cause, c.code ?? 'gone', typeof c.stack, d.name, d instanceof Error]`,
    ],
    [
      'instances lose their class and accessors become values',
      `class P { x = 1; get y() { return 2 } } const c = structuredClone(new P()); const g = structuredClone({ get a() { return 3 } }); return [c instanceof P, c, Object.getOwnPropertyDescriptor(g, 'a').value]`,
    ],
    [
      'what cannot be copied is refused',
      `return Promise.all([() => structuredClone(() => 1), () => structuredClone({ s: Symbol('x') }), () => structuredClone(new WeakMap()), () => structuredClone(Promise.resolve()), () => structuredClone([function f() {}])].map(name))`,
    ],
    [
      'a buffer is transferred',
      `const b = new Uint8Array([1, 2, 3]); const c = structuredClone({ b }, { transfer: [b.buffer] }); return [list(c.b), b.length, await name(() => structuredClone(1, { transfer: [{}] }))]`,
    ],
    [
      'a refused value transfers nothing',
      `const b = new ArrayBuffer(4); const n = await name(() => structuredClone({ b, f() {} }, { transfer: [b] })); return [n, b.byteLength]`,
    ],
    [
      'symbol keys and __proto__',
      `const o = JSON.parse('{"__proto__": {"a": 1}}'); const c = structuredClone(o); return [Object.keys(c), c.a ?? 'none', Object.getPrototypeOf(c) === Object.prototype]`,
    ],
    [
      'blobs',
      `const c = structuredClone({ b: new Blob(['hi'], { type: 'a/b' }) }); return [await c.b.text(), c.b.type]`,
    ],
    [
      'DOMException',
      `const c = structuredClone(new DOMException('m', 'AbortError')); return [c.name, c.code, c.message]`,
    ],
  ])
})
