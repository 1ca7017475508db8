import { describe, expect, test } from 'vitest'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()

describe('events', () => {
  sameAsNode(use, [
    [
      'listeners: order, once, duplicates, objects, removal',
      `const t = new EventTarget(); const log = []; const f = () => log.push('f'); t.addEventListener('x', f); t.addEventListener('x', f); t.addEventListener('x', () => log.push('once'), { once: true });
       t.addEventListener('x', { handleEvent(e) { log.push('object ' + e.type) } }); t.dispatchEvent(new Event('x')); t.removeEventListener('x', f); t.dispatchEvent(new Event('x')); return log`,
    ],
    [
      'an event knows its target, phase and flags',
      `const t = new EventTarget(); let seen; t.addEventListener('x', function (e) { e.preventDefault(); seen = [e.target === t, e.currentTarget === t, this === t, e.eventPhase, e.composedPath().length] });
       const e = new Event('x', { cancelable: true, bubbles: true }); const fine = t.dispatchEvent(e); return [seen, fine, e.defaultPrevented, e.bubbles, e.eventPhase, e.currentTarget, e.isTrusted, typeof e.timeStamp]`,
    ],
    [
      'passive listeners and uncancelable events cannot prevent',
      `const t = new EventTarget(); t.addEventListener('x', (e) => e.preventDefault(), { passive: true }); const a = t.dispatchEvent(new Event('x', { cancelable: true })); t.addEventListener('y', (e) => e.preventDefault()); return [a, t.dispatchEvent(new Event('y'))]`,
    ],
    [
      'stopImmediatePropagation',
      `const t = new EventTarget(); const log = []; t.addEventListener('x', (e) => { log.push(1); e.stopImmediatePropagation() }); t.addEventListener('x', () => log.push(2)); t.dispatchEvent(new Event('x')); return log`,
    ],
    [
      'a signal removes its listeners',
      `const t = new EventTarget(); const c = new AbortController(); let n = 0; t.addEventListener('x', () => n++, { signal: c.signal }); t.dispatchEvent(new Event('x')); c.abort(); t.dispatchEvent(new Event('x')); return n`,
    ],
    [
      'custom events and misuse',
      `const t = new EventTarget(); return [new CustomEvent('x', { detail: { a: 1 } }).detail, new CustomEvent('x').detail, await name(() => t.dispatchEvent({ type: 'x' })), await name(() => new Event())]`,
    ],
    [
      'a class may extend EventTarget',
      `class Door extends EventTarget { open() { return this.dispatchEvent(new Event('open')) } } const d = new Door(); let n = 0; d.addEventListener('open', () => n++); d.open(); return [n, d instanceof EventTarget]`,
    ],
    [
      'DOMException',
      `const e = new DOMException('m', 'AbortError'); return [e.name, e.message, e.code, e instanceof Error, String(e), Object.prototype.toString.call(e), DOMException.ABORT_ERR, new DOMException().name, new DOMException('x', 'DataCloneError').code, new DOMException('x', 'Whatever').code, new DOMException('m', { name: 'N', cause: 7 }).cause]`,
    ],
    [
      'message channels deliver copies later',
      `const { port1, port2 } = new MessageChannel(); const got = new Promise((r) => { port2.onmessage = (e) => r(e.data) }); const o = { a: 1 }; port1.postMessage(o); o.a = 2; const data = await got; port1.close(); return data`,
    ],
  ])

  // Node calls listeners added meanwhile; the standard, and browsers, do not.
  test('listeners added during a dispatch wait for the next one, removed ones are not called', async () => {
    const heard =
      await use.realm.run(`const t = new EventTarget(); const log = []; const late = () => log.push('late'); const gone = () => log.push('gone')
      t.addEventListener('x', () => { log.push('a'); t.addEventListener('x', late); t.removeEventListener('x', gone) }); t.addEventListener('x', gone); t.dispatchEvent(new Event('x')); return log`)

    expect(heard).toEqual(['a'])
  })

  test('a listener that throws is reported and stops no other', async () => {
    const before = use.realm.uncaught.length

    const heard = await use.realm.run(
      `const t = new EventTarget(); let n = 0; t.addEventListener('x', () => { throw new Error('mine') }); t.addEventListener('x', () => n++); t.dispatchEvent(new Event('x')); return n`,
    )

    expect(heard).toBe(1)
    expect(use.realm.uncaught.slice(before)).toEqual(['Error: mine'])
  })
})

