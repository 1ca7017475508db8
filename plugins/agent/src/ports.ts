// plugins/agent/src/ports.ts: what the agent is handed. The plugin fills it from its context, tests from memory.
import type { Models } from '@pryx/plugin-router/service'
import type { Sessions } from '@pryx/plugin-sessions/service'
import type { EventToken, Release, SqlParam, ToolCallOptions, ToolFacts } from '@pryx/sdk'
import type { Bell } from './runs/asked.ts'

export interface Sql {
  all<T>(sql: string, ...params: SqlParam[]): Promise<T[]>
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
  readonly sessions: Pick<Sessions, 'create' | 'send' | 'append' | 'events' | 'delta'>
  readonly models: Pick<Models, 'stream' | 'show' | 'choose'>
  readonly tools: {
    list(): Promise<ToolFacts[]>
    call(name: string, input: unknown, options: ToolCallOptions): Promise<unknown>
  }
  readonly bell: Bell
  /** AGENTS.md of the workspace; undefined where there is none. */
  instructions(): Promise<string | undefined>
  nextId(): string
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  warn(message: string, error: unknown): void
}

export interface Settings {
  instructions: string
  lanes: Readonly<Record<string, number>>
  maxSteps: number
  parallelTools: number
}
