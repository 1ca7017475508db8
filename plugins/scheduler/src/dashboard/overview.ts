// plugins/scheduler/src/dashboard/overview.ts: what a dashboard shows, in few reads (S14).
import { periodOf } from '../money/usage.ts'
import { bounded } from '../reading.ts'
import type { Day, Overview } from '../service.ts'
import type { Store } from '../store/store.ts'
import type { FullSpec, Run, TaskState } from '../task.ts'
import { bringUpToDate } from './sums.ts'

const MAX_TASKS = 200

export interface OverviewRow {
  id: string
  name: string
  owner: string
  state: TaskState
  next_due: number | null
  problem: string | null
  trigger: string
  action: string
  tags: string | null
  run: string | null
  status: Run['status']
  occurrence: number
  started_at: number | null
  finished_at: number | null
  error: string | null
  progress: string | null
  ambiguous: number
  month: number | null
  unpriced: number | null
}

/** @param owner Undefined: of all. */
export async function overview(
  store: Store,
  owner: string | undefined,
  now: number,
  timeZone: string,
  { after = '', limit }: { after?: string; limit?: number } = {},
): Promise<Overview[]> {
  const rows = await store.sql.all<OverviewRow>(
    `SELECT t.id, t.name, t.owner, t.state, t.next_due, t.problem, json_extract(t.spec, '$.trigger') trigger,
       json_extract(t.spec, '$.action.kind') action, json_extract(t.spec, '$.tags') tags,
       r.id run, r.status, r.occurrence, r.started_at, r.finished_at, substr(r.error, 1, 200) error, r.progress, r.ambiguous,
       s.cost_usd month, s.unpriced
     FROM tasks t LEFT JOIN runs r ON r.seq = (SELECT MAX(seq) FROM runs WHERE task = t.id)
       LEFT JOIN spend s ON s.task = t.id AND s.period = ?
     WHERE t.id > ? AND (? IS NULL OR t.owner = ?) ORDER BY t.id LIMIT ?`,
    ...[periodOf(now, timeZone, 'month'), after, owner ?? null, owner ?? null, bounded(limit, MAX_TASKS, MAX_TASKS)],
  )
  return rows.map(toOverview)
}

const OF_ALL = `SELECT day, ok, failed, other, ms, cost_usd cost FROM day_sums WHERE day >= ?1 AND day < ?2
  UNION ALL SELECT day, SUM(ok), SUM(failed), SUM(other), SUM(ms), SUM(cost_usd) FROM daily WHERE day >= ?2 GROUP BY day ORDER BY day`

/** Day by day, each by its key: the rows of one task lie far apart. */
const OF_ONE = `WITH RECURSIVE each(day) AS (SELECT ?1 UNION ALL SELECT date(day, '+1 day') FROM each WHERE day < ?2)
  SELECT d.day, d.ok, d.failed, d.other, d.ms, d.cost_usd cost FROM each CROSS JOIN daily d ON d.day = each.day AND d.task = ?3
  ORDER BY d.day`

/** @param id Undefined: all tasks together. */
export async function daysOf(
  store: Store,
  id: string | undefined,
  days: number,
  now: number,
  timeZone: string,
): Promise<Day[]> {
  const first = periodOf(now - (days - 1) * 86_400_000, timeZone, 'day')
  const today = await bringUpToDate(store, now, timeZone)
  const range = [first, today] as const
  const rows = await (id === undefined
    ? store.sql.all<Omit<Day, 'costUsd'> & { cost: number }>(OF_ALL, ...range)
    : store.sql.all<Omit<Day, 'costUsd'> & { cost: number }>(OF_ONE, ...range, id))
  return rows.map(({ cost, ...row }) => ({ ...row, costUsd: cost }))
}

export function toOverview(row: OverviewRow): Overview {
  const { id, name, owner, state } = row
  return {
    task: {
      ...{ id, name, owner, state, nextDue: row.next_due ?? undefined, problem: row.problem ?? undefined },
      trigger: JSON.parse(row.trigger) as FullSpec['trigger'], // only `putTask` writes it
      tags: row.tags === null ? undefined : (JSON.parse(row.tags) as string[]),
    },
    action: row.action,
    ...(row.run !== null && { lastRun: lastRun(row, row.run) }),
    monthUsd: row.month ?? 0,
    monthUnpriced: row.unpriced ?? 0,
  }
}

function lastRun(row: OverviewRow, id: string): NonNullable<Overview['lastRun']> {
  return {
    ...{ id, status: row.status, occurrence: row.occurrence },
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
    ...(row.error !== null && { error: row.error }),
    ...(row.progress !== null && { progress: JSON.parse(row.progress) }),
    ...(row.ambiguous === 1 && { ambiguous: true }),
  }
}
