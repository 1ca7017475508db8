// test/recovery.test.ts: processes are killed, files are damaged, and what was promised still holds (K2 K8 K11 N3).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { defineService } from '../packages/kernel/src/contract/index.ts'
import { createTestKernel, type TestKernel } from '../packages/kernel/src/kernel-testing.ts'
import { createKernel } from '../packages/kernel/src/node/create-kernel.ts'

interface Counter {
  up(): Promise<number>
  heard(): Promise<number[]>
  slow(ms: number): Promise<string>
  busy(ms: number): Promise<void>
}
const Counter = defineService<Counter>('counter', '1.0.0')

const counter = `export default { activate(ctx) {
  const state = ctx.previous ?? { count: 0, heard: [] }
  ctx.events.on('beat.n', (n) => { state.heard.push(n); ctx.checkpoint(state) }, { capacity: 1000 })
  ctx.provide({ kind: 'service', name: 'counter', version: '1.0.0' }, {
    up() { state.count++; ctx.checkpoint(state); return state.count },
    heard: () => state.heard,
    slow: (ms) => new Promise((done) => setTimeout(() => done('done'), ms)),
    busy(ms) { for (const until = Date.now() + ms; Date.now() < until; ); },
  })
} }`
const counterManifest = { provides: { counter: '1.0.0' }, events: { listens: ['beat.*'], emits: [] } }

test('K2 N3: after kill -9 of the sandbox process plugins go on from their checkpoint, with every event in between', async () => {
  await using host = await createTestKernel({ standby: 'always' })
  await host.add('counter', counter, counterManifest)
  const service = await host.kernel.use(Counter)
  for (let n = 0; n < 5; n++) await service.up()

  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 100; n++) host.kernel.emit('beat.n', round * 200 + n)
    process.kill(sandboxOf(host), 'SIGKILL')
    for (let n = 100; n < 200; n++) host.kernel.emit('beat.n', round * 200 + n)
    expect(await service.up()).toBe(6 + round)
    await expect.poll(async () => (await service.heard()).length, { timeout: 3_000 }).toBe((round + 1) * 200)
  }

  expect(await service.heard()).toEqual(Array.from({ length: 600 }, (_, n) => n))
  expect(host.kernel.status('counter')).toMatchObject({ stage: 'active', failures: 0 })
})

test('K2: callers of an innocent plugin are answered although its process was killed under them', async () => {
  await using host = await createTestKernel({ standby: 'always' })
  await host.add('counter', counter, counterManifest)
  const service = await host.kernel.use(Counter)
  const answers: number[] = []

  const calls = Array.from({ length: 5 }, async () => {
    for (let n = 0; n < 40; n++) answers.push(await service.up())
  })
  await expect.poll(() => answers.length, { interval: 1 }).toBeGreaterThan(20)
  const killedAt = performance.now()
  process.kill(sandboxOf(host), 'SIGKILL')
  const settled = await Promise.allSettled(calls)

  // What the plugin may have begun is not run twice: such a call is told so. Everything after is answered.
  const told = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
  expect(told.every((code) => code === 'SANDBOX_CRASH')).toBe(true)
  expect(new Set(answers).size).toBe(answers.length)
  expect(await service.up()).toBeGreaterThan(Math.max(...answers))
  expect(performance.now() - killedAt).toBeLessThan(2_000)
})

test('K2: a kill from outside is nobody’s fault, not even that of the plugin whose turn it was', async () => {
  await using host = await createTestKernel({ standby: 'always' })
  await host.add('counter', counter, counterManifest)
  const service = await host.kernel.use(Counter)
  await service.up()

  const busy = service.busy(200)
  setTimeout(() => process.kill(sandboxOf(host), 'SIGKILL'), 50)

  await expect(busy).rejects.toMatchObject({ code: 'SANDBOX_CRASH' })
  expect(await service.up()).toBe(2)
  expect(host.kernel.status('counter')).toMatchObject({ stage: 'active', failures: 0 })
})

