// packages/pryx/src/chat/wire.ts: the parts of sessions and agent that a conversation at the terminal needs. Both are plugins like any other.
import { PryxError } from '@pryx/kernel/contract'
import type { ControlClient } from '../control/client.ts'

export const SURFACE = 'terminal'
export const MAIN = 'main'

export type Host = Pick<ControlClient, 'call' | 'follow' | 'approvals' | 'answer'>

export interface SessionLine {
  id: string
  title: string
  version: number
  /** Epoch ms. */
  updatedAt: number
  archived: boolean
  preview: string
  /** The run that writes in it now. */
  run?: string
}

/** One entry of a session's log, as far as it is shown. */
export interface LogEvent {
  session: string
  /** From 1, without gaps. */
  version: number
  at: number
  surface: string
  from: string
  kind: string
  body: {
    role?: 'user' | 'assistant'
    text?: string
    origin?: string
    model?: string
    usd?: number | null
    inputTokens?: number
    outputTokens?: number
    call?: string
    name?: string
    input?: unknown
    output?: unknown
    outcome?: string
    run?: string
    status?: string
    error?: string
    answer?: string
    by?: string
    sentence?: string
    plugin?: string
  }
}

export interface RunLine {
  id: string
  status: string
  endedAt?: number
  text?: string
  error?: string
  code?: string
  usage: { calls: number; inputTokens: number; outputTokens: number; costUsd: number; unpriced: number }
}

export interface FoundLine {
  session: string
  title: string
  version: number
  at: number
  role: string
  snippet: string
}

export interface Wire {
  sessions<T>(method: string, ...args: unknown[]): Promise<T>
  agent<T>(method: string, ...args: unknown[]): Promise<T>
  models<T>(method: string, ...args: unknown[]): Promise<T>
}

export function wireTo(host: Pick<Host, 'call'>): Wire {
  const on =
    (service: string) =>
    <T>(method: string, ...args: unknown[]) =>
      host.call(service, '1.0.0', method, args) as Promise<T>
  return { sessions: on('sessions'), agent: on('agent'), models: on('models') }
}

/** The host went away, or the connection to it: the same may be asked again. */
export function isAway(error: unknown): boolean {
  if (PryxError.is(error, 'HOST_DOWN')) return true
  return ['ECONNRESET', 'EPIPE', 'ENOENT', 'ECONNREFUSED'].includes(String((error as NodeJS.ErrnoException)?.code))
}
