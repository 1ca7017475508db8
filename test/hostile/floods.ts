// test/hostile/floods.ts: plugins that send, ask, log, register and wait for more than anyone needs.
import type { Attack } from './hostile-testing.ts'

const EVENT = `const out = { kind: 'event', name: 'flood.x', schema: { parse: (x) => x } }`
const emits = { events: { emits: ['flood.*'], listens: [] } }

/** A whole plugin whose activate has `ctx`; the flood runs in short turns for ever. */
const always = (work: string): string => `${EVENT}
export default { activate(ctx) { const more = () => { ${work}; setTimeout(more, 0) }; more() } }`

export const floods: Attack[] = [
  {
    title: 'floods events',
    code: always(`for (let i = 0; i < 2000; i++) ctx.emit(out, i).catch(() => {})`),
    whole: true,
    manifest: emits,
  },
  {
    title: 'floods events in one turn that never ends',
    code: `${EVENT}\nexport default { activate(ctx) { for (;;) ctx.emit(out, 'x'.repeat(1000)).catch(() => {}) } }`,
    whole: true,
    manifest: emits,
    fails: /^SANDBOX_(TURN_TIMEOUT|STUCK|FLOOD|MEMORY)$/,
  },
  {
    title: 'floods large events',
    deep: true,
    code: always(`for (let i = 0; i < 8; i++) ctx.emit(out, 'x'.repeat(900000)).catch(() => {})`),
    whole: true,
    manifest: emits,
    fails: /^SANDBOX_(FLOOD|MEMORY)$/,
    mayHold: true,
  },
  {
    title: 'floods bytes',
    code: always(`for (let i = 0; i < 8; i++) ctx.emit(out, new Uint8Array(900000)).catch(() => {})`),
    whole: true,
    manifest: emits,
    fails: /^SANDBOX_(FLOOD|MEMORY)$/,
    mayHold: true,
  },
  {
    title: 'floods events at the honest',
    deep: true,
    code: always(`for (let i = 0; i < 500; i++) ctx.emit({ ...out, name: 'beat.n2' }, i).catch(() => {})`),
    whole: true,
    manifest: { events: { emits: ['beat.*'], listens: [] } },
  },
  {
    title: 'floods events it may not emit',
    code: always(`for (let i = 0; i < 500; i++) ctx.emit({ ...out, name: 'forbidden.x' }, i).catch(() => {})`),
    whole: true,
  },
  {
    title: 'publishes as the kernel',
    code: always(
      `for (const name of ['plugin.failed', 'plugin.stage', 'sandbox.replaced', 'permission.granted', 'approval.needed', 'kernel.x']) ctx.emit({ ...out, name }, { plugin: 'echo', stage: 'failed' }).catch(() => {})`,
    ),
    whole: true,
    manifest: { events: { emits: ['**'], listens: [] } },
  },
  {
    title: 'floods the log',
    code: always(`for (let i = 0; i < 2000; i++) console.log('x'.repeat(100), i)`),
    whole: true,
  },
  {
    title: 'floods the log with errors',
    fails: /./,
    mayHold: true,
    deep: true,
    code: always(`for (let i = 0; i < 300; i++) queueMicrotask(() => { throw new Error('x' + i) })`),
    whole: true,
  },
  {
    title: 'floods calls',
    fails: 'SANDBOX_TURN_TIMEOUT',
    mayHold: true,
    code: always(`for (let i = 0; i < 1000; i++) echo?.ping(i).catch(() => {})`).replace(
      'const more',
      `let echo; ctx.use({ kind: 'service', name: 'echo', version: '1.0.0' }).then((e) => { echo = e }); const more`,
    ),
    whole: true,
    manifest: { requires: { echo: '^1.0.0' } },
  },
  {
    title: 'floods calls it may not make',
    deep: true,
    code: always(`for (let i = 0; i < 300; i++) ctx.tools.call('nothing.there', {}).catch(() => {})`),
    whole: true,
  },
  {
    title: 'has old encodings read without end',
    code: always(`new TextDecoder('shift_jis').decode(new Uint8Array(65000).fill(255))`),
    whole: true,
    fails: 'SANDBOX_TURN_TIMEOUT',
    mayHold: true,
  },
  {
    title: 'has long addresses read without end',
    code: always(`for (let i = 0; i < 4; i++) URL.canParse('http://a/' + 'é'.repeat(500000))`),
    whole: true,
    fails: 'SANDBOX_TURN_TIMEOUT',
    mayHold: true,
  },
  { title: 'floods timers', code: 'for (let i = 0; i < 1e5; i++) setInterval(() => {}, 0)', fails: /./, mayHold: true },
  {
    title: 'floods offers',
    fails: 'MANIFEST_OFFER',
    mayHold: true,
    deep: true,
    code: always(
      `for (let i = 0; i < 500; i++) { try { ctx.provide({ kind: 'service', name: 's' + i, version: '1.0.0' }, { a() {} }) } catch {} }`,
    ),
    whole: true,
  },
  {
    title: 'floods subscriptions',
    code: always(`for (let i = 0; i < 500; i++) { try { ctx.events.on('beat.*', () => {}) } catch {} }`),
    whole: true,
    manifest: { events: { emits: [], listens: ['beat.*'] } },
  },
  {
    title: 'floods checkpoints',
    code: always(`for (let i = 0; i < 50; i++) ctx.checkpoint('x'.repeat(50000))`),
    whole: true,
  },
  {
    title: 'sends one message that is too large',
    fails: 'SANDBOX_TURN_TIMEOUT',
    mayHold: true,
    deep: true,
    code: `${EVENT}\nexport default { activate(ctx) { ctx.emit(out, 'x'.repeat(3e6)).catch(() => {}); ctx.checkpoint; try { ctx.checkpoint('x'.repeat(3e6)) } catch {} } }`,
    whole: true,
    manifest: emits,
  },
  {
    title: 'never takes the events it listens to',
    code: `export default { activate(ctx) { ctx.events.on('beat.*', () => new Promise(() => {})) } }`,
    whole: true,
    manifest: { events: { emits: [], listens: ['beat.*'] } },
  },
  {
    title: 'is deaf, with a queue that blocks',
    deep: true,
    code: `export default { activate(ctx) { ctx.events.on('relay.*', () => new Promise(() => {}), { policy: 'block', capacity: 1 }) } }`,
    whole: true,
    manifest: { events: { emits: [], listens: ['relay.*'] } },
  },
]