describe('abort', () => {
  sameAsNode(use, [
    [
      'a controller aborts once',
      `const c = new AbortController(); const log = []; c.signal.onabort = () => log.push('on'); c.signal.addEventListener('abort', (e) => log.push(e.type)); c.abort('why'); c.abort('again'); return [log, c.signal.aborted, c.signal.reason]`,
    ],
    [
      'the reason by default',
      `const c = new AbortController(); c.abort(); return [c.signal.reason.name, c.signal.reason.code, c.signal.reason instanceof DOMException, await name(() => c.signal.throwIfAborted())]`,
    ],
    [
      'abort makes an aborted signal',
      `return [AbortSignal.abort().aborted, AbortSignal.abort(5).reason, await name(() => new AbortSignal())]`,
    ],
    [
      'timeout aborts with TimeoutError',
      `const s = AbortSignal.timeout(5); await new Promise((r) => { s.onabort = r; setTimeout(r, 2000) }); return [s.aborted, s.reason.name, s.reason.message]`,
    ],
    [
      'any of aborted and of none',
      `return [AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason, AbortSignal.any([]).aborted]`,
    ],
    [
      'an onabort handler can be taken away',
      `const c = new AbortController(); let n = 0; c.signal.onabort = () => n++; c.signal.onabort = null; c.abort(); return [n, c.signal.onabort]`,
    ],
  ])
})

describe('AbortSignal.any', () => {
  // Node tells dependents of dependents first; by the standard all follow the source, in the order they were made.
  test('it follows the first source, through any depth, after its own listeners', async () => {
    const told =
      await use.realm.run(`const a = new AbortController(); const b = new AbortController(); const one = AbortSignal.any([a.signal, b.signal]); const two = AbortSignal.any([one])
      const log = []; two.addEventListener('abort', () => log.push('two')); one.addEventListener('abort', () => log.push('one')); b.signal.addEventListener('abort', () => log.push('b'))
      b.abort('b'); a.abort('a'); return [one.reason, two.reason, log]`)

    expect(told).toEqual(['b', 'b', ['b', 'one', 'two']])
  })
})

describe('the memory of AbortSignal.any', () => {
  test('a source that lives long does not gather the dependents nobody listens to', async () => {
    const before = use.realm.heapBytes()

    await use.realm.run(`globalThis.source = new AbortController(); for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 1000; i++) AbortSignal.any([source.signal])
      await new Promise((r) => setTimeout(r, 0)) }`)

    expect(use.realm.heapBytes() - before).toBeLessThan(25_000_000) // 50,000 signals kept would be over 40 MB
  })
})

describe('timers', () => {
  sameAsNode(use, [
    [
      'order and arguments',
      `const log = []; await new Promise((done) => { setTimeout((...a) => log.push(a), 20, 1, 'x'); setTimeout(() => log.push('b'), 1); setTimeout(done, 60) }); return log`,
    ],
    [
      'a cleared timer never fires',
      `let n = 0; const id = setTimeout(() => n++, 1); clearTimeout(id); clearTimeout(undefined); clearTimeout(99999); await new Promise((r) => setTimeout(r, 20)); return n`,
    ],
    [
      'an interval repeats until it is cleared, also from inside',
      `let n = 0; await new Promise((done) => { const id = setInterval((step) => { n += step; if (n === 6) { clearInterval(id); setTimeout(done, 20) } }, 1, 2) }); return n`,
    ],
    [
      'microtasks come before timers',
      `const log = []; setTimeout(() => log.push('timer'), 0); queueMicrotask(() => log.push('micro')); Promise.resolve().then(() => log.push('then')); log.push('sync'); await new Promise((r) => setTimeout(r, 10)); return log`,
    ],
    [
      'what is no function is refused',
      `return [await name(() => setTimeout('x')), await name(() => queueMicrotask(1))]`,
    ],
    [
      'timers nest',
      `let n = 0; await new Promise((done) => { const next = () => (++n === 8 ? done() : setTimeout(next, 0)); next() }); return n`,
    ],
    [
      'performance moves on',
      `const a = performance.now(); await new Promise((r) => setTimeout(r, 15)); const d = performance.now() - a; return [d >= 10, d < 5000, Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 2000]`,
    ],
  ])

  test('what a timer or a microtask throws is reported, and an error listener may prevent that', async () => {
    const before = use.realm.uncaught.length

    await use.realm.run(`setTimeout(() => { throw new Error('timer') }, 0); queueMicrotask(() => { throw new Error('micro') }); await new Promise((r) => setTimeout(r, 20));
      const seen = []; const quiet = (e) => { seen.push(e.message); e.preventDefault() }; addEventListener('error', quiet); reportError(new Error('hushed')); removeEventListener('error', quiet)`)

    expect(use.realm.uncaught.slice(before)).toEqual(['Error: micro', 'Error: timer'])
  })
})
