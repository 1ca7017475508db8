// packages/pryx/src/host/installs.ts: installs, updates, goes back and removes while the host runs (K10).
//   I1  The new version is active before it is locked; if it does not come up, the old one goes on and the files stay as they were.
//   I2  A version that was put in while no host ran proves itself at the next start, or the one before it comes back by itself.
//   I3  What was removed leaves nothing: no grant, no secret, no data, unless its data is to be kept.
//   I4  One change at a time.
import { existsSync, rmSync } from 'node:fs'
import type { NodeKernel, PluginPackage } from '@pryx/kernel'
import {
  type ErrorJson,
  LifecycleError,
  type Permission,
  type PluginId,
  type PluginStatus,
} from '@pryx/kernel/contract'
import type { LockEntry } from '../store/lock-file.ts'
import type { PluginEntry } from './config.ts'
import type { BrokenPlugin, Incident } from './host.ts'
import { openLocked, type PackageSources } from './packages.ts'

/** What the user said of a plugin's permissions as it was installed. */
export interface Consented {
  /** Allowed for good, in normal form. */
  allow: readonly Permission[]
  by: string
}

export interface Installs {
  /** Takes in a package that lies in the store, as a new plugin or in an old one's place. @throws what starting it threw; PERMISSION_DENIED for what was not consented to */
  adopt(id: PluginId, entry: LockEntry, consent: Consented): Promise<void>
  /** Goes back to the version before. @throws ROLLBACK_NOTHING; what starting it threw */
  back(id: PluginId, by: string): Promise<LockEntry>
  /** @throws PLUGIN_UNKNOWN */
  drop(id: PluginId, options: { keepData: boolean }): Promise<void>
  /** I2, once all plugins were started. */
  proveUntried(): Promise<void>
}

export interface InstallsOptions {
  kernel: NodeKernel
  sources: PackageSources
  /** As pryx.json has them; kept in step. */
  entries: Record<PluginId, PluginEntry>
  broken: Map<PluginId, BrokenPlugin>
  /** Answers of the user that were given before the kernel asks. */
  decided: Map<PluginId, Consented>
  choiceOf(id: PluginId, entry: PluginEntry): object
  /** A plugin's own folder. */
  dataOf(id: PluginId): string
  /** Forgets what else the host holds of a plugin: secrets, switches. */
  forget(id: PluginId): Promise<void>
  onIncident(incident: Incident): void
}

