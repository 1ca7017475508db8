// plugins/telegram/src/chat/notice-store.ts: notices on disk, a row for each chat.
import type { Sql } from '../ports.ts'

const KEPT_MS = 7 * 86_400_000 // longer than an escalation goes on
const MAX_WAITING = 50
const SCHEMA = `
CREATE TABLE IF NOT EXISTS notices (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, key TEXT NOT NULL, chat INTEGER NOT NULL, text TEXT NOT NULL,
  asks INTEGER NOT NULL, at INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0, message INTEGER, UNIQUE (key, chat)) STRICT;
CREATE INDEX IF NOT EXISTS notices_waiting ON notices (at) WHERE sent = 0;
CREATE INDEX IF NOT EXISTS notices_asking ON notices (id) WHERE asks = 1;
`

export interface NoticeRow {
  seq: number
  chat: number
  text: string
  /** It has a button that ends its escalation. */
  asks: number
}

export type NoticeStore = Awaited<ReturnType<typeof openNoticeStore>>

export async function openNoticeStore(sql: Sql) {
  await sql.exec(SCHEMA, { durable: true })
  return {
    /** Under the same key once. */
    async add(chat: number, row: { id: string; key: string; text: string; asks: boolean; at: number }): Promise<void> {
      await sql.batch(
        [
          { sql: 'DELETE FROM notices WHERE at < ?', params: [row.at - KEPT_MS] },
          {
            sql: 'INSERT OR IGNORE INTO notices (id, key, chat, text, asks, at) VALUES (?, ?, ?, ?, ?, ?)',
            params: [row.id, row.key, chat, row.text, row.asks ? 1 : 0, row.at],
          },
        ],
        { durable: true },
      )
    },
    waiting(since: number): Promise<NoticeRow[]> {
      return sql.all<NoticeRow>(
        'SELECT seq, chat, text, asks FROM notices WHERE sent = 0 AND at >= ? ORDER BY at, seq LIMIT ?',
        since,
        MAX_WAITING,
      )
    },
    async sent(seq: number, message: number | undefined): Promise<void> {
      await sql.run('UPDATE notices SET sent = 1, message = ? WHERE seq = ?', message ?? null, seq)
    },
    async idOf(seq: number): Promise<string | undefined> {
      if (!Number.isSafeInteger(seq)) return undefined
      return (await sql.all<{ id: string }>('SELECT id FROM notices WHERE seq = ?', seq))[0]?.id
    },
    /** Messages of a notice that still have their button. */
    asking(id: string): Promise<{ chat: number; message: number; text: string }[]> {
      return sql.all('SELECT chat, message, text FROM notices WHERE id = ? AND asks = 1 AND message IS NOT NULL', id)
    },
    async answered(id: string): Promise<void> {
      await sql.run('UPDATE notices SET asks = 0 WHERE id = ?', id)
    },
  }
}
