// packages/capabilities/src/storage/database.ts: one plugin's SQLite file, opened with everything shut that its SQL has no business with.
//   D1  A write is acknowledged only after COMMIT. NORMAL survives the death of every process; `durable` also a power cut (fsync).
//   D2  A damaged file is never written over: it is kept aside as storage.db.corrupt-N, and the call that met it says so.
//   D3  What is not a regular file of ours is not opened: no link leads out of the plugin's folder.
//   D4  Moving the write-ahead log into the file is left to quiet moments (`settle`), so no caller waits for it; past LOG_PAGES it happens
//       within a commit, so the log cannot grow for ever. What the log has taken of the disk it keeps, and is written over: an fsync of a
//       file that grows takes twice as long.
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, constants as sqlite } from 'node:sqlite'
import { refusal } from './guard.ts'
import { StorageFailure } from './job.ts'

const PAGE_BYTES = 4_096
const BUSY_MS = 2_000 // an ending predecessor of this process may still hold the file
const CACHE_KIB = 2_048
const LOG_PAGES = 2_000 // 8 MB
const LOG_BYTES = 16 * 1_024 * 1_024 // that a large transaction leaves of it at most
const HEAP_BYTES = 256 * 1_024 * 1_024 // all SQLite memory of this process
const VALUE_BYTES = 64 * 1_024 * 1_024 // one cell
const MEMORY = ':memory:'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS _pryx_kv (key BLOB PRIMARY KEY, version INTEGER NOT NULL, text TEXT NOT NULL, buffers BLOB);
  CREATE TABLE IF NOT EXISTS _pryx_seq (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
  INSERT OR IGNORE INTO _pryx_seq VALUES (1, 0);
`

export interface Database {
  readonly db: DatabaseSync
  readonly file: string
  /** Runs `work` with the guard up: SQL of the plugin. */
  guarded<T>(work: () => T): T
  /** Runs `work`, one statement that is its own transaction. */
  single<T>(durable: boolean, work: () => T): T
  /** Runs `work` in one transaction, which is undone if it throws. */
  transaction<T>(durable: boolean, work: () => T): T
  /** The failure for whatever SQLite threw. */
  explain(error: unknown): StorageFailure
  /** Moves what was committed from the log into the file, as far as nobody is in the way (D4). */
  settle(): void
  close(): void
}

/** Opens or makes `file`. @throws StorageFailure with STORAGE_CORRUPT, having kept the file aside (D2); STORAGE_IO if it cannot be had. */
export function openDatabase(file: string, quotaBytes: number): Database {
  if (!file.startsWith(MEMORY)) prepareFile(file)
  let db: DatabaseSync | undefined
  try {
    db = connect(file)
    configure(db, quotaBytes)
  } catch (error) {
    db?.close()
    const failure = explainError(error, undefined, quotaBytes)
    throw failure.json.code === 'STORAGE_CORRUPT' ? keepAside(file) : failure
  }
  return wrap(db, file, quotaBytes)
}

/** Moves a damaged database and its companions out of the way and answers the failure that tells so (D2). */
export function keepAside(file: string): StorageFailure {
  let n = 1
  while (existsSync(`${file}.corrupt-${n}`)) n++
  const kept = `${file}.corrupt-${n}`
  for (const tail of ['', '-wal', '-shm']) if (existsSync(file + tail)) renameSync(file + tail, kept + tail)
  return new StorageFailure(
    'STORAGE_CORRUPT',
    'the database was damaged; it was kept aside and a fresh one takes its place',
    {
      hint: 'Restore a backup, or try `sqlite3 FILE .recover` on the file that was kept.',
      details: { file: kept },
    },
  )
}

function prepareFile(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const found = lstatSync(file, { throwIfNoEntry: false })
    if (found === undefined)
      closeSync(openSync(file, 'ax', 0o600)) // SQLite gives its companions the same mode
    else if (!found.isFile())
      throw new StorageFailure('STORAGE_IO', 'storage.db is not a regular file', { details: { file } }) // D3
  } catch (error) {
    throw error instanceof StorageFailure ? error : ioFailure(error, file)
  }
}

function connect(file: string): DatabaseSync {
  return new DatabaseSync(file.startsWith(MEMORY) ? MEMORY : file, {
    timeout: BUSY_MS,
    readBigInts: true,
    defensive: true,
    allowExtension: false,
    limits: {
      attach: 0,
      length: VALUE_BYTES,
      sqlLength: 1_048_576,
      exprDepth: 200,
      vdbeOp: 1_000_000,
      variableNumber: 32_766,
    },
  })
}

function configure(db: DatabaseSync, quotaBytes: number): void {
  db.exec(
    `PRAGMA page_size=${PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA hard_heap_limit=${HEAP_BYTES};`,
  )
  db.exec(
    `PRAGMA cache_size=-${CACHE_KIB}; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=${LOG_BYTES};`,
  )
  db.exec(`PRAGMA wal_autocheckpoint=${LOG_PAGES}`)
  db.exec(`PRAGMA max_page_count=${Math.max(16, Math.floor(quotaBytes / PAGE_BYTES))}`)
  db.exec(SCHEMA)
}

function wrap(db: DatabaseSync, file: string, quotaBytes: number): Database {
  let up = false
  let full = false
  let written = false // perhaps: since the log was settled last
  let refused: string | undefined
  db.setAuthorizer((action, first, second) => {
    const reason = up ? refusal(action, first, second) : undefined
    if (reason === undefined) return sqlite.SQLITE_OK
    refused = reason
    return sqlite.SQLITE_DENY
  })
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')]
  return {
    db,
    file,
    guarded(work) {
      up = true
      refused = undefined
      try {
        return work()
      } finally {
        up = false
      }
    },
    single(durable, work) {
      sync(durable)
      return work()
    },
    transaction(durable, work) {
      sync(durable)
      begin.run()
      try {
        const result = work()
        commit.run() // D1
        return result
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    explain(error) {
      const failure = explainError(error, refused, quotaBytes)
      refused = undefined
      return failure
    },
    settle() {
      if (!written) return
      written = false
      db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    },
    close: () => db.close(),
  }

  function sync(durable: boolean): void {
    written = true
    if (durable !== full) db.exec(`PRAGMA synchronous=${durable ? 'FULL' : 'NORMAL'}`)
    full = durable
  }
}

function explainError(error: unknown, refused: string | undefined, quotaBytes: number): StorageFailure {
  if (error instanceof StorageFailure) return error
  const { errcode, message } = error as { errcode?: number; message?: string }
  const text = String(message ?? error)
  if (refused !== undefined) return refusedFailure(refused)
  switch ((errcode ?? 0) & 0xff) {
    case 0:
      return errcode === undefined && error instanceof TypeError ? sqlFailure(text) : ioFailure(error, '')
    case 5:
    case 6:
      return new StorageFailure('STORAGE_BUSY', 'the database is busy', { hint: 'Try again in a moment.' })
    case 7:
    case 18:
      return new StorageFailure('STORAGE_TOO_BIG', `the statement needs more memory than storage has (${text})`, {
        hint: 'Work on fewer rows at a time.',
      })
    case 8:
    case 10:
    case 14:
      return new StorageFailure('STORAGE_IO', `the disk refused: ${text}`, {
        hint: 'Check that the data folder is writable and the disk is healthy.',
      })
    case 11:
    case 26:
      return new StorageFailure('STORAGE_CORRUPT', 'the database is damaged')
    case 13:
      return fullFailure(quotaBytes)
    case 19:
      return new StorageFailure('STORAGE_CONSTRAINT', text, {
        hint: 'A UNIQUE, CHECK, NOT NULL or FOREIGN KEY rule of the table says no.',
      })
    default:
      return sqlFailure(text)
  }
}

function sqlFailure(text: string): StorageFailure {
  return new StorageFailure('STORAGE_SQL', text, { hint: 'Correct the statement or its parameters.' })
}

function refusedFailure(reason: string): StorageFailure {
  return new StorageFailure('STORAGE_REFUSED', `this SQL is not allowed: ${reason}`, {
    hint: 'Keep to tables of your own.',
  })
}

function fullFailure(quotaBytes: number): StorageFailure {
  return new StorageFailure(
    'STORAGE_FULL',
    `the plugin's storage is full, or the disk is (quota ${Math.floor(quotaBytes / 1_048_576)} MiB)`,
    {
      hint: 'Delete what is no longer needed, or raise the quota: in pryx.json, `storageMb` of the plugin.',
      details: { quotaBytes },
    },
  )
}

function ioFailure(error: unknown, file: string): StorageFailure {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new StorageFailure('STORAGE_FULL', 'the disk is full', { hint: 'Free some space.', details: { file } })
  return new StorageFailure('STORAGE_IO', `the database cannot be used: ${message ?? String(error)}`, {
    hint: 'Check that the data folder exists and is writable.',
    details: { file },
  })
}
