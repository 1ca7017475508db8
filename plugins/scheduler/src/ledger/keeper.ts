// plugins/scheduler/src/ledger/keeper.ts: keeps the ledger: folds rows that are not kept any more into spans, and answers for a window.
//   K1  A row and the span it becomes change in one transaction: at no moment is an occurrence counted twice or not at all.
//   K2  A window is read in one transaction: what is claimed meanwhile is in it whole, or not at all.
//   K3  What is remembered of tasks is bounded: of a million that run once a day each is folded as its turn to be forgotten comes.
import type { Ports } from '../ports.ts'
import { type RunRow, toRun } from '../store/rows.ts'
import { KEPT_RUNS, LONG_DEEDS, OPEN, type Statement } from '../store/statements.ts'
import type { Task, Trigger } from '../task.ts'
import { type Balance, balance, type Epoch, fold, type Span, spansOf } from './ledger.ts'

const MAX_NOTED = 10_000 // tasks
const EVERY_CLAIMS = 20 // of one task between two foldings
const MAX_FOLDED = 200 // rows at once
const MAX_DROPPED = 1_000 // rows at once that stand for no occurrence
/** The oldest rows that are not kept any more, all of them ended. */
const DROPPED = `SELECT seq FROM runs WHERE task = ?1 AND seq <= (SELECT seq FROM runs WHERE task = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT_RUNS})
  AND seq < COALESCE((SELECT MIN(seq) FROM runs WHERE task = ?1 AND ${OPEN}), 9e18) ORDER BY seq LIMIT ${MAX_DROPPED}`
const OLD = `SELECT MAX(seq) until, COUNT(*) n FROM (${DROPPED})`
const SHORT = `seq, id, task, status, source, occurrence, since, count, exact, attempt, recoveries, recovers, start_at, started_at,
  finished_at, deadline, session, epoch, priority, NULL progress, NULL usage, ambiguous, NULL input, NULL result,
  substr(error, 1, 200) error, NULL log`
/** Those of them that the books must remember. */
const OLD_OCCURRENCES = `SELECT ${SHORT} FROM runs WHERE task = ?1 AND count > 0 AND seq <= (SELECT MAX(seq) FROM (${DROPPED})) ORDER BY seq LIMIT ${MAX_FOLDED}`

interface SpanRow {
  id: number
  epoch: number | null
  since: number
  until: number
  count: number
  exact: number
  fate: Span['fate']
  reason: string
}

export type Keeper = ReturnType<typeof createKeeper>

