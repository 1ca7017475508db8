// packages/pryx/src/store/lock-file.ts: pryx.lock.json: exactly what is installed, and what was consented to (K10). It belongs in version control.
//   Beside it, in the data folder, installs.json: what was there before, for a rollback, and what has not proved itself yet.
import { ManifestError } from '@pryx/kernel/contract'
import semver from 'semver'
import { z } from 'zod'
import { contentName } from './content.ts'

export const LOCK_FILE = 'pryx.lock.json'
export const MAX_PREVIOUS = 5 // versions a plugin can be rolled back through

const text = (max: number) => z.string().min(1).max(max)

/** How far a package's origin was proved. */
export const trustSchema = z.enum(['provenance', 'signed', 'unsigned', 'local'])
export type Trust = z.infer<typeof trustSchema>

export const lockEntry = z.strictObject({
  /** As in pryx.json: `npm:NAME@RANGE` or `file:PATH`. */
  source: text(1_024),
  /** npm's name. */
  name: text(214),
  version: z.string().refine((one) => semver.valid(one) !== null, 'a version such as 1.2.0'),
  /** URL of the tarball, or the path as the user wrote it. */
  resolved: text(2_048),
  /** Of the tarball, as the registry names it; absent for a folder. */
  integrity: text(256).optional(),
  /** Name of the content in the store. */
  content: contentName,
  /** What the user allowed as it was installed. */
  permissions: z.array(text(1_024)).max(256),
  trust: trustSchema,
  /** Repository and commit that the provenance names. */
  provenance: text(512).optional(),
})
export type LockEntry = z.infer<typeof lockEntry>

const lockSchema = z.strictObject({ version: z.literal(1), plugins: z.record(z.string(), lockEntry) })
export type Lock = z.infer<typeof lockSchema>

const installsSchema = z.strictObject({
  version: z.literal(1),
  /** Newest last. */
  previous: z.record(z.string(), z.array(lockEntry).max(MAX_PREVIOUS)),
  /** Updated while no host ran: the next start proves them, or goes back. */
  untried: z.array(z.string()),
})
export type Installs = z.infer<typeof installsSchema>

/** @throws LOCK_DAMAGED */
export function parseLock(text: string | null, file: string): Lock {
  return text === null ? { version: 1, plugins: {} } : parse(lockSchema, text, file)
}

/** @throws LOCK_DAMAGED */
export function parseInstalls(text: string | null, file: string): Installs {
  return text === null ? { version: 1, previous: {}, untried: [] } : parse(installsSchema, text, file)
}

/** Sorted, so that two people's changes meet in as few lines as possible. */
export function lockText(lock: Lock): string {
  const plugins = Object.fromEntries(Object.entries(lock.plugins).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify({ version: 1, plugins }, null, 2)}\n`
}

export function installsText({ previous, untried }: Installs): string {
  const kept = Object.fromEntries(
    Object.entries(previous)
      .filter(([, entries]) => entries.length > 0)
      .map(([id, entries]) => [id, entries.slice(-MAX_PREVIOUS)]),
  )
  return `${JSON.stringify({ version: 1, previous: kept, untried: [...new Set(untried)].sort() }, null, 2)}\n`
}

function parse<T>(schema: z.ZodType<T>, text: string, file: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined
    const problem = issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : (cause as Error).message
    throw new ManifestError('LOCK_DAMAGED', `${file} cannot be used: ${problem}`, {
      file,
      path: issue?.path.join('.'),
      found: problem,
      expected: 'what `pryx add` wrote',
      cause,
      hint: 'Put the file back from version control, or remove it and run `pryx add` without a name.',
    })
  }
}
