import { expect, test } from 'vitest'
import { defineService } from './contract/index.ts'
import { createTestKernel } from './kernel-testing.ts'
import { openPluginFolder } from './node/plugin-folder.ts'

interface Echo {
  echo<T>(value: T): Promise<T>
  whoAsks(): Promise<string>
  wait(ms: number): Promise<string>
}
const Echo = defineService<Echo>('echo', '1.0.0')

const echo = `
const Echo = { kind: 'service', name: 'echo', version: '1.0.0' }
export default {
  activate(ctx) {
    ctx.provide(Echo, {
      async echo(value) { return value },
      async whoAsks() { return ctx.caller?.from ?? 'nobody' },
      async wait(ms) { await new Promise((done) => setTimeout(done, ms)); return 'waited' },
    })
  },
}`

test('K6: the host calls a service of a sandboxed plugin, and values come back as copies of what they were', async () => {
  await using host = await createTestKernel()
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  const service = await host.kernel.use(Echo)

  const value = {
    text: 'häß',
    list: [1, null, -0],
    when: new Date(5),
    bytes: new Uint8Array([1, 2, 3]),
    map: new Map([['a', new Set([1])]]),
  }

  expect(await service.echo(value)).toEqual(value)
})

test('K6: a plugin calls another by token, and is known by its own name', async () => {
  await using host = await createTestKernel()
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  await host.add(
    'asker',
    `export default { async activate(ctx) {
      const echo = await ctx.use({ kind: 'service', name: 'echo', version: '1.0.0' })
      ctx.provide({ kind: 'service', name: 'asker', version: '1.0.0' }, { ask: () => echo.whoAsks() })
    } }`,
    { requires: { echo: '^1.0.0' }, provides: { asker: '1.0.0' } },
  )

  const asker = await host.kernel.use(defineService<{ ask(): Promise<string> }>('asker', '1.0.0'))

  expect(await asker.ask()).toBe('asker')
})

test('K6: an event goes from one plugin to another and to the host, in order', async () => {
  await using host = await createTestKernel()
  await host.add(
    'hearer',
    `export default { activate(ctx) { const heard = []
    ctx.events.on('count.*', (n, info) => { heard.push([n, info.name, info.from]) })
    ctx.provide({ kind: 'service', name: 'hearer', version: '1.0.0' }, { heard: async () => heard }) } }`,
    {
      provides: { hearer: '1.0.0' },
      events: { listens: ['count.*'], emits: [] },
    },
  )
  const seen: unknown[] = []
  host.kernel.on('count.**', (n) => seen.push(n))
  await host.add(
    'counter',
    `export default { async activate(ctx) { for (let n = 0; n < 100; n++) void ctx.emit({ kind: 'event', name: 'count.up', schema: { parse: (x) => x } }, n) } }`,
    {
      events: { emits: ['count.*'], listens: [] },
    },
  )

  const hearer = await host.kernel.use(
    defineService<{ heard(): Promise<[number, string, string][]> }>('hearer', '1.0.0'),
  )
  await expect.poll(async () => (await hearer.heard()).length).toBe(100)

  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n))
  expect((await hearer.heard()).map(([n]) => n)).toEqual(seen)
  expect((await hearer.heard())[0]).toEqual([0, 'count.up', 'counter'])
})

test('K1: a tool needs no code beyond its handler', async () => {
  await using host = await createTestKernel()
  await host.add('adder', 'export const add = ({ a, b }) => a + b', {
    tools: [{ name: 'math.add', description: 'Adds two numbers', handler: 'add', input: { type: 'object' } }],
  })

  expect(host.kernel.status('adder')).toMatchObject({ stage: 'active' })
  expect(await host.kernel.tools.call('math.add', { a: 2, b: 3 })).toBe(5)
})

test('K2: a lazily activated plugin starts at the first call of its service', async () => {
  await using host = await createTestKernel()
  await host.add('echo', echo, { provides: { echo: '1.0.0' }, activation: ['service:echo'] })
  expect(host.kernel.status('echo')).toMatchObject({ stage: 'waiting', process: '' })

  const service = await host.kernel.use(Echo)

  expect(await service.echo(1)).toBe(1)
  expect(host.kernel.status('echo').stage).toBe('active')
})

