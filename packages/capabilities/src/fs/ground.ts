// packages/capabilities/src/fs/ground.ts: knows when the folder that a watched path lies in comes, goes, or is another one.
//   G1  While the folder is not there, the nearest folder above it that is there is watched, for the next name on the way and no other.
//   G2  A folder behind a link is not there: the permission was judged for the path, not for where a link leads.
//   G3  Events can be missed (a folder far above is renamed): every CHECK_MS it is looked at anyway.
import { type FSWatcher, watch } from 'node:fs'
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

const CHECK_MS = 1_000

export interface Ground {
  close(): Promise<void>
}

/** Calls `changed` with whether the folder of `real` is there: at once, and whenever it is another one. Resolves after the first call has ended. */
export async function followGround(real: string, changed: (there: boolean) => Promise<void>): Promise<Ground> {
  const lookout = createLookout(real, () => void look())
  let known: string | undefined
  let looking: Promise<void> | undefined
  let again = false
  let closed = false
  await look()
  const timer = setInterval(() => void look(), CHECK_MS).unref()
  return {
    async close() {
      closed = true
      clearInterval(timer)
      lookout.close()
      await looking
    },
  }

  /** One at a time; wishes meanwhile are one more. */
  function look(): Promise<void> {
    again = looking !== undefined
    looking ??= lookOnce().finally(() => {
      looking = undefined
      if (again && !closed) void look()
    })
    return looking
  }

  async function lookOnce(): Promise<void> {
    let now = await identityOf(real)
    // Between looking and watching the folder may have come: so it is looked at again, until nothing has changed.
    while (now === '' && !closed && (await lookout.move())) now = await identityOf(real)
    if (now !== '') lookout.close()
    if (now === known || closed) return
    known = now
    await changed(now !== '').catch(() => {
      known = undefined // tried again at the next look
    })
  }
}

/** Watches the nearest folder above that is there (G1). */
function createLookout(real: string, heard: () => void) {
  let watcher: FSWatcher | undefined
  let place = ''
  return { move, close }

  /** @returns Whether it watches another folder than before. */
  async function move(): Promise<boolean> {
    const { folder, next, id } = await nearest(real)
    if (`${folder}\n${id}` === place) return false
    close()
    try {
      watcher = watch(folder, (_kind, name) => {
        if (name === null || name === next || name === basename(folder)) heard()
      })
      watcher.on('error', close)
      watcher.unref()
      place = `${folder}\n${id}`
    } catch {
      return false // not allowed, or too many: G3 is left
    }
    return true
  }

  function close(): void {
    watcher?.close()
    watcher = undefined
    place = ''
  }
}

async function nearest(real: string): Promise<{ folder: string; next: string; id: string }> {
  let next = basename(real)
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const id = await folderId(folder)
    if (id !== '' || folder === dirname(folder)) return { folder, next, id }
    next = basename(folder)
  }
}

/** Which folder it lies in and, if it is a folder, which one it is; empty if it lies in none. */
async function identityOf(real: string): Promise<string> {
  const parent = await folderId(dirname(real))
  return parent === '' ? '' : `${parent} ${await folderId(real)}`
}

async function folderId(folder: string): Promise<string> {
  try {
    if ((await realpath(folder)) !== folder) return '' // G2
    const found = await lstat(folder, { bigint: true })
    return found.isDirectory() ? `${found.dev}:${found.ino}:${found.birthtimeNs}` : ''
  } catch {
    return ''
  }
}
