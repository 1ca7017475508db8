// plugins/router/src/money/ledger.ts: every call, with what it cost (R7), in SQLite.
//   L1  A call is written before it is made, with the most it may cost, and corrected when it ends: a crash in between loses nothing.
//   L2  An unknown price is null: it is counted, never summed as 0.
import type { CallRecord } from '../events.ts'
import type { Sql } from '../ports.ts'
import type { UsageFilter, UsageRow } from '../service.ts'
import type { Calendar } from './calendar.ts'

const LOST_MS = 3_600_000 // a call of another instance that has not ended by then never will
const MAX_ROWS = 1_000

const SCHEMA = `
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, day TEXT NOT NULL, month TEXT NOT NULL, decision TEXT NOT NULL,
  model TEXT NOT NULL, provider TEXT NOT NULL, plugin TEXT NOT NULL, session TEXT, task TEXT,
  input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, reasoning INTEGER NOT NULL,
  reported INTEGER NOT NULL, usd REAL, first_ms INTEGER, ms INTEGER NOT NULL, outcome TEXT NOT NULL, code TEXT, boot TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS calls_day ON calls (day);
CREATE INDEX IF NOT EXISTS calls_month ON calls (month);
CREATE INDEX IF NOT EXISTS calls_session ON calls (session) WHERE session IS NOT NULL;
CREATE INDEX IF NOT EXISTS calls_task ON calls (task) WHERE task IS NOT NULL;
CREATE INDEX IF NOT EXISTS calls_at ON calls (at);
CREATE INDEX IF NOT EXISTS calls_running ON calls (boot) WHERE outcome = 'running';
CREATE TABLE IF NOT EXISTS alerts (budget TEXT, period TEXT, percent INTEGER, at INTEGER, PRIMARY KEY (budget, period, percent)) STRICT;
CREATE TABLE IF NOT EXISTS extras (budget TEXT, period TEXT, usd REAL NOT NULL, PRIMARY KEY (budget, period)) STRICT;
CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, at INTEGER NOT NULL, inputs TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at);
`

/** A column of `calls` that a budget is counted by. */
export type PeriodColumn = 'day' | 'month' | 'session' | 'task'

export interface Spent {
  usd: number
  reservedUsd: number
  unpriced: number
}

export interface Ledger {
  /** Makes the tables, and closes calls that an earlier life left open: what they reserved counts as spent. */
  open(): Promise<void>
  begin(call: CallRecord): Promise<void>
  end(call: CallRecord): Promise<void>
  spent(column: PeriodColumn, period: string): Promise<Spent>
  usage(filter: UsageFilter, since: number): Promise<UsageRow[]>
  calls(filter: {
    session?: string | undefined
    task?: string | undefined
    limit?: number | undefined
  }): Promise<CallRecord[]>
}

