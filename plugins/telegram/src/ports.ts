// plugins/telegram/src/ports.ts: what telegram is handed. The plugin fills it from its context, tests from memory.
import type { Agent } from '@pryx/plugin-agent/service'
import type { Scheduler } from '@pryx/plugin-scheduler/service'
import type { ChannelStatus } from '@pryx/plugin-sessions/channel'
import type { Sessions } from '@pryx/plugin-sessions/service'
import type { Fs, Http, Kernel, Release, Secrets, SqlParam } from '@pryx/sdk'

export interface Sql {
  all<T>(sql: string, ...params: SqlParam[]): Promise<T[]>
  run(sql: string, ...params: SqlParam[]): Promise<{ changes: number }>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(
    statements: { sql: string; params?: SqlParam[] }[],
    options?: { durable?: boolean },
  ): Promise<{ changes: number }[]>
}

export interface Clock {
  /** Epoch ms. */
  now(): number
  /** Runs `fn` once, `ms` from now, unless released before. */
  after(ms: number, fn: () => void): Release
}

export interface Ports {
  readonly sql: Sql
  readonly clock: Clock
  readonly sessions: Sessions
  readonly agent: Agent
  readonly secrets: Pick<Secrets, 'get' | 'set'>
  readonly http: () => Promise<Pick<Http, 'serve' | 'unserve'>>
  readonly fs: () => Promise<Pick<Fs, 'read' | 'stat' | 'write' | 'mkdir'>>
  /** What answers questions to the user; asked for only when a button is pressed. */
  readonly kernel: () => Promise<Pick<Kernel, 'answer'>>
  /** Who raises notices; undefined where there is none. */
  readonly scheduler: () => Promise<Pick<Scheduler, 'acknowledge'> | undefined>
  readonly fetch: typeof fetch
  readonly random: (bytes: number) => Uint8Array
  readonly changed: (status: ChannelStatus) => void
  /** Without secrets: texts are washed before. */
  readonly warn: (message: string) => void
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', end)
      void release()
      resolve()
    }
    const release = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}