export function createKeeper({ store, clock }: Pick<Ports, 'store' | 'clock'>) {
  const grown = new Map<string, number>() // rows since the last folding, of tasks that have few
  const due = new Map<string, number>() // of tasks whose turn it is
  return { note, tidy, window }

  /** The task has more rows. */
  function note(taskId: string, rows = 1): void {
    const count = (due.get(taskId) ?? grown.get(taskId) ?? 0) + rows
    if (due.has(taskId) || count >= EVERY_CLAIMS) {
      grown.delete(taskId)
      due.set(taskId, count)
    } else grown.set(taskId, count)
    if (grown.size > MAX_NOTED) promoteOldest()
  }

  /** K3 */
  function promoteOldest(): void {
    const [taskId, count] = grown.entries().next().value!
    grown.delete(taskId)
    due.set(taskId, count)
  }

  /**
   * Folds the oldest rows of one task that has grown: one task a turn is enough.
   *
   * @param atLeast By how many rows.
   * @returns Whether there is more to do.
   */
  async function tidy(atLeast = 1): Promise<boolean> {
    for (const [taskId, count] of due) {
      if (count < atLeast) continue
      due.delete(taskId)
      const { statements, rows, more } = await foldings(taskId)
      if (statements.length > 0) await store.commit(statements)
      if (more) note(taskId, Math.max(EVERY_CLAIMS, count - rows))
      return more
    }
    return false
  }

  async function foldings(taskId: string): Promise<{ statements: Statement[]; rows: number; more: boolean }> {
    const found = await store.exchange([
      { sql: OLD, params: [taskId], rows: true },
      { sql: OLD_OCCURRENCES, params: [taskId], rows: true },
      { sql: 'SELECT * FROM spans WHERE task = ? ORDER BY id DESC LIMIT 1', params: [taskId], rows: true },
    ])
    const [[first], old, [last]] = found.map(({ rows = [] }) => rows) as unknown as [
      { until: number | null; n: number }[],
      RunRow[],
      SpanRow[],
    ]
    if (first === undefined || first.until === null) return { statements: [], rows: 0, more: false }
    const whole = old.length < MAX_FOLDED
    const until = whole ? first.until : old.at(-1)!.seq
    return { statements: foldedInto(taskId, old, last, until), rows: first.n, more: !whole || first.n === MAX_DROPPED }
  }

  function foldedInto(taskId: string, old: readonly RunRow[], last: SpanRow | undefined, until: number): Statement[] {
    const folded = fold(
      last && toSpan(last),
      old.flatMap((row) => spansOf(toRun(row))),
    )
    const ofOld = `run IN (SELECT id FROM runs WHERE task = ? AND seq <= ?)`
    return [
      ...(last === undefined ? [] : [{ sql: 'DELETE FROM spans WHERE id = ?', params: [last.id] }]),
      ...folded.map((span) => putSpan(taskId, span)),
      {
        sql: `DELETE FROM pieces WHERE ref IN (SELECT run || ':' || path FROM steps WHERE ${ofOld})`,
        params: [taskId, until],
      },
      { sql: `DELETE FROM pieces WHERE ref IN (${LONG_DEEDS} AND seq <= ?)`, params: [taskId, until] },
      { sql: `DELETE FROM steps WHERE ${ofOld}`, params: [taskId, until] },
      { sql: 'DELETE FROM runs WHERE task = ? AND seq <= ?', params: [taskId, until] }, // K1
    ]
  }

  /** What became of a task's occurrences from `from` to `to`, both included, epoch ms. */
  async function window(task: Task, from: number, to: number): Promise<Balance> {
    const found = await store.sql.batch([
      { sql: 'SELECT state, next_due FROM tasks WHERE id = ?', params: [task.id], rows: true },
      { sql: 'SELECT id, trigger, since, until FROM epochs WHERE task = ? ORDER BY id', params: [task.id], rows: true },
      {
        sql: 'SELECT * FROM spans WHERE task = ? AND until >= ? AND since <= ? ORDER BY id',
        params: [task.id, from, to],
        rows: true,
      },
      {
        sql: `SELECT ${SHORT} FROM runs WHERE task = ? AND count > 0 AND occurrence >= ? AND since <= ? ORDER BY seq`,
        params: [task.id, from, to],
        rows: true,
      },
    ]) // K2
    const now = clock.now()
    const [[current], epochs, spans, rows] = found.map(({ rows = [] }) => rows) as unknown as [
      { state: Task['state']; next_due: number | null }[],
      { id: number; trigger: string; since: number; until: number | null }[],
      SpanRow[],
      RunRow[],
    ]
    const due = current?.state === 'active' ? current.next_due : null
    const pending = due !== null && due <= Math.min(now, to) ? due : undefined
    return balance(
      { from, to, now },
      epochs.map(toEpoch),
      [...spans.map(toSpan), ...rows.flatMap((row) => spansOf(toRun(row)))].filter(
        (span) => span.until >= from && span.since <= to,
      ),
      pending,
      () => clock.breathe(),
    )
  }
}

function toEpoch({
  trigger,
  until,
  ...row
}: {
  id: number
  trigger: string
  since: number
  until: number | null
}): Epoch {
  return { ...row, trigger: JSON.parse(trigger) as Trigger, until: until ?? undefined } // only `openEpoch` writes it
}

function toSpan({ id: _id, epoch, exact, ...row }: SpanRow): Span {
  return { ...row, epoch: epoch ?? undefined, exact: exact === 1 }
}

function putSpan(taskId: string, { epoch, since, until, count, exact, fate, reason }: Span): Statement {
  return {
    sql: 'INSERT INTO spans (task, epoch, since, until, count, exact, fate, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    params: [taskId, epoch ?? null, since, until, count, Number(exact), fate, reason],
  }
}
