// test/hostile/values.ts: plugins whose results, errors and events are traps for whoever looks at them.
import type { Attack } from './hostile-testing.ts'

const HANGS = /^SANDBOX_(TURN_TIMEOUT|STUCK)$/

export const failing: Attack[] = [
  { title: 'throws at import', code: `throw new Error('at import')`, whole: true, fails: 'PLUGIN_LOAD_FAILED' },
  {
    title: 'throws a trap at import',
    code: `throw { get message() { for (;;); }, get stack() { for (;;); } }`,
    whole: true,
    fails: /./,
    manifest: { limits: { activateMs: 500 } },
  },
  {
    title: 'throws in activate',
    deep: true,
    code: `export default { activate() { throw new Error('in activate') } }`,
    whole: true,
    fails: /./,
  },
  {
    title: 'throws a trap in activate',
    deep: true,
    code: `export default { activate() { throw { get message() { for (;;); }, toString() { for (;;); } } } }`,
    whole: true,
    fails: /./,
  },
  { title: 'throws in a timer', code: `setInterval(() => { throw new Error('in a timer') }, 5)` },
  { title: 'rejects unheard', code: `for (let i = 0; i < 20; i++) Promise.reject(new Error('unheard'))` },
  {
    title: 'rejects unheard with a trap as message',
    code: `Promise.reject({ get message() { for (;;); }, get stack() { for (;;); }, get name() { for (;;); }, toString() { for (;;); } })`,
    fails: HANGS,
    mayHold: true,
  },
  {
    title: 'rejects unheard with an error that is a trap',
    deep: true,
    code: `const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { for (;;); } }); Object.defineProperty(e, 'message', { get() { for (;;); } }); Promise.reject(e)`,
    fails: HANGS,
    mayHold: true,
  },
  {
    title: 'rejects unheard with a proxy',
    code: `Promise.reject(new Proxy({}, { get() { for (;;); }, getPrototypeOf() { for (;;); }, has() { for (;;); } }))`,
    fails: HANGS,
    mayHold: true,
  },
  {
    title: 'hangs in prepareStackTrace',
    code: `Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')`,
    fails: HANGS,
    mayHold: true,
  },
  {
    title: 'throws errors named after what every object has',
    code: `throw Object.assign(new Error('x'), { name: ['toString', '__proto__', 'constructor'][globalThis.turn = ((globalThis.turn ?? 0) + 1) % 3] })`,
  },
]

export const values: Attack[] = [
  { title: 'answers with a getter that throws', deep: true, code: `return { get a() { throw new Error('no') } }` },
  { title: 'answers with a getter that never ends', code: `return { get a() { for (;;); } }`, fails: HANGS },
  {
    title: 'answers with a proxy that never ends',
    deep: true,
    code: `return new Proxy({}, { ownKeys() { for (;;); }, get() { for (;;); } })`,
    fails: HANGS,
  },
  {
    title: 'answers with a proxy without end',
    code: `return new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }), get: (t, k, self) => k === 'then' ? undefined : self })`,
  },
  {
    title: 'answers with a thenable of thenables',
    code: `const t = () => ({ then(ok) { ok(t()) } }); return t()`,
    fails: HANGS,
  },
  { title: 'answers with itself inside itself', deep: true, code: `const a = {}; a.a = a; return a` },
  {
    title: 'answers nested a million deep',
    fails: HANGS,
    mayHold: true,
    code: `let a = 1; for (let i = 0; i < 1e6; i++) a = [a]; return a`,
  },
  { title: 'answers with toJSON', deep: true, code: `return { toJSON() { for (;;); } }` },
  {
    title: 'answers with a Date and a Map that lie',
    code: `const d = new Date(); d[Symbol.toPrimitive] = () => { throw 1 }; d.valueOf = () => { throw 1 }; const m = new Map(); m[Symbol.iterator] = function* () { for (;;) yield [1, 1] }; return [d, m]`,
    fails: HANGS.source.replace('^', '^'),
    mayHold: true,
  },
  { title: 'answers with 100 MB', code: `return 'x'.repeat(1e8)`, fails: /^SANDBOX_/, mayHold: true },
  {
    title: 'answers with tags of the codec',
    deep: true,
    code: `return JSON.parse('{"$":"bytes","i":99,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')`,
  },
  {
    title: 'pollutes every prototype of its realm',
    code: `for (const name of Object.getOwnPropertyNames(globalThis)) { let p; try { p = globalThis[name]?.prototype } catch {} if (!p) continue; for (const key of ['then', 'toJSON', '$', 't', 'error', 'get', 'value']) { try { p[key] = () => { throw 1 } } catch {} } } Object.prototype.polluted = 1; return {}`,
    mayHold: true,
    fails: /./,
  },
  {
    title: 'replaces every method of its realm',
    code: `for (const p of [Object, Array, String, Map, Set, Promise, JSON, Reflect, Symbol, Math]) { for (const o of [p, p.prototype]) { if (!o) continue; for (const key of Object.getOwnPropertyNames(o)) { try { o[key] = () => { throw 1 } } catch {} } } } return 1`,
    mayHold: true,
    fails: /./,
  },
]