/** @param boot Names this life of the router. @param adopted The life that hands over to it: its calls may still end. */
export function createLedger(sql: Sql, calendar: Calendar, boot: string, adopted: string | undefined): Ledger {
  return { open, begin, end, spent, usage, calls }

  async function open(): Promise<void> {
    await sql.exec(SCHEMA)
    await sql.run(
      `UPDATE calls SET outcome = 'failed', code = 'MODELS_LOST' WHERE outcome = 'running' AND boot <> ? AND (boot <> ? OR at < ?)`,
      boot,
      adopted ?? '',
      Date.now() - LOST_MS,
    )
  }

  async function begin(call: CallRecord): Promise<void> {
    await sql.run(
      `INSERT INTO calls (id, at, day, month, decision, model, provider, plugin, session, task, input, output, cache_read, cache_write, reasoning,
        reported, usd, first_ms, ms, outcome, code, boot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, NULL, 0, 'running', NULL, ?)`,
      call.id,
      call.at,
      calendar.day(call.at),
      calendar.month(call.at),
      call.decision,
      call.model,
      call.provider,
      call.from,
      call.session ?? null,
      call.task ?? null,
      call.inputTokens,
      call.outputTokens,
      call.usd,
      boot,
    )
  }

  async function end(call: CallRecord): Promise<void> {
    await sql.run(
      `UPDATE calls SET input = ?, output = ?, cache_read = ?, cache_write = ?, reasoning = ?, reported = ?, usd = ?, first_ms = ?, ms = ?,
        outcome = ?, code = ? WHERE id = ?`,
      call.inputTokens,
      call.outputTokens,
      call.cacheReadTokens,
      call.cacheWriteTokens,
      call.reasoningTokens,
      call.reported,
      call.usd,
      call.firstMs,
      call.ms,
      call.outcome,
      call.code ?? null,
      call.id,
    )
  }

  async function spent(column: PeriodColumn, period: string): Promise<Spent> {
    const [row] = await sql.all<{ usd: number | null; reserved: number | null; unpriced: number }>(
      `SELECT sum(CASE WHEN outcome <> 'running' THEN usd END) AS usd, sum(CASE WHEN outcome = 'running' THEN usd END) AS reserved,
        count(*) - count(usd) AS unpriced FROM calls WHERE ${column} = ?`,
      period,
    )
    return { usd: row?.usd ?? 0, reservedUsd: row?.reserved ?? 0, unpriced: row?.unpriced ?? 0 }
  }

  async function usage(filter: UsageFilter, since: number): Promise<UsageRow[]> {
    const { where, params } = conditions({ session: filter.session, task: filter.task, model: filter.model })
    const key = filter.by ?? `'all'`
    const rows = await sql.all<{
      key: string | null
      calls: number
      input: number
      output: number
      usd: number | null
      unpriced: number
    }>(
      `SELECT ${key} AS key, count(*) AS calls, sum(input) AS input, sum(output) AS output, sum(usd) AS usd, count(*) - count(usd) AS unpriced
        FROM calls WHERE at >= ? AND at < ?${where} GROUP BY 1 ORDER BY usd DESC, 1 LIMIT ${MAX_ROWS}`,
      since,
      filter.until ?? Number.MAX_SAFE_INTEGER,
      ...params,
    )
    return rows.map(({ key, calls, input, output, usd, unpriced }) => ({
      key: key ?? '',
      calls,
      inputTokens: input,
      outputTokens: output,
      usd: usd ?? 0,
      unpriced,
    }))
  }

  async function calls(filter: {
    session?: string | undefined
    task?: string | undefined
    limit?: number | undefined
  }): Promise<CallRecord[]> {
    const { where, params } = conditions({ session: filter.session, task: filter.task })
    const rows = await sql.all<CallRow>(
      `SELECT * FROM calls WHERE outcome <> 'running'${where} ORDER BY at DESC, rowid DESC LIMIT ?`,
      ...params,
      filter.limit ?? 50,
    )
    return rows.map(recordOf)
  }
}

interface CallRow {
  id: string
  at: number
  decision: string
  model: string
  provider: string
  plugin: string
  session: string | null
  task: string | null
  input: number
  output: number
  cache_read: number
  cache_write: number
  reasoning: number
  reported: number
  usd: number | null
  first_ms: number | null
  ms: number
  outcome: CallRecord['outcome']
  code: string | null
}

function recordOf(row: CallRow): CallRecord {
  return {
    id: row.id,
    decision: row.decision,
    at: row.at,
    model: row.model,
    provider: row.provider,
    from: row.plugin,
    ...(row.session !== null && { session: row.session }),
    ...(row.task !== null && { task: row.task }),
    inputTokens: row.input,
    outputTokens: row.output,
    cacheReadTokens: row.cache_read,
    cacheWriteTokens: row.cache_write,
    reasoningTokens: row.reasoning,
    reported: row.reported === 1,
    usd: row.usd,
    firstMs: row.first_ms,
    ms: row.ms,
    outcome: row.outcome,
    ...(row.code !== null && { code: row.code }),
  }
}

function conditions(filter: Record<string, string | undefined>): { where: string; params: string[] } {
  const set = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { where: set.map(([column]) => ` AND ${column} = ?`).join(''), params: set.map(([, value]) => value) }
}
