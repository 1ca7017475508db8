// plugins/scheduler/src/workflow/journal.ts: what the steps of a run have done, on disk.
//   J1  A step is noted as started before it acts and as ended before anything follows from it.
//   J2  Outputs beyond INLINE_CHARS lie in pieces beside the journal, which holds a reference.
import { UsageError } from '@pryx/sdk'
import type { Source } from '../conditions/fill.ts'
import type { DeedLog, Statement } from '../store/statements.ts'
import type { Store } from '../store/store.ts'
import type { Entry, StepStatus } from './advance.ts'

const INLINE_CHARS = 16_384
const PIECE_CHARS = 131_072
const MAX_OUTPUT_CHARS = 4_194_304
const MAX_SHOWN = 1_000

interface StepRow {
  path: string
  seq: number
  status: StepStatus
  attempt: number
  started_at: number | null
  finished_at: number | null
  wake_at: number | null
  input: string | null
  sources: string | null
  output: string | null
  error: string | null
}

/** A step as people see it. Outputs that are long are named by reference and size. */
export interface StepLog extends Omit<Entry, 'wakeAt'> {
  /** What it was asked to do, filled in. */
  input?: unknown
  /** Where the filled-in values came from. */
  sources?: Source[]
  wakeAt?: number | undefined
}

export type StepJournal = ReturnType<typeof createJournal>

export function createJournal(store: Store) {
  return { read, log, output, started, waiting, ended, only, retry, ambiguous }

  /** With all outputs, however long. */
  async function read(run: string): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>()
    let after = -1
    for (;;) {
      const rows = await store.sql.all<StepRow>(
        `SELECT path, seq, status, attempt, started_at, finished_at, wake_at, NULL input, NULL sources, output, error FROM step_log
         WHERE run = ? AND seq > ? ORDER BY seq LIMIT 30`,
        ...[run, after],
      )
      for (const row of rows) entries.set(row.path, { ...toEntry(row), output: await whole(row.output) })
      after = rows.at(-1)?.seq ?? 0
      if (rows.length < 30) return entries
    }
  }

  /** In the order they began. */
  async function log(run: string): Promise<StepLog[]> {
    const rows = await store.sql.all<StepRow>(
      `SELECT path, seq, status, attempt, started_at, finished_at, wake_at, substr(input, 1, 4000) input, substr(sources, 1, 4000) sources,
         substr(output, 1, 4000) output, error FROM step_log WHERE run = ? ORDER BY seq LIMIT ?`,
      ...[run, MAX_SHOWN],
    )
    let room = 500_000 // characters: it goes through one message
    return rows.map((row) => {
      room -= (row.input?.length ?? 0) + (row.sources?.length ?? 0) + (row.output?.length ?? 0)
      if (room < 0) return toEntry(row)
      return {
        ...toEntry(row),
        ...(row.input !== null && { input: shown(row.input) }),
        ...(row.sources !== null && { sources: shown(row.sources) as Source[] }),
        ...(row.output !== null && { output: shown(row.output) }),
      }
    })
  }

  /** The whole output of one step. */
  async function output(run: string, path: string): Promise<unknown> {
    const [row] = await store.sql.all<{ output: string | null }>(
      'SELECT output FROM step_log WHERE run = ? AND path = ?',
      run,
      path,
    )
    return row === undefined ? undefined : whole(row.output)
  }

  function started(
    run: string,
    path: string,
    attempt: number,
    input: unknown,
    sources: Source[],
    now: number,
  ): Statement {
    return put(
      run,
      path,
      'started',
      `attempt = ${Math.floor(attempt)}, started_at = COALESCE(started_at, excluded.started_at), wake_at = NULL`,
      {
        ...{ attempt, startedAt: now, input: JSON.stringify(input) ?? null },
        sources: sources.length === 0 ? null : JSON.stringify(sources),
      },
    )
  }

  function waiting(run: string, path: string, wait: unknown, until: number | undefined, now: number): Statement {
    return put(run, path, 'waiting', 'wake_at = excluded.wake_at', {
      startedAt: now,
      wakeAt: until ?? null,
      input: JSON.stringify(wait),
    })
  }

  /** The end of a step: its output, and the pieces it takes. @throws TASK_OUTPUT_TOO_LONG */
  function ended(
    run: string,
    path: string,
    status: 'ok' | 'skipped' | 'failed',
    result: { output?: unknown; error?: string | undefined; sources?: Source[] | undefined },
    now: number,
  ): Statement[] {
    const { statements, kept } = outputOf(run, path, result.output)
    statements.push(
      put(
        run,
        path,
        status,
        `finished_at = excluded.finished_at, output = excluded.output, error = excluded.error, wake_at = NULL,
        sources = COALESCE(excluded.sources, sources)`,
        {
          ...{
            startedAt: now,
            finishedAt: now,
            output: JSON.stringify(kept),
            error: result.error?.slice(0, 4_096) ?? null,
          },
          sources: result.sources === undefined ? null : JSON.stringify(result.sources),
        },
      ),
    )
    return statements
  }

  /** What the only deed of a run has done, for its row. @throws TASK_OUTPUT_TOO_LONG */
  function only(
    run: string,
    path: string,
    step: { attempt: number; input: unknown; sources: Source[]; output?: unknown; error?: string | undefined },
    [began, ended]: readonly [number, number],
  ): Notes {
    const { attempt, input, sources, output, error } = step
    const { statements, kept } = outputOf(run, path, output)
    const status: StepStatus = error === undefined ? 'ok' : 'failed'
    return {
      deed: [status, attempt, began, ended, input, sources, kept, error?.slice(0, 4_096) ?? null],
      pieces: statements,
    }
  }

  function retry(run: string, path: string, error: string, wakeAt: number): Statement {
    return put(run, path, 'failed', 'error = excluded.error, wake_at = excluded.wake_at', {
      error: error.slice(0, 4_096),
      wakeAt,
    })
  }

  function ambiguous(run: string, path: string): Statement {
    return {
      sql: `UPDATE steps SET status = 'ambiguous' WHERE run = ? AND path = ? AND status = 'started'`,
      params: [run, path],
    }
  }

  async function whole(text: string | null): Promise<unknown> {
    if (text === null) return undefined
    const value = JSON.parse(text) as { $ref?: string } | null
    if (typeof value !== 'object' || value === null || typeof value.$ref !== 'string') return value
    const parts: string[] = []
    for (;;) {
      const rows = await store.sql.all<{ text: string }>(
        'SELECT text FROM pieces WHERE ref = ? AND part >= ? ORDER BY part LIMIT 4',
        value.$ref,
        parts.length,
      )
      parts.push(...rows.map((row) => row.text))
      if (rows.length < 4) return parts.length === 0 ? value : (JSON.parse(parts.join('')) as unknown)
    }
  }
}

