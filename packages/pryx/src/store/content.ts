// packages/pryx/src/store/content.ts: the name of a package's content: a hash over a list of its files with their hashes.
//   C1  Equal files, equal name, whatever the tarball looked like they came in.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { LIMITS, type PackageFiles, pathProblem } from './files.ts'

/** `sha256-` and 64 hex digits: of the text of the index. */
export type ContentName = string
export const contentName = z.string().regex(/^sha256-[0-9a-f]{64}$/, 'sha256- and 64 hex digits')

export interface IndexEntry {
  path: string
  bytes: number
  /** Hex. */
  sha256: string
}

const indexSchema = z.strictObject({
  version: z.literal(1),
  files: z
    .array(
      z.strictObject({
        path: z.string().refine((path) => pathProblem(path) === undefined, 'a path inside the package'),
        bytes: z.number().int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(LIMITS.files),
})

/** The index of `files`, as it is stored, and the name that follows from it. */
export function indexOf(files: PackageFiles): { name: ContentName; text: string } {
  const entries = [...files]
    .map(([path, content]): IndexEntry => ({ path, bytes: content.length, sha256: sha256(content) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  const text = `${JSON.stringify({ version: 1, files: entries }, null, 1)}\n`
  return { name: nameOf(text), text }
}

export function nameOf(indexText: string): ContentName {
  return `sha256-${sha256(indexText)}`
}

/** @throws if it is not an index */
export function parseIndex(text: string): IndexEntry[] {
  return indexSchema.parse(JSON.parse(text)).files
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
