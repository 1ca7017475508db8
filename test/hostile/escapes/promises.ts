// test/hostile/escapes/promises.ts: plugins that wait for a promise of the host to hand them something raw.
import type { Attempt } from './attempt.ts'

const HOST_PROMISES = `[() => ctx.use(service('lab')), () => ctx.use(service('keeper')), () => crypto.subtle.digest('SHA-256', new Uint8Array(1)), () => crypto.subtle.digest('no', new Uint8Array(1)), () => fetch('http://127.0.0.1:1/'), () => ctx.emit(event('note.x'), 1), () => ctx.tools.call('x.y', {}), () => new Response('x').text(), () => new Blob(['x']).arrayBuffer(), () => new ReadableStream().cancel()]`

export const promises: Attempt[] = [
  {
    title: 'takes over Promise.prototype.then and sees what passes',
    known: 'vm2 CVE-2023-37466, CVE-2026-22709 (callback sanitisation bypassed)',
    code: `const then = Promise.prototype.then; await patched(Promise.prototype, 'then', function (ok, no) { climb(this, 'promise'); climb(ok, 'ok'); climb(no, 'no'); return then.call(this, (v) => { climb(v, 'value'); return ok?.(v) }, (e) => { climb(e, 'reason'); if (no) return no(e); throw e }) }, async () => { for (const ask of ${HOST_PROMISES}) await outcome(ask) })`,
  },
  {
    title: 'takes over catch and finally',
    known: 'vm2 CVE-2026-22709 (catch is not sanitised)',
    code: `for (const name of ['catch', 'finally']) { const real = Promise.prototype[name]; await patched(Promise.prototype, name, function (fn) { climb(this, name); climb(fn, name); return real.call(this, (x) => { climb(x, name + ' value'); return fn?.(x) }) }, async () => { for (const ask of ${HOST_PROMISES}) await outcome(ask) }) }`,
  },
  {
    title: 'makes promises of the host report to a species of its own',
    known: 'vm2 CVE-2023-37466, GHSA-qvjj-29qf-hp7p, GHSA-76w7-j9cq-rx2j (Promise species)',
    code: `class Mine extends Promise { constructor(run) { super((ok, no) => run((v) => { climb(v, 'value'); ok(v) }, (e) => { climb(e, 'reason'); no(e) })) } static get [Symbol.species]() { return function (run) { run((v) => climb(v, 'species'), (e) => climb(e, 'species')) } } } for (const ask of ${HOST_PROMISES}) { let p; try { p = ask() } catch { continue } try { p.constructor = { [Symbol.species]: Mine }; p.then(() => {}, () => {}); Promise.prototype.then.call(p, () => {}, () => {}) } catch {} await outcome(() => p) }`,
  },
  {
    title: 'replaces the global Promise',
    code: `const Real = Promise; await patched(globalThis, 'Promise', class Mine extends Real { constructor(run) { climb(run, 'executor'); super((ok, no) => { climb(ok, 'ok'); climb(no, 'no'); run(ok, no) }) } }, async () => { for (const ask of ${HOST_PROMISES}) await outcome(ask) })`,
  },
  {
    title: 'steals Promise’s static methods for a constructor of its own',
    code: `function Mine(run) { run((v) => climb(v, 'all ok'), (e) => climb(e, 'all no')) } Mine.resolve = (v) => ({ then: (ok, no) => { climb(ok, 'then ok'); climb(no, 'then no'); ok(v) } }); for (const name of ['all', 'race', 'any', 'allSettled', 'try', 'withResolvers']) { try { Promise[name].call(Mine, [ctx.use(service('lab')), crypto.subtle.digest('SHA-1', new Uint8Array(1))]) } catch (error) { climb(error, name) } } await wait(20)`,
  },
  {
    title: 'answers with thenables that keep what settles them',
    code: `const lab = await ctx.use(service('lab')); const kept = []; const thenable = { then(ok, no) { kept.push(ok, no); climb(ok, 'ok'); climb(no, 'no'); ok({ then(ok2, no2) { climb(ok2, 'ok2'); ok2('twice'); no2('late') } }) } }; const answer = await lab.lend('own', () => thenable); for (const settle of kept) settle(ctx); return answer`,
    answers: 'twice',
  },
  {
    title: 'answers with a thenable that throws after it settled',
    code: `const lab = await ctx.use(service('lab')); return lab.lend('own', () => ({ then(ok) { ok('first'); ok('second'); throw new Error('third') } }))`,
    answers: 'first',
  },
  {
    title: 'changes its mind about `then` between two looks',
    known: 'vm2 GHSA-248r-7h7q-cr24 (TOCTOU on then)',
    code: `let looks = 0; const lab = await ctx.use(service('lab')); const shifty = { get then() { return ++looks % 2 ? undefined : (ok) => { climb(ok, 'ok'); ok('then') } } }; await outcome(() => lab.lend('own', () => shifty)); await outcome(() => lab.act('own', shifty)); return { looked: looks > 0 }`,
    answers: { looked: true },
  },
  {
    title: 'sends data with a `then` to whoever awaits it',
    code: `const lab = await ctx.use(service('lab')); return JSON.stringify(await lab.act('own', { then: 'text' }, [{ then: { then: null } }]))`,
    answers: '[{"then":"text"},[{"then":{"then":null}}]]',
  },
  {
    title: 'puts `then` on Object.prototype while it is served',
    known: 'thenable injection by prototype pollution',
    code: `const lab = await ctx.use(service('lab')); Object.defineProperty(Object.prototype, 'then', { configurable: true, get() { climb(this, 'this'); return undefined } }); try { await outcome(() => lab.act('own', { a: 1 })); await outcome(() => crypto.subtle.digest('SHA-256', new Uint8Array(1))) } finally { delete Object.prototype.then }`,
  },
  {
    title: 'lets FinalizationRegistry call it outside a turn',
    known: 'vm2 GHSA-r4fx-v8hh-22mv (FinalizationRegistry past the time-out)',
    code: `const registry = new FinalizationRegistry((held) => climb(held, 'held')); for (let i = 0; i < 2000; i++) registry.register({ big: new Array(100) }, ctx); const weak = new WeakRef({}); climb(weak, 'weak'); await wait(10)`,
  },
  {
    title: 'collects unhandled rejections of the host',
    code: `for (const name of ['unhandledrejection', 'rejectionhandled', 'error', 'message']) addEventListener(name, (event) => climb(event, name)); Promise.reject(new Error('mine')); ctx.use(service('keeper')); fetch('http://127.0.0.1:1/'); setTimeout(() => { throw new Error('timer') }, 1); await wait(20)`,
  },
]

