// test/hostile/bombs.ts: plugins that take memory until something breaks, or bring their process down.
import type { Attack } from './hostile-testing.ts'

/** By its own heap limit, by the process's memory limit, by the turn's time, or V8 aborts: all name the culprit; which is first differs by V8 and machine. */
const MEMORY = /^SANDBOX_(MEMORY|PROCESS_MEMORY|CRASH|TURN_TIMEOUT|STUCK|SILENT)$/

export const bombs: Attack[] = [
  { title: 'fills an array', code: 'const all = []; for (;;) all.push({ a: [1, 2, 3] })', fails: MEMORY },
  {
    title: 'builds strings',
    deep: true,
    code: `let s = 'x'; const all = []; for (;;) { all.push((s + all.length).repeat(1000)) }`,
    fails: MEMORY,
  },
  { title: 'grows a Set', deep: true, code: 'const set = new Set(); for (let i = 0; ; i++) set.add(i)', fails: MEMORY },
  {
    title: 'grows a Set over many turns',
    code: 'const set = new Set(); let n = 0; const more = () => { for (let i = 0; i < 200000; i++) set.add(n++); setTimeout(more, 1) }; more()',
    fails: MEMORY,
  },
  {
    title: 'grows a Map of objects',
    deep: true,
    code: 'const map = new Map(); for (let i = 0; ; i++) map.set({}, { i })',
    fails: MEMORY,
  },
  {
    title: 'gives one object a million keys',
    code: `const object = {}; for (let i = 0; ; i++) object['a' + i] = i`,
    fails: MEMORY,
  },
  {
    title: 'hoards typed arrays',
    mayHold: true,
    deep: true,
    code: 'const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1))',
    fails: MEMORY,
  },
  {
    title: 'hoards typed arrays over many turns',
    mayHold: true,
    code: 'const all = []; const more = () => { for (let i = 0; i < 8; i++) all.push(new Uint8Array(1e6).fill(1)); setTimeout(more, 1) }; more()',
    fails: MEMORY,
  },
  { title: 'makes an array of 1e9', deep: true, code: 'return Array.from({ length: 1e9 })', fails: MEMORY },
  {
    title: 'keeps every random byte it can get',
    code: 'const all = []; const more = () => { for (let i = 0; i < 200; i++) all.push(crypto.getRandomValues(new Uint8Array(65536))); setTimeout(more, 1) }; more()',
    fails: MEMORY,
  },
  {
    title: 'asks for buffers that grow past the limit',
    code: `const taken = []
for (const make of [
  () => new ArrayBuffer(8, { maxByteLength: 3e9 }).resize(2e9),
  () => new SharedArrayBuffer(8, { maxByteLength: 3e9 }).grow(2e9),
  () => new WebAssembly.Memory({ initial: 30000 }),
]) { try { make(); taken.push(String(make)) } catch {} }
if (taken.length > 0) throw new Error('TOOK ' + taken.join())
return 'refused'`,
    answers: 'refused',
  },
  {
    title: 'crashes the regex compiler',
    code: `new RegExp('(?:'.repeat(1e5) + 'a' + ')'.repeat(1e5)).test('a')`,
    fails: /^SANDBOX_(CRASH|STUCK|TURN_TIMEOUT|MEMORY)$|^$/,
    mayHold: true,
  },
  { title: 'recurses without end', deep: true, code: 'const f = () => f() + 1; return f()' },
]
