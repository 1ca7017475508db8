// plugins/agent/src/runs/store.ts: runs on disk. What was said in them is the sessions' to keep; the log there decides how a run ended.
import { UsageError } from '@pryx/sdk'
import type { Sql } from '../ports.ts'
import type { Run, RunRequest, RunStatus } from '../service.ts'
import { createCommits } from './commits.ts'

const TABLES = `CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, session TEXT NOT NULL, lane TEXT NOT NULL, key TEXT UNIQUE, request TEXT NOT NULL, status TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0, accepted_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, text TEXT, error TEXT, code TEXT,
  usage TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_open ON runs (accepted_at) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS runs_of_session ON runs (session, accepted_at);`

interface Row {
  id: string
  session: string
  lane: string
  key: string | null
  request: string
  status: string
  attempt: number
  accepted_at: number
  started_at: number | null
  ended_at: number | null
  text: string | null
  error: string | null
  code: string | null
  usage: string
}

export interface Kept extends Run {
  request: RunRequest
  /** How often it was begun. */
  attempt: number
}

export type Ending = { status: RunStatus; text?: string; error?: string; code?: string }

export async function openStore(sql: Sql) {
  await sql.exec(TABLES, { durable: true })
  const write = createCommits(sql)
  return {
    /** @returns The run, or the one that has the key already. @throws RUN_KEY_REUSED */
    async accept(run: Kept, key: string | null): Promise<{ run: Kept; fresh: boolean }> {
      const { id, session, lane, request, acceptedAt, usage } = run
      const params = [id, session, lane, key, JSON.stringify(request), acceptedAt, JSON.stringify(usage)]
      const text = `INSERT INTO runs (id, session, lane, key, request, status, accepted_at, usage) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)
        ON CONFLICT (key) DO NOTHING`
      const { changes } = await write({ sql: text, params })
      if (changes === 1) return { run, fresh: true }
      const known = toRun((await sql.all<Row>('SELECT * FROM runs WHERE key = ?', key))[0] as Row)
      if (asked(known.request) === asked(request)) return { run: known, fresh: false }
      throw new UsageError('RUN_KEY_REUSED', `the key ${request.key} already stands for another request`, {
        hint: 'Give each request a key of its own; use one again only to ask the same thing again.',
      })
    },

    async begin(id: string, attempt: number, at: number): Promise<void> {
      const text = `UPDATE runs SET status = 'running', attempt = ?, started_at = COALESCE(started_at, ?) WHERE id = ? AND ended_at IS NULL`
      await write({ sql: text, params: [attempt, at, id] })
    },

    /** Of this attempt alone: a run that another life has taken over is its to end. */
    async end({ id, usage, attempt }: Kept, at: number, { status, text, error, code }: Ending): Promise<void> {
      const params = [status, at, JSON.stringify(usage), text ?? null, error ?? null, code ?? null, id, attempt]
      const update = `UPDATE runs SET status = ?, ended_at = ?, usage = ?, text = ?, error = ?, code = ?
        WHERE id = ? AND attempt = ? AND ended_at IS NULL`
      await write({ sql: update, params })
    },

    /** @throws RUN_UNKNOWN */
    async get(id: string): Promise<Kept> {
      const [row] = await sql.all<Row>('SELECT * FROM runs WHERE id = ?', id)
      if (row !== undefined) return toRun(row)
      throw new UsageError('RUN_UNKNOWN', `there is no run ${id}`, { hint: 'runs() names those there are.' })
    },

    /** Queued and in progress, in the order in which they were accepted; a millisecond may have seen several. */
    async open(): Promise<Kept[]> {
      return (await sql.all<Row>('SELECT * FROM runs WHERE ended_at IS NULL ORDER BY rowid')).map(toRun)
    },

    async list(session: string | undefined, open: boolean, limit: number): Promise<Kept[]> {
      const rows = await sql.all<Row>(
        `SELECT * FROM runs WHERE (? IS NULL OR session = ?) AND (? = 0 OR ended_at IS NULL) ORDER BY accepted_at DESC LIMIT ?`,
        session ?? null,
        session ?? null,
        open ? 1 : 0,
        limit,
      )
      return rows.map(toRun)
    },
  }
}

export type Store = Awaited<ReturnType<typeof openStore>>

function toRun(row: Row): Kept {
  return {
    id: row.id,
    session: row.session,
    lane: row.lane,
    status: row.status as RunStatus,
    acceptedAt: row.accepted_at,
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.text !== null && { text: row.text }),
    ...(row.error !== null && { error: row.error }),
    ...(row.code !== null && { code: row.code }),
    usage: JSON.parse(row.usage),
    request: JSON.parse(row.request),
    attempt: row.attempt,
  }
}

/** As others see it. */
export function publicRun({ request: _, attempt: __, ...run }: Kept): Run {
  return run
}

/** What was asked, for telling whether it is the same. What is left of a budget may have changed when it is asked again. */
function asked({ maxCostUsd: _left, ...request }: RunRequest): string {
  return JSON.stringify(request)
}