test('K2: a plugin that requires a service starts when it appears', async () => {
  await using host = await createTestKernel()
  await host.add('needy', 'export default { activate() {} }', { requires: { echo: '^1.0.0' } })
  expect(host.kernel.status('needy')).toMatchObject({ stage: 'waiting' })
  const active = host.next(
    'plugin.stage',
    (fact: { plugin: string; stage: string }) => fact.plugin === 'needy' && fact.stage === 'active',
  )

  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  await active

  expect(host.kernel.status('needy').stage).toBe('active')
})

test('K6: a plugin that is taken out for good is told once by the kernel; one that is reloaded or switched off is not', async () => {
  await using host = await createTestKernel()
  const told: unknown[] = []
  host.kernel.on('plugin.removed', (fact, { from }) => void told.push({ fact, from }))
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })

  await host.kernel.reload('echo')
  await host.kernel.disable('echo')
  await host.kernel.enable('echo')
  expect(told).toEqual([])
  await host.kernel.remove('echo')

  expect(told).toEqual([{ fact: { plugin: 'echo' }, from: 'kernel' }])
  expect(host.kernel.plugins()).toEqual([])
})

test('K3: an endless loop is stopped and named, and the plugin starts again', async () => {
  await using host = await createTestKernel()
  await host.add(
    'looper',
    `export default { activate(ctx) { ctx.provide({ kind: 'service', name: 'looper', version: '1.0.0' }, { loop() { for (;;); } }) } }`,
    {
      provides: { looper: '1.0.0' },
    },
  )
  const looper = await host.kernel.use(defineService<{ loop(): Promise<void> }>('looper', '1.0.0'))
  const failed = host.next('plugin.failed')

  await expect(looper.loop()).rejects.toMatchObject({ code: 'SANDBOX_TURN_TIMEOUT' })

  expect(await failed).toMatchObject({
    plugin: 'looper',
    code: 'SANDBOX_TURN_TIMEOUT',
    failures: 1,
    retryMs: 1_000,
    final: false,
  })
})

test('K3: a built-in that cannot be interrupted costs its process; the neighbour there starts again and answers', async () => {
  await using host = await createTestKernel({ standby: 'always' })
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  await host.add(
    'hanger',
    `export default { activate(ctx) { ctx.provide({ kind: 'service', name: 'hanger', version: '1.0.0' }, { hang() { Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1) } }) } }`,
    {
      provides: { hanger: '1.0.0' },
    },
  )
  const hanger = await host.kernel.use(defineService<{ hang(): Promise<void> }>('hanger', '1.0.0'))
  const service = await host.kernel.use(Echo)
  await new Promise((done) => setTimeout(done, 700))
  await host.kernel.settled()

  const hung = hanger.hang().catch((error: unknown) => error)
  const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => service.echo(n)))

  expect(await hung).toMatchObject({ code: 'SANDBOX_STUCK' })
  expect(answers).toEqual([0, 1, 2, 3, 4])
  expect(await service.echo('again')).toBe('again')
})

test('K7: new code takes over with the state the old one handed it, and callers notice nothing', async () => {
  await using host = await createTestKernel()
  const code = (label: string) => `export default { activate(ctx) { let count = ctx.previous?.count ?? 0
    ctx.provide({ kind: 'service', name: 'counter', version: '1.0.0' }, { up: async () => ['${label}', ++count] })
    return { handOver: () => ({ count }) } } }`
  const folder = await host.write('counter', code('old'), { provides: { counter: '1.0.0' } })
  await host.kernel.installFolder(folder)
  const counter = await host.kernel.use(defineService<{ up(): Promise<[string, number]> }>('counter', '1.0.0'))
  await counter.up()
  await host.write('counter', code('new'), { provides: { counter: '1.0.0' } })

  await host.kernel.reloadFolder('counter')

  expect(await counter.up()).toEqual(['new', 2])
})

test('K7: a broken edit leaves the old version running', async () => {
  await using host = await createTestKernel()
  const folder = await host.write('echo', echo, { provides: { echo: '1.0.0' } })
  await host.kernel.installFolder(folder)
  const service = await host.kernel.use(Echo)
  await host.write('echo', 'export default { activate() { throw new Error("broken") } }', {
    provides: { echo: '1.0.0' },
  })

  await expect(host.kernel.reloadFolder('echo')).rejects.toThrow('broken')

  expect(await service.echo('still here')).toBe('still here')
  expect(host.kernel.status('echo').stage).toBe('active')
})

