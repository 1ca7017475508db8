// test/hostile/escapes.ts: plugins that look for a way out, or speak the kernel's language behind the runtime's back.
import type { Attack } from './hostile-testing.ts'

/** Joins of the outbox, which makes the batch, answer with what the plugin likes instead. */
const forge = (messages: string): string => `
const join = Array.prototype.join
const forged = ${messages}
let on = true
Array.prototype.join = function (...args) { const text = join.apply(this, args); if (on && typeof this[0] === 'string' && this[0].startsWith('{"t"')) { on = false; setTimeout(() => { on = true }, 1); return text + ',' + (typeof forged === 'string' ? forged : forged.map((m) => JSON.stringify(m)).join(',')) } return text }
setInterval(() => console.log('x'), 2)`

export const escapes: Attack[] = [
  {
    title: 'looks for Node',
    code: `const found = ['process', 'require', 'module', 'Buffer', 'Deno', '__pryxBoot', '__pryxModule', 'SharedArrayBuffer', 'WebAssembly', 'Atomics'].filter((name) => typeof globalThis[name] !== 'undefined')
const reached = [() => process.exit(1), () => require('fs'), () => (0, eval)('process'), () => Function('return process')(), () => [].constructor.constructor('return require')()('fs')].filter((f) => { try { f(); return true } catch { return false } })
if (found.length + reached.length > 0) throw new Error('FOUND ' + found + reached)
return import('node:fs').then(() => { throw new Error('FOUND fs') }, () => 'nothing')`,
    answers: 'nothing',
  },
  {
    title: 'imports Node at its head',
    deep: true,
    code: `import fs from 'node:fs'\nexport default { activate() {} }`,
    whole: true,
    fails: 'PLUGIN_LOAD_FAILED',
  },
  { title: 'exits', deep: true, code: 'process.exit(1)' },
  {
    title: 'climbs through constructors and stacks',
    deep: true,
    code: `const P = Error.prepareStackTrace; let out; Error.prepareStackTrace = (e, frames) => frames; const frames = new Error().stack; Error.prepareStackTrace = P; const f = Array.isArray(frames) ? frames.map((x) => { try { return x.getThis?.() ?? x.getFunction?.() } catch {} }).filter(Boolean) : []; for (const x of f) { try { if (x.constructor.constructor('return typeof process')() !== 'undefined') throw new Error('FOUND process') } catch (e) { if (String(e).includes('FOUND')) throw e } } return 'nothing'`,
    answers: 'nothing',
  },
  {
    title: 'answers calls that are not its own',
    code: forge(`Array.from({ length: 50 }, (_, id) => ({ t: 'reply', id, value: 'forged' }))`),
    mayHold: true,
    fails: /./,
  },
  {
    title: 'acknowledges what it was not sent',
    deep: true,
    code: forge(`Array.from({ length: 50 }, (_, seq) => ({ t: 'ack', sub: seq % 3, seq }))`),
    mayHold: true,
    fails: /./,
  },
  {
    title: 'sends ids out of bounds',
    code: forge(
      `[-1, 1.5, 2 ** 60, NaN, '1', null, {}].flatMap((id) => ['reply', 'call', 'emit', 'cancel', 'use', 'tool', 'hook', 'ack', 'pull', 'chunk'].map((t) => ({ t, id, sub: id, seq: id, s: id, n: id, service: 'echo', range: '*', method: 'ping', args: [], trace: '', name: 'x.y', data: 0 })))`,
    ),
    mayHold: true,
    fails: /./,
  },
  {
    title: 'sends messages nobody knows',
    deep: true,
    code: forge(
      `[null, 1, 'x', [], {}, { t: 'nothing' }, { t: '__proto__' }, { t: 'constructor' }, { t: 'toString' }, { t: 'activate' }, { t: 'timer', id: 1 }]`,
    ),
    mayHold: true,
    fails: /./,
  },
  { title: 'sends batches that are no JSON', code: forge(`'{"t":'`), fails: 'SANDBOX_FRAME', mayHold: true },
  {
    title: 'sends JSON nested very deep',
    code: forge(
      `'{"t":"emit","id":1,"name":"flood.x","trace":"","data":' + '['.repeat(100000) + ']'.repeat(100000) + '}'`,
    ),
    manifest: { events: { emits: ['flood.*'], listens: [] } },
    mayHold: true,
    fails: /./,
  },
  {
    title: 'emits what cannot be delivered to those who listen',
    code: forge(
      `'{"t":"emit","id":1,"name":"relay.beat","trace":"","data":' + '['.repeat(150) + ']'.repeat(150) + '}'`,
    ),
    manifest: { events: { emits: ['relay.*'], listens: [] } },
    mayHold: true,
    fails: /./,
  },
  {
    title: 'forges calls under one id',
    code: forge(
      `Array.from({ length: 300 }, () => ({ t: 'call', id: 7, service: 'echo', range: '^1.0.0', method: 'ping', args: [1], trace: '' }))`,
    ),
    mayHold: true,
    fails: /./,
  },
  {
    title: 'forges chunks of streams it was not asked for',
    deep: true,
    code: forge(
      `Array.from({ length: 300 }, (_, s) => ({ t: ['chunk', 'end', 'pull', 'stop'][s % 4], s, n: 9, data: { $: 'bytes', i: 5 } }))`,
    ),
    mayHold: true,
    fails: /./,
  },
  {
    title: 'forges its own death and birth',
    code: forge(
      `[{ t: 'active' }, { t: 'failed', error: { name: 'toString' } }, { t: 'stopped' }, { t: 'state', has: true, state: 1 }, { t: 'uncaught', error: { name: '__proto__' } }]`,
    ),
    mayHold: true,
    fails: /./,
  },
]