test('N3 K8 K11: kill -9 of the host leaves no process; the next start finds its grants, and a log that is whole', {
  timeout: 40_000,
}, async () => {
  using folder = temporaryFolder()
  const plugin = writePlugin(folder.path, 'counter', counter, counterManifest)
  const data = join(folder.path, 'data')
  const first = await startHost(data, [plugin])
  expect(first.sandboxes.length).toBe(2)

  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  await expect.poll(() => first.sandboxes.filter(isAlive), { timeout: 1_000, interval: 20 }).toEqual([])
  const asked: string[] = []
  const kernel = await createKernel({
    data,
    workspace: data,
    standby: 'never',
    consent: async ({ plugin: id }) => {
      asked.push(id)
      return { allow: [], duration: 'once', by: 'test' }
    },
  })
  try {
    await kernel.installFolder(plugin)
    expect(asked).toEqual([]) // it was granted before
    expect(await (await kernel.use(Counter)).up()).toBe(1)
    await kernel.audit.flush()
    expect(await kernel.audit.verify()).toMatchObject({ whole: true })
    expect(kernel.audit.tail(100).length).toBeGreaterThan(0)
  } finally {
    await kernel.stop()
  }
})

test('K11: a grants file that was damaged is kept aside and told; the user is asked again', async () => {
  using folder = temporaryFolder()
  const data = join(folder.path, 'data')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'grants.json'), '{ "grants": [ {"plugin": ')
  const incidents: { what: string; file: string; kept: string }[] = []

  const kernel = await createKernel({
    data,
    workspace: folder.path,
    standby: 'never',
    onIncident: (incident) => incidents.push(incident),
  })
  await kernel.stop()

  expect(incidents).toMatchObject([{ file: join(data, 'grants.json') }])
  expect(readFileSync(incidents[0]!.kept, 'utf8')).toBe('{ "grants": [ {"plugin": ')
})

test('K8: an audit log that was changed is found out, and goes on being written', async () => {
  using folder = temporaryFolder()
  const data = join(folder.path, 'data')
  const plugin = writePlugin(folder.path, 'counter', counter, counterManifest)
  const first = await createKernel({ data, workspace: folder.path, standby: 'never', consent: 'declared' })
  await first.installFolder(plugin)
  await first.stop()
  const file = firstFile(join(data, 'audit'))
  writeFileSync(file, readFileSync(file, 'utf8').replace('"counter"', '"c0unter"'))
  appendFileSync(file, '{"half a li')

  const second = await createKernel({ data, workspace: folder.path, standby: 'never', consent: 'declared' })
  await second.permissions.revoke('counter', 'events:on:beat.*', 'test').catch(() => {})
  const verdict = await second.audit.verify()
  await second.stop()

  expect(verdict).toMatchObject({ whole: false })
  expect(existsSync(file)).toBe(true)
})

function sandboxOf({ kernel }: TestKernel): number {
  return kernel.host().processes.find(({ plugins }) => plugins.includes('counter'))?.pid ?? 0
}

async function startHost(data: string, plugins: string[]): Promise<{ child: ChildProcess; sandboxes: number[] }> {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'host-testing.ts')
  const child = spawn(process.execPath, ['--conditions=source', '--no-warnings', script, data, ...plugins], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const chunk of child.stdout) {
    said += String(chunk)
    if (said.includes('\n')) break
  }
  return { child, sandboxes: said.trim().split(' ').slice(1).map(Number) }
}

function writePlugin(folder: string, name: string, code: string, manifest: object): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'plugin.js'), code)
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ name, version: '1.0.0', pryx: { engine: '^1.0.0', entry: 'plugin.js', ...manifest } }),
  )
  return path
}

function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'pryx-recovery-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

function firstFile(folder: string): string {
  const name = readdirSync(folder, { recursive: true })
    .map(String)
    .find((file) => file.endsWith('.jsonl'))
  if (name === undefined) throw new Error(`no log in ${folder}: ${readdirSync(folder)}`)
  return join(folder, name)
}

/** A process that has ended and that nobody has collected yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    return (error as NodeJS.ErrnoException).syscall === 'open' && process.platform !== 'linux'
  }
}
