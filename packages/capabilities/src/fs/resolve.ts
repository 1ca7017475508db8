// packages/capabilities/src/fs/resolve.ts: which real path a plugin's text means, before anyone judges it (K4).
//   R1  The answer holds no link: the deepest part that exists is resolved, what does not exist yet is added as written.
//   R2  The system's own trees and Pryx's own files are out of reach, whatever was granted.
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { PluginPlace } from '@pryx/kernel/contract'
import { badName, danglingLink, fsError, protectedPath, special } from './errors.ts'
import { expand, isWithin } from './grammar.ts'

const MAX_PATH = 4_096
const SYSTEM_TREES = ['/proc', '/sys', '/dev']

export interface ResolveOptions {
  place: PluginPlace
  home: string
  /** Real paths that belong to the host: grants, audit log, vault, other plugins' data. */
  guarded: readonly string[]
  /** False where the link itself is meant: to remove or rename it. */
  follow: boolean
  /** The path stands for all below it too. */
  tree: boolean
}

/** @param text Absolute, begun by a variable, or relative to the workspace. @throws FS_NAME, FS_LINK, FS_SPECIAL, FS_PROTECTED. */
export async function resolvePath(text: string, options: ResolveOptions): Promise<string> {
  const { place, home, guarded, follow, tree } = options
  if (text === '' || text.length > MAX_PATH) throw badName(text, 'is empty or too long')
  if (/[\0*]/.test(text)) throw badName(text, 'holds a sign that no name here may have')
  const path = resolve(place.workspace, expand(text, place, home))
  if (SYSTEM_TREES.some((folder) => isWithin(folder, path))) throw special(text) // R2
  const real = follow ? await realOf(path, text) : join(await realOf(dirname(path), text), basename(path))
  if (real.includes('*')) throw badName(text, 'leads to a name with a star in it')
  if (SYSTEM_TREES.some((folder) => isWithin(folder, real) || (tree && isWithin(real, folder)))) throw special(text) // R2
  const own = isWithin(place.data, real) || isWithin(place.package, real)
  if (!own && guarded.some((folder) => isWithin(folder, real) || (tree && isWithin(real, folder))))
    throw protectedPath(text)
  return real
}

async function realOf(path: string, text: string): Promise<string> {
  const missing: string[] = []
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(await realpath(at), ...missing)
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === 'ELOOP' || (code === 'ENOENT' && (await isLink(at)))) throw danglingLink(text)
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || at === dirname(at)) throw fsError(error, text)
      missing.unshift(basename(at))
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() ?? false
}
