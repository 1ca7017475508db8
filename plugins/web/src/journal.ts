// plugins/web/src/journal.ts: the last events, so that a page that was away can catch up.
//   J1  Order is the order of `add`. Numbers go up by one and are never given twice within a run.
//   J2  Memory is bounded: `capacity` events of at most `MAX_PAYLOAD` characters each.
//   J3  A reader asks "what came after N?" and is told so if that is no longer known; the journal keeps nothing per reader.
import type { Heard } from './events.ts'

export const CAPACITY = 500
const MAX_PAYLOAD = 4_096 // characters of JSON
const MAX_SNAPSHOT = 262_144 // characters of JSON, well under the wall's limit for one message

/** `missed`: events between the reader's number and the first one given are gone, or the number is of another run. */
export interface Reading {
  events: readonly Heard[]
  missed: boolean
}

export interface Journal {
  /** Names this run of numbers; a position is only good within it. */
  readonly run: string
  /** Number of the newest event, 0 if there is none. */
  readonly last: number
  add(event: { name: string; from: string; at: number; data: unknown }): Heard
  /** What came after `position`, as `positionOf` spells it; without one, everything there is. */
  after(position: string | undefined): Reading
  positionOf(seq: number): string
  /** Calls `listener` after each `add`. */
  listen(listener: (event: Heard) => void): () => void
  /** What the next instance goes on with. */
  snapshot(): JournalSnapshot
}

export interface JournalSnapshot {
  run: string
  last: number
  events: Heard[]
}

/** @param run A name for the numbers if there is no snapshot to go on from. */
export function createJournal(run: string, previous?: JournalSnapshot): Journal {
  const name = previous?.run ?? run
  const events: Heard[] = previous?.events.slice(-CAPACITY) ?? []
  const listeners = new Set<(event: Heard) => void>()
  let last = previous?.last ?? 0

  return {
    run: name,
    get last() {
      return last
    },
    add(event) {
      last += 1
      const heard: Heard = { seq: last, ...event, ...bounded(event.data) }
      events.push(heard)
      if (events.length > CAPACITY) events.shift() // J2
      for (const listener of [...listeners]) listener(heard)
      return heard
    },
    after(position) {
      if (position === undefined) return { events, missed: false }
      const seq = seqOf(position)
      if (seq === undefined) return { events, missed: true }
      const first = events[0]?.seq ?? last + 1
      return { events: events.filter((event) => event.seq > seq), missed: seq + 1 < first }
    },
    positionOf: (seq) => `${name}.${seq}`,
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    snapshot: () => ({ run: name, last, events: newest(events) }),
  }

  function seqOf(position: string): number | undefined {
    const [ofRun, text] = splitLast(position)
    const seq = Number(text)
    return ofRun === name && Number.isSafeInteger(seq) && seq >= 0 && seq <= last ? seq : undefined
  }
}

/** The snapshot if it is one; an older version of the plugin may have left something else. */
export function asSnapshot(value: unknown): JournalSnapshot | undefined {
  const { run, last, events } = (value ?? {}) as Partial<Record<keyof JournalSnapshot, unknown>>
  const whole = typeof run === 'string' && Number.isSafeInteger(last) && Array.isArray(events)
  return whole ? (value as JournalSnapshot) : undefined
}

function bounded(data: unknown): { data: unknown; clipped?: true } {
  const { text, value } = asJson(data)
  return text.length <= MAX_PAYLOAD ? { data: value } : { data: `${text.slice(0, MAX_PAYLOAD)}…`, clipped: true }
}

/** Payloads may hold what JSON cannot say; a stream that threw over one would be of no use to anybody. */
function asJson(value: unknown): { text: string; value: unknown } {
  try {
    return { text: JSON.stringify(value) ?? 'null', value }
  } catch {
    const text = JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item))
    return { text, value: JSON.parse(text) }
  }
}

function newest(events: readonly Heard[]): Heard[] {
  let room = MAX_SNAPSHOT
  const from = events.findLastIndex((event) => {
    room -= JSON.stringify(event).length
    return room < 0
  })
  return events.slice(from + 1)
}

function splitLast(position: string): [string, string] {
  const dot = position.lastIndexOf('.')
  return [position.slice(0, dot), position.slice(dot + 1)]
}
