// test/hostile/escapes/wire.ts: plugins that speak the kernel's language behind the runtime's back: forged ids, tags, names and replies.
import type { Attempt } from './attempt.ts'

const LAB = `const lab = await ctx.use(service('lab'))`
/** A forged call of the lab; the reply is looked for in what was delivered. */
const call = (args: string, id = 900): string =>
  `{ t: 'call', id: ${id}, service: 'lab', range: '^1.0.0', method: 'act', args: ${args}, trace: 'x' }`
const replyTo = (id = 900): string => `heard.find((m) => m.t === 'reply' && m.id === ${id})`

/** Values the kernel must refuse, or read as data: as the second argument of a call. */
const values: [string, string, { refused?: boolean }?][] = [
  [
    'names the prototype of the host’s arrays as an index of bytes',
    `{ $: 'bytes', i: '__proto__' }`,
    { refused: true },
  ],
  ['names a method of the host’s arrays as an index of bytes', `{ $: 'bytes', i: 'push' }`, { refused: true }],
  [
    'names the host’s Array as an index of bytes',
    `{ $: 'bytes', i: 'constructor', as: 'Uint8Array' }`,
    { refused: true },
  ],
  ['names the length of a list as bytes', `{ $: 'bytes', i: 'length' }`, { refused: true }],
  ['names a symbol’s method as bytes', `{ $: 'bytes', i: 'values' }`, { refused: true }],
  ['asks for bytes before the first', `{ $: 'bytes', i: -1 }`, { refused: true }],
  ['asks for bytes that were not sent', `{ $: 'bytes', i: 1e9 }`, { refused: true }],
  ['asks for bytes between two', `{ $: 'bytes', i: 0.5 }`, { refused: true }],
  ['asks for bytes by a list', `{ $: 'bytes', i: ['__proto__'] }`, { refused: true }],
  ['asks for a buffer of a prototype', `{ $: 'bytes', i: '__proto__', as: 'ArrayBuffer' }`, { refused: true }],
  ['invents a tag', `{ $: 'module', v: 'fs' }`, { refused: true }],
  ['tags with a prototype', `{ $: '__proto__' }`, { refused: true }],
  ['tags with an object', `{ $: { toString: 'x', valueOf: 'x' } }`, { refused: true }],
  ['sends a number no number stands for', `{ $: 'number', v: { valueOf: 1, toString: 1 } }`, { refused: true }],
  ['sends a bigint of a million digits', `{ $: 'bigint', v: '9'.repeat(900000) }`, { refused: true }],
  ['sends a bigint that is code', `{ $: 'bigint', v: '1n;process' }`, { refused: true }],
  ['sends a map of no pairs', `{ $: 'map', v: [1, 2] }`, { refused: true }],
  ['sends a map that is an object', `{ $: 'map', v: { length: 1e9 } }`, { refused: true }],
  ['sends a set of itself', `{ $: 'set', v: 'process' }`, { refused: true }],
  ['sends an error named after a prototype', `{ $: 'error', name: '__proto__', message: 'constructor' }`],
  ['sends an error whose text is an object', `{ $: 'error', name: { toString: 1 }, message: [[]] }`],
  ['sends a date that is an object', `{ $: 'date', v: { toString: 1 } }`, { refused: true }],
  ['sends the stream of another', `{ $: 'stream', id: '1' }`, { refused: true }],
  ['wraps a tag in an object tag', `{ $: 'object', v: { $: 'bytes', i: '__proto__' } }`],
  ['wraps a list as an object', `{ $: 'object', v: [{ $: 'object', v: { constructor: 1 } }] }`],
]

const keys: [string, string][] = [
  ['says __proto__', `'{"__proto__":{"polluted":1}}'`],
  ['says __proto__ with an escape', `'{"\\\\u005f_proto__":{"polluted":1}}'`],
  ['says __proto__ inside an object tag', `'{"$":"object","v":{"__proto__":{"polluted":1}}}'`],
  ['says __proto__ deep inside', `'{"a":[{"b":{"__proto__":{"polluted":1}}}]}'`],
  ['says constructor and prototype', `'{"constructor":{"prototype":{"polluted":1}}}'`],
  ['says __proto__ in a map', `'{"$":"map","v":[["__proto__",{"__proto__":{"polluted":1}}]]}'`],
  ['says toJSON, then and toString', `'{"toJSON":1,"then":1,"toString":1,"valueOf":1,"hasOwnProperty":1}'`],
  ['says __proto__ as a null', `'{"__proto__":null,"a":1}'`],
]

