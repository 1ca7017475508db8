// plugins/sessions/src/sessions.ts: the service, over the log.
//   S1  A user's word may come from anyone who may use the service; answers, tool calls and runs from agents and the host alone.
//   S2  A cursor never goes back, nor past the end of the log.
import { UsageError } from '@pryx/sdk'
import { type SessionEvent, sessionEvents } from './events.ts'
import { asJson, asMarkdown } from './export.ts'
import { createReader } from './log/reader.ts'
import { migrate } from './log/schema.ts'
import { createWriter, unknownSession } from './log/writer.ts'
import type { Ports } from './ports.ts'
import type { AppendRequest, ExportPage, Page, SendRequest, Session, Sessions } from './service.ts'

const PAGE = 100

export interface Settings {
  agents: readonly string[]
}

export type Provided = Omit<Sessions, 'export'> & {
  exportPage(session: string, format: 'json' | 'markdown', after: number): Promise<ExportPage>
}

export async function openSessions(ports: Ports, settings: Settings): Promise<Provided> {
  const { sql, now, nextId, emit, caller } = ports
  await migrate(sql)
  const read = createReader(sql)
  const write = createWriter(ports)
  return {
    create,
    get: read.session,
    list: (filter = {}) => read.sessions(defined(filter)),
    rename: (id, title) => change(id, 'renamed', 'title = ?', title),
    archive: (id, archived) => change(id, archived ? 'archived' : 'restored', 'archived = ?', archived ? 1 : 0),
    remove,
    send,
    append,
    events: (session, { after = 0, limit = PAGE } = {}) => read.page(session, after, limit),
    async missed(session, surface, limit = PAGE) {
      return read.page(session, await read.cursor(session, surface), limit)
    },
    ack,
    unread: read.unread,
    async typing(session, surface, on) {
      await emit(sessionEvents.typing, { session, surface, on })
    },
    async delta(session, run, text, reset) {
      assertAgent()
      await emit(sessionEvents.delta, { session, run, text, ...(reset && { reset }) })
    },
    search: (query, { session, limit = 20 } = {}) => read.search(query, session, limit),
    branch,
    exportPage,
  }

  async function create({ id = nextId(), title = '' }: { id?: string | undefined; title?: string | undefined } = {}) {
    const known = await read.session(id).catch(() => undefined)
    if (known !== undefined) return known // a look is cheap, a write that is on disk is not
    const at = now()
    const statement = {
      sql: 'INSERT INTO sessions (id, title, created_at, updated_at) VALUES (:id, :title, :at, :at) ON CONFLICT (id) DO NOTHING',
      params: { id, title, at },
    }
    const [result] = await sql.batch([statement], { durable: true })
    if (result?.changes === 1) await told(id, 'created')
    return read.session(id)
  }

  async function change(
    id: string,
    what: 'renamed' | 'archived' | 'restored',
    set: string,
    value: string | number,
  ): Promise<Session> {
    const statement = { sql: `UPDATE sessions SET ${set.replace('?', ':value')} WHERE id = :id`, params: { id, value } }
    const [result] = await sql.batch([statement], { durable: true })
    if (result?.changes !== 1) throw unknownSession(id)
    await told(id, what)
    return read.session(id)
  }

  async function remove(id: string): Promise<void> {
    const params = { id }
    const results = await sql.batch(
      [
        { sql: 'DELETE FROM found WHERE rowid IN (SELECT seq FROM events WHERE session = :id)', params },
        { sql: 'DELETE FROM events WHERE session = :id', params },
        { sql: 'DELETE FROM cursors WHERE session = :id', params },
        { sql: 'DELETE FROM sessions WHERE id = :id', params },
      ],
      { durable: true },
    )
    if (results.at(-1)?.changes !== 1) throw unknownSession(id)
    await told(id, 'removed')
  }

  async function send(session: string, { surface, client, text, origin }: SendRequest) {
    const from = caller()
    const body = { role: 'user' as const, text, ...(origin !== undefined && { origin }) }
    const { events, duplicate } = await write({ session, surface, from, client, entries: [{ kind: 'message', body }] })
    return { event: events[0] as SessionEvent, duplicate }
  }

  async function append(session: string, request: AppendRequest) {
    const from = assertAgent()
    return write({ session, from, ...request })
  }

  /** S1 */
  function assertAgent(): string {
    const from = caller()
    if (from === 'host' || settings.agents.includes(from)) return from
    throw new UsageError(
      'SESSION_REFUSED',
      `${from} may say what a user said, but not write answers, tool calls or runs`,
      {
        hint: 'If it is your agent, name it under `agents` in the configuration of the plugin sessions.',
      },
    )
  }

  /** S2 */
  async function ack(session: string, surface: string, version: number): Promise<number> {
    const { version: newest } = await read.session(session)
    const statement = {
      sql: `INSERT INTO cursors (session, surface, version) VALUES (:session, :surface, :version)
            ON CONFLICT (surface, session) DO UPDATE SET version = MAX(version, excluded.version)`,
      params: { session, surface, version: Math.min(version, newest) },
    }
    await sql.batch([statement])
    return read.cursor(session, surface)
  }

  async function branch(session: string, version: number, title?: string): Promise<Session> {
    const parent = await read.session(session)
    const params = { id: nextId(), session, version: Math.min(version, parent.version) }
    const row = { ...params, title: title || `${parent.title} (branch)`, at: now(), preview: parent.preview }
    await sql.batch(
      [
        {
          sql: `INSERT INTO sessions (id, title, version, created_at, updated_at, parent, parent_version, preview)
                VALUES (:id, :title, :version, :at, :at, :session, :version, :preview)`,
          params: row,
        },
        {
          sql: `INSERT INTO events (session, version, at, kind, surface, sender, client, body)
                SELECT :id, version, at, kind, surface, sender, client, body FROM events WHERE session = :session AND version <= :version`,
          params,
        },
      ],
      { durable: true },
    )
    await told(params.id, 'created')
    return read.session(params.id)
  }

  async function exportPage(id: string, format: 'json' | 'markdown', after: number): Promise<ExportPage> {
    const session = await read.session(id)
    const { events, more }: Page = await read.page(id, after, PAGE)
    const text =
      format === 'json' ? asJson(session, events, after === 0, !more) : asMarkdown(session, events, after === 0)
    const next = events.at(-1)?.version
    return more && next !== undefined ? { text, next } : { text }
  }

  function told(session: string, what: 'created' | 'renamed' | 'archived' | 'restored' | 'removed'): Promise<void> {
    return emit(sessionEvents.changed, { session, what })
  }
}

function defined<T extends object>(partial: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined)) as never
}
