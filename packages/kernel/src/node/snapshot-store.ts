// packages/kernel/src/node/snapshot-store.ts: keeps the guest runtime's startup snapshot between processes and runs.
//   A snapshot of another Node aborts the process that loads it, and V8 does not notice a flipped byte: so the name says exactly
//   what made it, and the file carries its own hash.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SnapshotStore {
  load(): Uint8Array | undefined
  save(snapshot: Uint8Array): void
}

/** @param folder Where files may be kept; without one the snapshot lives in memory only. */
export function createSnapshotStore(runtime: Uint8Array, folder?: string): SnapshotStore {
  const key = createHash('sha256')
    .update(runtime)
    .update(`${process.version} ${process.versions.v8} ${process.platform} ${process.arch}`)
    .digest('hex')
    .slice(0, 32)
  let kept: Uint8Array | undefined
  return {
    load() {
      if (folder) kept ??= read(join(folder, `${key}.snapshot`))
      return kept
    },
    save(snapshot) {
      kept = snapshot
      if (folder) write(folder, `${key}.snapshot`, snapshot)
    },
  }
}

function read(path: string): Uint8Array | undefined {
  try {
    const file = readFileSync(path)
    const body = file.subarray(32)
    return createHash('sha256').update(body).digest().equals(file.subarray(0, 32)) ? new Uint8Array(body) : undefined
  } catch {
    return undefined // none yet
  }
}

function write(folder: string, name: string, snapshot: Uint8Array): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, name)
    writeFileSync(`${path}.new`, Buffer.concat([createHash('sha256').update(snapshot).digest(), snapshot]), {
      mode: 0o600,
    })
    renameSync(`${path}.new`, path)
  } catch {
    // A cache: without it the next process makes its own.
  }
}