test('K2: a plugin that is switched off is known with its permissions, starts when switched on, and none of it ran before', async () => {
  await using host = await createTestKernel()
  const folder = await host.write('echo', echo, {
    provides: { echo: '1.0.0' },
    events: { emits: ['echo.*'], listens: [] },
  })
  await host.kernel.installFolder(folder, { enabled: false })
  expect(host.kernel.status('echo')).toMatchObject({
    stage: 'disabled',
    process: '',
    permissions: [{ permission: 'events:emit:echo.*' }],
  })

  await host.kernel.enable('echo')

  expect(host.kernel.status('echo').stage).toBe('active')
})

test('K7: a reload takes the code that is on disk now', async () => {
  await using host = await createTestKernel()
  const code = (answer: string) =>
    `export default { activate(ctx) { ctx.provide({ kind: 'service', name: 'say', version: '1.0.0' }, { say: async () => '${answer}' }) } }`
  await host.add('say', code('before'), { provides: { say: '1.0.0' } })
  const service = await host.kernel.use(defineService<{ say(): Promise<string> }>('say', '1.0.0'))
  await host.write('say', code('after'), { provides: { say: '1.0.0' } })

  await host.kernel.reload('say')

  expect(await service.say()).toBe('after')
})

test('K3: a hundred plugins installed at once all come up, and nobody is blamed for the rush', async () => {
  await using host = await createTestKernel()
  const folder = await host.write('one', 'export default { activate() {} }')
  const pkg = await openPluginFolder(folder)

  await host.kernel.installAll(Array.from({ length: 100 }, (_, n) => ({ pkg, options: { id: `p${n}` } })))

  const plugins = host.kernel.plugins()
  expect(plugins.filter(({ stage }) => stage === 'active').length).toBe(100)
  expect(plugins.reduce((sum, { failures }) => sum + failures, 0)).toBe(0)
}, 240_000)

test('K7: an old version that dies in the middle of a reload takes nothing with it: the new one answers', async () => {
  await using host = await createTestKernel()
  const code = (label: string, handOver: string) => `export default { activate(ctx) {
    ctx.provide({ kind: 'service', name: 'say', version: '1.0.0' }, { say: async () => '${label}' })
    return { handOver() { ${handOver} } } } }`
  await host.add('say', code('old', 'for (;;);'), { provides: { say: '1.0.0' } })
  const service = await host.kernel.use(defineService<{ say(): Promise<string> }>('say', '1.0.0'))
  await host.write('say', code('new', ''), { provides: { say: '1.0.0' } })

  await host.kernel.reload('say')

  expect(await service.say()).toBe('new')
  await new Promise((done) => setTimeout(done, 1_500)) // past the restart the old one's end would have asked for
  expect(await service.say()).toBe('new')
  expect(host.kernel.status('say')).toMatchObject({ stage: 'active' })
})

test('N2: stopping leaves no process', async () => {
  const host = await createTestKernel({ standby: 'always' })
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  await new Promise((done) => setTimeout(done, 500))
  const pids = host.kernel.host().processes.map(({ pid }) => pid)
  expect(pids.length).toBe(2)

  await host[Symbol.asyncDispose]()

  await expect.poll(() => pids.filter(isAlive)).toEqual([])
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('K6: bytes of calls that come together keep apart, beside data that looks like a reference to them', async () => {
  await using host = await createTestKernel()
  await host.add('echo', echo, { provides: { echo: '1.0.0' } })
  const service = await host.kernel.use(Echo)
  const values = Array.from({ length: 200 }, (_, n) =>
    n % 2 ? new Uint8Array([n, n + 1]) : { $: 'bytes', i: n, list: [{ t: 'crypto', buffer: n }] },
  )

  const answers = await Promise.all(values.map((value) => service.echo(value)))

  expect(answers).toEqual(values)
})

test('K3: a bundle cannot import what the runtime keeps for itself', async () => {
  await using host = await createTestKernel()

  await host.add('curious', `import { start } from 'pryx:runtime'; export default { activate() { start({}) } }`)

  expect(host.kernel.status('curious')).toMatchObject({ reason: expect.stringContaining('"pryx:runtime"') })
})
