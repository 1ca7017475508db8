// packages/pryx/src/store/files.ts: what a package consists of: files by path, nothing else. Judged in memory, before a byte is written.
//   F1  A path stays inside, means one file on every file system, and has no part that any of them treats in a way of its own.
//   F2  Number, size and depth are bounded.
import { ManifestError } from '@pryx/kernel/contract'

export const LIMITS = {
  /** Bytes of a tarball. */
  packed: 32 * 1_048_576,
  /** Bytes of all files together. */
  unpacked: 64 * 1_048_576,
  /** Number of files. */
  files: 2_000,
  /** UTF-8 bytes of a path. */
  path: 512,
  /** Folders above a file. */
  depth: 24,
} as const

/** Content by path. Paths are relative, with `/`, without `.` and `..`. */
export type PackageFiles = ReadonlyMap<string, Uint8Array>

export interface FileBook {
  /** @throws PACKAGE_UNSAFE, PACKAGE_TOO_LARGE */
  add(path: string, content: Uint8Array): void
  readonly files: PackageFiles
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const STRANGE = /[\u0000-\u001f\u007f<>:"|?*\\\u200e\u200f\u202a-\u202e\u2066-\u2069]/
const DEVICE_NAME = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/** Collects files of the package `label` and refuses what is unsafe. */
export function createFileBook(label: string): FileBook {
  const files = new Map<string, Uint8Array>()
  const folded = new Map<string, string>() // path as a file system without case sees it → as it was written
  const folders = new Set<string>()
  let bytes = 0
  return {
    files,
    add(path, content) {
      const problem = pathProblem(path)
      if (problem !== undefined) throw unsafe(label, path, problem)
      bytes += content.length
      if (bytes > LIMITS.unpacked) throw tooLarge(label, `its files have more than ${LIMITS.unpacked} bytes`)
      if (files.size >= LIMITS.files) throw tooLarge(label, `it has more than ${LIMITS.files} files`)
      claim(path)
      files.set(path, content)
    },
  }

  /** F1: no two paths are one file, and none is a file here and a folder there. */
  function claim(path: string): void {
    const key = fold(path)
    const other = folded.get(key)
    if (other !== undefined)
      throw unsafe(label, path, other === path ? 'is there twice' : `is the same file as "${other}" on many systems`)
    if (folders.has(key)) throw unsafe(label, path, 'is a file and a folder')
    for (const folder of foldersOf(key)) {
      if (folded.has(folder)) throw unsafe(label, path, `lies in "${folded.get(folder)}", which is a file`)
      folders.add(folder)
    }
    folded.set(key, path)
  }
}

/** What is wrong with a path; undefined if nothing is. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (Buffer.byteLength(path) > LIMITS.path) return `is longer than ${LIMITS.path} bytes`
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is absolute'
  const parts = path.split('/')
  if (parts.length > LIMITS.depth) return `lies more than ${LIMITS.depth} folders deep`
  if (parts.includes('..')) return 'leads out of the package'
  if (parts.some((part) => part === '' || part === '.')) return 'has an empty part'
  if (STRANGE.test(path)) return 'has a character that not every file system takes'
  if (parts.some((part) => /[. ]$/.test(part))) return 'has a part that ends with a dot or a space'
  if (parts.some((part) => DEVICE_NAME.test(part))) return 'has the name of a device'
  return undefined
}

function fold(path: string): string {
  return path.normalize('NFKC').toLowerCase()
}

function* foldersOf(path: string): Generator<string> {
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) yield path.slice(0, at)
}

export function unsafe(label: string, path: string, problem: string): ManifestError {
  const shown = path.length > 120 ? `${path.slice(0, 119)}…` : path
  return new ManifestError('PACKAGE_UNSAFE', `${label} was refused: "${shown}" ${problem}`, {
    path: shown,
    found: problem,
    hint: 'Nothing of it was kept. Tell its author, or the registry it came from.',
  })
}

export function tooLarge(label: string, problem: string): ManifestError {
  return new ManifestError('PACKAGE_TOO_LARGE', `${label} was refused: ${problem}`, {
    found: problem,
    hint: 'Nothing of it was kept. A plugin is one bundled file and what its page needs.',
  })
}
