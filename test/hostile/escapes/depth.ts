// test/hostile/escapes/depth.ts: plugins that send what is too long, too deep or too much, behind the runtime's back.
import type { Attempt } from './attempt.ts'

const LAB = `const lab = await ctx.use(service('lab'))`
const deep = (levels: number, open = '[', close = ']'): string =>
  `'${open}'.repeat(${levels}) + '${close}'.repeat(${levels})`

/** Types of messages that carry a payload, with `X` where it stands. */
const carriers: [string, string][] = [
  ['a call', `'{"t":"call","id":900,"service":"lab","range":"*","method":"act","trace":"","args":["own",' + X + ']}'`],
  ['an event', `'{"t":"emit","id":900,"name":"own.x","trace":"","data":' + X + '}'`],
  ['a checkpoint', `'{"t":"checkpoint","state":' + X + '}'`],
  ['a reply', `'{"t":"reply","id":900,"value":' + X + '}'`],
  ['an error', `'{"t":"uncaught","error":' + X + '}'`],
  ['a hook', `'{"t":"hook","id":900,"name":"before:x","timeoutMs":10,"failure":"open","trace":"","value":' + X + '}'`],
  ['the input of a tool', `'{"t":"tool","id":900,"name":"x.y","trace":"","input":' + X + '}'`],
  [
    'the schema of a tool',
    `'{"t":"provide","kind":"tool","name":"x.y","version":"0.0.0","methods":[],"input":' + X + '}'`,
  ],
]

const emits = { events: { emits: ['own.*'], listens: ['own.*'] } }

export const depth: Attempt[] = [
  ...carriers.map(
    ([what, text]): Attempt => ({
      title: `nests ${what} two hundred levels deep`,
      forges: true,
      manifest: emits,
      code: `ctx.events.on('own.*', () => {}); forge(ctx, ${text.replace('X', `(${deep(200)})`)}, ${text.replace('X', `(${deep(120, '{"a":', '}').replace(`+ '`, `+ '1' + '`)})`)}); await wait(20); ${LAB}; return lab.act('own', 'still here')`,
      answers: ['still here'],
    }),
  ),
  ...carriers.slice(0, 3).map(
    ([what, text]): Attempt => ({
      title: `nests ${what} fifty thousand levels deep`,
      manifest: emits,
      code: `forge(ctx, ${text.replace('X', `(${deep(50_000)})`)}); await wait(100); return 'unreached'`,
      fails: /^(SANDBOX_FRAME|SERVICE_GONE|PLUGIN_)/,
    }),
  ),
  {
    title: 'nests tags in tags, each of which is decoded',
    forges: true,
    code: `let value = 1; for (let i = 0; i < 100; i++) value = i % 3 ? { $: 'set', v: [value] } : { $: 'map', v: [[value, 1]] }; forge(ctx, { t: 'call', id: 900, service: 'lab', range: '*', method: 'act', args: ['own', value], trace: '' }); return { refused: (await until(() => heard.find((m) => m.t === 'reply' && m.id === 900)))?.error !== undefined }`,
    answers: { refused: true },
  },
  {
    title: 'names itself with a hundred thousand letters',
    forges: true,
    code: `const long = 'x'.repeat(1e5); forge(ctx, { t: 'call', id: 900, service: long, range: '*', method: 'act', args: [], trace: '' }, { t: 'emit', id: 901, name: long, data: 1, trace: '' }, { t: 'provide', kind: 'service', name: long, version: '1.0.0', methods: [long] }, { t: 'on', sub: 5, pattern: long, policy: 'latest', capacity: 1 }, { t: 'log', level: 'info', text: long }); await wait(20); ${LAB}; return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
  {
    title: 'sends one forged message of ten megabytes',
    code: `forge(ctx, '{"t":"call","id":900,"service":"lab","range":"*","method":"act","trace":"","args":["own","' + 'x'.repeat(1e7) + '"]}'); await wait(50); ${LAB}; return lab.act('own', 'still here')`,
    fails: /^$|^SANDBOX_|^SERVICE_|^PLUGIN_/,
    forges: false,
  },
  {
    title: 'sends forty thousand messages in one turn',
    code: `const one = '{"t":"cancel","id":5}'; forge(ctx, Array(40000).fill(one).join(',')); await wait(50); ${LAB}; return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
  {
    title: 'provokes answers longer than its own limit of messages',
    manifest: { limits: { messageBytes: 1024 } },
    forges: true,
    code: `const long = 'é'.repeat(250); forge(ctx, { t: 'call', id: 900, service: 'lab', range: '*', method: long, args: [], trace: '' }); forge(ctx, { t: 'call', id: 901, service: long.slice(0, 200), range: '*', method: 'x', args: [], trace: '' }); await until(() => heard.filter((m) => m.t === 'reply' && m.id >= 900)[1]); ${LAB}; const { code } = await outcome(() => lab.lend('own', () => { throw new Error('"'.repeat(300)) })); return { answered: heard.filter((m) => m.t === 'reply' && m.id >= 900 && m.error).length, code: typeof code }`,
    answers: { answered: 2, code: 'string' },
  },
  {
    title: 'sends a thousand buffers with one message',
    code: `${LAB}; const [list] = await lab.act('own', Array.from({ length: 1000 }, (_, i) => new Uint8Array([i]))); return list.length`,
    answers: 1000,
  },
  {
    title: 'opens more streams than there may be',
    code: `${LAB}; const codes = new Set(); const streams = Array.from({ length: 1500 }, () => new ReadableStream()); const { code } = await outcome(() => lab.act('own', streams)); return { code }`,
    answers: { code: 'SANDBOX_STREAMS' },
  },
]
