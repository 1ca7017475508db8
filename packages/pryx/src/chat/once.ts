// packages/pryx/src/chat/once.ts: one question, answered to its end, for the shell and for other programs.
//   O1  Asked once, under a key: a host that restarts in between neither loses nor doubles it.
//   O2  Ctrl-C stops the run.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PryxError } from '@pryx/kernel/contract'
import type { JournalEvent } from '../host/journal.ts'
import { followSession, type Piece } from './mirror.ts'
import { type Host, isAway, type LogEvent, type RunLine, type SessionLine, SURFACE, wireTo } from './wire.ts'

const AWAY_MS = 30_000 // a host that is away for longer is not waited for
const RETRY_MS = 500
const SLICE_MS = 5_000

export interface OnceOptions {
  host: Host
  session: string
  text: string
  model?: string | undefined
  signal: AbortSignal
  onEntry(event: LogEvent, caught: boolean): void
  onPiece(piece: Piece): void
  onOther(event: JournalEvent): void
  /** Questions may wait already. */
  onConnected(): Promise<void>
}

/** @returns The run at its end. @throws INTERRUPTED, HOST_DOWN, and what the agent refuses */
export async function askOnce(options: OnceOptions): Promise<RunLine> {
  const { host, session, text, model, signal } = options
  const { sessions, agent } = wireTo(host)
  const { version } = await sessions<SessionLine>('create', { id: session })
  const ended = new AbortController()
  const over = Promise.withResolvers<void>()
  let run: string | undefined
  const finished = new Set<string>()
  const following = followSession({
    ...options,
    after: version,
    signal: ended.signal,
    onEntry(event, caught) {
      options.onEntry(event, caught)
      if (event.kind !== 'run.finished') return
      finished.add(event.body.run ?? '')
      if (run !== undefined && finished.has(run)) over.resolve()
    },
    onConnected: async (connected) => {
      if (connected) await options.onConnected()
    },
  })
  following.catch(over.reject)
  try {
    const request = { text, session, surface: SURFACE, key: randomUUID(), ...(model !== undefined && { model }) }
    run = (await patient(() => agent<RunLine>('start', request))).id // O1
    if (finished.has(run)) over.resolve()
    await Promise.race([over.promise, aborted(signal)])
    return await patient(() => outcome(run as string))
  } catch (error) {
    if (signal.aborted && run !== undefined) await agent('stop', run).catch(() => {}) // O2
    throw error
  } finally {
    ended.abort()
    await following.catch(() => {})
  }

  /** The log tells of the end a moment before the run's own record does. */
  async function outcome(id: string): Promise<RunLine> {
    for (;;) {
      const { status, run } = await agent<{ status: string; run: RunLine }>('waitSome', id, SLICE_MS)
      if (status !== 'timeout') return run
    }
  }
}

/** Asks again while the host is away. */
async function patient<T>(ask: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      return await ask()
    } catch (error) {
      if (!isAway(error) || waitedMs >= AWAY_MS) throw error
      await sleep(RETRY_MS)
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new PryxError('INTERRUPTED', 'it was stopped'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
}
