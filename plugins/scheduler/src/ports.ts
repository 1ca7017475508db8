// plugins/scheduler/src/ports.ts: what the scheduler is handed. The plugin fills it from its context, tests from memory.
import type { EventToken, Release } from '@pryx/sdk'
import type { Store } from './store.ts'

export interface Clock {
  /** Epoch ms. */
  now(): number
  /** Runs `fn` once, `ms` from now, unless released before. */
  after(ms: number, fn: () => void): Release
}

export interface Ports {
  readonly store: Store
  readonly clock: Clock
  /** A new id, unique for ever. */
  nextId(): string
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  callTool(name: string, input: unknown): Promise<unknown>
  warn(message: string, error: unknown): void
}

export interface Settings {
  /** IANA zone for cron tasks that name none. */
  timeZone: string
  /** How late an occurrence may be and still count as on time. */
  graceMs: number
  /** Runs in progress at once, over all tasks. */
  maxRunning: number
  /** Who sees and changes the tasks of all. */
  managers: readonly string[]
}
