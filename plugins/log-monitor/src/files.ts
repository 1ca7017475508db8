// plugins/log-monitor/src/files.ts: the host's `fs` as the monitor's source, and its watches.
import { type Fs, PryxError, type Release } from '@pryx/sdk'
import type { FileSource } from './tail.ts'

export function createFileSource(fs: Pick<Fs, 'readFrom'>): FileSource {
  return {
    stat: (path) =>
      fs.readFrom(path, 0, { maxBytes: 4 }).then(
        ({ id, size }) => ({ id, size }), // `stat` says nothing of which file it is
        (error) => {
          if (PryxError.is(error, 'FS_NOT_FOUND')) return undefined
          throw error
        },
      ),
    readFrom: (path, offset) => fs.readFrom(path, offset),
  }
}

/** One watch per file while it can be read, and one look once it stands, for what was written until then. It tells of a file that is yet to come too; without one (the host cannot) the sweep finds the changes. */
export function createWatches(fs: Pick<Fs, 'watch'>, changed: () => void) {
  const watches = new Map<string, Release>()
  return {
    async watching(path: string): Promise<void> {
      if (watches.has(path)) return
      watches.set(path, () => {}) // taken, while it opens
      try {
        watches.set(path, await fs.watch(path, changed))
        changed()
      } catch {
        watches.delete(path)
      }
    },
    unwatch(path: string): void {
      Promise.resolve(watches.get(path)?.()).catch(() => {}) // it may have ended with the grant
      watches.delete(path)
    },
  }
}
