// packages/pryx/src/store/durable.ts: writes that are on disk when they return.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

const OPEN_AT_ONCE = 32

/** Writes a new file. */
export function writeSynced(file: string, content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(file, content, { flush: true, flag: 'wx', mode })
}

/** Writes new files, a batch at a time: a disk that is told of many at once puts them down in one go. */
export async function writeAllSynced(files: ReadonlyMap<string, string | Uint8Array>, mode = 0o600): Promise<void> {
  const rest = [...files]
  while (rest.length > 0)
    await Promise.all(
      rest
        .splice(0, OPEN_AT_ONCE)
        .map(([file, content]) => writeFile(file, content, { flush: true, flag: 'wx', mode })),
    )
}

/** Replaces a file whole: whoever reads it finds the old text or the new one. */
export function replaceSynced(file: string, content: string, mode = 0o644): void {
  replaceAllSynced([{ file, content }], mode)
}

/**
 * Replaces files whole, one after the other; null removes one. All are on disk when it returns. The disk is waited for as
 * seldom as can be: once for what is written, once for the names.
 *
 * @param step Called after each that is in its place.
 */
export function replaceAllSynced(
  files: readonly { file: string; content: string | null }[],
  mode = 0o644,
  step: () => void = () => {},
): void {
  const asideOf = (file: string) => `${file}.${process.pid}.tmp`
  const written = files.flatMap(({ file, content }) => (content === null ? [] : [{ file: asideOf(file), content }]))
  for (const { file, content } of written) {
    rmSync(file, { force: true })
    writeFileSync(file, content, { flag: 'wx', mode })
  }
  for (const { file } of written) syncFile(file)
  for (const { file, content } of files) {
    if (content === null) rmSync(file, { force: true })
    else renameSync(asideOf(file), file)
    step()
  }
  for (const folder of new Set(files.map(({ file }) => dirname(file)))) syncFolder(folder)
}

function syncFile(file: string): void {
  const handle = openSync(file, 'r+')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
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
