// packages/kernel/src/node/create-kernel.ts: the kernel on this machine: real clock, real files, real isolates.
import { mkdirSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Capability, Limits, PluginId } from '../contract/index.ts'
import { type InstallOptions, type Kernel, openKernel } from '../kernel.ts'
import type { PluginPackage } from '../lifecycle/package.ts'
import type { ConsentPrompt } from '../permissions/authority.ts'
import { createAuditFiles, sha256 } from './audit-file.ts'
import { createGrantsFile } from './grants-file.ts'
import { openPluginFolder } from './plugin-folder.ts'
import { createClock, createIds } from './powers.ts'
import { createSandboxes } from './sandbox-process.ts'
import { createSnapshotStore } from './snapshot-store.ts'
import { ticks } from './ticks.ts'
import { VERSION } from './version.ts'

export interface KernelOptions {
  /** Folder for grants, the audit log and the plugins' private data; made if it is not there. Default `.pryx`. */
  data?: string
  /** The user's working folder: `${workspace}` in permissions. Default: the current folder. */
  workspace?: string
  /** The drivers plugins can ask for, `nodeCapabilities()` of @pryx/capabilities for example. Default: none. */
  capabilities?: readonly Capability[]
  /** Asked before a plugin's code runs for the first time. `'declared'` allows what its manifest asks for. Default: asked at first use. */
  consent?: ConsentPrompt | 'declared'
  limits?: Partial<Limits>
  /**
   * A spare sandbox process: `always` ready (some 55 MB), started when there is cause to expect that one will be lost
   * (`auto`, the default), or `never`.
   */
  standby?: 'always' | 'auto' | 'never'
  /** Rest after which a plugin that starts at first use is put to sleep again, ms; 0 for never. Default 5 min. */
  hibernateAfterMs?: number
  /** Resident memory at which a sandbox process is replaced, bytes. Default 1 GiB. */
  maxProcessBytes?: number
  /** Where the host's pages are served, for the kernel's own service. */
  url?: () => string | undefined
  /** Where a plugin's package is read again for a reload. Default: its folder, as it is; a host that proves packages proves them here too. */
  reopen?: (pkg: PluginPackage, plugin: PluginId) => Promise<PluginPackage>
  /** Told of damage that was found and put aside: a corrupt grants file, for example. */
  onIncident?: (incident: { what: string; file: string; kept: string }) => void
}

/** A kernel with plugins taken from folders. */
export interface NodeKernel extends Kernel {
  /** As `install`, from a folder. */
  installFolder(folder: string, options?: InstallOptions): Promise<PluginId>
  /** Reads the plugin's folder again and swaps the code in if it differs. */
  reloadFolder(plugin: PluginId): Promise<void>
}

/** Starts a kernel. It needs no flags and loads no native code into this process. `await using` it, or call `stop`. */
export async function createKernel(options: KernelOptions = {}): Promise<NodeKernel> {
  const data = resolve(options.data ?? '.pryx')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const startedAt = Date.now()
  const reopen = options.reopen ?? ((pkg: PluginPackage) => openPluginFolder(pkg.folder))
  const kernel = await openKernel(
    {
      clock: createClock(),
      ids: createIds(),
      sandboxes: createSandboxes({
        snapshots: createSnapshotStore(join(data, 'cache')),
      }),
      grants: createGrantsFile(join(data, 'grants.json'), {
        onCorrupt: (kept) =>
          options.onIncident?.({
            what: 'the grants file was damaged',
            file: join(data, 'grants.json'),
            kept: String(kept),
          }),
      }),
      audit: createAuditFiles(join(data, 'audit')),
      hash: sha256,
      ticks,
    },
    {
      version: VERSION,
      capabilities: options.capabilities ?? [],
      workspace: realpathSync(options.workspace ?? process.cwd()),
      reopen,
      dataOf: (plugin) => privateFolder(data, plugin),
      consent: options.consent === 'declared' ? allowDeclared : options.consent,
      limits: options.limits,
      standby: options.standby,
      hibernateAfterMs: options.hibernateAfterMs,
      maxProcessBytes: options.maxProcessBytes,
      host: () => ({
        node: process.versions.node,
        pid: process.pid,
        startedAt,
        rssBytes: process.memoryUsage.rss(),
        url: options.url?.(),
      }),
    },
  )
  return Object.assign(kernel, {
    installFolder: async (folder: string, choice?: InstallOptions) =>
      kernel.install(await openPluginFolder(resolve(folder)), choice),
    reloadFolder: async (plugin: PluginId) => kernel.reload(plugin, await reopen(kernel.package(plugin), plugin)),
  })
}

const allowDeclared: ConsentPrompt = async ({ undecided }) => ({ allow: undecided, duration: 'forever', by: 'consent' })

function privateFolder(data: string, plugin: PluginId): string {
  const folder = join(data, 'plugins', plugin.replaceAll('/', '__'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return realpathSync(folder)
}
