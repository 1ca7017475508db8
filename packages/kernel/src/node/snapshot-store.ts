// packages/kernel/src/node/snapshot-store.ts: keeps the guest runtime's startup snapshot between processes and runs.
//   A snapshot of another Node aborts the process that loads it, and V8 does not notice a flipped byte: so the name says exactly
//   what made it, and the file carries its own hash.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtFile } from './built.ts'
import { RUNTIME_FILES, type RuntimeKind } from './control.ts'

export interface SnapshotStore {
  load(kind: RuntimeKind): Uint8Array | undefined
  save(kind: RuntimeKind, snapshot: Uint8Array): void
}

/** @param folder Where files may be kept; without one snapshots live in memory only. */
export function createSnapshotStore(folder?: string): SnapshotStore {
  const kept = new Map<RuntimeKind, Uint8Array>()
  const names = new Map<RuntimeKind, string>()
  return {
    load: (kind) => (folder === undefined ? kept.get(kind) : read(join(folder, nameOf(kind)))),
    save(kind, snapshot) {
      if (folder === undefined) kept.set(kind, snapshot)
      else write(folder, nameOf(kind), snapshot)
    },
  }

  function nameOf(kind: RuntimeKind): string {
    const known = names.get(kind) ?? `${kind}-${fingerprint(kind)}.snapshot`
    names.set(kind, known)
    return known
  }
}

/** Of everything that goes into a snapshot: the script, and who runs it. */
function fingerprint(kind: RuntimeKind): string {
  return createHash('sha256')
    .update(readFileSync(builtFile(RUNTIME_FILES[kind])))
    .update(`${process.version} ${process.versions.v8} ${process.platform} ${process.arch}`)
    .digest('hex')
    .slice(0, 32)
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
