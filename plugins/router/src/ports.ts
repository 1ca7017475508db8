// plugins/router/src/ports.ts: what the router is handed. The plugin fills it from its context, tests from memory.
import type { EventToken, Release, SqlParams, SqlRunResult } from '@pryx/sdk'

export interface Clock {
  /** Epoch ms. */
  now(): number
  after(ms: number, fn: () => void): Release
}

/** The part of `Storage` the router needs. */
export interface Sql {
  all<T = Record<string, unknown>>(sql: string, ...params: SqlParams): Promise<T[]>
  run(sql: string, ...params: SqlParams): Promise<SqlRunResult>
  exec(script: string): Promise<void>
}

export interface KeyValues {
  get<T = unknown>(key: string): Promise<T | undefined>
  set(key: string, value: unknown): Promise<unknown>
  delete(key: string): Promise<unknown>
}

/** Names below `provider.`: a key each. */
export interface Keys {
  list(): Promise<string[]>
  get(name: string): Promise<string | undefined>
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<boolean>
}

export interface Ports {
  readonly clock: Clock
  readonly sql: Sql
  readonly values: KeyValues
  readonly keys: Keys
  readonly fetch: typeof fetch
  nextId(): string
  /** From 0 up to 1. */
  random(): number
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  warn(message: string, error?: unknown): void
}
