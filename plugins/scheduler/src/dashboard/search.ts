// plugins/scheduler/src/dashboard/search.ts: the tasks a dashboard asks for: found, sorted, a page of them; and how many there are of each (S14).
//   Q1  A page is found with as little as its filter and order need; only what is on it is read in full.
//   Q2  Tasks of others are neither found nor counted.
import { z } from 'zod'
import { periodOf } from '../money/usage.ts'
import { parsed } from '../reading.ts'
import type { Found, Tally } from '../service.ts'
import type { SqlParam } from '../store/statements.ts'
import type { Store } from '../store/store.ts'
import type { TaskState } from '../task.ts'
import { type OverviewRow, toOverview } from './overview.ts'
import { bringUpToDate } from './sums.ts'

const MAX_PAGE = 200
const MAX_OFFSET = 1_000_000
const MAX_TAGS = 100

export const querySchema = z.strictObject({
  /** In the name, the owner or a tag; capital or small. */
  text: z.string().max(128).optional(),
  tag: z.string().min(1).max(32).optional(),
  /** `running`: a run is at work. `failing`: its last runs failed, or it is broken. */
  state: z.enum(['active', 'paused', 'done', 'broken', 'running', 'failing']).optional(),
  owner: z.string().min(1).max(214).optional(),
  sort: z.enum(['name', 'state', 'next', 'last', 'cost', 'success']).default('name'),
  down: z.boolean().default(false),
  offset: z.number().int().min(0).max(MAX_OFFSET).default(0),
  limit: z.number().int().min(1).max(MAX_PAGE).default(50),
})
export type Query = z.output<typeof querySchema>
export type QueryInput = z.input<typeof querySchema>

/** What a page is put in order by; tasks without a value come last either way. ?1 month, ?2 today. */
const ORDERS: Record<Query['sort'], { key: string; join?: string }> = {
  name: { key: 't.name COLLATE NOCASE' },
  state: { key: 't.state' },
  next: { key: 't.next_due' },
  last: { key: '(SELECT MAX(seq) FROM runs WHERE task = t.id)' },
  cost: { key: 's.cost_usd', join: 'LEFT JOIN spend s ON s.task = t.id AND s.period = ?1' },
  success: {
    key: '1.0 * (IFNULL(p.ok, 0) + IFNULL(d.ok, 0)) / NULLIF(IFNULL(p.ok + p.failed, 0) + IFNULL(d.ok + d.failed, 0), 0)',
    join: 'LEFT JOIN rates p ON p.task = t.id LEFT JOIN daily d ON d.day = ?2 AND d.task = t.id',
  },
}

const STATES: Record<NonNullable<Query['state']>, string> = {
  active: `t.state = 'active'`,
  paused: `t.state = 'paused'`,
  done: `t.state = 'done'`,
  broken: `t.state = 'broken'`,
  running: `t.id IN (SELECT task FROM runs WHERE status = 'running')`,
  failing: `(t.failures > 0 OR t.state = 'broken')`,
}

const HAS_TAG = `instr(t.spec, '"tags"') > 0 AND EXISTS (SELECT 1 FROM json_each(t.spec, '$.tags') WHERE value`

/** @param ids Of the page, as JSON: ?1. ?2 month, ?3 today. */
const PAGE = `SELECT t.id, t.name, t.owner, t.state, t.next_due, t.problem, t.spec ->> '$.action.kind' action,
    t.spec -> '$.trigger' trigger, t.spec -> '$.tags' tags,
    r.id run, r.status, r.occurrence, r.started_at, r.finished_at, substr(r.error, 1, 200) error, r.progress, r.ambiguous,
    s.cost_usd month, s.unpriced, t.failures,
    IFNULL(p.ok, 0) + IFNULL(d.ok, 0) ok, IFNULL(p.failed, 0) + IFNULL(d.failed, 0) failed
  FROM json_each(?1) j CROSS JOIN tasks t ON t.id = j.value
    LEFT JOIN runs r ON r.seq = (SELECT MAX(seq) FROM runs WHERE task = t.id)
    LEFT JOIN spend s ON s.task = t.id AND s.period = ?2
    LEFT JOIN rates p ON p.task = t.id LEFT JOIN daily d ON d.day = ?3 AND d.task = t.id
  ORDER BY j.key`

type PageRow = OverviewRow & { failures: number; ok: number; failed: number }

