// plugins/scheduler/src/dashboard/live.ts: what works and waits now, and how long such runs usually take (L1 S14).
import { bounded } from '../reading.ts'
import type { LiveRun } from '../service.ts'
import type { Store } from '../store/store.ts'
import type { Run } from '../task.ts'

const MAX_LIVE = 200
const LOOKED_BACK = 10 // good runs

interface Row {
  id: string
  task: string
  name: string
  owner: string
  status: Run['status']
  source: Run['source']
  occurrence: number
  start_at: number
  started_at: number | null
  attempt: number
  progress: string | null
  usage: string | null
  typical: number | null
}

const COLUMNS =
  'r.id, r.task, t.name, t.owner, r.status, r.source, r.occurrence, r.start_at, r.started_at, r.attempt, r.progress, r.usage'
const TYPICAL = `(SELECT AVG(ms) FROM (SELECT finished_at - started_at ms FROM runs WHERE task = r.task AND status = 'ok' AND seq < r.seq
  ORDER BY seq DESC LIMIT ${LOOKED_BACK}))`

/** @param owner Undefined: of all. */
export async function liveRuns(store: Store, owner: string | undefined, limit: number | undefined): Promise<LiveRun[]> {
  const most = bounded(limit, 50, MAX_LIVE)
  const working = await store.sql.all<Row>(
    `SELECT ${COLUMNS}, ${TYPICAL} typical FROM runs r CROSS JOIN tasks t ON t.id = r.task
     WHERE r.status = 'running' AND (?1 IS NULL OR t.owner = ?1) ORDER BY r.started_at LIMIT ?2`,
    ...[owner ?? null, most],
  )
  if (working.length >= most) return working.map(toLive)
  const waiting = await store.sql.all<Row>(
    `SELECT ${COLUMNS}, NULL typical FROM runs r CROSS JOIN tasks t ON t.id = r.task
     WHERE r.status = 'queued' AND (?1 IS NULL OR t.owner = ?1) ORDER BY r.priority DESC, r.start_at, r.seq LIMIT ?2`,
    ...[owner ?? null, most - working.length],
  )
  return [...working, ...waiting].map(toLive)
}

function toLive(row: Row): LiveRun {
  return {
    task: { id: row.task, name: row.name, owner: row.owner },
    run: {
      ...{ id: row.id, taskId: row.task, status: row.status, source: row.source, occurrence: row.occurrence },
      ...{ startAt: row.start_at, attempt: row.attempt },
      ...(row.started_at !== null && { startedAt: row.started_at }),
      ...(row.progress !== null && { progress: JSON.parse(row.progress) }), // only `setProgress` writes them
      ...(row.usage !== null && { usage: JSON.parse(row.usage) }),
    },
    ...(row.typical !== null && { typicalMs: Math.round(row.typical) }),
  }
}
