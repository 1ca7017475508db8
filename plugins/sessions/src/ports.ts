// plugins/sessions/src/ports.ts: what sessions are handed. The plugin fills it from its context, tests from memory.
import type { EventToken, SqlParam } from '@pryx/sdk'

export interface Statement {
  sql: string
  params?: Record<string, SqlParam>
  /** Answer the rows it reads or returns. */
  rows?: boolean
}

/** The part of `Storage.sql` that is used. */
export interface Sql {
  all<T>(sql: string, ...params: SqlParam[]): Promise<T[]>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(statements: Statement[], options?: { durable?: boolean }): Promise<{ changes: number; rows?: unknown[] }[]>
}

export interface Ports {
  readonly sql: Sql
  /** Epoch ms. */
  now(): number
  /** A new id, unique for ever. */
  nextId(): string
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  /** The plugin that calls, or `host`. Read before the first await. */
  caller(): string
}
