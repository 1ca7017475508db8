// test/permissions.test.ts: what a plugin may not do, it cannot do, from the very next call on; and the log says so (K4 K8).
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createFsCapability } from '../packages/capabilities/src/fs/fs.ts'
import { createNetCapability } from '../packages/capabilities/src/net/net.ts'
import { createShellCapability } from '../packages/capabilities/src/shell/shell.ts'
import { type Capability, defineMethod } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'
import { Hand, handSource } from './guests-testing.ts'

const REVOKED_MS = 100

test('K4: what the manifest does not declare is refused without a question, and audited', async () => {
  const asked: string[] = []
  await using host = await createTestKernel({ capabilities: [createLab()] })
  host.kernel.on('approval.needed', (fact) => asked.push(String(fact)))
  const hand = await handOf(host, ['lab:one'])

  expect(await hand.call('lab', 'act', 'two')).toMatchObject({ code: 'PERMISSION_UNDECLARED' })
  expect(await hand.call('nothing', 'act', 'one')).toMatchObject({ code: 'PERMISSION_UNDECLARED' })
  expect(await hand.emit('note.saved', 1)).toMatchObject({ code: 'PERMISSION_UNDECLARED' })

  expect(asked).toEqual([])
  await host.kernel.audit.flush()
  const denied = host.kernel.audit.tail(50).filter(({ outcome }) => outcome === 'denied')
  expect(denied.map(({ plugin, access }) => [plugin, ...access])).toEqual(
    expect.arrayContaining([
      ['hand', 'lab:two'],
      ['hand', 'service:nothing'],
      ['hand', 'events:emit:note.saved'],
    ]),
  )
  expect(await host.kernel.audit.verify()).toMatchObject({ whole: true })
})

test('K4: a revoked permission is refused by the very next call, and audited', async () => {
  await using host = await createTestKernel({ capabilities: [createLab()] })
  const hand = await handOf(host, ['lab:one'])
  expect(await hand.call('lab', 'act', 'one')).toEqual({ value: 'acted on one' })

  await host.kernel.permissions.revoke('hand', 'lab:one', 'test')

  expect((await hand.call('lab', 'act', 'one')).code).toMatch(/^PERMISSION_/)
  expect(host.kernel.audit.tail(10)).toEqual(
    expect.arrayContaining([expect.objectContaining({ plugin: 'hand', act: 'lab.act', outcome: 'denied' })]),
  )
  await host.kernel.permissions.grant('hand', 'lab:one', { mode: 'allow', duration: 'forever', by: 'test' })
  expect(await hand.call('lab', 'act', 'one')).toEqual({ value: 'acted on one' })
})

test('K4 K5: a question about a plugin goes away with the plugin, and another one of its name gets nothing of it', async () => {
  await using host = await createTestKernel({ capabilities: [createLab()] })
  await handOf(host, ['lab:one'])
  await host.write('hand', handSource, { provides: { hand: '1.0.0' }, permissions: ['lab:one', 'lab:two'] })
  const wider = host.kernel.reload('hand').catch((error: unknown) => error)
  await expect.poll(() => host.kernel.approvals.pending().length).toBe(1)
  const [question] = host.kernel.approvals.pending()

  await host.kernel.remove('hand')

  expect(await wider).toMatchObject({ code: 'PLUGIN_STOPPED' })
  expect(host.kernel.approvals.pending()).toEqual([])
  const yes = { answer: 'allow', duration: 'forever', by: 'test' } as const
  expect(() => host.kernel.approvals.resolve(question?.id ?? '', yes)).toThrow(/withdrawn has answered/)
  expect(() => host.kernel.permissions.list('hand')).toThrow(/no plugin/)
})

test('K4: of 200 calls under way when the permission goes, none acts afterwards', async () => {
  const lab = createLab()
  await using host = await createTestKernel({ capabilities: [lab] })
  const hand = await handOf(host, ['lab:one'])
  const calls = Array.from({ length: 200 }, () => hand.call('lab', 'act', 'one'))

  await host.kernel.permissions.revoke('hand', 'lab:one', 'test')
  const acted = lab.acted()
  await Promise.all(calls)

  expect(lab.acted()).toBe(acted)
})

test('K4: streams and watchers that are open end within 100 ms of the revoke, and their sources are released', async () => {
  const lab = createLab()
  await using host = await createTestKernel({ capabilities: [lab] })
  const hand = await handOf(host, ['lab:one'])
  await hand.read('lab', 'stream', 'one')
  await hand.watch('lab', 'watch', 'one')
  await expect.poll(async () => (await hand.told()).chunks > 3 && (await hand.told()).calls > 3).toBe(true)

  const revokedAt = performance.now()
  await host.kernel.permissions.revoke('hand', 'lab:one', 'test')
  await expect.poll(async () => (await hand.told()).ended, { interval: 5 }).toBeDefined()

  expect(lab.releasedAt() - revokedAt).toBeLessThan(REVOKED_MS) // where the kernel stands: how soon a guest is scheduled is the machine's affair
  expect(lab.open()).toBe(0)
  const { calls, chunks, ended } = await hand.told()
  await new Promise((done) => setTimeout(done, 50))
  expect(await hand.told()).toEqual({ calls, chunks, ended })
  expect(ended).toMatch(/PERMISSION_REVOKED/)
})