export function createInstalls(options: InstallsOptions): Installs {
  const { kernel, sources, entries, broken, decided } = options
  const { project } = sources
  let turn: Promise<unknown> = Promise.resolve()
  return {
    adopt: (id, entry, consent) => inTurn(() => adopt(id, entry, consent)),
    back: (id, by) => inTurn(() => back(id, by)),
    drop: (id, choice) => inTurn(() => drop(id, choice)),
    proveUntried: () => inTurn(proveUntried),
  }

  /** I4 */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  async function adopt(id: PluginId, entry: LockEntry, consent: Consented): Promise<void> {
    const pkg = await openLocked(id, entry, sources)
    const known = isKnown(id)
    const before = entries[id]
    const next: PluginEntry = { ...before, source: entry.source }
    if (known) await swap(id, pkg, consent)
    else await takeIn(id, pkg, next, consent)
    project.put(id, entry) // I1
    entries[id] = next
    broken.delete(id)
  }

  async function takeIn(id: PluginId, pkg: PluginPackage, entry: PluginEntry, consent: Consented): Promise<void> {
    if (!broken.has(id)) await kernel.permissions.forget(id) // a namesake of long ago granted nothing to this one
    decided.set(id, consent)
    try {
      await kernel.install(pkg, options.choiceOf(id, entry))
    } finally {
      decided.delete(id)
    }
  }

  /** I1: the kernel asks for what is wider; the user has said it already. */
  async function swap(id: PluginId, pkg: PluginPackage, { allow, by }: Consented): Promise<void> {
    const old = kernel.package(id)
    const release = kernel.on('approval.needed', (payload, { from }) => {
      const { id: question, plugin, permission } = payload as { id: string; plugin: PluginId; permission: Permission }
      if (from !== 'kernel' || plugin !== id || !allow.includes(permission)) return
      kernel.approvals.resolve(question, { answer: 'allow', duration: 'forever', by })
    })
    try {
      await kernel.reload(id, pkg)
      const status = kernel.status(id)
      if (isDown(status)) throw notUp(id, pkg, status.reason)
    } catch (error) {
      if (kernel.package(id) !== old) await kernel.reload(id, old).catch(() => {})
      throw error
    } finally {
      await release()
    }
  }

  /** What the user left open as this version came is open again: it is asked at first use, and holds nothing up. */
  async function askLater(id: PluginId, { manifest, folder }: PluginPackage, { allow, by }: Consented): Promise<void> {
    const { permissions } = kernel
    const place = sources.place(id, folder)
    const now = permissions.list(id)
    const wanted = permissions.declared(manifest, place)
    permissions.know(id, [...new Set([...now.map(({ permission }) => permission), ...wanted])], place)
    const open = permissions.list(id).filter(({ permission, mode }) => mode === 'ask' && !allow.includes(permission))
    for (const { permission } of open) await permissions.grant(id, permission, { mode: 'ask', duration: 'forever', by })
  }

  async function back(id: PluginId, by: string): Promise<LockEntry> {
    const entry = project.read().installs.previous[id]?.at(-1)
    if (entry === undefined) return project.back(id) // which says so
    const pkg = await openLocked(id, entry, sources)
    const next: PluginEntry = { ...entries[id], source: entry.source }
    if (isKnown(id)) await askLater(id, pkg, { allow: entry.permissions, by })
    if (isKnown(id)) await swap(id, pkg, { allow: entry.permissions, by })
    else await takeIn(id, pkg, next, { allow: entry.permissions, by })
    project.back(id)
    entries[id] = next
    broken.delete(id)
    return entry
  }

  async function drop(id: PluginId, { keepData }: { keepData: boolean }): Promise<void> {
    if (entries[id] === undefined) kernel.status(id) // which says that there is none
    if (isKnown(id)) await kernel.remove(id)
    else await kernel.permissions.forget(id)
    project.remove(id)
    delete entries[id]
    broken.delete(id)
    if (keepData) return
    await options.forget(id) // I3
    const folder = options.dataOf(id)
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
  }

  async function proveUntried(): Promise<void> {
    for (const id of project.read().installs.untried) {
      const failure = failureOf(id)
      if (failure === undefined) {
        if (isKnown(id) && kernel.status(id).stage === 'active') project.proved(id)
        continue
      }
      await goBack(id, failure)
    }
  }

  /** I2 */
  async function goBack(id: PluginId, failure: string): Promise<void> {
    const { version } = project.read().lock.plugins[id] ?? { version: 'the new version' }
    try {
      const entry = await back(id, 'host')
      options.onIncident({ what: `${id} ${version} did not start (${failure}); ${entry.version} is back` })
    } catch (error) {
      options.onIncident({
        what: `${id} ${version} did not start (${failure}), and there is nothing to go back to: ${(error as Error).message}`,
      })
    }
  }

  function failureOf(id: PluginId): string | undefined {
    const problem: ErrorJson | undefined = broken.get(id)?.error
    if (problem !== undefined) return problem.message
    if (!isKnown(id)) return undefined
    const status = kernel.status(id)
    return isDown(status) ? (status.reason ?? status.stage) : undefined
  }

  function isKnown(id: PluginId): boolean {
    return kernel.plugins().some((one) => one.id === id)
  }
}

/** It failed, for good or until the next try. */
function isDown({ stage, failures }: Pick<PluginStatus, 'stage' | 'failures'>): boolean {
  return stage === 'failed' || (stage === 'starting' && failures > 0)
}

function notUp(id: PluginId, { manifest }: PluginPackage, reason: string | undefined): LifecycleError {
  return new LifecycleError(
    'UPDATE_FAILED',
    `${id} ${manifest.version} did not come up: ${reason ?? 'it says no more'}`,
    {
      plugin: id,
      hint: 'The version before goes on. Tell its author.',
    },
  )
}
