// packages/pryx/src/cli/bench.ts: where the commands that install work: the project, its store, and the host if one runs.
import { existsSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type PluginId, PryxError } from '@pryx/kernel/contract'
import { type ControlClient, connectControl } from '../control/client.ts'
import { openAtRest } from '../host/at-rest.ts'
import { CONFIG_FILE, emptyConfig, type HostConfig, loadConfig } from '../host/config.ts'
import { forgetPlugin } from '../host/forget.ts'
import { privateFolder } from '../host/host.ts'
import type { PackageSources } from '../host/packages.ts'
import { openTrustedFolders } from '../host/trusted.ts'
import { createWorkshop } from '../host/workshop.ts'
import type { Candidate, Workshop } from '../install/candidate.ts'
import type { Registry } from '../registry/registry.ts'
import type { LockEntry } from '../store/lock-file.ts'
import { contentsOf } from '../store/project.ts'
import type { CommonOptions } from './target.ts'

export interface InstallOptions extends CommonOptions {
  registry?: string
  policy?: string
  minAge?: number
}

export interface Bench extends AsyncDisposable {
  readonly config: HostConfig
  readonly running: ControlClient | undefined
  readonly sources: PackageSources
  readonly workshop: Workshop
  /** Puts a candidate in and grants what is allowed. Answers what is to be told of it. */
  adopt(candidate: Candidate, allow: readonly string[]): Promise<{ stage: string; reason?: string }>
  back(id: PluginId): Promise<LockEntry>
  remove(id: PluginId, keepData: boolean): Promise<void>
  /** Removes packages that no project uses. */
  collect(): number
}

/** @param create True to begin a project where there is none. @param registry To ask, instead of one made of the options. @throws CONFIG_*, HOST_DOWN, LOCK_DAMAGED, POLICY_INVALID */
export async function openBench(
  options: InstallOptions,
  { create = false, registry }: { create?: boolean; registry?: Registry | undefined } = {},
): Promise<Bench> {
  const file = resolve(options.config ?? CONFIG_FILE)
  const fresh = create && !existsSync(file)
  const config = fresh ? emptyConfig(dirname(file), { data: options.data }) : loadConfig(file, { data: options.data })
  const running = await connectControl(config.data)
  const atRest = await openAtRest(config, { write: false, plugins: false, policy: options.policy })
  const { sources } = atRest
  const workshop = createWorkshop(config, sources, { registry: options.registry, ask: registry })
  const change = (edit: Parameters<typeof openAtRest>[1]['edit']) =>
    openAtRest(config, { write: true, policy: options.policy, ...(edit && { edit }) })
  return {
    config,
    running,
    sources,
    workshop,
    async adopt(candidate, allow) {
      const { id } = candidate
      const entry: LockEntry = { ...candidate.entry, permissions: [...allow] }
      const { release } = candidate.staged.place()
      try {
        const told = running ? await running.adopt(id, entry, allow) : await adoptAtRest(id, entry, allow)
        sources.store.register(sources.project.root)
        if (fresh) openTrustedFolders().add(dirname(file)) // the user's own, made just now
        return { stage: told.stage, ...(told.reason !== undefined && { reason: told.reason }) }
      } finally {
        release()
      }
    },
    async back(id) {
      if (running) {
        await running.back(id)
        return sources.project.read().lock.plugins[id]!
      }
      await using after = await change((project) => void project.back(id))
      return after.sources.project.read().lock.plugins[id]!
    },
    async remove(id, keepData) {
      if (running) return running.drop(id, keepData)
      await using after = await change(undefined)
      if (after.config.plugins[id] === undefined) after.kernel.status(id) // which says that there is none
      sources.project.remove(id)
      await after.kernel.permissions.forget(id)
      if (keepData) return
      await forgetPlugin(config, id)
      rmSync(privateFolder(config.data, id), { recursive: true, force: true })
    },
    collect() {
      try {
        return sources.store.collect(contentsOf)
      } catch (error) {
        if (!PryxError.is(error)) throw error
        return 0 // a project whose lock file cannot be read keeps everything
      }
    },
    [Symbol.asyncDispose]: () => atRest[Symbol.asyncDispose](),
  }

  async function adoptAtRest(
    id: PluginId,
    entry: LockEntry,
    allow: readonly string[],
  ): Promise<{ stage: string; reason?: string }> {
    const isNew = config.plugins[id] === undefined
    await using after = await change((project) => project.put(id, entry, { untried: !isNew }))
    const { permissions } = after.kernel
    if (isNew) {
      const pkg = after.kernel.package(id)
      await permissions.forget(id) // of a namesake of long ago
      const place = sources.place(id, pkg.folder)
      permissions.know(id, permissions.declared(pkg.manifest, place), place)
    }
    for (const one of permissions.list(id)) {
      if (allow.includes(one.permission))
        await permissions.grant(id, one.permission, { mode: 'allow', duration: 'forever', by: 'cli' })
      else if (isNew) await permissions.grant(id, one.permission, { mode: 'ask', duration: 'forever', by: 'cli' })
    }
    return { stage: 'stopped', reason: 'no host is running' }
  }
}
