// packages/sdk/src/testing/memory-storage.ts: `storage` in memory: the methods of the real driver, without its limits. One store per plugin.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { CapabilityError } from '@pryx/kernel/contract'
import type { ListOptions, StorageOp } from '../capabilities/storage.ts'

type Stored = { value: unknown; version: number }
type Statement = { sql: string; params?: unknown; rows?: boolean }

/** Methods of `storage` for one plugin, as they arrive from the face. */
export function createMemoryStorage(): Record<string, (...args: never[]) => unknown> & Disposable {
  const entries = new Map<string, Stored>()
  let database: DatabaseSync | undefined
  let version = 0
  return {
    get: (key: string) => entries.get(key)?.value,
    entry: (key: string) => (entries.has(key) ? { key, ...entries.get(key) } : undefined),
    set,
    delete: (key: string) => entries.delete(key),
    cas(key: string, expected: number | undefined, value: unknown) {
      const current = entries.get(key)?.version
      return current === expected ? { ok: true, version: set(key, value) } : { ok: false, version: current }
    },
    list: (options: ListOptions = {}) => ({ entries: list(options), more: false }),
    batch,
    sqlAll: (sql: string, params: unknown) =>
      sqlite()
        .prepare(sql)
        .all(...bound(params)),
    sqlRun: (sql: string, params: unknown) =>
      sqlite()
        .prepare(sql)
        .run(...bound(params)),
    sqlExec: (script: string) => sqlite().exec(script),
    sqlBatch,
    [Symbol.dispose]: () => database?.close(),
  }

  function set(key: string, value: unknown): number {
    entries.set(key, { value, version: ++version })
    return version
  }

  function list({ prefix = '', start, end, limit = 1_000, reverse = false }: ListOptions): unknown[] {
    const keys = [...entries.keys()].filter(
      (key) => key.startsWith(prefix) && (start === undefined || key >= start) && (end === undefined || key < end),
    )
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    if (reverse) keys.reverse()
    return keys.slice(0, limit).map((key) => ({ key, ...entries.get(key) }))
  }

  function batch(ops: StorageOp[]): void {
    const broken = ops.find((op) => op.op === 'check' && entries.get(op.key)?.version !== op.version)
    if (broken)
      throw new CapabilityError(
        'STORAGE_CONFLICT',
        `"${broken.key}" has changed meanwhile; nothing of the batch was written`,
      )
    for (const op of ops) {
      if (op.op === 'set') set(op.key, op.value)
      else if (op.op === 'delete') entries.delete(op.key)
    }
  }

  function sqlBatch(statements: Statement[]): unknown[] {
    const db = sqlite()
    db.exec('BEGIN')
    try {
      const results = statements.map(runOf)
      db.exec('COMMIT')
      return results
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  function runOf({ sql, params, rows }: Statement): unknown {
    const statement = sqlite().prepare(sql)
    if (!rows) return statement.run(...bound(params))
    const all = statement.all(...bound(params))
    return { changes: all.length, lastInsertRowid: 0, rows: all }
  }

  function sqlite(): DatabaseSync {
    database ??= new DatabaseSync(':memory:')
    return database
  }
}

function bound(params: unknown = []): SQLInputValue[] {
  const plain = (value: unknown) => (typeof value === 'boolean' ? Number(value) : value) as SQLInputValue
  if (Array.isArray(params)) return params.map(plain)
  const named = Object.fromEntries(Object.entries(params as object).map(([key, value]) => [key, plain(value)]))
  return [named] as unknown as SQLInputValue[] // node:sqlite takes an object of names first
}
