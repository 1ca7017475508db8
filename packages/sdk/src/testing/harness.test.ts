import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Capability, defineEvents, defineMethod, defineService } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createHarness } from './index.ts'

interface Notes {
  save(text: string): Promise<string>
  read(id: string): Promise<string | undefined>
  weather(city: string): Promise<unknown>
}
const Notes = defineService<Notes>('notes', '1.0.0')
const noteEvents = defineEvents('note', { saved: z.object({ id: z.string() }) })

const plugin = `
import { defineEvents, definePlugin, defineService, Storage, z } from '@pryx/sdk'
const Notes = defineService<object>('notes', '1.0.0')
const noteEvents = defineEvents('note', { saved: z.object({ id: z.string() }) })
export default definePlugin({
  config: z.object({ prefix: z.string().default('note') }),
  async activate(ctx) {
    const storage = await ctx.use(Storage)
    let last = (ctx.previous as { last: number } | undefined)?.last ?? 0
    ctx.provide(Notes, {
      async save(text: string) {
        const id = ctx.config.prefix + '-' + ++last
        await storage.set(id, text)
        await ctx.emit(noteEvents.saved, { id })
        return id
      },
      read: (id: string) => storage.get(id),
      weather: async (city: string) => (await fetch('https://api.example.com/' + city)).json(),
    })
    ctx.tools.provide({ name: 'notes.count', input: z.object({}), run: async () => (await storage.list()).length })
    ctx.log.info('ready')
    return { handOver: () => ({ last }) }
  },
})`

const manifest = {
  permissions: ['storage', 'net:api.example.com'],
  provides: { notes: '1.0.0' },
  events: { emits: ['note.*'] },
  tools: [{ name: 'notes.count', description: 'Counts notes' }],
}

test('K9: a plugin runs from a text, in a real isolate, and everything it does is recorded', async () => {
  await using pryx = await createHarness({ plugin, manifest, grant: 'declared', config: { prefix: 'n' } })
  const notes = await pryx.use(Notes)

  const id = await notes.save('buy milk')

  expect(await notes.read(id)).toBe('buy milk')
  expect(await pryx.tool('notes.count', {})).toBe(1)
  expect(await pryx.seen(noteEvents.saved)).toEqual({ id: 'n-1' })
  expect(pryx.events).toMatchObject([{ name: 'note.saved', from: 'under-test' }])
  expect(pryx.calls[0]).toMatchObject({
    plugin: 'under-test',
    capability: 'storage',
    method: 'set',
    args: expect.arrayContaining(['n-1', 'buy milk']),
  })
  expect(pryx.logs).toMatchObject([{ level: 'info', text: 'ready' }])
  expect(pryx.status.stage).toBe('active')
})

test('K4: a revoked permission is felt by the very next call', async () => {
  await using pryx = await createHarness({ plugin, manifest, grant: ['storage', 'events:emit:note.*'] })
  const notes = await pryx.use(Notes)
  await notes.save('buy milk')

  void pryx.revoke('storage')

  await expect(notes.save('buy bread')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  expect(pryx.audit.at(-1)).toMatchObject({ act: 'storage.set', outcome: 'denied' })
  expect(pryx.calls.length).toBe(1)
})

test('K4: nothing is granted unless the test grants it, and a question is answered with no at once', async () => {
  await using pryx = await createHarness({ plugin, manifest })
  const notes = await pryx.use(Notes)

  await expect(notes.save('x')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })

  await pryx.grant('storage')
  await expect(notes.read('x')).resolves.toBeUndefined()
})

test('K5: the test can answer questions as the user would', async () => {
  const asked: string[] = []
  await using pryx = await createHarness({
    plugin,
    manifest,
    ask: ({ permission }) => {
      asked.push(permission)
      return 'allow'
    },
  })
  const notes = await pryx.use(Notes)

  await notes.save('x')

  expect(asked).toEqual(['storage', 'events:emit:note.saved'])
})

