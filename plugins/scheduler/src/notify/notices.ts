// plugins/scheduler/src/notify/notices.ts: what the user is told, from the moment it is on disk until it was told (S3).
//   N1  A notice is written in the transaction of what it tells of; its id says what it is about, so the same is never told twice.
//   N2  It is told on the bus as `notice.raised`, and marked as told after that: a crash in between tells it again, with the same id.
//   N3  Quiet hours hold back all but errors, until they end; what escalates comes again until somebody acknowledges it.
import { noticeEvents } from '../events.ts'
import type { NoticeRule, Ports, Settings } from '../ports.ts'
import type { Statement } from '../store/statements.ts'
import type { Task } from '../task.ts'

const MAX_AT_ONCE = 50

export type NoticeKind =
  | 'failed'
  | 'succeeded'
  | 'missed'
  | 'late'
  | 'budget'
  | 'ambiguous'
  | 'approval'
  | 'message'
  | 'paused'

export interface Notice {
  /** The same for the same cause. */
  id: string
  kind: NoticeKind
  level: 'info' | 'warning' | 'error'
  title: string
  text: string
  task?: Pick<Task, 'id' | 'tags'> | undefined
  run?: string | undefined
  escalate?: { everyMs: number; times: number } | undefined
}

interface Row {
  id: string
  at: number
  kind: string
  level: Notice['level']
  title: string
  text: string
  task: string | null
  run: string | null
  again_ms: number | null
  again_left: number
  told_at: number | null
  acked_at: number | null
}

export type Notices = ReturnType<typeof createNotices>

export function createNotices(ports: Pick<Ports, 'store' | 'clock' | 'emit' | 'warn'>, settings: Settings) {
  const { store, clock } = ports
  let fresh = false // one was made that is due at once
  return {
    raise,
    deliver,
    list,
    acknowledge,
    wanted,
    get fresh() {
      return fresh
    },
  }

  /** Whether a rule wants notices of this kind for the task. */
  function wanted(kind: NoticeKind, task: Pick<Task, 'id' | 'tags'>): boolean {
    const rules = settings.notices.length > 0 ? settings.notices : [{}]
    return rules.some((rule) => wants(rule, { kind, task }))
  }

  /** The notice as a statement of the transaction it belongs to (N1); none if no rule wants it. */
  function raise(notice: Notice): Statement[] {
    const now = clock.now()
    const dueAt = dueAtOf(notice, settings, now)
    if (dueAt === undefined) return []
    fresh = true
    const { id, kind, level, title, text, task, run, escalate } = notice
    return [
      {
        sql: `INSERT OR IGNORE INTO notices (id, at, kind, level, title, text, task, run, due_at, again_ms, again_left)
              VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        params: [
          ...[id, now, kind, level, title.slice(0, 200), text.slice(0, 4_096), task?.id ?? null, run ?? null, dueAt],
          ...[escalate?.everyMs ?? null, escalate?.times ?? 0],
        ],
      },
    ]
  }

  /** Tells what is due (N2). @returns Whether there was any. */
  async function deliver(now: number): Promise<boolean> {
    fresh = false
    const rows = await store.sql.all<Row>(
      'SELECT * FROM notices WHERE due_at <= ? ORDER BY due_at LIMIT ?',
      now,
      MAX_AT_ONCE,
    )
    if (rows.length === 0) return false
    const told: Statement[] = []
    for (const row of rows) {
      const again = row.again_ms !== null && row.again_left > 0
      await ports.emit(noticeEvents.raised, {
        ...publicNotice(row),
        escalates: again,
        left: again ? row.again_left : 0,
      })
      told.push({
        sql: 'UPDATE notices SET told_at = ?, due_at = ?, again_left = MAX(0, again_left - 1) WHERE id = ?',
        params: [now, again ? now + (row.again_ms as number) : null, row.id],
      })
    }
    told.push({ sql: 'DELETE FROM notices WHERE due_at IS NULL AND seq <= (SELECT MAX(seq) FROM notices) - 1000' })
    await store.commit(told)
    return true
  }

  /** Newest first. */
  async function list(limit: number) {
    const rows = await store.sql.all<Row & { acked_by: string | null }>(
      'SELECT * FROM notices ORDER BY seq DESC LIMIT ?',
      limit,
    )
    return rows.map((row) => ({
      ...publicNotice(row),
      escalates: row.again_left > 0 && row.acked_at === null,
      ...(row.told_at !== null && { toldAt: row.told_at }),
      ...(row.acked_at !== null && { acknowledgedAt: row.acked_at, acknowledgedBy: row.acked_by ?? '' }),
    }))
  }

  /** @returns False if it was acknowledged already, or is not there. */
  async function acknowledge(id: string, by: string): Promise<boolean> {
    const [changed] = await store.commit([
      {
        sql: 'UPDATE notices SET acked_at = ?, acked_by = ?, due_at = NULL, again_left = 0 WHERE id = ? AND acked_at IS NULL',
        params: [clock.now(), by, id],
      },
    ])
    return changed === 1
  }
}

function publicNotice({ id, at, kind, level, title, text, task, run }: Row) {
  return { id, at, kind, level, title, text, ...(task !== null && { task }), ...(run !== null && { run }) }
}

/** When it shall be told; undefined: never. Without rules everything but successes is told at once. */
function dueAtOf(notice: Notice, { notices, timeZone }: Settings, now: number): number | undefined {
  const rules = notices.length > 0 ? notices : [{}]
  const rule = rules.find((rule) => wants(rule, notice))
  if (rule === undefined) return undefined
  return rule.quiet === undefined || notice.level === 'error' ? now : afterQuiet(rule.quiet, timeZone, now) // N3
}

function wants({ kinds, tag }: NoticeRule, { kind, task }: Pick<Notice, 'kind' | 'task'>): boolean {
  const kindFits = kinds === undefined ? kind !== 'succeeded' : kinds.includes(kind)
  return kindFits && (tag === undefined || (task?.tags ?? []).includes(tag))
}

/** `now`, or the end of the quiet hours it lies in. */
export function afterQuiet([from, to]: readonly [string, string], timeZone: string, now: number): number {
  const minutes = minuteOfDay(now, timeZone)
  const [start, end] = [minutesOf(from), minutesOf(to)]
  const inside = start <= end ? minutes >= start && minutes < end : minutes >= start || minutes < end
  if (!inside) return now
  const rest = (end - minutes + 1_440) % 1_440
  return now + rest * 60_000 - (now % 60_000)
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return hours * 60 + minutes
}

function minuteOfDay(at: number, timeZone: string): number {
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at)
  return minutesOf(text)
}
