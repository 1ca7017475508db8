// test/hostile/escapes/objects.ts: plugins whose values act when they are looked at: proxies, getters, species, iterators, toJSON, clones.
import type { Attempt } from './attempt.ts'

const LAB = `const lab = await ctx.use(service('lab'))`

/** A proxy that notes, for every trap, who asks and with what. */
const SPY = `const calls = []; const spy = (target) => new Proxy(target, new Proxy({}, { get: (_t, trap) => (...args) => { calls.push(trap); climb(args, String(trap)); return Reflect[trap](...args) } }))`

export const proxies: Attempt[] = [
  ...[
    ['an object', '{ a: 1 }'],
    ['a list', '[1, 2]'],
    ['a function', '() => {}'],
    ['bytes', 'new Uint8Array(4)'],
    ['a date', 'new Date()'],
    ['a map', 'new Map([[1, 2]])'],
    ['an error', `new Error('x')`],
    ['a stream', 'new ReadableStream()'],
    ['a class', 'class A { static b = 1 }'],
  ].map(
    ([what, value]): Attempt => ({
      title: `hands over a proxy of ${what} that notes who looks`,
      known: 'vm2 CVE-2023-32314 (a proxy handed to the host)',
      code: `${SPY}; ${LAB}; await outcome(() => lab.act('own', spy(${value}))); await outcome(() => lab.lend('own', () => spy(${value}))); await outcome(() => lab.lend('own', spy(${value}))); return { looked: calls.length > 0 }`,
      answers: { looked: true },
    }),
  ),
  {
    title: 'proxies its own prototypes while it is served',
    code: `${SPY}; ${LAB}; const real = Object.getPrototypeOf(Object.prototype); const bait = Object.create(spy({})); bait.x = 1; await outcome(() => lab.act('own', bait)); await outcome(() => lab.act('own', Object.setPrototypeOf([1], spy(Array.prototype)))); return { real: real === null, looked: calls.length > 0 }`,
    answers: { real: true, looked: true },
  },
  {
    title: 'hands out a revoked proxy',
    code: `${LAB}; const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); const codes = [(await outcome(() => lab.act('own', proxy))).code, (await outcome(() => lab.lend('own', () => proxy))).code, (await outcome(() => ctx.emit(event('own.x'), proxy))).code]; return { refused: codes.every((code) => typeof code === 'string') }`,
    answers: { refused: true },
  },
  {
    title: 'posts another message from a getter of the one being written',
    code: `${LAB}; let depth = 0; const bait = { get a() { if (depth++ < 3) { ctx.log.info('inside'); lab.act('own', 'inner').catch(() => {}) } return new Uint8Array(depth) } , b: new Uint8Array([9]) }; const [answer] = await lab.act('own', bait); return { a: answer.a.length > 0, b: [...answer.b] }`,
    answers: { a: true, b: [9] },
  },
  {
    title: 'has a getter answer differently at the second look',
    code: `${LAB}; let looks = 0; const shifty = { get a() { return ++looks === 1 ? 1 : { $: 'bytes', i: '__proto__' } } }; const { code } = await outcome(() => lab.act('own', shifty)); return { looks: looks > 1, refused: code === 'USAGE_WIRE' }`,
    answers: { looks: true, refused: true },
  },
  {
    title: 'has a getter become a stream of another at the second look',
    code: `${LAB}; let looks = 0; const shifty = { get a() { return ++looks === 1 ? 1 : { $: 'stream', id: 1 } } }; await outcome(() => lab.act('own', shifty)); return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
  {
    title: 'pollutes Object.prototype with the parts of a descriptor',
    code: `${LAB}; for (const key of ['get', 'set', 'value', 'writable', 'enumerable']) { try { await patched(Object.prototype, key, function (x) { climb(this, key); climb(x, key) }, async () => { await outcome(() => lab.act('own', { a: 1 })); await outcome(() => ctx.provide(service('x'), { a() {} })) }) } catch {} }`,
  },
]

export const species: Attempt[] = [
  {
    title: 'gives arrays a species that keeps what is made',
    known: 'vm2 GHSA-grj5-jjm8-h35p (array species self-return)',
    code: `${LAB}; const kept = []; class Keep extends Array { static get [Symbol.species]() { return function (n) { const made = new Array(n); kept.push(made); return made } } } await outcome(() => lab.act('own', Keep.from([1, 2, { a: 1 }]))); await outcome(() => lab.lend('own', () => Keep.from([1]))); for (const one of kept) climb(one, 'kept')`,
  },
  {
    title: 'gives Array.prototype another constructor while it is served',
    known: 'vm2 GHSA-grj5-jjm8-h35p',
    code: `${LAB}; const kept = []; const Bad = function () { return kept }; Bad[Symbol.species] = Bad; await patched(Array.prototype, 'constructor', Bad, async () => { await outcome(() => lab.act('own', [1, [2]])); await outcome(() => crypto.subtle.digest('SHA-256', new Uint8Array(1))); new Headers([['a', 'b']]) }); climb(kept, 'kept')`,
  },
  {
    title: 'catches the runtime’s lists by setters on Array.prototype',
    known: 'vm2 GHSA-9qj6-qjgg-37qq, GHSA-q3fm-4wcw-g57x (Array.prototype[N] setters)',
    code: `${LAB}; for (const key of ['0', '1', '2']) Object.defineProperty(Array.prototype, key, { configurable: true, get() { return undefined }, set(value) { climb(this, 'list'); climb(value, 'entry'); Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: true }) } }); try { await outcome(() => lab.act('own', [1, 2], new Uint8Array(2))); await outcome(() => crypto.subtle.digest('SHA-256', new Uint8Array(1))) } finally { for (const key of ['0', '1', '2']) delete Array.prototype[key] }`,
  },
  {
    title: 'gives bytes a species that looks into other memory',
    code: `${LAB}; const seen = []; for (const Kind of [Uint8Array, ArrayBuffer]) { class Mine extends Kind { static get [Symbol.species]() { return function (...args) { const made = new Kind(...args); seen.push(made); return made } } } await outcome(() => lab.act('own', new Mine(8))); try { new Mine(8).slice(1) } catch {} } for (const one of seen) { climb(one, 'bytes'); const bytes = new Uint8Array(one.buffer ?? one); if (bytes.some((b) => b !== 0)) got('memory of others') }`,
  },
  {
    title: 'looks for old memory in buffers that were never written',
    code: `for (let i = 0; i < 50; i++) { const bytes = new Uint8Array(65536); if (bytes.some((b) => b !== 0)) got('memory of others'); } const encoded = new TextEncoder().encode('x'.repeat(100)); if (encoded.buffer.byteLength > 4 * encoded.length) got('a larger pool: ' + encoded.buffer.byteLength); const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(1)); if ((digest.buffer ?? digest).byteLength !== 32) got('a pool behind a digest'); const random = crypto.getRandomValues(new Uint8Array(8)); if (random.buffer.byteLength !== 8) got('a pool behind random bytes')`,
  },
  {
    title: 'looks behind the bytes it is sent',
    code: `${LAB}; const [bytes] = await lab.act('own', new Uint8Array([1, 2, 3])); climb(bytes, 'bytes'); return { own: bytes.buffer.byteLength === 3 || new Uint8Array(bytes.buffer).every((b, i) => (i >= bytes.byteOffset && i < bytes.byteOffset + 3) || b === 0) }`,
    answers: { own: true },
  },
  {
    title: 'gives regular expressions a species and an exec of its own',
    code: `const exec = RegExp.prototype.exec; await patched(RegExp.prototype, 'exec', function (text) { climb(this, 'regex'); climb(text, 'text'); return exec.call(this, text) }, async () => { new Headers([['a', 'b']]); try { new URL('https://a.test/') } catch {} await outcome(() => ctx.use(service('keeper'))); new Request('https://a.test/', { method: 'get' }) })`,
  },
]

export const iteration: Attempt[] = [
  ...['Array', 'Map', 'Set', 'String'].map(
    (kind): Attempt => ({
      title: `hooks the iterator of ${kind} while it is served`,
      code: `${LAB}; const real = ${kind}.prototype[Symbol.iterator]; let turns = 0; await patched(${kind}.prototype, Symbol.iterator, function () { turns++; climb(this, 'iterated'); return real.call(this) }, async () => { await outcome(() => lab.act('own', [1], new Map([[1, 2]]), new Set([1]))); await outcome(() => ctx.use(service('keeper'))); for (const x of '${kind}') x; for (const x of new ${kind}('ab' && [])) x })`,
    }),
  ),
  {
    title: 'hooks the prototype of all iterators',
    code: `${LAB}; const proto = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())); const own = Object.getPrototypeOf([][Symbol.iterator]()); const next = own.next; await patched(own, 'next', function () { climb(this, 'iterator'); return next.call(this) }, async () => { await outcome(() => lab.act('own', [1, [2]])); new Headers([['a', 'b']]) }); climb(proto, 'proto')`,
  },
  {
    title: 'answers with an iterator that never ends',
    code: `${LAB}; const endless = { *[Symbol.iterator]() { for (;;) yield 1 } , a: 1 }; return lab.act('own', endless)`,
    answers: [{ a: 1 }],
  },
  {
    title: 'hooks how its values become JSON',
    code: `${LAB}; const answers = []; for (const value of [{ toJSON: () => ({ $: 'bytes', i: '__proto__' }) }, [{ toJSON() { return home } }], Object.assign(Object.create({ toJSON: () => 1 }), { a: 1 })]) answers.push((await outcome(() => lab.act('own', value))).code); return answers`,
    answers: ['USAGE_NOT_CLONEABLE', 'USAGE_NOT_CLONEABLE', 'USAGE_NOT_CLONEABLE'],
  },
  {
    title: 'puts toJSON on every prototype',
    code: `${LAB}; const protos = [Object, Array, String, Number, Boolean, BigInt].map((kind) => kind.prototype); for (const proto of protos) Object.defineProperty(proto, 'toJSON', { configurable: true, value() { climb(this, 'this'); return { $: 'bytes', i: 'push' } } }); try { await Promise.race([outcome(() => lab.act('own', { a: [1] }, 'x', 2)), wait(50)]) } finally { for (const proto of protos) delete proto.toJSON } return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
  {
    title: 'makes rawJSON of what is none',
    code: `${LAB}; if (typeof JSON.rawJSON !== 'function') return 'tried'; const raw = JSON.rawJSON('"x"'); climb(raw, 'raw'); await outcome(() => lab.act('own', raw)); try { JSON.rawJSON('{"$":"bytes","i":"push"}') } catch (error) { climb(error, 'error') }`,
  },
  {
    title: 'hooks coercion wherever text or a number is wanted',
    known: 'static-eval GHSA-2c5f-9x6g-wxgr (type coercion)',
    code: `${LAB}; let turns = 0; const shifty = { [Symbol.toPrimitive](hint) { turns++; climb(this, hint); return turns % 2 ? 'own' : 'other' }, toString() { turns++; return 'own' } }; await outcome(() => lab.act(shifty)); await outcome(() => lab[shifty]('own')); await outcome(() => ctx.use({ kind: 'service', name: shifty, version: shifty })); await outcome(() => ctx.emit({ kind: 'event', name: shifty, schema: { parse: (x) => x } }, 1)); try { ctx.events.on(shifty, () => {}) } catch {} try { setTimeout(() => {}, shifty) } catch {} try { new URL(shifty) } catch {} try { crypto.getRandomValues(shifty) } catch {} return { turned: turns > 0 }`,
    answers: { turned: true },
  },
  {
    title: 'lies about its length',
    code: `${LAB}; const answers = []; for (const list of [{ length: 2 ** 40, 0: 1 }, Object.assign([1], { length: 1 }), new Proxy([1], { get: (t, k) => (k === 'length' ? { valueOf: () => 3 } : t[k]) }), Object.defineProperty([], 'x', { get: () => home, enumerable: true })]) answers.push(typeof (await Promise.race([outcome(() => lab.act('own', list)), wait(100).then(() => ({ code: 'late' }))]))); return { answered: answers.length }`,
    answers: { answered: 4 },
  },
]

