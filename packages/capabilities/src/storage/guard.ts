// packages/capabilities/src/storage/guard.ts: what a plugin's SQL may do, asked by SQLite as it compiles each statement (K4 N4).
//   G1  Nothing reaches another file: no ATTACH (VACUUM needs it too), no extension, no temporary tables.
//   G2  The key-value tables belong to the driver: SQL neither reads nor writes them.
//   G3  Settings belong to the driver: only PRAGMAs that read the shape of the plugin's own tables, and `user_version`.
//   G4  Transactions belong to the driver: one call, one transaction.
import { constants as sqlite } from 'node:sqlite'

/** Tables of the driver itself begin with this. */
export const OWN_PREFIX = '_pryx'

const PRAGMAS = new Set([
  'data_version', // full-text search asks for it
  'foreign_key_check',
  'foreign_key_list',
  'index_info',
  'index_list',
  'index_xinfo',
  'page_count',
  'quick_check',
  'table_info',
  'table_list',
  'table_xinfo',
  'user_version',
])
const MODULES = new Set(['fts5', 'fts5vocab', 'rtree', 'rtree_i32', 'geopoly', 'json_each', 'json_tree'])
const FUNCTIONS = new Set(['load_extension', 'fts3_tokenizer', 'readfile', 'writefile', 'edit'])

const REFUSED = new Map<number, string>([
  [sqlite.SQLITE_ATTACH, 'ATTACH and VACUUM reach other files'],
  [sqlite.SQLITE_DETACH, 'DETACH is not available'],
  [sqlite.SQLITE_TRANSACTION, 'transactions are opened by sql.batch and sql.exec themselves'],
  [sqlite.SQLITE_SAVEPOINT, 'savepoints are not available; a batch is atomic as it is'],
  [sqlite.SQLITE_CREATE_TEMP_INDEX, 'temporary objects are not available'],
  [sqlite.SQLITE_CREATE_TEMP_TABLE, 'temporary objects are not available'],
  [sqlite.SQLITE_CREATE_TEMP_TRIGGER, 'temporary objects are not available'],
  [sqlite.SQLITE_CREATE_TEMP_VIEW, 'temporary objects are not available'],
])

/** Why SQLite must not do `action`, or undefined if it may. `first` and `second` mean what `sqlite3_set_authorizer` says they do. */
export function refusal(action: number, first: string | null, second: string | null): string | undefined {
  const always = REFUSED.get(action)
  if (always !== undefined) return always // G1 G4
  if (action === sqlite.SQLITE_PRAGMA) return PRAGMAS.has(lower(first)) ? undefined : `PRAGMA ${first} is not available` // G3
  if (action === sqlite.SQLITE_FUNCTION)
    return FUNCTIONS.has(lower(second)) ? `${second}() is not available` : undefined
  if (action === sqlite.SQLITE_CREATE_VTABLE && !MODULES.has(lower(second)))
    return `the module ${second} is not available`
  if (isOwn(first) || isOwn(second)) return `names that begin with ${OWN_PREFIX} belong to the key-value store` // G2
  return undefined
}

function isOwn(name: string | null): boolean {
  return lower(name).startsWith(OWN_PREFIX)
}

function lower(text: string | null): string {
  return (text ?? '').toLowerCase()
}
