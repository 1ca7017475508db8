// plugins/scheduler/src/transfer/csv.ts: the history of a task as a table for other programs (S2), RFC 4180. Pure.
import type { Run } from '../task.ts'

const COLUMNS = [
  ...['run', 'status', 'source', 'due', 'occurrences', 'attempts', 'started', 'finished', 'seconds'],
  ...['input_tokens', 'output_tokens', 'cost_usd', 'calls_of_unknown_price', 'ambiguous', 'error', 'result'],
]

/** Times in ISO 8601, UTC. A cell that a spreadsheet would take for a formula is quoted with an apostrophe before it. */
export function historyCsv(runs: readonly Run[]): string {
  return [COLUMNS, ...runs.map(cells)].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cells(run: Run): unknown[] {
  const { startedAt, finishedAt, usage } = run
  const seconds = startedAt !== undefined && finishedAt !== undefined ? (finishedAt - startedAt) / 1_000 : undefined
  return [
    ...[
      run.id,
      run.status,
      run.source,
      iso(run.occurrence),
      run.count,
      run.attempt,
      iso(startedAt),
      iso(finishedAt),
      seconds,
    ],
    ...[usage?.inputTokens, usage?.outputTokens, usage?.costUsd, usage?.unpriced, run.ambiguous, run.error, run.result],
  ]
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}
