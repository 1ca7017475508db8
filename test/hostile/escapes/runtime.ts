// test/hostile/escapes/runtime.ts: plugins that patch the runtime under their feet, make code, look for what a snapshot left, or outlive their end.
import type { Attempt } from './attempt.ts'

const LAB = `const lab = await ctx.use(service('lab'))`

/** Runs before the runtime hands the plugin anything: whatever it kept of these must not lead anywhere. */
const early = (patch: string): string => patch

export const patches: Attempt[] = [
  {
    title: 'pollutes Object.prototype before it is activated',
    known: 'prototype pollution at load',
    first: early(
      `for (const key of ['send', 'host', 'lent', 'parse', 'from', 'permissions', 'allow', 'grant', 'trusted', 'isolation', 'polluted', '$', 'id']) Object.defineProperty(Object.prototype, key, { configurable: true, get() { return undefined }, set(value) { climb(this, key); climb(value, key); Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: true }) } })`,
    ),
    code: `for (const key of ['send', 'host', 'lent', 'parse', 'from', 'permissions', 'allow', 'grant', 'trusted', 'isolation', 'polluted', '$', 'id']) delete Object.prototype[key]`,
  },
  {
    title: 'replaces JSON, Map, Set and Reflect before it is activated',
    first: early(
      `for (const [name, of] of Object.entries({ Map, Set, WeakMap })) { for (const key of ['get', 'set', 'add', 'has', 'delete']) { const real = of.prototype[key]; if (real) of.prototype[key] = function (...args) { climb(this, name); climb(args, name); return real.apply(this, args) } } } for (const key of Reflect.ownKeys(Reflect)) { const real = Reflect[key]; if (typeof real === 'function') Reflect[key] = function (...args) { climb(args, 'Reflect'); return real.apply(this, args) } }`,
    ),
    code: `${LAB}; return lab.act('own', 1)`,
    answers: [1],
  },
  {
    title: 'replaces call, apply and bind before it is activated',
    known: 'vm2 GHSA-647f-g98j-qq25 (call and apply indirection)',
    first: early(
      `for (const key of ['call', 'apply', 'bind']) { const real = Function.prototype[key]; const use = Reflect.apply; Function.prototype[key] = function (...args) { climb(this, key); climb(args, key); return use(real, this, args) } }`,
    ),
    code: `${LAB}; return lab.act('own', 1)`,
    answers: [1],
  },
  {
    title: 'replaces every method of Array.prototype before it is activated',
    first: early(
      `for (const key of Reflect.ownKeys(Array.prototype)) { const real = Array.prototype[key]; if (typeof real !== 'function' || key === 'constructor') continue; Array.prototype[key] = function (...args) { climb(this, String(key)); climb(args, String(key)); return Reflect.apply(real, this, args) } }`,
    ),
    code: `${LAB}; return lab.act('own', 1)`,
    answers: [1],
  },
  {
    title: 'replaces the web’s classes and waits for the runtime to use them',
    first: early(
      `for (const name of ['AbortController', 'ReadableStream', 'TextEncoder', 'URL', 'Headers', 'Response', 'DOMException', 'EventTarget']) { const Real = globalThis[name]; globalThis[name] = new Proxy(Real, { construct(target, args, to) { climb(args, name); const made = Reflect.construct(target, args, to); climb(made, name); return made } }) }`,
    ),
    code: `${LAB}; await outcome(() => fetch('http://127.0.0.1:1/')); return lab.act('own', 1)`,
    answers: [1],
  },
  {
    title: 'takes the global object’s prototype away',
    first: early(
      `try { Object.setPrototypeOf(globalThis, new Proxy({}, { get(t, key) { return undefined }, has: (t, key) => { if (typeof key === 'string' && key.startsWith('__pryx')) got(key); return false } })) } catch {}`,
    ),
    code: `${LAB}; return lab.act('own', 1)`,
    answers: [1],
  },
  {
    title: 'waits for a global of the kernel’s to be set',
    known: 'vm2 GHSA-2cm2-m3w5-gp2f (internal state on the global)',
    first: early(
      `for (const key of ['__pryxBoot', '__pryxModule', '__pryx', 'VM2_INTERNAL_STATE', 'gc', 'ivm', 'exports', 'module']) { try { Object.defineProperty(globalThis, key, { configurable: true, get: () => undefined, set(value) { if (value !== undefined) got(key) } }) } catch {} }`,
    ),
    code: `${LAB}; await lab.act('own', 1); await wait(20)`,
  },
  {
    title: 'reads every key of its global object for something of the kernel’s',
    code: `const odd = [...Reflect.ownKeys(home), ...Reflect.ownKeys(Object.getPrototypeOf(home) ?? {})].map(String).filter((key) => /pryx|ivm|isolate|vm2|snapshot|lent|boot/i.test(key)); if (odd.length) got(odd.join()); return { gc: typeof home.gc }`,
    answers: { gc: 'undefined' },
  },
  {
    title: 'freezes and seals everything the runtime needs',
    code: `${LAB}; for (const one of [Object.prototype, Array.prototype, Map.prototype, Promise.prototype, JSON, home]) { try { Object.freeze(one) } catch {} } return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
]

export const compiling: Attempt[] = [
  ...[
    'node:fs',
    'fs',
    'node:module',
    'isolated-vm',
    'pryx:runtime',
    'data:text/javascript,export default process',
    'file:///etc/passwd',
    './plugin.js',
    'http://127.0.0.1:1/x.js',
    '__proto__',
    'zod',
  ].map(
    (name): Attempt => ({
      title: `imports ${JSON.stringify(name)} while it runs`,
      known: 'vm2 CVE-2021-23449 (dynamic import)',
      code: `let module; try { module = await import(${JSON.stringify(name)}) } catch (error) { climb(error, 'error') } if (module) { climb(module, 'module'); got('a module') } try { await Function('name', 'return import(name)')(${JSON.stringify(name)}).then((m) => got('by Function')) } catch (error) { climb(error, 'error') } try { await (0, eval)(${JSON.stringify(`import(${JSON.stringify(name)})`)}).then(() => got('by eval')) } catch (error) { climb(error, 'error') }`,
    }),
  ),
  {
    title: 'reads import.meta',
    code: `climb(import.meta, 'meta'); return { keys: Reflect.ownKeys(import.meta).length }`,
    answers: { keys: 0 },
  },
  {
    title: 'evaluates code in every way the language has',
    known: 'safe-eval CVE-2017-16088',
    code: `const source = 'this'; const worlds = [(0, eval)(source), Function('return ' + source)(), new Function('return globalThis')(), eval('globalThis'), Reflect.construct(Function, ['return globalThis'])(), setTimeout.constructor('return globalThis')(), [].flat.constructor('return globalThis')()]; for (const world of worlds) judge(world, 'eval')`,
  },
  {
    title: 'looks for WebAssembly, by name and by what is made of it',
    known: 'vm2 CVE-2026-26956, GHSA-ffh4-j6h5-pg66 (WebAssembly.JSTag, exceptions)',
    code: `for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'ShadowRealm', 'Worker', 'process', 'require', 'Buffer']) { if (typeof home[name] !== 'undefined') got(name); try { if (Function('return typeof ' + name)() !== 'undefined') got(name) } catch {} if (Reflect.ownKeys(home).includes(name)) got('key ' + name) }`,
  },
  {
    title: 'makes memory that is shared or grows',
    code: `const ways = [() => new ArrayBuffer(8, { maxByteLength: 1e9 }), () => Reflect.construct(ArrayBuffer, [8, { maxByteLength: 1e9 }]), () => new (class extends ArrayBuffer {})(8, { maxByteLength: 1e9 }), () => new (Object.getPrototypeOf(new Uint8Array(1).buffer).constructor)(8, { maxByteLength: 1e9 }), () => new ArrayBuffer(8).resize(9), () => new ArrayBuffer(8).transfer(9), () => structuredClone(new ArrayBuffer(8), {}).resize(9)]; for (const way of ways) { try { const made = way(); if (made?.resizable) got(String(way)) ; else if (made === undefined) got(String(way)) } catch {} } const options = { get maxByteLength() { this.n = (this.n ?? 0) + 1; return this.n === 1 ? undefined : 1e9 } }; try { if (new ArrayBuffer(8, options).resizable) got('by a second look') } catch {}`,
  },
  {
    title: 'waits on memory that is shared',
    code: `try { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 50); got('Atomics') } catch (error) { return { error: error.name } }`,
    answers: { error: 'ReferenceError' },
  },
  {
    title: 'sets V8’s flags by its natives syntax',
    code: `for (const text of ['%DebugPrint(1)', '%GetOptimizationStatus(f)', 'debugger', 'd8.file']) { try { climb((0, eval)(text), text) } catch (error) { climb(error, 'error') } } if (typeof home.gc === 'function') got('gc')`,
  },
]

export const snapshot: Attempt[] = [
  {
    title: 'leaves a mark in the runtime and looks for it in the next',
    code: `const all = Reflect.ownKeys(home).flatMap((name) => { const one = home[name]; return [one, one?.prototype] }).filter((one) => (typeof one === 'object' || typeof one === 'function') && one !== null && one !== home); all.push(...[Object, Array, Function, Promise].map((kind) => kind.prototype)); for (const one of all) if (Object.hasOwn(one, 'leftBehind')) got('a mark'); for (const one of new Set(all)) { try { Object.defineProperty(one, 'leftBehind', { value: 1, configurable: true }) } catch {} } return { marked: all.length > 100 }`,
    answers: { marked: true },
  },
  {
    title: 'looks for the mark of the one before',
    code: `for (const name of Reflect.ownKeys(home)) { const one = home[name]; for (const at of [one, one?.prototype]) if ((typeof at === 'object' || typeof at === 'function') && at !== null && 'leftBehind' in at) got(String(name)) } if ('leftBehind' in {}) got('a mark')`,
  },
  {
    title: 'looks for its neighbour’s globals, listeners and timers',
    code: `if (home.secret !== undefined) got('the neighbour’s secret'); for (let id = 0; id < 200; id++) { clearTimeout(id); clearInterval(id) } dispatchEvent(new Event('note')); climb(Symbol.for('pryx.error'), 'symbol'); const lent = Symbol.keyFor(Symbol.for('pryx.error')); return { lent }`,
    answers: { lent: 'pryx.error' },
  },
  {
    title: 'guesses the randomness of a snapshot',
    code: `return { values: new Set([Math.random(), Math.random(), crypto.randomUUID(), crypto.randomUUID()]).size }`,
    answers: { values: 4 },
  },
]

export const dispose: Attempt[] = [
  {
    title: 'goes on after it was told to end',
    first: `globalThis.later = []`,
    code: `${LAB}; ctx.effect(() => () => { for (let i = 0; i < 50; i++) lab.act('own', 'in the end').catch(() => {}); setTimeout(() => lab.act('own', 'after the end'), 1) }); ctx.signal.addEventListener('abort', () => { climb(ctx.signal.reason, 'reason'); lab.act('own', 'at the abort').catch(() => {}) }); setInterval(() => ctx.log.info('still alive'), 1)`,
  },
  {
    title: 'never lets its end finish',
    code: `ctx.effect(() => () => new Promise(() => {})); ctx.effect(() => async () => { for (;;) await wait(1) })`,
  },
  {
    title: 'throws from everything its end calls',
    code: `for (let i = 0; i < 20; i++) ctx.effect(() => () => { throw { get message() { throw 1 } } }); ctx.signal.addEventListener('abort', () => { throw new Proxy({}, { get() { throw 1 } }) })`,
  },
  {
    title: 'starts new effects while the old ones end',
    code: `const again = () => () => { ctx.effect(again); ctx.provide(service('x'), {}); ctx.events.on('note.**', () => got('event')) }; ctx.effect(again)`,
  },
  {
    title: 'has a call under way as it ends',
    code: `${LAB}; lab.lend('own', () => new Promise(() => {})).catch((error) => climb(error, 'error')); lab.read('own', new ReadableStream({ pull: (c) => wait(1).then(() => c.enqueue('x')) })).catch(() => {}); await wait(5)`,
  },
  {
    title: 'ends itself from within a call',
    forges: true,
    code: `forge(ctx, { t: 'stopped' }, { t: 'failed', error: { name: 'x', code: 'y', message: 'z' } }, { t: 'active' }, { t: 'active' }); await wait(10); ${LAB}; return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
  {
    title: 'answers its own end before it is asked, and then speaks on',
    forges: true,
    code: `forge(ctx, { t: 'stopped', error: { message: { toString: 1 } } }, { t: 'state', has: true, state: { a: 1 } }, { t: 'stopped', error: null }); await wait(10); ${LAB}; return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
]

export const callbacks: Attempt[] = [
  {
    title: 'calls a lent function of the kernel’s with another this and odd arguments',
    code: `${LAB}; for (const self of [undefined, null, home, 1, Symbol('x'), new Proxy({}, {})]) { for (const args of [[], ['own', home], [Symbol('x')], [1n], [new Proxy([], {})], ['own', ...Array(50).fill({})]]) { try { climb(await Reflect.apply(lab.act, self, args), 'answer') } catch (error) { climb(error, 'error') } } } try { new lab.act('own') } catch (error) { climb(error, 'new') }`,
  },
  {
    title: 'calls the context’s methods with another this and odd arguments',
    code: `for (const key of Reflect.ownKeys(ctx)) { const fn = ctx[key]; if (typeof fn !== 'function') continue; for (const args of [[], [null], [home, home], [() => { throw home }], [new Proxy({}, { get: (t, k) => k })]]) { try { climb(await Promise.race([Reflect.apply(fn, home, args), wait(10)]), String(key)) } catch (error) { climb(error, String(key)) } } }`,
  },
  {
    title: 'calls web functions with another this and odd arguments',
    code: `for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'queueMicrotask', 'structuredClone', 'atob', 'btoa', 'reportError', 'addEventListener', 'dispatchEvent']) for (const args of [[], [null], [Symbol('x')], [home], [1n, 1n], [new Proxy({}, {})], ['return process']]) { try { climb(Reflect.apply(home[name], { x: 1 }, args), name) } catch (error) { climb(error, name) } } for (const proto of [Crypto, SubtleCrypto, Performance, URL, Headers, Request, Response, Blob, AbortSignal].map((k) => k.prototype)) for (const key of Reflect.ownKeys(proto)) { const { get, value } = Object.getOwnPropertyDescriptor(proto, key); for (const self of [{}, proto, null]) { try { climb(await Promise.race([Reflect.apply(get ?? value, self, [{}, {}, {}]), wait(1)]), String(key)) } catch (error) { climb(error, String(key)) } } }`,
  },
  {
    title: 'sets timers of text, of no end and of no beginning',
    code: `for (const handler of ['got("text")', { toString: () => 'got("object")' }, null]) { try { setTimeout(handler, 0) } catch (error) { climb(error, 'timer') } } for (const ms of [NaN, Infinity, -1, 2 ** 53, '1e3', {}]) clearTimeout(setTimeout(() => {}, ms)); for (const id of [NaN, Infinity, {}, '1', -1, 2 ** 53]) clearTimeout(id); await wait(10)`,
  },
  {
    title: 'lends a function, and has it called when nobody expects it any more',
    code: `${LAB}; let calls = 0; await lab.lend('own', () => { calls++; return { again: calls } }); await lab.lend('own', async () => { await wait(1); throw null }).catch(() => {}); return { calls }`,
    answers: { calls: 1 },
  },
  {
    title: 'lends ten thousand functions and one of them ten thousand times',
    code: `${LAB}; const one = () => 1; await outcome(() => lab.act('own', Array.from({ length: 3000 }, () => one), Array.from({ length: 3000 }, () => () => 1))); return lab.lend('own', one)`,
    answers: 1,
  },
  {
    title: 'asks WebCrypto in the host for more than was meant',
    code: `const parameters = [{ name: 'SHA-256', $list: 4e9 }, { $bytes: '__proto__' }, { $bytes: 'push' }, { $key: { at: '__proto__', format: 'raw', algorithm: 'x', usages: [] } }, { name: { toString: () => 'SHA-256' } }, { name: 'PBKDF2', iterations: 1e15, salt: new Uint8Array(1), hash: 'SHA-1' }]; let refused = 0; for (const one of parameters) { const real = JSON.stringify; const forged = real(one); await patched(JSON, 'stringify', (v, ...rest) => (v?.algorithm !== undefined || v?.bytes !== undefined ? '{"algorithm":' + forged + ',"bytes":' + forged + '}' : real(v, ...rest)), async () => { const { code, value } = await outcome(() => Promise.race([crypto.subtle.digest('SHA-256', new Uint8Array(1)), wait(3000).then(() => { got('too long') })])); climb(value, 'value'); if (code !== undefined) refused++ }) } return { refused }`,
    answers: { refused: 6 },
  },
]
