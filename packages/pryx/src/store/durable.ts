// packages/pryx/src/store/durable.ts: writes that are on disk when they return.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a new file. */
export function writeSynced(file: string, content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(file, content, { flush: true, flag: 'wx', mode })
}

/** Replaces a file whole: whoever reads it finds the old text or the new one. */
export function replaceSynced(file: string, content: string, mode = 0o644): void {
  const aside = `${file}.${process.pid}.tmp`
  rmSync(aside, { force: true })
  writeSynced(aside, content, mode)
  renameSync(aside, file)
  syncFolder(dirname(file))
}

/** Makes names in a folder last. Systems that cannot do it lose nothing but that. */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Windows has no such thing.
  }
}
