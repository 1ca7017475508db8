// packages/capabilities/src/fs/watch.ts: tells a plugin what changed below a path, in batches it can keep up with.
//   C1  One callback runs at a time; what happens meanwhile is gathered, one entry a path, and told next.
//   C2  Past MAX_PENDING paths only `overflow` is told: look for yourself.
//   C3  Links are watched, not followed.
//   C4  A path that comes with its folder is told once it is watched: what was written before is found by looking then.
//   C5  Nothing is told of what lies beside the path or above it.
import { lstat } from 'node:fs/promises'
import { relative } from 'node:path'
import type { Release } from '@pryx/kernel/contract'
import type { FSWatcher } from 'chokidar'
import { followGround } from './ground.ts'

const COALESCE_MS = 50
const MAX_PENDING = 1_000 // paths
const RETRY_MS = 1_000 // after a callback that failed

export interface FileChange {
  /** `overflow`: too much happened to tell. */
  kind: 'added' | 'changed' | 'removed' | 'overflow'
  /** Relative to what is watched; empty for itself. */
  path: string
}

export type OnChanges = (changes: FileChange[]) => unknown

const KINDS: Record<string, FileChange['kind']> = {
  add: 'added',
  addDir: 'added',
  change: 'changed',
  unlink: 'removed',
  unlinkDir: 'removed',
}

export interface WatchOptions {
  recursive: boolean
  /** Names of entries that are left out, with all below them. */
  ignore: ReadonlySet<string>
}

/** Resolves when changes from now on will be told. The path, and the folders above it, may come later, vanish, and come back. */
export async function watchPath(real: string, options: WatchOptions, onChanges: OnChanges): Promise<Release> {
  const tell = createTeller(onChanges)
  let watcher: FSWatcher | undefined
  let exists: boolean | undefined
  const ground = await followGround(real, async (there) => {
    await watcher?.close()
    watcher = there ? await openWatcher(real, options, hear) : undefined
    const before = exists
    exists = there && (await isThere(real))
    if (before) tell.add({ kind: 'removed', path: '' })
    if (before !== undefined && exists) tell.add({ kind: 'added', path: '' }) // C4
  })
  return async () => {
    tell.stop()
    await ground.close()
    await watcher?.close()
  }

  function hear(change: FileChange): void {
    if (change.path === '' && change.kind !== 'overflow') exists = change.kind !== 'removed'
    tell.add(change)
  }
}

async function openWatcher(
  real: string,
  { recursive, ignore }: WatchOptions,
  hear: (change: FileChange) => void,
): Promise<FSWatcher> {
  const { watch } = await import('chokidar')
  const watcher = watch(real, {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path) => path !== real && ignore.has(path.slice(path.lastIndexOf('/') + 1)),
    ...(recursive ? {} : { depth: 0 }),
  })
  watcher.on('all', (event, path) => {
    const below = relative(real, path)
    if (below !== '..' && !below.startsWith('../')) hear({ kind: KINDS[event] ?? 'changed', path: below }) // C5
  })
  watcher.on('error', () => hear({ kind: 'overflow', path: '' }))
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  return watcher
}

function isThere(real: string): Promise<boolean> {
  return lstat(real).then(
    () => true,
    () => false,
  )
}

/** Gathers changes and hands them on (C1, C2). */
export function createTeller(onChanges: OnChanges): { add(change: FileChange): void; stop(): void } {
  let pending = new Map<string, FileChange>()
  let timer: NodeJS.Timeout | undefined
  let busy = false
  let stopped = false
  return {
    add(change) {
      if (stopped) return
      if (pending.size < MAX_PENDING || pending.has(change.path))
        pending.set(change.path, merged(pending.get(change.path), change))
      else pending.set('', { kind: 'overflow', path: '' })
      arm(COALESCE_MS)
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }

  function arm(ms: number): void {
    if (timer === undefined && !busy && !stopped) timer = setTimeout(() => void flush(), ms).unref()
  }

  async function flush(): Promise<void> {
    timer = undefined
    busy = true
    const batch = [...pending.values()]
    const overflow = batch.find(({ kind }) => kind === 'overflow')
    pending = new Map()
    let delay = COALESCE_MS
    try {
      await onChanges(overflow ? [overflow] : batch)
    } catch {
      delay = RETRY_MS // its own failure; it hears of the next change, not so fast
    }
    busy = false
    if (pending.size > 0) arm(delay)
  }
}

/** A file that goes and comes back within one batch has changed; one that comes and changes has come. */
function merged(before: FileChange | undefined, now: FileChange): FileChange {
  if (before?.kind === 'overflow') return before
  if (before?.kind === 'added' && now.kind === 'changed') return before
  if (before?.kind === 'removed' && now.kind === 'added') return { ...now, kind: 'changed' }
  return now
}
