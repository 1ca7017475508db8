// test/hostile/loops.ts: plugins that do not give the processor back.
import type { Attack } from './hostile-testing.ts'

const TIMEOUT = 'SANDBOX_TURN_TIMEOUT'
const STUCK = 'SANDBOX_STUCK'
const FOREVER = 'for (;;);'
const UNSTOPPABLE = 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'

export const loops: Attack[] = [
  {
    title: 'loops for ever at import',
    code: FOREVER,
    whole: true,
    manifest: { limits: { activateMs: 500 } },
    fails: TIMEOUT,
  },
  {
    title: 'loops for ever in activate',
    code: `export default { activate() { ${FOREVER} } }`,
    whole: true,
    fails: TIMEOUT,
  },
  { title: 'loops for ever in a call', code: FOREVER, fails: TIMEOUT },
  { title: 'shows short turns, then loops for ever', code: FOREVER, trusted: true, fails: TIMEOUT },
  { title: 'loops for ever in a microtask', code: `queueMicrotask(() => { ${FOREVER} })`, fails: TIMEOUT },
  {
    title: 'chains microtasks without end',
    code: 'const next = () => Promise.resolve().then(next); return next()',
    fails: TIMEOUT,
  },
  {
    title: 'chains microtasks without end on the shared lane',
    deep: true,
    code: 'const next = () => Promise.resolve().then(next); return next()',
    trusted: true,
    fails: TIMEOUT,
  },
  {
    title: 'awaits nothing without end',
    deep: true,
    code: 'return (async () => { for (;;) await null })()',
    fails: TIMEOUT,
  },
  { title: 'loops for ever in a timer', code: `setTimeout(() => { ${FOREVER} }, 1)`, fails: TIMEOUT },
  {
    title: 'loops in a finally that never ends',
    deep: true,
    code: 'for (;;) { try { for (;;); } finally { continue } }',
    fails: TIMEOUT,
  },
  { title: 'answers with a thenable that never ends', code: `return { then() { ${FOREVER} } }`, fails: TIMEOUT },
  { title: 'hangs in indexOf of an endless array-like', code: UNSTOPPABLE, fails: STUCK },
  { title: 'hangs in indexOf on the shared lane', code: UNSTOPPABLE, trusted: true, fails: STUCK },
  {
    title: 'hangs in indexOf at import',
    deep: true,
    code: UNSTOPPABLE,
    whole: true,
    manifest: { limits: { activateMs: 500 } },
    fails: STUCK,
  },
  { title: 'hangs in fill', code: 'Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0)', fails: STUCK },
  {
    title: 'hangs in Date.parse',
    deep: true,
    code: `for (;;) Date.parse('1'.repeat(5e7))`,
    fails: /STUCK|TURN_TIMEOUT|MEMORY|CRASH/,
  },
  {
    title: 'hangs in a power of BigInts',
    code: 'const a = 7n ** 300000n; a ** 3000n',
    fails: /STUCK|TURN_TIMEOUT|MEMORY|CRASH/,
  },
  { title: 'hangs in a catastrophic regex', code: `/(a+)+$/.test('a'.repeat(60) + 'b')`, fails: TIMEOUT },
  {
    title: 'never finishes activate',
    code: 'export default { activate: () => new Promise(() => {}) }',
    whole: true,
    manifest: { limits: { activateMs: 400 } },
    fails: 'PLUGIN_ACTIVATE_TIMEOUT',
  },
]
