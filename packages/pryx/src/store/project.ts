// packages/pryx/src/store/project.ts: what a project has installed: pryx.json, pryx.lock.json and installs.json, read and changed as one (K10).
//   R1  The three change together or not at all, whenever the process ends.
//   R2  One at a time: a change starts from what is on disk.
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type PluginId, UsageError } from '@pryx/kernel/contract'
import type { ContentName } from './content.ts'
import {
  type Installs,
  installsText,
  LOCK_FILE,
  type Lock,
  type LockEntry,
  lockText,
  MAX_PREVIOUS,
  parseInstalls,
  parseLock,
} from './lock-file.ts'
import { openTransactions } from './transaction.ts'

export interface ProjectFiles {
  /** Absolute path of its lock file. */
  readonly lockFile: string
  /** Names the project to the store, which keeps what its projects use. */
  readonly root: string
  read(): { lock: Lock; installs: Installs }
  /** The text of pryx.json; null if there is none. */
  config(): string | null
  /**
   * Puts a plugin in, or a new version in the old one's place; the old one can be gone back to.
   *
   * @param untried It has not been active yet.
   */
  put(plugin: PluginId, entry: LockEntry, options?: { untried?: boolean }): void
  /** Goes back to the version before. @throws ROLLBACK_NOTHING */
  back(plugin: PluginId): LockEntry
  /** It has been active. */
  proved(plugin: PluginId): void
  remove(plugin: PluginId): void
}

export interface ProjectPlace {
  /** Absolute path of pryx.json. */
  file: string
  /** The host's data folder. */
  data: string
}

export function openProjectFiles({ file, data }: ProjectPlace, step?: (name: string) => void): ProjectFiles {
  const lockFile = join(dirname(file), LOCK_FILE)
  const installsFile = join(data, 'installs.json')
  const files = openTransactions(join(data, 'change.json'), [file, lockFile, installsFile], step)
  return {
    lockFile,
    root: JSON.stringify({ file, data }),
    read,
    config: () => files.read(file),
    put(plugin, entry, { untried = false } = {}) {
      change(({ config, lock, installs }) => {
        const old = lock.plugins[plugin]
        if (old !== undefined && old.content !== entry.content)
          installs.previous[plugin] = [...(installs.previous[plugin] ?? []), old].slice(-MAX_PREVIOUS)
        lock.plugins[plugin] = entry
        installs.untried = installs.untried.filter((one) => one !== plugin)
        if (untried) installs.untried.push(plugin)
        name(config, plugin, entry.source)
      })
    },
    back(plugin) {
      let now: LockEntry | undefined
      change(({ config, lock, installs }) => {
        now = installs.previous[plugin]?.pop()
        if (now === undefined) throw nothingBefore(plugin)
        lock.plugins[plugin] = now
        installs.untried = installs.untried.filter((one) => one !== plugin)
        name(config, plugin, now.source)
      })
      return now!
    },
    proved(plugin) {
      if (!read().installs.untried.includes(plugin)) return
      change(({ installs }) => {
        installs.untried = installs.untried.filter((one) => one !== plugin)
      })
    },
    remove(plugin) {
      change(({ config, lock, installs }) => {
        delete config.plugins?.[plugin]
        delete lock.plugins[plugin]
        delete installs.previous[plugin]
        installs.untried = installs.untried.filter((one) => one !== plugin)
      })
    },
  }

  function read(): { lock: Lock; installs: Installs } {
    return {
      lock: parseLock(files.read(lockFile), lockFile),
      installs: parseInstalls(files.read(installsFile), installsFile),
    }
  }

  function change(edit: (state: { config: ConfigJson; lock: Lock; installs: Installs }) => void): void {
    mkdirSync(data, { recursive: true, mode: 0o700 })
    files.recover()
    const before = { config: files.read(file), lock: files.read(lockFile), installs: files.read(installsFile) }
    const config = JSON.parse(before.config ?? '{}') as ConfigJson
    const state = { config, ...read() }
    edit(state)
    const configText = `${JSON.stringify(state.config, null, 2)}\n`
    const sameConfig =
      before.config !== null && configText === `${JSON.stringify(JSON.parse(before.config), null, 2)}\n`
    files.commit([
      { file, before: before.config, after: sameConfig ? before.config : configText }, // its layout is its owner's
      { file: lockFile, before: before.lock, after: lockText(state.lock) },
      { file: installsFile, before: before.installs, after: installsText(state.installs) },
    ])
  }
}

function name(config: ConfigJson, plugin: PluginId, source: string): void {
  config.plugins = { ...config.plugins, [plugin]: { ...config.plugins?.[plugin], source } }
}

interface ConfigJson {
  plugins?: Record<string, { source: string }>
}

/** Contents that a project, by its `root`, may still need: what is locked and what it could go back to. Undefined if it is gone. */
export function contentsOf(root: string): ContentName[] | undefined {
  const { file, data } = JSON.parse(root) as ProjectPlace
  const project = openProjectFiles({ file, data })
  if (!existsSync(project.lockFile)) return undefined
  const { lock, installs } = project.read()
  return [...Object.values(lock.plugins), ...Object.values(installs.previous).flat()].map(({ content }) => content)
}

function nothingBefore(plugin: PluginId): UsageError {
  return new UsageError('ROLLBACK_NOTHING', `${plugin} has no earlier version to go back to`, {
    plugin,
    hint: `Name a version: \`pryx update ${plugin} --to VERSION\`.`,
  })
}
