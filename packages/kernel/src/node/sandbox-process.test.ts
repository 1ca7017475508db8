import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { defineService } from '../contract/index.ts'
import { createTestKernel } from '../kernel-testing.ts'
import { openAccount } from '../ledger/account.ts'
import type { GuestEnd, GuestSpec } from '../sandbox/sandbox.ts'
import { createSandboxes } from './sandbox-process.ts'
import { createSnapshotStore } from './snapshot-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'pryx-sandbox-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('K3: the watchdog may look at a process that is long gone, and sees nothing', async () => {
  const exits: string[] = []
  const sandboxes = createSandboxes({ snapshots: createSnapshotStore(folder) })
  const process_ = sandboxes.spawn('sandbox-x', { slow() {}, stuck() {}, exited: (reason) => exits.push(reason) })
  await process_.ready
  process.kill(process_.pid, 'SIGKILL')
  await expect.poll(() => exits.length, { timeout: 10_000 }).toBe(1)

  expect(process_.turnNow()).toBeUndefined()
  process_.ping()
  expect(process_.residentBytes()).toBe(0)
})

const spec = (): GuestSpec => ({
  plugin: 'guest',
  code: 'export default {}',
  schemas: false,
  memoryMb: 64,
  turnMs: 250,
  activateMs: 1_000,
  messageBytes: 1_000,
  account: openAccount(),
})

test.each([
  ['a length past the limit', [255, 255, 255, 255]],
  ['a length below that of its own head', [1, 0, 0, 0]],
  ['more text than it has', [10, 0, 0, 0, 1, 0, 0, 0, 255, 255, 0, 0, 0, 0]],
  ['more buffers than it has', [10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 255, 255]],
])('K3: a process that sends a frame with %s is given up, and its guests are told', async (_what, bytes) => {
  const forge = `import { writeSync } from 'node:fs'; writeSync(3, new Uint8Array(${JSON.stringify(bytes)}))`
  const sandboxes = createSandboxes({
    snapshots: createSnapshotStore(folder),
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(forge)}`],
  })
  const exits: [string, string | undefined][] = []
  const ends: GuestEnd[] = []
  let isClosed = false
  const sandbox = sandboxes.spawn('sandbox-x', {
    slow() {},
    stuck() {},
    exited: (reason, culprit) => exits.push([reason, culprit]),
    closed: () => {
      isClosed = true
    },
  })
  const guest = sandbox.start(spec(), { received() {}, ended: (end) => ends.push(end) })

  await expect(sandbox.ready).rejects.toMatchObject({ code: 'SANDBOX_START' })
  await expect.poll(() => isClosed, { timeout: 10_000 }).toBe(true)

  expect(exits).toEqual([[expect.stringContaining('malformed'), undefined]])
  expect(ends).toEqual([expect.objectContaining({ code: 'SANDBOX_FRAME', strike: false, processLost: true })])
  expect(sandbox.guests).toBe(0)
  expect(sandbox.turnNow()).toBeUndefined()
  guest.post({ t: 'late' }) // into nothing
  guest.dispose()
})

test('K3: a process that crashes names the one guest on turn, among neighbours that were on turn before', {
  timeout: 60_000,
}, async () => {
  await using host = await createTestKernel()
  for (const id of ['busy', 'idle', 'other']) {
    const code = `export default { activate(ctx) { ctx.provide({ kind: 'service', name: '${id}', version: '1.0.0' }, { ping: (n) => n, work() { for (;;); } }) } }`
    const path = await host.write(id, code, { provides: { [id]: '1.0.0' } })
    await host.kernel.installFolder(path, { limits: { turnMs: 30_000 } })
  }
  interface Worker {
    ping(n: number): Promise<number>
    work(): Promise<void>
  }
  const [busy, idle, other] = await Promise.all(
    ['busy', 'idle', 'other'].map((id) => host.kernel.use(defineService<Worker>(id, '1.0.0'))),
  )
  for (let n = 0; n < 30; n++) await Promise.all([busy, idle, other].map((one) => one?.ping(n)))
  const replaced = host.next('sandbox.replaced')
  const failed = host.next('plugin.failed')
  const lost = busy?.work().catch((error: { code: string }) => error.code)
  await idle?.ping(1)
  await other?.ping(1)
  await new Promise((done) => setTimeout(done, 1_000)) // an answer leaves before its turn has ended, on a busy machine well before
  const home = host.kernel.host().processes.find(({ plugins }) => plugins.includes('busy'))
  if (home === undefined) throw new Error('busy lives in no process')
  process.kill(home.pid, 'SIGABRT') // what V8 does to its own process

  expect(await replaced).toMatchObject({ culprit: 'busy' })
  expect(await failed).toMatchObject({ plugin: 'busy', code: 'SANDBOX_CRASH' })
  expect(await lost).toBe('SANDBOX_CRASH')
  await expect.poll(() => idle?.ping(7).catch(() => 0), { timeout: 20_000 }).toBe(7)
})
