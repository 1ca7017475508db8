// packages/capabilities/src/storage/sql.ts: a plugin's own tables, beside the key-value ones. Every statement runs with the guard up.
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { Database } from './database.ts'
import { type SqlValue, type Statement, StorageFailure } from './job.ts'

const MAX_ROWS = 10_000
const MAX_RESULT_BYTES = 8 * 1_024 * 1_024
const MAX_PREPARED = 64

export interface RunResult {
  changes: number
  lastInsertRowid: number | bigint
  /** Of a statement of a batch that was asked for them; `changes` is their number then. */
  rows?: Record<string, SqlValue>[]
}

export interface Sql {
  all(statement: Statement): Record<string, SqlValue>[]
  run(statement: Statement, durable: boolean): RunResult
  /** Several statements without parameters, in one transaction. */
  exec(script: string, durable: boolean): void
  batch(statements: Statement[], durable: boolean): RunResult[]
}

export function createSql(database: Database): Sql {
  const { db } = database
  const prepared = new Map<string, StatementSync>() // in order of use: the first is the longest unused
  return {
    // In a transaction, since a SELECT is not all that answers rows: INSERT … RETURNING does too.
    all: (statement) => database.transaction(false, () => database.guarded(() => readRows(statement))),
    run: (statement, durable) => database.single(durable, () => database.guarded(() => runOne(statement))),
    exec: (script, durable) => database.transaction(durable, () => database.guarded(() => db.exec(script))),
    batch: (statements, durable) => database.transaction(durable, () => database.guarded(() => statements.map(runOf))),
  }

  function runOf(statement: Statement): RunResult {
    if (!statement.rows) return runOne(statement)
    const rows = readRows(statement)
    return { changes: rows.length, lastInsertRowid: 0, rows }
  }

  function readRows({ sql, params }: Statement): Record<string, SqlValue>[] {
    const rows: Record<string, SqlValue>[] = []
    let size = 0
    for (const row of prepare(sql).iterate(...bind(params)) as Iterable<Record<string, SqlValue>>) {
      if (rows.length === MAX_ROWS) throw tooMany(`more than ${MAX_ROWS.toLocaleString('en')} rows`)
      size += plainRow(row)
      if (size > MAX_RESULT_BYTES) throw tooMany(`more than ${MAX_RESULT_BYTES / 1_048_576} MiB`)
      rows.push({ ...row }) // SQLite's rows have no prototype
    }
    return rows
  }

  function runOne({ sql, params }: Statement): RunResult {
    const { changes, lastInsertRowid } = prepare(sql).run(...bind(params))
    return { changes: Number(changes), lastInsertRowid: plainInteger(BigInt(lastInsertRowid)) }
  }

  function prepare(sql: string): StatementSync {
    const known = prepared.get(sql)
    const statement = known ?? one(db.prepare(sql), sql)
    prepared.delete(sql)
    prepared.set(sql, statement)
    if (prepared.size > MAX_PREPARED) prepared.delete(prepared.keys().next().value as string)
    return statement
  }
}

/** SQLite compiles the first statement and is silent about the rest; we are not. */
function one(statement: StatementSync, sql: string): StatementSync {
  const rest = sql.slice(statement.sourceSQL.length).replace(/--[^\n]*|\/\*[\s\S]*?(\*\/|$)|[\s;]/g, '')
  if (rest === '') return statement
  throw new StorageFailure('STORAGE_SQL', 'more than one statement in one call', {
    hint: 'Use sql.batch, or sql.exec for a script without parameters.',
  })
}

function bind(params: Statement['params']): SQLInputValue[] {
  if (params === undefined) return []
  return Array.isArray(params) ? params : [params as never]
}

/** Turns integers that a number can hold into numbers, in place. @returns About how many bytes the row takes. */
function plainRow(row: Record<string, SqlValue>): number {
  let size = 0
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'bigint') row[column] = plainInteger(value)
    size += 8 + (typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 0)
  }
  return size
}

function plainInteger(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function tooMany(what: string): StorageFailure {
  return new StorageFailure('STORAGE_TOO_MANY_ROWS', `the statement answers ${what}`, {
    hint: 'Add a LIMIT and read page by page.',
  })
}