/** The step log of a single deed, written together with the end of its run; `pieces` hold what is too long for its row. */
export interface Notes {
  readonly deed: DeedLog
  readonly pieces: readonly Statement[]
}

/** What is kept in the step's row, and the pieces of what is too long for it (J2). */
function outputOf(run: string, path: string, output: unknown): { statements: Statement[]; kept: unknown } {
  const text = JSON.stringify(output ?? null)
  if (text.length > MAX_OUTPUT_CHARS)
    throw new UsageError('TASK_OUTPUT_TOO_LONG', `the output of ${path} has ${text.length} characters`, {
      max: MAX_OUTPUT_CHARS,
      hint: 'Write it to a file, and pass its path.',
    })
  if (text.length <= INLINE_CHARS) return { statements: [], kept: output ?? null }
  const ref = `${run}:${path}`
  const statements: Statement[] = []
  for (let at = 0; at < text.length; at += PIECE_CHARS)
    statements.push({
      sql: 'INSERT OR REPLACE INTO pieces (ref, part, text) VALUES (?, ?, ?)',
      params: [ref, at / PIECE_CHARS, text.slice(at, at + PIECE_CHARS)],
    })
  return { statements, kept: { $ref: ref, chars: text.length } }
}

interface Columns {
  attempt?: number
  startedAt?: number
  finishedAt?: number
  wakeAt?: number | null
  input?: string | null
  sources?: string | null
  output?: string | null
  error?: string | null
}

/** @param update What changes besides the status if the step is there already. */
function put(run: string, path: string, status: StepStatus, update: string, columns: Columns): Statement {
  return {
    sql: `INSERT INTO steps (run, path, seq, status, attempt, started_at, finished_at, wake_at, input, sources, output, error)
          VALUES (?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM steps WHERE run = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (run, path) DO UPDATE SET status = excluded.status, ${update}`,
    params: [
      ...[run, path, run, status, columns.attempt ?? 0, columns.startedAt ?? null, columns.finishedAt ?? null],
      ...[
        columns.wakeAt ?? null,
        columns.input ?? null,
        columns.sources ?? null,
        columns.output ?? null,
        columns.error ?? null,
      ],
    ],
  }
}

function toEntry(row: StepRow): Entry {
  return {
    ...{ path: row.path, status: row.status, attempt: row.attempt },
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
    ...(row.wake_at !== null && { wakeAt: row.wake_at }),
    ...(row.error !== null && { error: row.error }),
  }
}

function shown(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return `${text}…` // cut off
  }
}