/** Messages that are none, or claim what is not theirs. */
const messages: [string, string][] = [
  ['sends types no table has', `{ t: '__proto__' }, { t: 'constructor' }, { t: 'hasOwnProperty' }, { t: 'toString' }`],
  ['sends a type that is an object', `{ t: { toString: 1, valueOf: 1 } }, { t: ['call'] }, { t: null }`],
  ['sends no messages', `null, 1, 'null', [], '{}', 'true', '"x"'`],
  [
    'sends messages of the kernel',
    `{ t: 'activate', name: 'keeper', version: '1', config: {}, previous: {}, tools: [] }, { t: 'deactivate', reason: '' }, { t: 'timer', id: 1 }, { t: 'event', sub: 1, seq: 1, name: 'note.x', data: 1, from: 'host', at: 1, trace: '' }`,
  ],
  [
    'answers calls nobody made',
    `...Array.from({ length: 200 }, (_, id) => ({ t: 'reply', id: id + 1000, value: 'forged' }))`,
  ],
  [
    'answers with an error that is none',
    `{ t: 'reply', id: 1000, error: null }, { t: 'reply', id: 1000, error: 1 }, { t: 'reply', id: 1001, error: { name: {}, code: [], message: { toString: 1 } } }`,
  ],
  [
    'acknowledges events it was not sent',
    `...Array.from({ length: 200 }, (_, seq) => ({ t: 'ack', sub: seq % 5, seq, error: { name: '__proto__' } }))`,
  ],
  ['ends subscriptions of others', `...Array.from({ length: 50 }, (_, sub) => ({ t: 'off', sub }))`],
  [
    'withdraws services of others',
    `{ t: 'withdraw', kind: 'service', name: 'keeper' }, { t: 'withdraw', kind: 'service', name: 'lab' }, { t: 'withdraw', kind: 'tool', name: '__proto__' }`,
  ],
  [
    'offers services of others',
    `{ t: 'provide', kind: 'service', name: 'keeper', version: '1.0.0', methods: ['look'] }, { t: 'provide', kind: 'service', name: 'lab', version: '1.0.0', methods: ['act'] }, { t: 'provide', kind: 'service', name: '__proto__', version: '1.0.0', methods: [] }`,
  ],
  [
    'offers methods that are none',
    `{ t: 'provide', kind: 'service', name: 'x', version: '1.0.0', methods: [{}, null] }, { t: 'provide', kind: 'service', name: 'x', version: '1.0.0', methods: { length: 1 } }`,
  ],
  [
    'pulls and stops streams of others',
    `...Array.from({ length: 100 }, (_, s) => ({ t: ['pull', 'stop', 'chunk', 'end'][s % 4], s: s >> 2, n: 9, data: 1, error: null }))`,
  ],
  ['cancels calls of others', `...Array.from({ length: 300 }, (_, id) => ({ t: 'cancel', id }))`],
  [
    'reports an error that is a trap',
    `{ t: 'uncaught', error: { name: '__proto__', code: { toString: 1 }, message: [], details: { __proto__: { a: 1 } }, stack: 1 } }`,
  ],
  [
    'sends ids out of bounds',
    `...[-1, 1.5, 2 ** 60, '1', null, {}].flatMap((id) => ['reply', 'call', 'emit', 'cancel', 'use', 'ack', 'pull', 'chunk'].map((t) => ({ t, id, sub: id, seq: id, s: id, n: id, service: 'keeper', range: '*', method: 'look', args: [], trace: '', name: 'note.x', data: 0 })))`,
  ],
  [
    'hides a message in a log line',
    `{ t: 'log', level: 'info', text: '"},{"t":"emit","id":1,"name":"note.x","data":1,"trace":""}' }`,
  ],
]

/** Requests for what it was not granted; each must be refused. */
const requests: [string, string, RegExp][] = [
  [
    'calls a neighbour it does not require',
    `{ t: 'call', id: 901, service: 'keeper', range: '*', method: 'look', args: [], trace: '' }`,
    /^PERMISSION_/,
  ],
  [
    'uses a neighbour it does not require',
    `{ t: 'use', id: 901, service: 'keeper', range: '*', optional: false }`,
    /^PERMISSION_/,
  ],
  [
    'calls the kernel’s own service',
    `{ t: 'call', id: 901, service: 'kernel', range: '*', method: 'permissions', args: [], trace: '' }`,
    /^(PERMISSION_|CAPABILITY_)/,
  ],
  [
    'calls a part of the lab it was not granted',
    `{ t: 'call', id: 901, service: 'lab', range: '*', method: 'act', args: ['other'], trace: '' }`,
    /^PERMISSION_/,
  ],
  [
    'calls a method by a prototype’s name',
    `{ t: 'call', id: 901, service: 'lab', range: '*', method: 'constructor', args: ['own'], trace: '' }`,
    /^CAPABILITY_UNKNOWN/,
  ],
  [
    'calls a method named __proto__',
    `{ t: 'call', id: 901, service: 'lab', range: '*', method: '__proto__', args: ['own'], trace: '' }`,
    /^CAPABILITY_UNKNOWN/,
  ],
  [
    'calls a service named __proto__',
    `{ t: 'call', id: 901, service: '__proto__', range: '*', method: 'look', args: [], trace: '' }`,
    /^(PERMISSION_|CAPABILITY_)/,
  ],
  [
    'calls with arguments that are no list',
    `{ t: 'call', id: 901, service: 'lab', range: '*', method: 'act', args: { length: 1, 0: 'own' }, trace: '' }`,
    /^SANDBOX_WIRE/,
  ],
  ['emits an event it may not', `{ t: 'emit', id: 901, name: 'note.forged', data: 1, trace: '' }`, /^PERMISSION_/],
  [
    'emits an event of the kernel',
    `{ t: 'emit', id: 901, name: 'permission.granted', data: { plugin: 'keeper' }, trace: '' }`,
    /^(USAGE_EVENT_RESERVED|PERMISSION_)/,
  ],
  [
    'emits an event named __proto__',
    `{ t: 'emit', id: 901, name: '__proto__', data: 1, trace: '' }`,
    /^(USAGE_|PERMISSION_)/,
  ],
  [
    'runs a hook it may not',
    `{ t: 'hook', id: 901, name: 'before:tool.call', value: {}, timeoutMs: 0, failure: 'open', trace: '' }`,
    /^(PERMISSION_|USAGE_HOOK_RESERVED$)/,
  ],
  [
    'calls a tool nobody granted',
    `{ t: 'tool', id: 901, name: 'constructor', input: {}, trace: '' }`,
    /^(PERMISSION_|TOOL_)/,
  ],
]