test('K4: a revoked service or event permission is felt by the next call and the next event', async () => {
  await using host = await createTestKernel()
  await host.add(
    'echo',
    `export default { activate(ctx) { ctx.provide({ kind: 'service', name: 'echo', version: '1.0.0' }, { ping: (n) => n }) } }`,
    { provides: { echo: '1.0.0' } },
  )
  const hand = await handOf(host, [], { requires: { echo: '^1.0.0' }, events: { emits: ['note.*'], listens: [] } })
  const heard: unknown[] = []
  host.kernel.on('note.**', (data) => heard.push(data))
  expect(await hand.call('echo', 'ping', 1)).toEqual({ value: 1 })
  expect(await hand.emit('note.saved', 1)).toEqual({})

  await host.kernel.permissions.revoke('hand', 'service:echo', 'test')
  await host.kernel.permissions.revoke('hand', 'events:emit:note.*', 'test')

  expect((await hand.call('echo', 'ping', 2)).code).toMatch(/^PERMISSION_/)
  expect((await hand.emit('note.saved', 2)).code).toMatch(/^PERMISSION_/)
  expect(heard).toEqual([1])
})

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are what plugins write, and nothing is to be put in */
test('K4: no path leads out of the folder that was granted: not `..`, not a link, not a link to a link, not a name made of them', async () => {
  await using host = await createTestKernel({ capabilities: [createFsCapability()] })
  const { folder } = host
  mkdirSync(join(folder, 'open/deep'), { recursive: true })
  writeFileSync(join(folder, 'open/note.txt'), 'open')
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'open/link'))
  symlinkSync(folder, join(folder, 'open/up'))
  symlinkSync('link', join(folder, 'open/again'))
  symlinkSync('../secret.txt', join(folder, 'open/relative'))
  const hand = await handOf(host, ['fs:read:${workspace}/open/**', 'fs:write:${workspace}/open/**'])
  expect((await hand.call('fs', 'read', join(folder, 'open/note.txt'))).value).toBeDefined()

  const ways = [
    'secret.txt',
    'open/../secret.txt',
    'open/deep/../../secret.txt',
    'open/link',
    'open/again',
    'open/relative',
    'open/up/secret.txt',
    'open//../secret.txt',
    './open/./.././secret.txt',
  ]
  for (const way of [
    ...ways.map((path) => `${folder}/${path}`),
    ...ways,
    '/etc/passwd',
    '/proc/self/environ',
    '${workspace}/secret.txt',
    '~/x',
    '/dev/shm',
  ]) {
    expect((await hand.call('fs', 'read', way)).code, way).toMatch(/^(PERMISSION_|FS_|CAPABILITY_INPUT)/)
    expect((await hand.call('fs', 'write', way, 'mine')).code, way).toMatch(/^(PERMISSION_|FS_|CAPABILITY_INPUT)/)
  }
  symlinkSync(join(folder, 'new.txt'), join(folder, 'open/dangling'))
  expect((await hand.call('fs', 'write', `${folder}/open/dangling`, 'mine')).code).toMatch(/^(PERMISSION_|FS_)/)
  await expect.poll(async () => (await hand.call('fs', 'read', `${folder}/open/note.txt`)).value).toBeDefined()
})

test('K4: the network is what was named: redirects are judged, private addresses stay private', async () => {
  const other = await listen((_request, response) => void response.end('private'))
  const near = await listen((request, response) => {
    if (request.url === '/there')
      return void response.writeHead(302, { location: `http://127.0.0.1:${portOf(other)}/` }).end()
    response.end('near')
  })
  const lookup = async (host: string) => [
    { address: host.endsWith('.test') ? '127.0.0.1' : '93.184.216.34', family: 4 as const },
  ]
  try {
    await using host = await createTestKernel({ capabilities: [createNetCapability({ lookup, connectMs: 500 })] })
    const hand = await handOf(host, [`net:127.0.0.1:${portOf(near)}`, `net:rebound.test:${portOf(near)}`])
    expect(await hand.call('net', 'fetch', { url: `http://127.0.0.1:${portOf(near)}/` })).toMatchObject({
      value: { status: 200 },
    })

    expect((await hand.call('net', 'fetch', { url: `http://127.0.0.1:${portOf(near)}/there` })).code).toMatch(
      /^PERMISSION_/,
    )
    expect((await hand.call('net', 'fetch', { url: `http://rebound.test:${portOf(near)}/` })).code).toMatch(
      /^NET_PRIVATE/,
    )
    const ways = [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      '127.0.0.1.',
      '0.0.0.0',
      '169.254.169.254',
    ]
    for (const way of ways) {
      expect((await hand.call('net', 'fetch', { url: `http://${way}:${portOf(other)}/` })).code, way).toMatch(
        /^(PERMISSION_|NET_|CAPABILITY_INPUT)/,
      )
    }
  } finally {
    near.close()
    other.close()
  }
})