export const generators: Attempt[] = [
  {
    title: 'delegates from an async generator to an iterator without `return`',
    known: 'vm2 CVE-2026-45411, GHSA-248r-7h7q-cr24',
    code: `async function* outer() { yield* { [Symbol.asyncIterator]() { return { next: () => ({ value: 1, done: false }) } } } } const it = outer(); await it.next(); const deep = () => { try { deep() } catch (error) { error.stack; throw error } }; await steal(() => it.return({ then: deep }), 'return'); await steal(() => it.return({ get then() { return deep } }), 'getter'); await steal(() => it.throw({ then: deep }), 'throw'); await steal(() => it.next({ then: deep }), 'next')`,
  },
  {
    title: 'runs a generator inside itself while it is served',
    code: `let it; it = (function* () { try { it.next() } catch (error) { climb(error, 'running') } yield 1 })(); it.next(); let again; again = (async function* () { climb(await Promise.race([again.next(), wait(1)]), 'queue'); yield 1 })(); await again.next()`,
  },
  {
    title: 'patches the prototypes of generators',
    known: 'vm2 GHSA-248r-7h7q-cr24 (%AsyncGeneratorPrototype%)',
    code: `const kinds = [function* () {}, async function* () {}].map((fn) => Object.getPrototypeOf(fn.prototype)); const undo = []; for (const proto of kinds) for (const key of ['next', 'return', 'throw']) { const real = proto[key]; undo.push([proto, key, real]); proto[key] = function (...args) { climb(this, key); climb(args, key); return real.apply(this, args) } } try { const reader = new Response('abc').body.getReader(); await reader.read(); for await (const x of new ReadableStream({ start(c) { c.enqueue(1); c.close() } })) climb(x, 'chunk'); for (const x of new Headers([['a', 'b']])) climb(x, 'header') } finally { for (const [proto, key, real] of undo) proto[key] = real }`,
  },
  {
    title: 'streams to the host from a generator that looks at who pulls',
    code: `const lab = await ctx.use(service('lab')); const stream = new ReadableStream({ pull(controller) { climb(controller, 'controller'); climb(this, 'source'); controller.enqueue('a'); controller.close() } }); return lab.read('own', stream)`,
    answers: ['a'],
  },
  {
    title: 'streams chunks that are no data',
    code: `const lab = await ctx.use(service('lab')); const codes = []; for (const chunk of [() => {}, Symbol('x'), { then() {} }, new Proxy({}, { ownKeys() { throw new Error('no') } })]) codes.push((await outcome(() => lab.read('own', new ReadableStream({ start(c) { c.enqueue(chunk); c.close() } })))).code); return { failed: codes.every((code) => code !== undefined) }`,
    answers: { failed: true },
  },
  {
    title: 'throws from within the host’s read of its stream',
    code: `const lab = await ctx.use(service('lab')); const stream = new ReadableStream({ pull() { throw { get message() { throw 1 }, toString() { throw 2 } } } }); const { code } = await outcome(() => lab.read('own', stream)); return { code: typeof code }`,
    answers: { code: 'string' },
  },
  {
    title: 'reads a stream while it cancels and errors it',
    code: `const lab = await ctx.use(service('lab')); let control; const stream = new ReadableStream({ start(c) { control = c } , cancel(reason) { climb(reason, 'reason') } }); const reading = outcome(() => lab.read('own', stream)); await wait(5); control.enqueue(1); control.error(Object.assign(new Error('x'), { code: '__proto__' })); try { control.enqueue(2) } catch (error) { climb(error, 'after') } await reading`,
  },
]
