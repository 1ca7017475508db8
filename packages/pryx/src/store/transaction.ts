// packages/pryx/src/store/transaction.ts: changes several small files as one (K10).
//   J1  The journal is the moment: before it is there nothing has changed, after it everything has.
//   J2  Reading goes through the journal, so a reader sees all of a change or none, and writes nothing.
//   J3  A file that somebody changed in between is left as it is.
//   J4  A journal speaks of the files named at the start and of no others, whoever wrote it.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { z } from 'zod'
import { replaceAllSynced, replaceSynced } from './durable.ts'

/** Text of a file before and after; null where it is not there. */
export interface FileChange {
  file: string
  before: string | null
  after: string | null
}

export interface TransactionFiles {
  /** The text as it is, or will be once a change that was cut off is complete; null if there is no such file. */
  read(file: string): string | null
  /** Applies all changes, or none if this process ends before the journal is written. */
  commit(changes: readonly FileChange[]): void
  /** Completes a change that was cut off. */
  recover(): void
}

const change = z.strictObject({ file: z.string(), before: z.string().nullable(), after: z.string().nullable() })
const journalSchema = z.strictObject({ version: z.literal(1), changes: z.array(change).max(16) })

/** @param step Called between the steps, for tests that end the process there. */
export function openTransactions(
  journal: string,
  files: readonly string[],
  step: (name: string) => void = () => {},
): TransactionFiles {
  return {
    read(file) {
      const text = textOf(file)
      const found = pending().find((one) => one.file === file)
      return found !== undefined && found.before === text ? found.after : text
    },
    commit(changes) {
      recover()
      const real = changes.filter(({ before, after }) => before !== after)
      if (real.length === 0) return
      step('before the journal')
      replaceSynced(journal, JSON.stringify({ version: 1, changes: real }), 0o600) // J1
      step('after the journal')
      apply(real, () => step('after a file'))
      rmSync(journal, { force: true })
      step('after the change')
    },
    recover,
  }

  function recover(): void {
    apply(pending())
    rmSync(journal, { force: true })
  }

  function pending(): FileChange[] {
    if (!existsSync(journal)) return []
    try {
      const { changes } = journalSchema.parse(JSON.parse(readFileSync(journal, 'utf8')))
      return changes.filter(({ file }) => files.includes(file)) // J4
    } catch {
      return [] // it is replaced whole, so this is none of ours
    }
  }
}

function apply(changes: readonly FileChange[], step?: () => void): void {
  const due = changes.filter(({ file, before }) => textOf(file) === before) // J3, or it was applied already
  replaceAllSynced(
    due.map(({ file, after }) => ({ file, content: after })),
    0o644,
    step,
  )
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