test('K4: a shell grant runs that program with those arguments, and no sign in them means anything more', async () => {
  await using host = await createTestKernel({ capabilities: [createShellCapability()] })
  const hand = await handOf(host, ['shell:echo'])
  const tricks = ['; id', '&& id', '| id', '$(id)', '`id`', '> out', '\n id', '*', '~', '${HOME}', '%PATH%']

  for (const trick of tricks) {
    expect(await hand.call('shell', 'run', { command: 'echo', args: ['a', trick] })).toMatchObject({
      value: { exitCode: 0, stdout: `a ${trick}\n` },
    })
  }
  for (const command of ['echo; id', 'echo id', '/bin/echo', './echo', '../bin/echo', 'sh', 'id', 'echo\n', '']) {
    expect((await hand.call('shell', 'run', { command, args: ['-c', 'id'] })).code, command).toMatch(
      /^(PERMISSION_|CAPABILITY_INPUT|SHELL_)/,
    )
  }
})

/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: — */

// ── a driver that shows what reaches it ────────────────────────────────────────────────────────────────────────────

interface Lab extends Capability {
  acted(): number
  /** Streams and watchers that are open. */
  open(): number
  /** When the last of them was released; of the monotonic clock, ms. */
  releasedAt(): number
}

function createLab(): Lab {
  let acted = 0
  let open = 0
  let releasedAt = 0
  const input = z.tuple([z.string()])
  const access = ([what]: readonly [string]) => [what]
  return {
    name: 'lab',
    version: '1.0.0',
    summary: 'For tests',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === wanted,
    consent: (rest) => ({ text: `act on ${rest}`, risk: 'low', traits: [] }),
    acted: () => acted,
    open: () => open,
    releasedAt: () => releasedAt,
    methods: {
      act: defineMethod<[string]>({
        input,
        access,
        async run([what]) {
          await null
          acted++
          return `acted on ${what}`
        },
      }),
      stream: defineMethod<[string]>({
        input,
        access,
        timeoutMs: 0,
        async run() {
          let timer: NodeJS.Timeout
          return new ReadableStream({
            start(controller) {
              open++
              timer = setInterval(() => controller.enqueue('tick'), 2)
            },
            cancel() {
              open--
              releasedAt = performance.now()
              clearInterval(timer)
            },
          })
        },
      }),
      watch: defineMethod<[string, () => unknown]>({
        input: z.tuple([z.string(), z.custom<() => unknown>((value) => typeof value === 'function')]),
        access: ([what]) => [what],
        async run([, tell], call) {
          call.effect(() => {
            open++
            const timer = setInterval(() => void Promise.resolve(tell()).catch(() => {}), 2)
            return () => {
              open--
              releasedAt = performance.now()
              clearInterval(timer)
            }
          })
        },
      }),
    },
  }
}

async function handOf(host: TestKernel, permissions: string[], manifest: Record<string, unknown> = {}): Promise<Hand> {
  await host.add('hand', handSource, { provides: { hand: '1.0.0' }, permissions, ...manifest })
  return host.kernel.use(Hand)
}

function listen(handler: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(handler)
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

test('K5: the time in which the user is asked is not the plugin’s: it may wait for the answer as it starts', {
  timeout: 30_000,
}, async () => {
  await using host = await createTestKernel({
    capabilities: [createLab()],
    consent: async () => ({ allow: [], duration: 'forever', by: 'test' }),
  })
  const patient = `export default { async activate(ctx) {
    const lab = await ctx.use({ kind: 'service', name: 'lab', version: '1.0.0' })
    await lab.act('one')
  } }`
  const limits = { activateMs: 1_500 }
  const adding = host.add('patient', patient, { permissions: ['lab:one'], limits })
  await expect.poll(() => host.kernel.approvals.pending().length, { timeout: 10_000 }).toBe(1)
  const { id, askedAt } = host.kernel.approvals.pending()[0]!
  await expect.poll(() => Date.now() - askedAt, { timeout: 15_000 }).toBeGreaterThan(4_500) // far beyond what it has for itself

  expect(host.kernel.approvals.pending()).toHaveLength(1)
  host.kernel.approvals.resolve(id, { answer: 'allow', duration: 'forever', by: 'test' })
  await adding

  await expect
    .poll(() => host.kernel.status('patient'), { timeout: 10_000 })
    .toMatchObject({ stage: 'active', failures: 0 })
})
