// plugins/sessions/src/log/writer.ts: the only way into the log.
//   W1  What is acknowledged is on disk (fsync), with its version; entries of one append stand together, all or none.
//   W2  A client id counts once per session and surface: a second send answers the event of the first.
//   W3  An entry of a run is written only while that run is the session's writer; the check and the write are one statement.
//   W4  Events are told after they are on disk, in the order of their versions.
//   Appends that come while one is on its way to the disk share the next commit, so that many cost few fsyncs.
import { type SqlParam, UsageError } from '@pryx/sdk'
import { type Entry, eventOf, type SessionEvent } from '../events.ts'
import type { Ports, Statement } from '../ports.ts'
import { COLUMNS, type EventRow, toEvent } from './rows.ts'

const MAX_APPENDS = 32 // of one commit

export interface Append {
  session: string
  surface: string
  from: string
  entries: readonly Entry[]
  /** The sender's own id for the first entry (W2). */
  client?: string | undefined
  /** On whose behalf (W3). */
  run?: string | undefined
  /** `take`: the run becomes the session's writer if there is none. `seize`: also if there is one. `leave`: it stops being the writer after this. */
  claim?: 'take' | 'seize' | 'leave' | undefined
}

export interface Appended {
  events: SessionEvent[]
  /** The client id was known: `events` is what the first send wrote. */
  duplicate: boolean
}

interface Waiting {
  append: Append
  batch: string
  done: PromiseWithResolvers<Appended>
}

/** @returns Writes; resolves once on disk. @throws SESSION_UNKNOWN, SESSION_FENCED, SESSION_CLIENT_REUSED */
export function createWriter({ sql, now, nextId, emit }: Pick<Ports, 'sql' | 'now' | 'nextId' | 'emit'>) {
  const waiting: Waiting[] = []
  let busy = false
  return (append: Append): Promise<Appended> => {
    const done = Promise.withResolvers<Appended>()
    waiting.push({ append, batch: nextId(), done })
    if (!busy) void work()
    return done.promise
  }

  async function work(): Promise<void> {
    busy = true
    while (waiting.length > 0) await commit(waiting.splice(0, MAX_APPENDS))
    busy = false
  }

  async function commit(all: Waiting[]): Promise<void> {
    try {
      const at = now()
      const results = await sql.batch(
        all.flatMap((one) => statementsOf(one, at)),
        { durable: true },
      ) // W1
      const rows = results.flatMap(({ rows = [] }) => rows as (EventRow & { batch: string })[])
      for (const one of all) await settle(one, eventsOf(rows.filter(({ batch }) => batch === one.batch)))
    } catch (error) {
      for (const { done } of all) done.reject(error)
    }
  }

  async function settle({ append, done }: Waiting, events: SessionEvent[]): Promise<void> {
    if (events.length === 0) return done.resolve(known(append)) // W2, or refused
    for (const event of events) void emit(eventOf(event.kind) as never, event as never).catch(() => {}) // W4
    done.resolve({ events, duplicate: false })
  }

  /** What the client id stands for already. */
  async function known({ session, surface, run, entries, client }: Append): Promise<Appended> {
    const [first] = entries
    if (first && client !== undefined) {
      const rows = await sql.all<EventRow>(
        `SELECT ${COLUMNS} FROM events WHERE session = ? AND surface = ? AND client = ?`,
        session,
        surface,
        client,
      )
      const event = rows.map(toEvent)[0]
      if (event && event.kind === first.kind && JSON.stringify(event.body) === JSON.stringify(first.body))
        return { events: [event], duplicate: true }
      if (event) throw reused(client, session)
    }
    const [found] = await sql.all<{ writer: string | null }>('SELECT writer FROM sessions WHERE id = ?', session)
    if (found === undefined || run === undefined) throw unknownSession(session) // made since: no run was asked for, so none stood in the way
    throw new UsageError('SESSION_FENCED', `the run ${run} does not write in ${session} any more`, {
      hint: 'It was stopped, or another run took its place. Nothing was written.',
    })
  }
}

function statementsOf({ append, batch }: Waiting, at: number): Statement[] {
  const { session, surface, from, entries, client, run, claim } = append
  const lines = entries.map(({ kind, body }, i) => ({ kind, body: JSON.stringify(body), ...(i === 0 && { client }) }))
  const whose: Record<string, SqlParam> = { session, run: run ?? null }
  const statements: Statement[] = []
  if (claim === 'take' || claim === 'seize') statements.push({ sql: claim === 'take' ? TAKE : SEIZE, params: whose })
  statements.push(
    { sql: INSERT, rows: true, params: { ...whose, surface, sender: from, at, batch, lines: JSON.stringify(lines) } },
    { sql: INDEX, params: { session } },
    { sql: RAISE, params: { session, batch, at } },
  )
  if (claim === 'leave') statements.push({ sql: LEAVE, params: whose })
  return statements
}

const TAKE = 'UPDATE sessions SET writer = :run WHERE id = :session AND (writer IS NULL OR writer = :run)'
const SEIZE = 'UPDATE sessions SET writer = :run WHERE id = :session'
const LEAVE = 'UPDATE sessions SET writer = NULL WHERE id = :session AND writer = :run'
const INSERT = `INSERT INTO events (session, version, at, kind, surface, sender, client, batch, body)
  SELECT s.id, s.version + line.key + 1, :at, line.value ->> 'kind', :surface, :sender, line.value ->> 'client', :batch, line.value ->> 'body'
  FROM sessions s, json_each(:lines) line
  WHERE s.id = :session AND (:run IS NULL OR s.writer = :run)
    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.session = :session AND e.surface = :surface AND e.client = :lines -> 0 ->> 'client' AND e.batch IS NOT :batch)
  ORDER BY line.key
  RETURNING ${COLUMNS}, batch`
const INDEX = `INSERT INTO found (rowid, text) SELECT seq, body ->> 'text' FROM events
  WHERE session = :session AND kind = 'message' AND version > (SELECT version FROM sessions WHERE id = :session)`
const RAISE = `UPDATE sessions SET
    version = (SELECT MAX(version) FROM events WHERE session = :session), updated_at = :at,
    preview = COALESCE((SELECT substr(body ->> 'text', 1, 120) FROM events WHERE batch = :batch AND kind = 'message' ORDER BY seq DESC LIMIT 1), preview),
    title = CASE WHEN title <> '' THEN title ELSE
      COALESCE((SELECT substr(body ->> 'text', 1, 60) FROM events WHERE batch = :batch AND kind = 'message' ORDER BY seq LIMIT 1), '') END
  WHERE id = :session AND EXISTS (SELECT 1 FROM events WHERE batch = :batch)`

/** SQLite promises no order of what it returns. */
function eventsOf(rows: EventRow[]): SessionEvent[] {
  return rows.sort((a, b) => a.version - b.version).map(toEvent)
}

export function unknownSession(session: string): UsageError {
  return new UsageError('SESSION_UNKNOWN', `there is no session ${session}`, {
    hint: 'It may have been removed; list() names those there are.',
  })
}

function reused(client: string, session: string): UsageError {
  return new UsageError('SESSION_CLIENT_REUSED', `${client} already stands for something else in ${session}`, {
    hint: 'Give each thing you send an id of its own; use an id again only to send the same thing again.',
  })
}
