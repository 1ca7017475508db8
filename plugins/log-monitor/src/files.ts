// plugins/log-monitor/src/files.ts: the host's `fs` as the monitor's source, and its watches.
import type { Fs, Release } from '@pryx/sdk'
import type { FileSource } from './tail.ts'

const MISSING = new Set(['FS_NOT_FOUND', 'ENOENT'])

export function createFileSource(fs: Fs): FileSource {
  return {
    stat: (path) =>
      fs.stat(path).then(
        (facts) => facts && { id: String(facts.id ?? ''), size: facts.size },
        (error: { code?: string }) => {
          if (MISSING.has(error.code ?? '')) return undefined
          throw error
        },
      ),
    readFrom: (path, offset) => fs.readFrom(path, offset),
  }
}

/** One watch per file while it can be read. Without one (the host cannot, or the file is not there yet) the sweep finds the changes. */
export function createWatches(fs: Fs, changed: () => void) {
  const watches = new Map<string, Release>()
  return {
    async watching(path: string): Promise<void> {
      if (watches.has(path)) return
      watches.set(path, () => {}) // taken, while it opens
      try {
        watches.set(path, await fs.watch(path, changed))
      } catch {
        watches.delete(path)
      }
    },
    unwatch(path: string): void {
      void watches.get(path)?.()
      watches.delete(path)
    },
  }
}
