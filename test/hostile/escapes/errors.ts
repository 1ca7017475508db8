// test/hostile/escapes/errors.ts: plugins that catch errors of the host, or have V8 format stacks in the wrong realm.
import type { Attempt } from './attempt.ts'

const FRAMES = `const frames = []; const look = (error, sites) => { frames.push(...sites); return sites }; const before = Error.prepareStackTrace; Error.prepareStackTrace = look`
const LOOK = `Error.prepareStackTrace = before; for (const site of frames) { for (const ask of ['getThis', 'getFunction', 'getEvalOrigin', 'getTypeName', 'getFileName', 'getScriptNameOrSourceURL']) { try { climb(site[ask](), ask) } catch {} } climb(site, 'site'); try { if (/node:|\\/packages\\/|sandbox-child/.test(String(site.getFileName()))) got('a path of the host') } catch {} }`

/** Calls that make the host's half fail, or come near to it. */
const failing: [string, string][] = [
  ['a URL that is none', `new URL('no')`],
  ['a URL of three million characters', `new URL('https://a.test/' + 'x'.repeat(3e6))`],
  ['setters of a URL', `const u = new URL('https://a.test/'); u.port = { toString() { throw new Error('x') } }`],
  ['random bytes beyond the limit', `crypto.getRandomValues(new Uint8Array(1e6))`],
  ['a digest of nothing', `await crypto.subtle.digest('SHA-256')`],
  ['a digest nobody knows', `await crypto.subtle.digest('__proto__', new Uint8Array(1))`],
  [
    'a key that is none',
    `await crypto.subtle.importKey('raw', {}, { name: 'AES-GCM', __proto__: { length: 1 } }, true, ['sign'])`,
  ],
  ['a call that is not cloneable', `await (await ctx.use(service('lab'))).act('own', Symbol('x'))`],
  ['a call of the wrong shape', `await (await ctx.use(service('lab'))).act({ not: 'text' })`],
  ['a call that is not granted', `await (await ctx.use(service('lab'))).act('other')`],
  ['a service that is not there', `await ctx.use(service('keeper'))`],
  ['a tool that is not there', `await ctx.tools.call('x.y', {})`],
  ['an event it may not emit', `await ctx.emit(event('note.x'), 1)`],
  ['fetch without the permission', `await fetch('http://127.0.0.1:1/')`],
  ['a clone that cannot be', `structuredClone(() => {})`],
  [
    'a stack that overflows in the runtime',
    `let once = false; const deep = () => { try { deep() } catch (error) { if (!once) { once = true; new URL('no') } throw error } }; deep()`,
  ],
  [
    'a stack that overflows in a host function',
    `let max = 0; const probe = (n) => { max = n; probe(n + 1) }; try { probe(0) } catch {} const deep = (n) => { if (n > max - 400) { new URL('https://a.test/'); crypto.getRandomValues(new Uint8Array(1)) } deep(n + 1) }; deep(0)`,
  ],
]

