// packages/pryx/src/chat/mirror.ts: the terminal's copy of one session (B1, B3).
//   M1  Entries are shown in the order of their versions, each once, whatever was lost, doubled or cut on the way.
//   M2  A connection that ends is opened again, and what was missed is fetched before anything new is shown.
//   M3  Everything is handled one after another. A piece of an answer is shown only where the entry before it was heard too: never a piece
//       of an answer whose beginning is unknown, nor of one that stands there already.
import { setTimeout as sleep } from 'node:timers/promises'
import type { JournalEvent } from '../host/journal.ts'
import { type Host, isAway, type LogEvent, wireTo } from './wire.ts'

const RETRY_MS = 500
const PAGE = 200

export interface Following {
  host: Host
  session: string
  /** Version of the last entry that needs no showing. */
  after: number
  signal: AbortSignal
  /** Between tries to reach a host that is away. */
  retryMs?: number
  /** `caught`: it had happened before this listened. */
  onEntry(event: LogEvent, caught: boolean): void
  /** A piece of the answer that is being made. */
  onPiece(piece: Piece): void
  /** An event that is not of the sessions. */
  onOther(event: JournalEvent): void
  onConnected(connected: boolean): void | Promise<void>
}

export interface Piece {
  session: string
  run: string
  text: string
  /** Forget the pieces so far. */
  reset?: boolean
}

/** Follows until the signal aborts. @throws what the sessions answer, but for a host that is away */
export async function followSession(following: Following): Promise<void> {
  const { host, session, signal, onEntry, onPiece, onOther, onConnected } = following
  const { sessions } = wireTo(host)
  let shown = following.after
  let heardTo = 0 // version of the last entry that came by the stream
  while (!signal.aborted) {
    try {
      await listen()
    } catch (error) {
      if (signal.aborted) return
      if (!isAway(error)) throw error
    }
    if (signal.aborted) return
    await onConnected(false)
    await sleep(following.retryMs ?? RETRY_MS, undefined, { signal }).catch(() => {}) // M2
  }

  async function listen(): Promise<void> {
    const opened = Promise.withResolvers<void>()
    const ended = new AbortController()
    const told = once(signal)
    const heard = host.follow(AbortSignal.any([signal, ended.signal]), opened.resolve)[Symbol.asyncIterator]()
    const listenOn = () => {
      const next = heard.next()
      next.catch(() => {})
      return Promise.race([next, told])
    }
    try {
      let next = listenOn()
      await Promise.race([opened.promise, next]) // what comes from here on waits in the stream
      heardTo = 0
      await catchUp(true)
      await onConnected(true)
      for (let got = await next; got !== undefined && !got.done; got = await next) {
        next = listenOn()
        await handle(got.value) // M3
      }
    } finally {
      ended.abort()
    }
  }

  async function handle(event: JournalEvent): Promise<void> {
    if (event.event === 'events.missed') return catchUp(false)
    if (event.event === 'session.delta' && isPiece(event.data)) {
      if (event.data.session === session && heardTo >= shown) onPiece(event.data) // M3
      return
    }
    if (!event.event.startsWith('session.')) return onOther(event)
    if (PASSING.has(event.event)) return
    const version = versionIn(event.data, session)
    if (version === undefined) return
    heardTo = Math.max(heardTo, version)
    if (version <= shown) return // M1
    if (version !== shown + 1 || typeof event.data === 'string') return catchUp(false) // one that is cut short is fetched whole
    shown = version
    onEntry(event.data as LogEvent, false)
  }

  async function catchUp(caught: boolean): Promise<void> {
    for (let more = true; more && !signal.aborted; ) {
      const page = await sessions<{ events: LogEvent[]; more: boolean }>('events', session, {
        after: shown,
        limit: PAGE,
      })
      for (const event of page.events) {
        shown = event.version // M1
        onEntry(event, caught)
      }
      more = page.more && page.events.length > 0
    }
  }
}

/** Resolves when it aborts. */
function once(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}

const PASSING = new Set(['session.typing', 'session.delta', 'session.changed'])

function isPiece(data: unknown): data is Piece {
  return typeof data === 'object' && data !== null && typeof (data as Piece).text === 'string'
}

/** Version of an entry of this session, which may have been cut short. */
function versionIn(data: unknown, session: string): number | undefined {
  if (typeof data === 'string') {
    const [, of, version] = /^\{"session":"([^"]*)","version":(\d+)/.exec(data) ?? []
    return of === session ? Number(version) : undefined
  }
  const entry = data as Partial<LogEvent> | null
  return entry?.session === session ? entry.version : undefined
}
