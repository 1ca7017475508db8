// packages/capabilities/src/fs/pin.ts: a folder held open, so that what is done in it happens in that very folder (K4).
//   N1  On Linux the folder is opened first and its path read back from the kernel; a swapped link in between is noticed, and a
//       later one changes nothing, for names are then looked up below the open folder.
//   N2  Elsewhere there is no such way: the path is resolved again and compared, which leaves a gap of microseconds.
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { changed } from './errors.ts'

const O_PATH = 0o10000000 // Linux; not among Node's constants
const LINUX = process.platform === 'linux'
const PINS = constants.O_DIRECTORY | constants.O_NOFOLLOW | (LINUX ? O_PATH : 0)

/**
 * Runs `use` with a path that leads to the folder `real`, whatever happens to its name meanwhile.
 *
 * @throws FS_CHANGED if a link has taken the place of a part of it; platform errors.
 */
export async function inFolder<T>(real: string, use: (base: string) => Promise<T>): Promise<T> {
  if (!LINUX) {
    if ((await realpath(real)) !== real) throw changed()
    return use(real)
  }
  const folder = await open(real, PINS).catch(async (error: { code?: string }) => {
    throw error.code === 'ENOTDIR' && (await isLink(real)) ? changed() : error
  })
  return closingAfter(folder, async (base) => {
    if ((await readlink(base)) !== real) throw changed() // N1
    return use(base)
  })
}

/** Runs `use` with a path to the entry `real` of its folder. The last name is not followed: open it with O_NOFOLLOW. */
export function atEntry<T>(real: string, use: (entry: string) => Promise<T>): Promise<T> {
  return inFolder(dirname(real), (base) => use(join(base, basename(real))))
}

/** The same for a folder within a pinned one; refuses a link. */
export async function inSubfolder<T>(entry: string, use: (base: string) => Promise<T>): Promise<T> {
  if (LINUX) return closingAfter(await open(entry, PINS), use)
  if (await isLink(entry)) throw changed()
  return use(entry)
}

async function closingAfter<T>(folder: FileHandle, use: (base: string) => Promise<T>): Promise<T> {
  try {
    return await use(`/proc/self/fd/${folder.fd}`)
  } finally {
    await folder.close()
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink()
}
