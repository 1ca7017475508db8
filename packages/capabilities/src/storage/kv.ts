// packages/capabilities/src/storage/kv.ts: key-value on one table, ordered by the bytes of the key (UTF-8).
//   K1  A version is unique within the database and only grows: a key deleted and set again never shows an old version, so cas has no ABA.
//   K2  Versions are reserved on disk in blocks, ahead of use: a process that dies skips some and repeats none.
import type { StatementSync } from 'node:sqlite'
import type { Database } from './database.ts'
import { type ListOptions, StorageFailure, type Stored, type StoredEntry, type StoredOp } from './job.ts'

const VERSION_BLOCK = 1_024 // more than the operations of one batch
const PAGE_ENTRIES = 1_000
const PAGE_BYTES = 524_288 // values of one list page; the first is always in

interface Row {
  key: Uint8Array
  version: bigint
  text: string
  buffers: Uint8Array | null
}

export interface Kv {
  get(key: string): Omit<StoredEntry, 'key'> | undefined
  /** @returns The new version. */
  set(key: string, value: Stored, durable: boolean): number
  delete(key: string, durable: boolean): boolean
  cas(
    key: string,
    expected: number | undefined,
    value: Stored,
    durable: boolean,
  ): { ok: boolean; version: number | undefined }
  /** One page; `more` is true if it was cut short by size, not by `limit`. */
  list(options: ListOptions): { entries: StoredEntry[]; more: boolean }
  /** All or nothing. @throws STORAGE_CONFLICT if a check does not hold. @returns The version after each op. */
  batch(ops: StoredOp[], durable: boolean): (number | undefined)[]
}

export function createKv(database: Database): Kv {
  const { db } = database
  const prepared = new Map<string, StatementSync>()
  let version = 0 // the last one given
  let reserved = 0 // the last one that may be given
  return {
    get(key) {
      const row = statement('SELECT version, text, buffers FROM _pryx_kv WHERE key = ?').get(bytes(key)) as
        | Row
        | undefined
      return row && { version: Number(row.version), value: unpack(row) }
    },
    set(key, value, durable) {
      reserve(1)
      return database.single(durable, () => put(key, value))
    },
    delete: (key, durable) => database.single(durable, () => remove(key)),
    cas(key, expected, value, durable) {
      reserve(1)
      return database.transaction(durable, () => {
        const current = versionOf(key)
        return current === expected ? { ok: true, version: put(key, value) } : { ok: false, version: current }
      })
    },
    list(options) {
      const { sql, params } = rangeQuery(options)
      return page(statement(sql).iterate(...params) as Iterable<never>)
    },
    batch(ops, durable) {
      reserve(ops.length)
      return database.transaction(durable, () => ops.map(apply))
    },
  }

  function apply(op: StoredOp): number | undefined {
    if (op.op === 'set') return put(op.key, op.value as Stored)
    if (op.op === 'delete') return void remove(op.key)
    const current = versionOf(op.key)
    if (current === op.version) return current
    throw new StorageFailure('STORAGE_CONFLICT', `key "${op.key.slice(0, 80)}" has changed since it was read`, {
      hint: 'Read again and repeat the batch.',
      details: { key: op.key, version: current ?? 'none' },
    })
  }

  function put(key: string, { text, buffers }: Stored): number {
    const next = ++version // K1; reserved before
    statement(
      'INSERT INTO _pryx_kv VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET version = excluded.version, text = excluded.text, buffers = excluded.buffers',
    ).run(bytes(key), next, text, packBuffers(buffers))
    return next
  }

  /** Makes sure of `count` versions, at most one block, outside any transaction: one that is undone must not take them back (K2). */
  function reserve(count: number): void {
    if (version + count <= reserved) return
    const sql = `UPDATE _pryx_seq SET version = version + ${VERSION_BLOCK} RETURNING version`
    const [row] = statement(sql).all() as { version: bigint }[]
    reserved = Number(row?.version)
    version = reserved - VERSION_BLOCK
  }

  function remove(key: string): boolean {
    return Number(statement('DELETE FROM _pryx_kv WHERE key = ?').run(bytes(key)).changes) > 0
  }

  function versionOf(key: string): number | undefined {
    const row = statement('SELECT version FROM _pryx_kv WHERE key = ?').get(bytes(key)) as
      | { version: bigint }
      | undefined
    return row && Number(row.version)
  }

  function statement(sql: string): StatementSync {
    const found = prepared.get(sql) ?? db.prepare(sql)
    prepared.set(sql, found)
    return found
  }
}

/** The first key after all that begin with `prefix`. UTF-8 has no byte 0xff, so the last byte can always grow. */
export function afterPrefix(prefix: string): Uint8Array {
  const end = bytes(prefix)
  end[end.length - 1] = (end.at(-1) as number) + 1
  return end
}

function rangeQuery(options: ListOptions): { sql: string; params: (Uint8Array | number)[] } {
  const where: string[] = []
  const params: (Uint8Array | number)[] = []
  const add = (condition: string, param: Uint8Array) => {
    where.push(condition)
    params.push(param)
  }
  if (options.prefix) add('key >= ?', bytes(options.prefix))
  if (options.prefix) add('key < ?', afterPrefix(options.prefix))
  if (options.start !== undefined) add('key >= ?', bytes(options.start))
  if (options.end !== undefined) add('key < ?', bytes(options.end))
  params.push(Math.min(options.limit ?? PAGE_ENTRIES, PAGE_ENTRIES + 1))
  const filter = where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''
  return {
    sql: `SELECT key, version, text, buffers FROM _pryx_kv ${filter} ORDER BY key ${options.reverse ? 'DESC' : 'ASC'} LIMIT ?`,
    params,
  }
}

function page(rows: Iterable<Row>): { entries: StoredEntry[]; more: boolean } {
  const entries: StoredEntry[] = []
  let size = 0
  for (const row of rows) {
    size += row.text.length + (row.buffers?.byteLength ?? 0)
    if (entries.length >= PAGE_ENTRIES || (entries.length > 0 && size > PAGE_BYTES)) return { entries, more: true }
    entries.push({ key: Buffer.from(row.key).toString('utf8'), version: Number(row.version), value: unpack(row) })
  }
  return { entries, more: false }
}

function unpack(row: Row): Stored {
  return { text: row.text, buffers: unpackBuffers(row.buffers) }
}

/** Each buffer after its length, 4 bytes, little endian. */
export function packBuffers(buffers: Uint8Array[]): Uint8Array | null {
  if (buffers.length === 0) return null
  const parts = buffers.flatMap((buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(buffer.byteLength)
    return [length, buffer]
  })
  return Buffer.concat(parts)
}

export function unpackBuffers(packed: Uint8Array | null): Uint8Array[] {
  const buffers: Uint8Array[] = []
  if (packed === null) return buffers
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0; at + 4 <= packed.byteLength; ) {
    const length = view.getUint32(at, true)
    buffers.push(packed.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  return buffers
}

function bytes(key: string): Uint8Array {
  return Buffer.from(key, 'utf8')
}