/** @param owner Undefined: of all. */
export async function searchTasks(
  store: Store,
  owner: string | undefined,
  given: unknown,
  now: number,
  timeZone: string,
): Promise<Found> {
  const query = parsed(querySchema, given ?? {}, 'the query')
  const month = periodOf(now, timeZone, 'month')
  const today = await bringUpToDate(store, now, timeZone)
  const { sql, params } = orderedBy(query, owner, month, today)
  const [first] = await store.sql.all<{ total: number; ids: string }>(sql, ...params)
  const { total, ids } = first ?? { total: 0, ids: '[]' }
  const rows = await store.sql.all<PageRow>(PAGE, ids, month, today)
  return {
    total,
    tasks: rows.map((row) => ({ ...toOverview(row), ok: row.ok, failed: row.failed, failures: row.failures })),
  }
}

/** One row: how many fit, and the ids of the page as JSON. */
function orderedBy(query: Query, owner: string | undefined, month: string, today: string) {
  const { key, join = '' } = ORDERS[query.sort]
  const params: SqlParam[] = [month, today, query.limit, query.offset]
  const mark = (value: SqlParam) => `?${params.push(value)}`
  const wheres = ['?1 IS NOT NULL AND ?2 IS NOT NULL'] // both are bound, whatever the order
  if (owner !== undefined) wheres.push(`t.owner = ${mark(owner)}`) // Q2
  if (query.state !== undefined) wheres.push(STATES[query.state])
  if (query.tag !== undefined) {
    const tag = mark(query.tag)
    wheres.push(`instr(t.spec, json_quote(${tag})) > 0 AND ${HAS_TAG} = ${tag})`) // most are told apart without reading JSON
  }
  if (query.text !== undefined && query.text.trim() !== '') {
    const like = mark(`%${query.text.trim().replace(/[\\%_]/g, '\\$&')}%`)
    const fits = (column: string) => `${column} LIKE ${like} ESCAPE '\\'`
    wheres.push(`(${fits('t.name')} OR ${fits('t.owner')} OR (${HAS_TAG} LIKE ${like} ESCAPE '\\')))`)
  }
  const order = `key IS NULL, key ${query.down ? 'DESC' : 'ASC'}, id`
  return {
    sql: `WITH fits AS MATERIALIZED (SELECT t.id, ${key} key FROM tasks t ${join} WHERE ${wheres.join(' AND ')})
      SELECT (SELECT COUNT(*) FROM fits) total,
        (SELECT json_group_array(id) FROM (SELECT id FROM fits ORDER BY ${order} LIMIT ?3 OFFSET ?4)) ids`,
    params,
  }
}

/** How many tasks there are of each state and tag, and how many runs work and wait. */
export async function tallyTasks(store: Store, owner: string | undefined): Promise<Tally> {
  const own = owner === undefined ? '?1 IS NULL' : 't.owner = ?1'
  const [row] = await store.sql.all<Record<'states' | 'tags', string> & { failing: number } & Record<string, number>>(
    `SELECT (SELECT json_group_object(state, n) FROM (SELECT state, COUNT(*) n FROM tasks t WHERE ${own} GROUP BY state)) states,
       (SELECT COUNT(*) FROM tasks t WHERE ${own} AND ${STATES.failing}) failing,
       (SELECT json_group_array(json_array(tag, n)) FROM (SELECT j.value tag, COUNT(*) n FROM tasks t, json_each(t.spec, '$.tags') j
         WHERE instr(t.spec, '"tags"') > 0 AND ${own} GROUP BY j.value ORDER BY n DESC, tag LIMIT ${MAX_TAGS})) tags,
       (SELECT COUNT(*) FROM runs r JOIN tasks t ON t.id = r.task WHERE r.status = 'running' AND ${own}) running,
       (SELECT COUNT(*) FROM runs r JOIN tasks t ON t.id = r.task WHERE r.status = 'queued' AND ${own}) queued`,
    owner ?? null,
  )
  const { states, tags, failing, running, queued } = row!
  const found = JSON.parse(states) as Partial<Record<TaskState, number>>
  return {
    states: { active: 0, paused: 0, done: 0, broken: 0, ...found },
    total: Object.values(found).reduce((sum, n) => sum + n, 0),
    tags: (JSON.parse(tags) as [string, number][]).map(([tag, tasks]) => ({ tag, tasks })),
    ...{ failing, running: running!, queued: queued! },
  }
}
