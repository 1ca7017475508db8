// packages/pryx/src/host/at-rest.ts: a host's records while no host runs: its plugins, grants and audit log, seen by a kernel that starts nothing.
//   R1  Reading writes nothing, not even a folder, and needs no lock.
//   R2  Changing takes the host's lock, so a host that starts meanwhile is refused, or this is.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AuditSink,
  createAuditFiles,
  createClock,
  createGrantsFile,
  createIds,
  type GrantStore,
  type Kernel,
  openKernel,
  openPluginFolder,
  readAuditFiles,
  sha256,
  VERSION,
} from '@pryx/kernel'
import { CapabilityError, errorToJson, type PluginId } from '@pryx/kernel/contract'
import { type Control, createControl, hostDown } from '../control/control.ts'
import type { HostConfig } from './config.ts'
import { openDrivers } from './drivers.ts'
import { acquaint, type BrokenPlugin, privateFolder } from './host.ts'
import { lockFolder } from './lock.ts'
import { openSwitches } from './switches.ts'

/** @param write True to change grants. @throws HOST_RUNNING if a host started meanwhile */
export async function openAtRest(
  config: HostConfig,
  { write }: { write: boolean },
): Promise<Control & AsyncDisposable> {
  await using resources = new AsyncDisposableStack()
  if (write) resources.use(lockFolder(config.data)) // R2
  const kernel = resources.adopt(await openRecords(config, write), (one) => one.stop())
  const broken = new Map<PluginId, BrokenPlugin>()
  for (const id of Object.keys(config.plugins)) await takeIn(kernel, config, id, broken)
  const control = createControl({ kernel, config, broken }, { by: 'cli' })
  const owned = resources.move()
  return {
    ...control,
    setEnabled: async (id, enabled) => {
      openSwitches(join(config.data, 'switches.json')).set(kernel.status(id).id, enabled)
      return { ...kernel.status(id), stage: enabled ? 'stopped' : 'disabled', reason: 'no host is running' }
    },
    approvals: async () => [],
    answer: async () => {
      throw hostDown()
    },
    logs: async () => {
      throw hostDown()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function openRecords(config: HostConfig, write: boolean): Promise<Kernel> {
  const { data, workspace } = config
  const drivers = openDrivers(config)
  return openKernel(
    {
      clock: createClock(),
      ids: createIds(),
      sandboxes: {
        spawn: () => {
          throw hostDown()
        },
      },
      grants: write ? createGrantsFile(join(data, 'grants.json')) : readOnlyGrants(join(data, 'grants.json')),
      audit: write ? createAuditFiles(join(data, 'audit')) : readOnlyAudit(join(data, 'audit')),
      hash: sha256,
    },
    {
      version: VERSION,
      capabilities: Object.values(drivers),
      workspace: realpathSync(workspace),
      dataOf: (plugin) => privateFolder(data, plugin),
      limits: config.limits,
      standby: 'never',
      host: () => ({ node: process.versions.node, pid: 0, startedAt: 0, rssBytes: 0 }),
    },
  )
}

async function takeIn(
  kernel: Kernel,
  config: HostConfig,
  id: PluginId,
  broken: Map<PluginId, BrokenPlugin>,
): Promise<void> {
  const { source, limits } = config.plugins[id]!
  try {
    const pkg = await openPluginFolder(source)
    await acquaint(kernel, config, id, pkg)
    await kernel.install(pkg, { id, enabled: false, ...(limits && { limits }) })
  } catch (error) {
    broken.set(id, { id, folder: source, error: errorToJson(error) })
  }
}

/** R1 */
function readOnlyGrants(file: string): GrantStore {
  return { load: async () => (existsSync(file) ? readJson(file) : undefined), save: async () => {} }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new CapabilityError('GRANTS_DAMAGED', `${file} cannot be read: ${(cause as Error).message}`, {
      file,
      cause,
      hint: 'Put a copy back, or start with nothing granted: `pryx up` keeps the damaged file aside.',
    })
  }
}

/** R1 */
function readOnlyAudit(folder: string): AuditSink {
  return {
    async open() {
      const tail: string[] = []
      const { lines, head } = await readAuditFiles(folder)
      for await (const { text } of lines) if (tail.push(text) > 1_000) tail.shift()
      return { head: head ?? { seq: 0, hash: '0'.repeat(64) }, tail, notes: [] }
    },
    append: async () => {},
    async *read() {
      yield* (await readAuditFiles(folder)).lines
    },
    head: async () => (await readAuditFiles(folder)).head,
    close: async () => {},
  }
}
