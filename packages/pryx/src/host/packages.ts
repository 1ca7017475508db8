// packages/pryx/src/host/packages.ts: the package behind an entry of pryx.json: a folder as it is, or what is locked, proved in the store (K10).
//   L1  What is installed is loaded from the store only, after every byte was proved; no network is needed.
//   L2  The policies are asked at each load.
import { openPluginFolder, type PluginPackage } from '@pryx/kernel'
import type { PluginPlace } from '@pryx/kernel/contract'
import { LifecycleError, type PluginId } from '@pryx/kernel/contract'
import type { Judge } from '../install/candidate.ts'
import type { Policy } from '../policy/policy.ts'
import { readSettings } from '../registry/settings.ts'
import { isInstalled, parseSource } from '../registry/source.ts'
import type { LockEntry } from '../store/lock-file.ts'
import type { ProjectFiles } from '../store/project.ts'
import type { Store } from '../store/store.ts'
import type { PluginEntry } from './config.ts'

export interface PackageSources {
  store: Store
  project: ProjectFiles
  policy: Policy
  judge: Judge
  place(plugin: PluginId, packageFolder: string): PluginPlace
}

/** @throws LOCK_MISSING, LOCK_OUTDATED, STORE_MISSING, STORE_DAMAGED, POLICY_REFUSED, MANIFEST_* */
export async function openEntryPackage(
  id: PluginId,
  { source }: PluginEntry,
  sources: PackageSources,
): Promise<PluginPackage> {
  if (isInstalled(source)) return openLocked(id, lockedEntry(id, source, sources.project), sources)
  const pkg = await openPluginFolder(source)
  judge(id, 'live', pkg, undefined, sources)
  return pkg
}

/** What a lock entry names, from the store. @throws as `openEntryPackage` */
export async function openLocked(id: PluginId, entry: LockEntry, sources: PackageSources): Promise<PluginPackage> {
  const pkg = await openPluginFolder(sources.store.open(entry.content)) // L1
  if (pkg.manifest.name !== entry.name || pkg.manifest.version !== entry.version)
    throw new LifecycleError(
      'LOCK_OUTDATED',
      `the lock file says ${entry.name}@${entry.version}, and its content is ${pkg.manifest.name}@${pkg.manifest.version}`,
      {
        plugin: id,
        file: sources.project.lockFile,
        hint: `Install it again: \`pryx remove ${id}\`, then \`pryx add\`.`,
      },
    )
  const origin = entry.source.startsWith('npm:') ? originOf(entry) : 'file'
  judge(id, origin, pkg, entry, sources)
  return pkg
}

function lockedEntry(id: PluginId, source: string, project: ProjectFiles): LockEntry {
  const entry = project.read().lock.plugins[id]
  if (entry !== undefined && entry.source === source) return entry
  throw new LifecycleError(
    entry === undefined ? 'LOCK_MISSING' : 'LOCK_OUTDATED',
    entry === undefined
      ? `${id} is named in pryx.json and not installed yet`
      : `${id} is locked for ${entry.source}, and pryx.json now says ${source}`,
    { plugin: id, file: project.lockFile, hint: 'Run `pryx add` without a name: it installs what pryx.json names.' },
  )
}

/** L2 */
function judge(
  id: PluginId,
  origin: string,
  pkg: PluginPackage,
  entry: LockEntry | undefined,
  { policy, judge: one, place }: PackageSources,
): void {
  if (policy.files.length === 0) return
  const { manifest, folder } = pkg
  policy.check(
    {
      origin,
      name: manifest.name,
      version: manifest.version,
      trust: entry?.trust,
      permissions: one.declared(manifest, place(id, folder)),
    },
    one.covers,
  )
}

/** The registry a locked package came from: where its name is asked for now, if the tarball lies there. */
function originOf({ name, resolved }: LockEntry): string {
  if (parseSource(`npm:${name}`).kind !== 'npm') return resolved
  const registry = readSettings({}).registryOf(name)
  return resolved.startsWith(registry) ? registry : `${new URL(resolved).origin}/`
}