export const cloning: Attempt[] = [
  ...[
    ['a function', '() => {}'],
    ['a symbol', `Symbol('x')`],
    ['a weak map', 'new WeakMap()'],
    ['a promise', 'Promise.resolve()'],
    ['a class instance', 'new (class A { x = 1 })()'],
    ['a generator', '(function* () {})()'],
    ['its global object', 'home'],
    ['its context', 'ctx'],
    ['a URL', `new URL('https://a.test/')`],
    ['a signal', 'AbortSignal.abort()'],
    ['a regular expression', '/x/'],
    ['a weak reference', 'new WeakRef({})'],
  ].map(
    ([what, value]): Attempt => ({
      title: `sends ${what} over the wall`,
      code: `${LAB}; const { code, value } = await outcome(() => lab.act('own', [${value}])); climb(value, 'value'); return { refused: code !== undefined }`,
      answers: { refused: true },
    }),
  ),
  {
    title: 'clones what cannot be cloned, and climbs from what can',
    known: 'structured clone keeps no realm',
    code: `for (const value of [new Map([[{}, home.Object]].slice(1)), new Error('x', { cause: {} }), new Date(), [new Uint8Array(2)], new Set([{}]), Object.create(null), /x/g, new Blob(['x']), 1n]) { try { climb(structuredClone(value), 'clone') } catch (error) { climb(error, 'error') } } const buffer = new ArrayBuffer(8); try { climb(structuredClone(buffer, { transfer: [buffer] }), 'transfer') } catch (error) { climb(error, 'error') }`,
  },
  {
    title: 'sends itself through a port of its own',
    code: `const { port1, port2 } = new MessageChannel(); const came = new Promise((done) => { port2.onmessage = (event) => { climb(event, 'event'); done(1) } }); port2.start?.(); port1.postMessage({ a: new Date(), b: new Uint8Array(2) }); await Promise.race([came, wait(50)]); try { port1.postMessage(port1, [port1]) } catch (error) { climb(error, 'error') }`,
  },
  {
    title: 'sends one object a thousand times and itself within itself',
    code: `${LAB}; const shared = { a: 1 }; const [list] = await lab.act('own', Array.from({ length: 1000 }, () => shared)); const loop = {}; loop.loop = loop; const { code } = await outcome(() => lab.act('own', loop)); return { apart: list[0] !== list[1], code }`,
    answers: { apart: true, code: 'USAGE_TOO_DEEP' },
  },
  {
    title: 'goes on writing into bytes it has sent',
    code: `${LAB}; const bytes = new Uint8Array([1, 1]); const sent = lab.act('own', bytes, bytes.subarray(1), bytes.buffer); bytes.fill(9); const [a, b, c] = await sent; return { a: [...a], b: [...b], c: [...new Uint8Array(c)] }`,
    answers: { a: [1, 1], b: [1], c: [1, 1] },
  },
  {
    title: 'sends objects that pass for bytes, dates and maps',
    code: `${LAB}; const fakes = [Object.assign(Object.create(Uint8Array.prototype), { a: 1 }), { [Symbol.toStringTag]: 'ArrayBuffer', byteLength: 8 }, { __proto__: { [Symbol.toStringTag]: 'Date' } }, Object.create(Map.prototype), Object.create(Date.prototype), Object.create(Error.prototype), { __proto__: { getReader() { throw home } } }]; let refused = 0; for (const fake of fakes) if ((await outcome(() => lab.act('own', fake))).code) refused++; return { refused: refused >= 3 }`,
    answers: { refused: true },
  },
]