export const errors: Attempt[] = [
  ...failing.map(
    ([what, code]): Attempt => ({
      title: `catches the error of ${what} and climbs`,
      known: 'safe-eval issues 33 and 35',
      code: `let caught; try { ${code} } catch (error) { caught = error; climb(error, 'error'); climb(error?.cause, 'cause'); if (/node:internal|\\/packages\\/|sandbox-child|\\.mjs/.test(String(error?.stack))) got('a stack of the host: ' + error.stack) } return { caught: caught !== undefined }`,
      answers: { caught: true },
    }),
  ),
  {
    title: 'reads call sites through prepareStackTrace',
    known: 'vm2 CVE-2022-36067, safe-eval issue 28',
    code: `${FRAMES}; try { new Error('x').stack; new URL('no') } catch (error) { error.stack } ; await (async () => { try { await ctx.use(service('keeper')) } catch (error) { error.stack } })(); ${LOOK}; return { sites: frames.length > 0 }`,
    answers: { sites: true },
  },
  {
    title: 'reads call sites while the host calls it',
    known: 'vm2 CVE-2023-29017',
    code: `${FRAMES}; const lab = await ctx.use(service('lab')); await lab.lend('own', () => { new Error('x').stack; return 1 }); setTimeout(() => new Error('y').stack, 1); await wait(5); ${LOOK}; return { sites: frames.length > 0 }`,
    answers: { sites: true },
  },
  {
    title: 'captures call sites with captureStackTrace',
    known: 'vm2 GHSA-x6m4-chr9-cg97, GHSA-r273-hxvj-fxhp',
    code: `${FRAMES}; const bag = {}; Error.stackTraceLimit = 1000; Error.captureStackTrace(bag); bag.stack; Error.captureStackTrace(ctx.log === undefined ? {} : bag, attack); bag.stack; ${LOOK}; return { sites: frames.length > 0 }`,
    answers: { sites: true },
  },
  {
    title: 'puts a global Error with a prepareStackTrace in place of its own',
    known: 'vm2 CVE-2022-36067 (replacing the global Error)',
    code: `${FRAMES}; await patched(globalThis, 'Error', { prepareStackTrace: look }, async () => { try { null.x } catch (error) { error.stack } try { new URL('no') } catch (error) { error.stack } await outcome(() => ctx.use(service('keeper'))) }); ${LOOK}`,
  },
  {
    title: 'makes the formatter fail with a name that is a symbol',
    known: 'vm2 CVE-2026-22709, GHSA-55hx-c926-fr95',
    code: `const make = () => { const e = new Error(); e.name = Symbol(); return e.stack }; try { make() } catch (error) { climb(error, 'sync') } await steal(async () => make(), 'async'); await steal(async () => { for await (const x of (async function* () { make() })()) x }, 'generator'); (async () => make())().catch((error) => climb(error, 'catch')); await wait(2)`,
  },
  {
    title: 'catches what a thrown proxy does to the catcher',
    known: 'vm2 CVE-2023-30547 (getPrototypeOf trap on a thrown proxy)',
    code: `const trap = new Proxy({}, { getPrototypeOf(target) { climb(target, 'target'); new Error().stack; return Function.prototype } , get(target, key, self) { climb(self, 'receiver'); return undefined } }); try { throw trap } catch (error) { climb(error, 'caught') } setTimeout(() => { throw trap }, 1); reportError(trap); await wait(5); throw trap`,
    fails: /^ERROR$/,
  },
  {
    title: 'overflows the stack inside the formatter',
    known: 'vm2 CVE-2019-10761, safe-eval issue 31',
    code: `let deepest; Error.stackTraceLimit = 3; Error.prepareStackTrace = function f(e, s) { try { return f(e, s) } catch (error) { deepest ??= error; return 'x' } }; const dive = () => { try { dive() } catch (error) { climb(error, 'overflow'); try { error.stack } catch (inner) { climb(inner, 'inner') } throw error } }; try { dive() } catch (error) { climb(error, 'top') } Error.prepareStackTrace = undefined; climb(deepest, 'deepest')`,
  },
  {
    title: 'wraps errors in errors that suppress and gather',
    known: 'vm2 GHSA-55hx-c926-fr95, GHSA-x965-fc75-jpqh (SuppressedError, AggregateError)',
    code: `const bad = () => { const e = new Error(); e.name = Symbol(); e.stack }; if (typeof DisposableStack !== 'undefined') { const stack = new DisposableStack(); stack.defer(bad); stack.defer(() => { throw null }); try { stack.dispose() } catch (error) { climb(error, 'suppressed'); climb(error?.error, 'error'); climb(error?.suppressed, 'inner') } } try { await Promise.any([(async () => bad())(), ctx.use(service('keeper'))]) } catch (error) { climb(error?.errors, 'errors') }`,
  },
  {
    title: 'throws values of every kind over the wall',
    code: `const lab = await ctx.use(service('lab')); const values = [null, undefined, 0, 'x', Symbol('x'), 1n, () => {}, {}, Object.create(null), new Proxy(() => {}, {}), new Date(NaN), { get stack() { throw 1 } }, { get message() { throw 1 } }, { toString: null, valueOf: null }, Object.assign(new Error('x'), { name: { toString() { throw 1 } } })]; let answers = 0; for (const value of values) { const { code } = await outcome(() => lab.lend('own', () => { throw value })); if (typeof code === 'string') answers++ } return { answers }`,
    answers: { answers: 15 },
  },
  {
    title: 'forges an error that claims to be one of the host’s',
    code: `const lab = await ctx.use(service('lab')); const forged = Object.assign(new Error('x'), { [Symbol.for('pryx.error')]: true, name: '__proto__', code: 'PERMISSION_DENIED', details: JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'), toJSON: () => ({ polluted: 1 }) }); const { code } = await outcome(() => lab.lend('own', () => { throw forged })); return code`,
    answers: 'PERMISSION_DENIED',
  },
  {
    title: 'rejects unheard with errors that carry its globals',
    code: `for (const value of [Object.assign(new Error('x'), { world: home, cause: home }), new AggregateError([new Error('y')], 'z', { cause: ctx }), home]) Promise.reject(value); await wait(20)`,
  },
]
