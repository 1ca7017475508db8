// plugins/sessions/src/log/reader.ts: what is read from the log. Pages are cut so that each fits one message on the wire.
import type { SessionEvent } from '../events.ts'
import type { Sql } from '../ports.ts'
import type { Found, Page, Session } from '../service.ts'
import { COLUMNS, type EventRow, type SessionRow, toEvent, toSession } from './rows.ts'
import { unknownSession } from './writer.ts'

const MAX_PAGE_CHARS = 200_000 // of bodies; one event may be longer and then comes alone
const SESSION = 'id, title, version, created_at, updated_at, archived, parent, parent_version, writer, preview'

export type Reader = ReturnType<typeof createReader>

export function createReader(sql: Sql) {
  return {
    /** @throws SESSION_UNKNOWN */
    async session(id: string): Promise<Session> {
      const [row] = await sql.all<SessionRow>(`SELECT ${SESSION} FROM sessions WHERE id = ?`, id)
      if (row === undefined) throw unknownSession(id)
      return toSession(row)
    },

    async sessions({ limit = 50, before = Number.MAX_SAFE_INTEGER, archived = false }): Promise<Session[]> {
      const rows = await sql.all<SessionRow>(
        `SELECT ${SESSION} FROM sessions WHERE archived = ? AND updated_at < ? ORDER BY updated_at DESC, id LIMIT ?`,
        archived ? 1 : 0,
        before,
        limit,
      )
      return rows.map(toSession)
    },

    async page(session: string, after: number, limit: number): Promise<Page> {
      // One statement, so that the page and the end of the log are of the same moment; a session without events there is one row of nulls.
      const rows = await sql.all<EventRow & { newest: number }>(
        `SELECT ${COLUMNS}, newest FROM (SELECT version newest FROM sessions WHERE id = ?) LEFT JOIN (
           SELECT *, SUM(length(body)) OVER (ORDER BY version) - length(body) so_far
           FROM (SELECT * FROM events WHERE session = ? AND version > ? ORDER BY version LIMIT ?)
         ) ON so_far + length(body) <= ${MAX_PAGE_CHARS} OR so_far = 0 ORDER BY version`,
        session,
        session,
        after,
        limit,
      )
      const [first] = rows
      if (first === undefined) throw unknownSession(session)
      const events: SessionEvent[] = first.version === null ? [] : rows.map(toEvent)
      return { events, more: (events.at(-1)?.version ?? after) < first.newest }
    },

    async cursor(session: string, surface: string): Promise<number> {
      const [row] = await sql.all<{ version: number }>(
        'SELECT version FROM cursors WHERE surface = ? AND session = ?',
        surface,
        session,
      )
      return row?.version ?? 0
    },

    unread: (surface: string) =>
      sql.all<{ session: string; version: number; seen: number }>(
        `SELECT s.id session, s.version, COALESCE(c.version, 0) seen FROM sessions s
         LEFT JOIN cursors c ON c.session = s.id AND c.surface = ?
         WHERE s.archived = 0 AND s.version > COALESCE(c.version, 0) ORDER BY s.updated_at DESC LIMIT 200`,
        surface,
      ),

    async search(query: string, session: string | undefined, limit: number): Promise<Found[]> {
      const match = matchOf(query)
      if (match === '') return []
      return sql.all<Found>(
        `SELECT e.session, s.title, e.version, e.at, e.body ->> 'role' role, snippet(found, 0, '«', '»', '…', 24) snippet
         FROM found JOIN events e ON e.seq = found.rowid JOIN sessions s ON s.id = e.session
         WHERE found MATCH ? AND (? IS NULL OR e.session = ?) ORDER BY rank LIMIT ?`,
        match,
        session ?? null,
        session ?? null,
        limit,
      )
    },
  }
}

/** Words alone: what FTS5 would read as its own language is quoted. The last word may be unfinished. */
export function matchOf(query: string): string {
  const words = query.match(/[\p{L}\p{N}]+/gu) ?? []
  return words.map((word) => `"${word}"`).join(' ') + (words.length > 0 ? '*' : '')
}
