// packages/kernel/src/node/grants-file.ts: grants as one JSON file (K4).
//   F1  The file is replaced whole: written beside, flushed to disk, renamed. A crash leaves the old one or the new one.
//   F2  A damaged file is kept aside and told of; starting empty is starting with nothing granted.
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { GrantStore } from '../permissions/grants.ts'
import { parseGrants } from '../permissions/grants.ts'

export interface GrantsFileOptions {
  /** Told when a damaged file was moved to `keptAs`. */
  onCorrupt?: (keptAs: string, cause: unknown) => void
}

/** A store on the file `path`, readable by its owner alone. */
export function createGrantsFile(path: string, { onCorrupt = () => {} }: GrantsFileOptions = {}): GrantStore {
  return {
    async load() {
      const text = await readIfThere(path)
      if (text === undefined) return undefined
      try {
        const json: unknown = JSON.parse(text)
        parseGrants(json)
        return json
      } catch (cause) {
        const keptAs = freeName(`${path}.corrupt-`)
        await rename(path, keptAs) // F2
        onCorrupt(keptAs, cause)
        return undefined
      }
    },
    async save(json) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await replaceFile(path, `${JSON.stringify(json, null, 2)}\n`)
    },
  }
}

/** Replaces the file's text, whole or not at all (F1). Mode 0600. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`
  try {
    await writeFlushed(beside, text)
    await rename(beside, path)
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => {})
    throw cause
  }
  await flushFolder(dirname(path))
}

async function writeFlushed(path: string, text: string): Promise<void> {
  await rm(path, { force: true }) // one left by a crash may have other rights
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined) // some platforms cannot open a folder
  await folder?.sync().catch(() => {})
  await folder?.close()
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

function freeName(prefix: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${prefix}${n}`)) return `${prefix}${n}`
}
