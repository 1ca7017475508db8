// plugins/log-monitor/src/ports.ts: what the monitor is handed. The plugin fills it from its context, tests from memory.
import type { EventToken } from '@pryx/sdk'
import type { FileSource } from './tail.ts'

export type StorageOp = { op: 'set'; key: string; value: unknown } | { op: 'delete'; key: string }

/** The part of `Storage` the monitor needs. */
export interface KeyValues {
  get<T>(key: string): Promise<T | undefined>
  list<T>(options: { prefix: string; reverse: boolean; limit: number }): Promise<{ key: string; value: T }[]>
  batch(ops: StorageOp[], options?: { durable?: boolean }): Promise<unknown>
}

export interface Ports {
  readonly storage: KeyValues
  readonly source: FileSource
  /** Epoch ms. */
  readonly clock: { now(): number }
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  /** The file can be read: have its changes reported, unless they are already. */
  watching(path: string): Promise<void>
  unwatch(path: string): void
  warn(message: string): void
}
