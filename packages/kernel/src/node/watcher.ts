// packages/kernel/src/node/watcher.ts: tells of changes below folders, by chokidar. Loaded when the first watch starts: a host that never
//   reloads does not pay for it.
import { basename } from 'node:path'
import type { Release } from '../contract/index.ts'

const IGNORED = new Set(['node_modules', '.git', '.pryx'])

/**
 * Watches files and folders, folders with all below them but node_modules and .git. A path that vanishes and comes back
 * goes on being watched only below a folder that is watched too: watch the package to see its `src` replaced whole.
 *
 * @param options.ignore True for paths that do not matter, with all below them.
 * @param options.onReady Called when it has begun to watch: of what changed before, it tells nothing.
 */
export function watchPaths(
  paths: readonly string[],
  onChange: (path: string) => void,
  options: { ignore?: (path: string) => boolean; onReady?: () => void } = {},
): Release {
  let released = false
  const starting = import('chokidar').then(({ watch }) => {
    const watcher = watch([...paths], {
      ignoreInitial: true,
      ignored: (path) => IGNORED.has(basename(path)) || options.ignore?.(path) === true,
      atomic: 20,
    })
    watcher.on('all', (_event, path) => {
      if (!released) onChange(path)
    })
    watcher.once('ready', () => {
      if (!released) options.onReady?.()
    })
    watcher.on('error', () => {}) // a folder that went away; its parent is watched too
    return watcher
  })
  return async () => {
    released = true
    await (await starting).close()
  }
}
