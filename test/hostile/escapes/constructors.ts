// test/hostile/escapes/constructors.ts: plugins that climb from what they were handed to the constructor of another realm's functions.
import type { Attempt } from './attempt.ts'

/** What a guest can see, each a possible rope: climbed through constructors, prototypes, properties and accessors. */
const ropes: [string, string, string?][] = [
  ['its global object', 'globalThis', 'safe-eval CVE-2017-16088'],
  ['`this` of a sloppy function', `Function('return this')()`],
  ['its context', 'ctx'],
  ['the context’s logger', 'ctx.log'],
  ['the context’s signal', 'ctx.signal'],
  ['the context’s tools', 'ctx.tools'],
  ['what `provide` gives back', `ctx.effect(() => () => {})`],
  ['timers', '[setTimeout, setInterval, clearTimeout, queueMicrotask]', 'safer-eval CVE-2019-10769'],
  ['a running timer', 'setTimeout(() => {}, 1e6)'],
  ['the console', 'console', 'vm2 CVE-2023-32313'],
  ['performance', 'performance'],
  ['crypto', '[crypto, crypto.subtle, crypto.getRandomValues(new Uint8Array(4))]'],
  ['URLs', `[URL, new URL('https://a.test/?b=1'), new URL('https://a.test/').searchParams]`],
  ['streams', '[ReadableStream, new ReadableStream(), new TransformStream()]'],
  ['events', `[new EventTarget(), new Event('x'), new AbortController().signal]`],
  ['requests and answers', `[fetch, new Request('https://a.test/'), new Response('x'), new Headers()]`],
  ['encoders', `[new TextEncoder().encode('x'), new TextDecoder()]`, 'vm2 Buffer.of and kin'],
  ['blobs and forms', `[new Blob(['x']), new File(['x'], 'y'), new FormData()]`],
  ['message ports', 'new MessageChannel()'],
  ['the navigator', 'navigator'],
  ['an exception of the platform', `new DOMException('x', 'AbortError')`],
]

export const constructors: Attempt[] = [
  ...ropes.map(
    ([what, expression, known]): Attempt => ({
      title: `climbs from ${what}`,
      ...(known && { known }),
      code: `climb(${expression}, ${JSON.stringify(what)})`,
    }),
  ),
  {
    title: 'climbs from what a capability answers',
    code: `const lab = await ctx.use(service('lab')); climb(lab, 'face'); climb(lab.act, 'method'); await steal(() => lab.act('own', { a: [1, new Uint8Array(2), new Date(), new Map([[1, 2]])] }), 'answer')`,
  },
  {
    title: 'climbs from what a lent function is handed',
    code: `const lab = await ctx.use(service('lab')); await lab.lend('own', function (...args) { climb(this, 'this'); climb(args, 'args'); climb(arguments, 'arguments'); climb(new.target, 'target'); return 1 })`,
  },
  {
    title: 'makes functions of every kind by name',
    known: 'sandboxjs CVE-2026-23830 (the constructor of async functions)',
    code: `for (const fn of [function () {}, async () => {}, function* () {}, async function* () {}]) { let made; try { made = fn.constructor('return globalThis')() } catch {} ; const found = made?.next ? made.next() : made; const value = await found; judge(value?.value ?? value, fn.constructor.name) }`,
  },
  {
    title: 'binds its way up with Reflect',
    known: 'sandboxjs CVE-2026-23830',
    code: `judge(Reflect.construct(Reflect.get(Reflect.getPrototypeOf(async () => {}), 'constructor'), ['return globalThis'])() instanceof Promise ? await Reflect.apply(Reflect.construct((async () => {}).constructor, ['return globalThis']), undefined, []) : home, 'Reflect')`,
  },
  {
    title: 'looks prototypes up by their accessors',
    known: 'vm2 GHSA-grj5-jjm8-h35p (__lookupGetter__)',
    code: `const up = ({}).__lookupGetter__('__proto__'); for (let at = ctx; at; at = up.call(at)) climb(at, 'proto'); for (let at = fetch; at; at = up.call(at)) climb(at, 'proto of fetch')`,
  },
  {
    title: 'writes through an object that inherits from what it was handed',
    known: 'vm2 GHSA-c4cf-2hgv-2qv6',
    code: `const child = Object.create(ctx); try { child.plugin = 'mine' } catch {} ; Reflect.set(ctx, 'emit', () => {}, child); Object.defineProperty(Object.create(ctx.log), 'info', { value: 1 }); return { frozen: Object.isFrozen(ctx) && Object.isFrozen(ctx.log) && typeof ctx.log.info === 'function' }`,
    answers: { frozen: true },
  },
  {
    title: 'asks symbols that realms share for something of the host',
    known:
      'vm2 CVE-2023-37903, GHSA-m5q2-4fm3-vfqp (nodejs.util.inspect.custom, nodejs.util.promisify.custom, nodejs.rejection)',
    code: `const shared = ['nodejs.util.inspect.custom', 'nodejs.util.promisify.custom', 'nodejs.rejection', 'nodejs.stream.destroyed'].map((name) => Symbol.for(name)); const bait = {}; for (const symbol of shared) bait[symbol] = function (...args) { climb(this, 'this'); climb(args, 'inspect') ; return 'x' }; console.log(bait, [bait], '%o %O %s', bait, bait, bait); ctx.log.error(bait); try { const lab = await ctx.use(service('lab')); await lab.act('own', bait) } catch {} throw bait`,
    fails: /^ERROR$/,
  },
  {
    title: 'looks for the caller of its functions',
    first: `globalThis.callers = Function('seen', 'return function me() { try { for (let at = me, i = 0; at && i < 50; at = at.caller, i++) { seen(at); seen(at.arguments) } } catch (error) { seen(error) } return 1 }')`,
    code: `const spy = callers((x) => climb(x, 'caller')); spy(); [1].map(spy); await Promise.resolve().then(spy); setTimeout(spy, 1); new Proxy({}, { get: spy }).x; const lab = await ctx.use(service('lab')); await lab.lend('own', spy); await wait(5)`,
  },
  {
    title: 'defines getters on the prototype of what it was handed',
    known: 'safe-eval CVE-2022-25904, sandboxjs CVE-2025-34146, notevil CVE-2021-23771, static-eval issue 32',
    code: `ctx.__proto__.__defineGetter__('got', () => 1); ({}).__proto__.polluted = 1; [].__proto__.polluted = 1; (() => {}).__proto__.polluted = 1; Object.getPrototypeOf(async function* () {}).polluted = 1; return { here: ({}).polluted }`,
    answers: { here: 1 },
  },
  {
    title: 'swaps the prototype of what it was handed',
    known: 'vm2 GHSA-v6mx-mf47-r5wg',
    code: `for (const one of [ctx, ctx.log, ctx.tools, ctx.events]) { try { Object.setPrototypeOf(one, { get process() { got('x') } }) } catch {} } return { held: Object.getPrototypeOf(ctx) === Object.prototype }`,
    answers: { held: true },
  },
]
