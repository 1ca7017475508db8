// packages/pryx/src/host/at-rest.ts: a host's records while no host runs: its plugins, grants and audit log, seen by a kernel that starts nothing.
//   R1  Reading writes nothing, not even a folder, and needs no lock.
//   R2  Changing takes the host's lock, so a host that starts meanwhile is refused, or this is.
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Secrets } from '@pryx/capabilities'
import {
  type AuditSink,
  createAuditFiles,
  createClock,
  createGrantsFile,
  createIds,
  type GrantStore,
  type Kernel,
  openKernel,
  readAuditFiles,
  sha256,
  VERSION,
} from '@pryx/kernel'
import { CapabilityError, errorToJson, type PluginId } from '@pryx/kernel/contract'
import { type Control, createControl, hostDown } from '../control/control.ts'
import { openPolicy, policyFiles } from '../policy/policy.ts'
import { openProjectFiles, type ProjectFiles } from '../store/project.ts'
import { openStore, storeRoot } from '../store/store.ts'
import { type HostConfig, loadConfig } from './config.ts'
import { openDrivers, openVault } from './drivers.ts'
import { acquaint, type BrokenPlugin, placeOf, privateFolder } from './host.ts'
import { lockFolder } from './lock.ts'
import { openEntryPackage, type PackageSources } from './packages.ts'
import { createPluginsCapability } from './plugins-capability.ts'
import { openSwitches } from './switches.ts'

export interface AtRest extends Control, AsyncDisposable {
  readonly kernel: Kernel
  readonly config: HostConfig
  readonly sources: PackageSources
}

export interface AtRestOptions {
  /** True to change grants and installs. */
  write: boolean
  policy?: string | undefined
  /** False to take no plugin in: then it only judges permissions and reads files. Default true. */
  plugins?: boolean
  /** Changes what is installed, under the lock; what follows sees it changed. */
  edit?(project: ProjectFiles): void
}

/** @throws HOST_RUNNING if a host started meanwhile */
export async function openAtRest(
  given: HostConfig,
  { write, policy, plugins = true, edit }: AtRestOptions,
): Promise<AtRest> {
  await using resources = new AsyncDisposableStack()
  if (write) mkdirSync(given.data, { recursive: true, mode: 0o700 })
  if (write) resources.use(lockFolder(given.data)) // R2
  const project = openProjectFiles(given)
  edit?.(project)
  const config = edit ? { ...given, plugins: loadConfig(given.file, { data: given.data }).plugins } : given
  const vault = openVault(config)
  const kernel = resources.adopt(await openRecords(config, write, vault), (one) => one.stop())
  const sources: PackageSources = {
    store: openStore(storeRoot()),
    project,
    policy: openPolicy(policyFiles(policy)),
    judge: kernel.permissions,
    place: (id, folder) => placeOf(config, id, folder),
  }
  const broken = new Map<PluginId, BrokenPlugin>()
  for (const id of plugins ? Object.keys(config.plugins) : []) await takeIn(kernel, config, id, { broken, sources })
  const control = createControl({ kernel, config, broken, vault }, { by: 'cli' })
  const owned = resources.move()
  return {
    ...control,
    kernel,
    config,
    sources,
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

async function openRecords(config: HostConfig, write: boolean, vault: Secrets): Promise<Kernel> {
  const { data, workspace } = config
  const drivers = openDrivers(config, vault)
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
      capabilities: [...Object.values(drivers), createPluginsCapability(() => unreachable())],
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
  { broken, sources }: { broken: Map<PluginId, BrokenPlugin>; sources: PackageSources },
): Promise<void> {
  const { source, limits } = config.plugins[id]!
  try {
    const pkg = await openEntryPackage(id, config.plugins[id]!, sources)
    await acquaint(kernel, config, id, pkg)
    await kernel.install(pkg, { id, enabled: false, ...(limits && { limits }) })
  } catch (error) {
    broken.set(id, { id, folder: source, error: errorToJson(error) })
  }
}

function unreachable(): never {
  throw hostDown() // nothing runs that could call it
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