test('K12: a fake of net is written in web types and judged by host', async () => {
  const fake = { net: { fetch: async (request: Request) => Response.json({ at: new URL(request.url).pathname }) } }
  await using pryx = await createHarness({ plugin, manifest, grant: ['net:api.example.com'], fake })
  const notes = await pryx.use(Notes)

  expect(await notes.weather('lisbon')).toEqual({ at: '/lisbon' })

  await pryx.revoke('net:api.example.com')
  await expect(notes.weather('lisbon')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
})

test('K9: a capability nobody plays says what to write into the test', async () => {
  await using pryx = await createHarness({ plugin, manifest, grant: 'declared' })
  const notes = await pryx.use(Notes)

  await expect(notes.weather('lisbon')).rejects.toMatchObject({
    code: 'HARNESS_NO_FAKE',
    hint: expect.stringContaining('fake: { net: { fetch:'),
  })
})

test('K9: a service of another plugin can be played', async () => {
  const code = `import { definePlugin, defineService } from '@pryx/sdk'
    const Clock = defineService<{ hour(): Promise<number> }>('clock', '1.0.0')
    export default definePlugin({ async activate(ctx) { const clock = await ctx.use(Clock)
      ctx.provide(defineService<object>('greeter', '1.0.0'), { greet: async () => (await clock.hour()) < 12 ? 'good morning' : 'good day' }) } })`
  await using pryx = await createHarness({
    plugin: code,
    manifest: { requires: { clock: '^1.0.0' }, provides: { greeter: '1.0.0' } },
    fake: { clock: { hour: () => 9 } },
  })

  const greeter = await pryx.use(defineService<{ greet(): Promise<string> }>('greeter', '1.0.0'))

  expect(await greeter.greet()).toBe('good morning')
  expect(pryx.calls).toMatchObject([{ capability: 'clock', method: 'hour' }])
})

test('K7: a reload swaps the text in and keeps what the old one handed over', async () => {
  await using pryx = await createHarness({ plugin, manifest, grant: 'declared' })
  const notes = await pryx.use(Notes)
  await notes.save('one')

  await pryx.reload({ plugin: plugin.replace("'-'", "'+'") })

  expect(await notes.save('two')).toBe('note+2')
})

test('K7: a text that does not build leaves the old one running, and the error has a place', async () => {
  await using pryx = await createHarness({ plugin, manifest, grant: 'declared' })
  const notes = await pryx.use(Notes)

  await expect(pryx.reload({ plugin: 'export default {' })).rejects.toMatchObject({
    code: 'BUILD_FAILED',
    message: expect.stringContaining('src/plugin.ts:1'),
  })

  expect(await notes.save('one')).toBe('note-1')
})

test('K9: a plugin is tested from its folder, into which nothing is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pryx-folder-'))
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'src/word.ts'), "export const word: string = 'hello'")
  writeFileSync(join(folder, 'src/plugin.ts'), `import { word } from './word.ts'\nexport const say = () => word`)
  const pryx = {
    engine: '^1.0.0',
    entry: 'dist/plugin.js',
    tools: [{ name: 'say', description: 'Says it', handler: 'say' }],
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'pryx-plugin-sayer', version: '2.0.0', pryx }))
  try {
    await using harness = await createHarness({ plugin: join(folder, 'src/plugin.ts') })
    expect(harness.id).toBe('sayer')
    expect(await harness.tool('say', {})).toBe('hello')
    writeFileSync(join(folder, 'src/word.ts'), "export const word: string = 'bye'")
    await harness.reload()
    expect(await harness.tool('say', {})).toBe('bye')
    expect(readdirSync(folder).sort()).toEqual(['package.json', 'src'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('K2: with a fake clock a failing plugin is tried again when the test says so, and no test waits', async () => {
  const code = 'export default { activate() { throw new Error("no luck") } }'
  await using pryx = await createHarness({ plugin: code, clock: 'fake', mayFail: true })
  expect(pryx.status.failures).toBe(1)

  await pryx.clock.advance(1_000)
  await pryx.seen('plugin.failed', (fact) => (fact as { failures: number }).failures === 2)

  expect(pryx.status).toMatchObject({ failures: 2 })
})

test('K2: a plugin that does not start fails the harness, with the reason', async () => {
  const made = createHarness({ plugin: 'export default { activate() { throw new Error("no luck") } }' })

  await expect(made).rejects.toMatchObject({ code: 'HARNESS_NOT_STARTED', message: expect.stringContaining('no luck') })
})

test('K9: plugins that run beside it are real too', async () => {
  const reader = `import { definePlugin, defineService } from '@pryx/sdk'
    export default definePlugin({ async activate(ctx) { const notes = await ctx.use(defineService<{ save(text: string): Promise<string> }>('notes', '1.0.0'))
      ctx.provide(defineService<object>('reader', '1.0.0'), { go: () => notes.save('from the neighbour') }) } })`
  await using pryx = await createHarness({
    plugin: reader,
    id: 'reader',
    manifest: { requires: { notes: '^1.0.0' }, provides: { reader: '1.0.0' } },
    grant: 'declared',
    beside: [{ plugin, id: 'notes', manifest }],
  })

  const service = await pryx.use(defineService<{ go(): Promise<string> }>('reader', '1.0.0'))

  expect(await service.go()).toBe('note-1')
  expect(pryx.events).toMatchObject([{ name: 'note.saved', from: 'notes' }])
})

test('K9: storage is played in memory, key-value and SQL', async () => {
  const code = `import { definePlugin, Storage } from '@pryx/sdk'
    export default definePlugin({ async activate(ctx) { const storage = await ctx.use(Storage)
      ctx.tools.provide({ name: 'try', run: async () => {
        const first = await storage.set('a/1', 'one')
        await storage.batch([{ op: 'check', key: 'a/1', version: first }, { op: 'set', key: 'a/2', value: new Date(5) }])
        const stale = await storage.batch([{ op: 'check', key: 'a/1' }]).catch((error) => error.code)
        await storage.sql.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, done)')
        const { changes } = await storage.sql.run('INSERT INTO t (done) VALUES (?)', true)
        const [, returned] = await storage.sql.batch([{ sql: 'INSERT INTO t (done) VALUES (2)' }, { sql: 'UPDATE t SET done = done + 1 WHERE id = 2 RETURNING done', rows: true }])
        return { returned, list: await storage.list({ prefix: 'a/', reverse: true }), cas: await storage.cas('a/1', 99, 'x'), stale, changes, rows: await storage.sql.all('SELECT * FROM t WHERE id = :id', { id: 1 }) }
      } }) } })`
  await using pryx = await createHarness({
    plugin: code,
    manifest: { permissions: ['storage'], tools: [{ name: 'try', description: 'Tries it' }] },
    grant: 'declared',
  })

  expect(await pryx.tool('try', {})).toEqual({
    list: [
      { key: 'a/2', value: new Date(5), version: 2 },
      { key: 'a/1', value: 'one', version: 1 },
    ],
    cas: { ok: false, version: 1 },
    stale: 'STORAGE_CONFLICT',
    changes: 1,
    rows: [{ id: 1, done: 1 }],
    returned: { changes: 1, lastInsertRowid: 0, rows: [{ done: 3 }] },
  })
})

test('K4: a fake of a method of a real driver leaves its grammar and its schemas in force', async () => {
  const dice: Capability = {
    name: 'dice',
    version: '1.0.0',
    summary: 'rolls dice',
    parse: (rest) => rest,
    covers: (granted, wanted) => Number(wanted) <= Number(granted),
    consent: () => ({ text: 'roll dice', risk: 'low', traits: [] }),
    methods: {
      roll: defineMethod({ input: z.tuple([z.number()]), access: ([sides]) => [String(sides)], run: async () => 0 }),
    },
  }
  const code = `import { definePlugin, defineService } from '@pryx/sdk'
    export default definePlugin({ async activate(ctx) { const dice = await ctx.use(defineService<{ roll(sides: unknown): Promise<number> }>('dice', '1.0.0'))
      ctx.tools.provide({ name: 'roll', run: (sides) => dice.roll(sides) }) } })`
  const rolls = {
    manifest: { permissions: ['dice:6'], tools: [{ name: 'roll', description: 'Rolls' }] },
    capabilities: [dice],
  }
  await using pryx = await createHarness({
    plugin: code,
    ...rolls,
    grant: 'declared',
    fake: { dice: { roll: (sides: number) => sides } },
  })

  expect(await pryx.tool('roll', 6)).toBe(6)
  await expect(pryx.tool('roll', 20)).rejects.toMatchObject({ code: 'PERMISSION_UNDECLARED' })
  await expect(pryx.tool('roll', 'six')).rejects.toMatchObject({ code: 'CAPABILITY_INPUT' })
})

test('K11: an effect of a driver that outlives the plugin fails the test', async () => {
  const leaky: Capability = {
    name: 'leaky',
    version: '1.0.0',
    summary: 'forgets to let go',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === wanted,
    consent: () => ({ text: 'leak', risk: 'low', traits: [] }),
    methods: {
      open: defineMethod({
        input: z.tuple([]),
        access: () => [''],
        async run(_input, call) {
          call.effect(() => () => {
            throw new Error('the handle does not close')
          })
        },
      }),
    },
  }
  const code = `import { definePlugin, defineService } from '@pryx/sdk'
    export default definePlugin({ async activate(ctx) { await (await ctx.use(defineService<{ open(): Promise<void> }>('leaky', '1.0.0'))).open() } })`
  const pryx = await createHarness({
    plugin: code,
    manifest: { permissions: ['leaky'] },
    grant: 'declared',
    capabilities: [leaky],
  })

  await expect(pryx[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: 'HARNESS_LEAK',
    message: expect.stringContaining('the handle does not close'),
  })
})

test('K6: a plugin sees the tools its manifest lets it call, also of plugins that sleep, and may wait longer for one', async () => {
  const asker = `
    export default {
      activate(ctx) {
        ctx.tools.provide({ name: 'ask.list', run: () => ctx.tools.list() })
        ctx.tools.provide({ name: 'ask.slow', run: (input) => ctx.tools.call('slow.work', {}, input) })
      },
    }`
  const slow = `
    export default {
      activate(ctx) {
        ctx.tools.provide({ name: 'slow.work', run: (_, { signal }) => new Promise((done, fail) => {
          signal.addEventListener('abort', () => fail(signal.reason))
          setTimeout(() => done('worked'), 400)
        }) })
      },
    }`
  await using pryx = await createHarness({
    plugin: asker,
    manifest: {
      permissions: ['tools:slow.work'],
      tools: [
        { name: 'ask.list', description: 'Lists' },
        { name: 'ask.slow', description: 'Waits' },
      ],
    },
    grant: 'declared',
    limits: { callMs: 100 },
    beside: [
      {
        id: 'lazy',
        plugin: slow,
        manifest: { activation: ['tool:slow.work'], tools: [{ name: 'slow.work', description: 'Takes its time' }] },
      },
      {
        id: 'other',
        plugin: `export const f = () => 1`,
        manifest: { tools: [{ name: 'hidden', description: 'Not declared', handler: 'f' }] },
      },
    ],
  })

  expect(await pryx.tool('ask.list', {})).toMatchObject([
    { name: 'slow.work', plugin: 'lazy', description: 'Takes its time' },
  ])
  expect(await pryx.tool('ask.slow', { timeoutMs: 8_000 })).toBe('worked')
  await expect(pryx.tool('ask.slow', {})).rejects.toMatchObject({ code: 'TOOL_TIMEOUT' })
}, 30_000)
