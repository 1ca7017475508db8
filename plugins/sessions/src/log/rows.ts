// plugins/sessions/src/log/rows.ts: rows as they lie in the tables, and what they mean.
import type { SessionEvent } from '../events.ts'
import type { Session } from '../service.ts'

export const COLUMNS = 'session, version, at, kind, surface, sender, client, body'

export interface EventRow {
  session: string
  version: number
  at: number
  kind: string
  surface: string
  sender: string
  client: string | null
  body: string
}

export interface SessionRow {
  id: string
  title: string
  version: number
  created_at: number
  updated_at: number
  archived: number
  parent: string | null
  parent_version: number | null
  writer: string | null
  preview: string
}

/** A row was written by the writer alone, which checks bodies first. */
export function toEvent({ session, version, at, kind, surface, sender, client, body }: EventRow): SessionEvent {
  const event = { session, version, at, kind, surface, from: sender, body: JSON.parse(body) }
  return (client === null ? event : { ...event, client }) as SessionEvent
}

export function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    title: row.title || 'New conversation',
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    archived: row.archived === 1,
    preview: row.preview,
    ...(row.parent !== null && { branchOf: { session: row.parent, version: row.parent_version ?? 0 } }),
    ...(row.writer !== null && { run: row.writer }),
  }
}
