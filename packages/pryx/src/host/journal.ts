// packages/pryx/src/host/journal.ts: the last events of a host, for whoever comes later, and each new one as it happens.
//   J1  Bounded in number and size: a payload past MAX_TEXT is kept as its beginning.
import type { Kernel } from '@pryx/kernel'
import type { Release } from '@pryx/kernel/contract'

const KEEP = 200
const MAX_TEXT = 8_192 // characters of one event's JSON

export interface JournalEvent {
  at: number
  /** The event's name. */
  event: string
  from: string
  data: unknown
}

export interface Journal {
  /** Oldest first. */
  last(n: number): JournalEvent[]
  follow(listener: (event: JournalEvent) => void): Release
}

export function createJournal(kernel: Pick<Kernel, 'on'>): Journal {
  const kept: JournalEvent[] = []
  const listeners = new Set<(event: JournalEvent) => void>()
  kernel.on('**', (data, { name, from, at }) => {
    const event: JournalEvent = { at, event: name, from, data: plain(data) }
    kept.push(event)
    if (kept.length > KEEP) kept.shift()
    for (const listener of listeners) listener(event)
  })
  return {
    last: (n) => kept.slice(-n),
    follow(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** J1 */
function plain(data: unknown): unknown {
  try {
    const text = JSON.stringify(data) ?? 'null'
    return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : data
  } catch {
    return String(data)
  }
}
