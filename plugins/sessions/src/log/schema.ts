// plugins/sessions/src/log/schema.ts: the tables.
//   T1  `events` is only ever added to, but for a session the user removes as a whole.
//   T2  `sessions.version` is the highest version of its events; both change in one transaction.
import { UsageError } from '@pryx/sdk'
import type { Sql } from '../ports.ts'

const VERSION = 1

const TABLES = `
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0, parent TEXT, parent_version INTEGER, writer TEXT, preview TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX sessions_newest ON sessions (archived, updated_at DESC, id);
CREATE INDEX sessions_written ON sessions (writer) WHERE writer IS NOT NULL;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
  surface TEXT NOT NULL, sender TEXT NOT NULL, client TEXT, batch TEXT, body TEXT NOT NULL, UNIQUE (session, version)
) STRICT;
CREATE UNIQUE INDEX events_of_client ON events (session, surface, client) WHERE client IS NOT NULL;
CREATE INDEX events_of_batch ON events (batch) WHERE batch IS NOT NULL;
CREATE TABLE cursors (session TEXT NOT NULL, surface TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (surface, session)) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE found USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
`

/** Brings the tables up to date. @throws SESSION_STORE_NEWER if a newer version has written them. */
export async function migrate(sql: Sql): Promise<void> {
  await sql.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID', {
    durable: true,
  })
  const [row] = await sql.all<{ value: number }>(`SELECT value FROM meta WHERE key = 'version'`)
  if (row === undefined)
    return sql.exec(`${TABLES}; INSERT INTO meta VALUES ('version', ${VERSION})`, { durable: true })
  if (row.value > VERSION)
    throw new UsageError(
      'SESSION_STORE_NEWER',
      `the sessions were written by a newer version (tables ${row.value}, this one knows ${VERSION})`,
      {
        hint: 'Update the plugin sessions, or restore the data folder that belongs to this version.',
      },
    )
}