export const wire: Attempt[] = [
  ...values.map(
    ([title, value, { refused = false } = {}]): Attempt => ({
      title,
      forges: true,
      code: `forge(ctx, ${call(`['own', ${value}]`)}); const reply = await until(() => ${replyTo()}); return ${
        refused
          ? `{ refused: reply?.error !== undefined }`
          : `{ answered: reply !== undefined && reply.error === undefined }`
      }`,
      answers: refused ? { refused: true } : { answered: true },
    }),
  ),
  ...keys.map(
    ([title, text]): Attempt => ({
      title: `${title} in a value`,
      known: 'prototype pollution by decoded data',
      forges: true,
      code: `forge(ctx, '{"t":"call","id":900,"service":"lab","range":"^1.0.0","method":"act","trace":"","args":["own",' + ${text} + ']}'); return { answered: (await until(() => ${replyTo()})) !== undefined }`,
      answers: { answered: true },
    }),
  ),
  ...messages.map(
    ([title, list]): Attempt => ({
      title,
      forges: true,
      code: `forge(ctx, ${list}); await wait(30); ${LAB}; return lab.act('own', 'still here')`,
      answers: ['still here'],
    }),
  ),
  ...requests.map(
    ([title, message, code]): Attempt => ({
      title,
      forges: true,
      code: `forge(ctx, ${message}); const reply = await until(() => ${replyTo(901)}); return { refused: ${code}.test(reply?.error?.code ?? '') , answered: reply !== undefined }`,
      answers: { refused: true, answered: true },
    }),
  ),
  {
    title: 'replays a call under the id of one that is open',
    forges: true,
    code: `const lend = ${call(`['own', 1]`, 905).replace(`'act'`, `'lend'`)}; forge(ctx, { ...lend, args: ['own', { $: 'fn', id: 77 }] }, lend, lend); await until(() => heard.filter((m) => m.t === 'reply' && m.id === 905)[1]); return { replies: heard.filter((m) => m.t === 'reply' && m.id === 905).every((m) => m.error !== undefined) }`,
    answers: { replies: true },
  },
  {
    title: 'answers a call twice, the second time with something else',
    forges: true,
    code: `const asked = []; ${LAB}; const first = await lab.lend('own', () => { forge(ctx, ...heard.filter((m) => m.t === 'call' && m.kind === 'fn').map(({ id }) => ({ t: 'reply', id, value: 'first' }))); return 'second' }); return first`,
    answers: 'first',
  },
  {
    title: 'answers with an object that has a `then` of the host',
    forges: true,
    code: `${LAB}; return lab.lend('own', () => { forge(ctx, ...heard.filter((m) => m.t === 'call' && m.kind === 'fn').map(({ id }) => ({ t: 'reply', id, value: { then: { $: 'bytes', i: 'push' } } }))); return wait(60) })`,
    fails: /^USAGE_WIRE$/,
  },
  {
    title: 'answers with an object whose `then` is a function of its own, and never settles',
    forges: true,
    code: `${LAB}; return lab.lend('own', () => { forge(ctx, ...heard.filter((m) => m.t === 'call' && m.kind === 'fn').map(({ id }) => ({ t: 'reply', id, value: { then: { $: 'fn', id: 5 } } }))); return wait(60) })`,
    fails: /^USAGE_WIRE$/,
  },
  {
    title: 'sends an event that holds a function',
    forges: true,
    manifest: { events: { emits: ['own.*'], listens: [] } },
    code: `forge(ctx, { t: 'emit', id: 902, name: 'own.x', data: { then: { $: 'fn', id: 5 } }, trace: '' }); return { refused: (await until(() => ${replyTo(902)}))?.error !== undefined }`,
    answers: { refused: true },
  },
  {
    title: 'keeps a state whose `then` never settles',
    forges: true,
    code: `forge(ctx, { t: 'checkpoint', state: { then: { $: 'fn', id: 5 } } }, { t: 'state', has: true, state: { then: { $: 'fn', id: 5 } } }); await wait(30); ${LAB}; return lab.act('own', 'still here')`,
    answers: ['still here'],
  },
]
