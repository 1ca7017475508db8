// packages/sdk/src/capabilities/storage.ts: the token and face of storage: a key-value store and a SQL database, private to the plugin. Needs `storage`.
//   A write that was acknowledged outlives the death of any process. With `durable` it outlives a power cut too, for some milliseconds more.
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

const PAGE = 1_000

export interface WriteOptions {
  /** Waits until the disk itself has it (fsync). For what must not be lost: tasks, outboxes. Default false. */
  durable?: boolean
}

export interface ListOptions {
  prefix?: string
  /** First key, included. */
  start?: string
  /** Where to stop, itself left out. */
  end?: string
  /** Default 1,000, at most 10,000. */
  limit?: number
  reverse?: boolean
}

export interface Entry<T = unknown> {
  key: string
  value: T
  /** Grows with every write of the database; never given twice. */
  version: number
}

export type StorageOp =
  | { op: 'set'; key: string; value: unknown }
  | { op: 'delete'; key: string }
  /** Refuses the whole batch unless the key has this version; without one, unless the key does not exist. */
  | { op: 'check'; key: string; version?: number }

/** Booleans are stored as 0 and 1. Integers beyond 2^53 come back as bigint. */
export type SqlParam = null | boolean | number | bigint | string | Uint8Array
export type SqlParams = SqlParam[] | [Record<string, SqlParam>]

export interface SqlRunResult {
  changes: number
  lastInsertRowid: number | bigint
}

export interface SqlStatement {
  sql: string
  params?: SqlParam[] | Record<string, SqlParam>
  /** Answer the rows it reads, or returns by RETURNING. */
  rows?: boolean
}

/**
 * Keys: 1 byte to 1 KiB of UTF-8. Values: anything cloneable (dates, bytes, maps too), at most 1 MiB as stored.
 *
 * @throws STORAGE_FULL past the quota or on a full disk; STORAGE_VALUE_TOO_BIG; STORAGE_CORRUPT once, if the file was damaged and a fresh
 *   one took its place; STORAGE_LOST if the storage process died and the outcome is unknown.
 */
export interface Storage {
  get<T = unknown>(key: string): Promise<T | undefined>
  /** The value with its version, for `cas` and checks. */
  entry<T = unknown>(key: string): Promise<Entry<T> | undefined>
  /** @returns The new version. */
  set(key: string, value: unknown, options?: WriteOptions): Promise<number>
  /** @returns Whether it was there. */
  delete(key: string, options?: WriteOptions): Promise<boolean>
  /**
   * Sets the key if it still has the version `expected`, undefined for "does not exist". One of many rivals wins.
   *
   * @returns `ok` and the version the key has now.
   */
  cas(
    key: string,
    expected: number | undefined,
    value: unknown,
    options?: WriteOptions,
  ): Promise<{ ok: boolean; version: number | undefined }>
  /** Entries in order of the keys' bytes. */
  list<T = unknown>(options?: ListOptions): Promise<Entry<T>[]>
  /** At most 1,000 operations, all or none. @throws STORAGE_CONFLICT if a check does not hold. */
  batch(ops: StorageOp[], options?: WriteOptions): Promise<void>
  /**
   * SQLite, with full-text search. Tables live beside the key-value ones, which SQL cannot touch. Each call is one transaction.
   *
   * @throws STORAGE_TIMEOUT past 5 s; STORAGE_TOO_MANY_ROWS past 10,000 rows or 8 MiB; STORAGE_CONSTRAINT; STORAGE_REFUSED for what
   *   leaves the plugin's database (ATTACH, most PRAGMAs); STORAGE_SQL for a statement that is wrong.
   */
  readonly sql: {
    /** Rows of one statement. Parameters by position, or one object by name: `all('… WHERE id = :id', { id })`. */
    all<T = Record<string, unknown>>(sql: string, ...params: SqlParams): Promise<T[]>
    run(sql: string, ...params: SqlParams): Promise<SqlRunResult>
    /** A script of several statements without parameters, such as a schema. */
    exec(script: string, options?: WriteOptions): Promise<void>
    /**
     * Up to 1,000 statements as one transaction: all or none. Those with `rows` also read, so that one round trip can change, look and
     * change again; their `changes` is the number of rows.
     */
    batch(
      statements: SqlStatement[],
      options?: WriteOptions,
    ): Promise<(SqlRunResult & { rows?: Record<string, unknown>[] })[]>
  }
}

export const Storage = defineService<Storage>('storage', '1.0.0', { face: storageFace })

/** Dresses the bare caller; exported for tests that hold one. */
export function storageFace(call: ServiceCaller): Storage {
  return {
    get: (key) => call('get', [key]) as Promise<never>,
    entry: (key) => call('entry', [key]) as Promise<never>,
    set: (key, value, options) => call('set', [key, value, options]) as Promise<number>,
    delete: (key, options) => call('delete', [key, options]) as Promise<boolean>,
    cas: (key, expected, value, options) => call('cas', [key, expected, value, options]) as Promise<never>,
    list: (options) => listAll(call, options) as Promise<never>,
    batch: async (ops, options) => void (await call('batch', [ops, options])),
    sql: {
      all: (sql, ...params) => call('sqlAll', [sql, wireParams(params)]) as Promise<never>,
      run: (sql, ...params) => call('sqlRun', [sql, wireParams(params)]) as Promise<SqlRunResult>,
      exec: async (script, options) => void (await call('sqlExec', [script, options])),
      batch: (statements, options) => call('sqlBatch', [statements, options]) as Promise<SqlRunResult[]>,
    },
  }
}

/** The driver cuts a list where a message would grow too long; this goes on until `limit`. */
async function listAll(call: ServiceCaller, options: ListOptions = {}): Promise<Entry[]> {
  const { limit = PAGE, ...range } = options
  const entries: Entry[] = []
  for (;;) {
    const page = (await call('list', [{ ...range, limit: limit - entries.length }])) as {
      entries: Entry[]
      more: boolean
    }
    entries.push(...page.entries)
    const last = page.entries.at(-1)
    if (!page.more || last === undefined || entries.length >= limit) return entries
    if (range.reverse) range.end = last.key
    else range.start = `${last.key}\0`
  }
}

function wireParams(params: readonly unknown[]): unknown {
  const [first] = params
  const named = params.length === 1 && typeof first === 'object' && first !== null && !ArrayBuffer.isView(first)
  return named ? first : params
}
