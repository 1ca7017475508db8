import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
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
