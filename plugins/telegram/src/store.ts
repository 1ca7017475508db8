// plugins/telegram/src/store.ts: what telegram keeps on disk.
//   D1  An update is on disk before Telegram is told that it was taken, and counts once under its id.
//   D2  Its tries are counted before it is worked on: one that costs the process is given up, not tried for ever.
import type { Sql } from './ports.ts'

export interface Link {
  chat: number
  private: boolean
  name: string
  /** Telegram's id of whoever brought the code. */
  user: number
  session: string
  /** `provider/id`; empty for the router's choice. */
  model: string
  /** Version of the session up to which the chat has seen it. */
  seen: number
  paused: boolean
  linkedAt: number
}

export interface Code {
  code: string
  expiresAt: number
  /** Wrong guesses so far. */
  tries: number
}

/** An update that is to be worked on. */
export interface Kept {
  id: number
  body: string
  tries: number
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, body TEXT NOT NULL, tries INTEGER NOT NULL, done INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS updates_open ON updates (id) WHERE done = 0;
CREATE INDEX IF NOT EXISTS updates_at ON updates (at);
CREATE TABLE IF NOT EXISTS links (chat INTEGER PRIMARY KEY, link TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS drafts (chat INTEGER PRIMARY KEY, messages TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS questions (approval TEXT, chat INTEGER, message INTEGER, text TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (approval, chat)) STRICT;
CREATE TABLE IF NOT EXISTS sent (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`
const KEPT_MS = 3 * 86_400_000 // Telegram repeats an update for a day

export type Store = Awaited<ReturnType<typeof openStore>>

export async function openStore(sql: Sql) {
  await sql.exec(SCHEMA, { durable: true })
  return { keep, open, begin, done, offset, forBot, links, putLink, dropLink, code, putCode, fact, ...smaller(sql) }

  /** D1. @param offset The next one to ask Telegram for. */
  async function keep(updates: readonly { id: number; body: string }[], at: number, offset?: number): Promise<void> {
    await sql.batch(
      [
        ...updates.map(({ id, body }) => ({
          sql: 'INSERT OR IGNORE INTO updates (id, body, tries, done, at) VALUES (?, ?, 0, 0, ?)',
          params: [id, body, at],
        })),
        ...(offset === undefined ? [] : [factStatement('offset', offset)]),
        { sql: 'DELETE FROM updates WHERE done = 1 AND at < ?', params: [at - KEPT_MS] },
      ],
      { durable: true },
    )
  }

  function open(): Promise<Kept[]> {
    return sql.all<Kept>('SELECT id, body, tries FROM updates WHERE done = 0 ORDER BY id LIMIT 1000')
  }

  /** D2. @returns Which try this is, from 1. */
  async function begin(id: number): Promise<number> {
    const [row] = await sql.all<{ tries: number }>(
      'UPDATE updates SET tries = tries + 1 WHERE id = ? RETURNING tries',
      id,
    )
    return row?.tries ?? 1
  }

  async function done(id: number): Promise<void> {
    await sql.run("UPDATE updates SET done = 1, body = '' WHERE id = ?", id)
  }

  async function offset(): Promise<number | undefined> {
    return (await fact('offset')) as number | undefined
  }

  /** Ids of updates are a bot's own: with another bot they begin anew. */
  async function forBot(id: number): Promise<void> {
    if ((await fact('bot')) === id) return
    await sql.batch(
      [{ sql: 'DELETE FROM updates' }, { sql: "DELETE FROM facts WHERE name = 'offset'" }, factStatement('bot', id)],
      { durable: true },
    )
  }

  async function links(): Promise<Link[]> {
    const rows = await sql.all<{ link: string }>('SELECT link FROM links ORDER BY chat')
    return rows.map(({ link }) => JSON.parse(link) as Link)
  }

  async function putLink(link: Link): Promise<void> {
    await sql.run('INSERT OR REPLACE INTO links (chat, link) VALUES (?, ?)', link.chat, JSON.stringify(link))
  }

  async function dropLink(chat: number): Promise<boolean> {
    const [dropped] = await sql.batch([
      { sql: 'DELETE FROM links WHERE chat = ?', params: [chat] },
      { sql: 'DELETE FROM drafts WHERE chat = ?', params: [chat] },
    ])
    return (dropped?.changes ?? 0) > 0
  }

  async function code(): Promise<Code | undefined> {
    return (await fact('code')) as Code | undefined
  }

  async function putCode(code: Code | undefined): Promise<void> {
    const { sql: text, params } = factStatement('code', code ?? null)
    await sql.run(text, ...params)
  }

  async function fact(name: string): Promise<unknown> {
    const [row] = await sql.all<{ value: string }>('SELECT value FROM facts WHERE name = ?', name)
    return row === undefined ? undefined : (JSON.parse(row.value) ?? undefined)
  }
}

export interface QuestionRow {
  chat: number
  message: number
  text: string
}

function smaller(sql: Sql) {
  return {
    /** Messages of Telegram that show an answer in the making. */
    async draft(chat: number): Promise<number[]> {
      const [row] = await sql.all<{ messages: string }>('SELECT messages FROM drafts WHERE chat = ?', chat)
      return row === undefined ? [] : (JSON.parse(row.messages) as number[])
    },
    async putDraft(chat: number, messages: readonly number[]): Promise<void> {
      await sql.run('INSERT OR REPLACE INTO drafts (chat, messages) VALUES (?, ?)', chat, JSON.stringify(messages))
    },
    async putQuestion(approval: string, { chat, message, text }: QuestionRow, expires: number): Promise<void> {
      await sql.run('INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?, ?)', approval, chat, message, text, expires)
    },
    questions(approval: string): Promise<QuestionRow[]> {
      return sql.all<QuestionRow>('SELECT chat, message, text FROM questions WHERE approval = ?', approval)
    },
    async dropQuestion(approval: string): Promise<void> {
      await sql.run('DELETE FROM questions WHERE approval = ?', approval)
    },
    stale(now: number): Promise<{ approval: string }[]> {
      return sql.all('SELECT DISTINCT approval FROM questions WHERE expires <= ? LIMIT 100', now)
    },
    /** True the first time. */
    async first(id: string, at: number): Promise<boolean> {
      const [, added] = await sql.batch([
        { sql: 'DELETE FROM sent WHERE at < ?', params: [at - 86_400_000] },
        { sql: 'INSERT OR IGNORE INTO sent (id, at) VALUES (?, ?)', params: [id, at] },
      ])
      return (added?.changes ?? 0) > 0
    },
    async notSent(id: string): Promise<void> {
      await sql.run('DELETE FROM sent WHERE id = ?', id)
    },
  }
}

function factStatement(name: string, value: unknown) {
  return { sql: 'INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)', params: [name, JSON.stringify(value)] }
}
