// packages/kernel/src/node/intake.ts: what the guests of one process send, read a little at a time.
//   T1  It is handled in slices: after 2 ms of one loop turn the rest waits, guest by guest, so a flood starves nobody.
//   T2  Over any stretch of time a guest is credited no more than PACE_BYTES × its length + BURST_BYTES: past its credit its turns pause
//       (control.ts, OUT_WINDOW). Reading costs more than this thread's time: what is read is garbage soon, and collecting it stops everybody.
//       Short messages are free of the pace: they die young, which costs little, and their number has limits of its own (messagesPerSecond, calls).
//   T3  A guest's frames keep their order, and all of one are handled before the next. No piece ends right behind a checkpoint: what it covers
//       is acknowledged in the next message, and one shall not count without the other.
import { needsDecode, type Parcel } from '../contract/index.ts'
import type { Account } from '../ledger/account.ts'
import { parseBatch } from './batch.ts'
import { OUT_WINDOW, weightOfFrame } from './control.ts'
import type { Frame } from './frame.ts'

const SLICE_MS = 2
const PIECE = 16 // messages of one guest before another has its turn; emits that travel as one count each
const SLICE_PIECES = 2 // most of the work a message makes comes after the slice, in promises
const CREDIT_BYTES = OUT_WINDOW / 4 // handled bytes are credited in lumps: a message for each would double the traffic
const PACE_BYTES = 8_000 // a ms
const FREE_BYTES = 512 // of each message and each event
const BURST_BYTES = 512 * 1_024

export interface IntakeEvents {
  /** `plain`: no value in the messages needs decoding. */
  received(messages: unknown[], parcel: Parcel, plain: boolean): void
  /** So many more bytes, by `weightOfFrame`, may be sent. */
  credited(bytes: number): void
  /** It sent what is no batch of messages. */
  malformed(): void
}

/** What one guest has sent and nobody has handled yet. */
export interface Inbox {
  /** Handled in a later slice, or in this one if there is room. */
  push(frame: Frame): void
  /** Handles all that has come, at once, until `until` on the clock of `performance.now`. */
  drain(until?: number): void
  /** No more credit: the guest has ended. */
  close(): void
}

export interface Intake {
  open(account: Account, events: IntakeEvents): Inbox
}

interface OpenFrame {
  frame: Frame
  messages: unknown[]
  plain: boolean
  at: number
}

/** A guest with frames that wait: `step` handles a piece of them and says whether more is left. */
interface Waiting {
  step(): boolean
}

export function createIntake(): Intake {
  const waiting: Waiting[] = []
  let handling = false
  return { open: (account, events) => openInbox(account, events, enqueue) }

  function enqueue(one: Waiting): void {
    waiting.push(one)
    if (handling) return
    handling = true
    handle()
  }

  /** T1: a few messages of one guest at a time, round robin. */
  function handle(): void {
    const startedAt = performance.now()
    let pieces = 0
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (one.step()) waiting.push(one)
      if (++pieces >= SLICE_PIECES || performance.now() - startedAt > SLICE_MS) break
    }
    if (waiting.length > 0) setImmediate(handle)
    else handling = false
  }
}

function openInbox(account: Account, events: IntakeEvents, enqueue: (one: Waiting) => void): Inbox {
  const frames: Frame[] = []
  const credit = createCredit(events.credited)
  let open: OpenFrame | undefined
  let queued = false
  const waiting: Waiting = {
    step() {
      handlePiece()
      queued = hasMore()
      return queued
    },
  }
  return {
    push(frame) {
      frames.push(frame)
      if (queued) return
      queued = true
      enqueue(waiting)
    },
    drain(until = Number.POSITIVE_INFINITY) {
      while (hasMore() && performance.now() < until) handlePiece()
    },
    close: credit.close,
  }

  function hasMore(): boolean {
    return open !== undefined || frames.length > 0
  }

  function handlePiece(): void {
    open ??= openNext()
    if (open === undefined) return
    const { frame, messages, plain, at } = open
    const end = endOfPiece(messages, at)
    open.at = end
    if (end >= messages.length) open = undefined
    const piece = end - at === messages.length ? messages : messages.slice(at, end)
    events.received(piece, { buffers: frame.buffers }, plain)
    if (end >= messages.length) {
      const bytes = weightOfFrame(frame.text, frame.buffers)
      credit.add(bytes, Math.max(0, bytes - FREE_BYTES * countOf(messages)))
    }
  }

  function openNext(): OpenFrame | undefined {
    const frame = frames.shift()
    if (frame === undefined) return undefined
    const messages = parseBatch(frame.text)
    account.messagesOut += messages?.length ?? 0
    if (messages) return { frame, messages, plain: frame.buffers.length === 0 && !needsDecode(frame.text), at: 0 }
    events.malformed()
    return undefined
  }
}

/** T2: gives credit in lumps, each when what was credited before it has had its time. */
function createCredit(credited: (bytes: number) => void) {
  let handled = 0
  let heavy = 0 // of it, what the pace is for
  let due = 0 // when the pace has caught up with all that was credited
  let timer: NodeJS.Timeout | undefined
  let closed = false
  return {
    add(bytes: number, paced: number): void {
      handled += bytes
      heavy += paced
      if (timer === undefined && !closed) give()
    },
    close(): void {
      closed = true
      clearTimeout(timer)
    },
  }

  function give(): void {
    timer = undefined
    while (handled >= CREDIT_BYTES) {
      const now = performance.now()
      const early = due - now - BURST_BYTES / PACE_BYTES
      if (early > 0) {
        timer = setTimeout(give, early).unref()
        return
      }
      const paced = heavy * (CREDIT_BYTES / handled)
      due = Math.max(due, now) + paced / PACE_BYTES
      heavy -= paced
      handled -= CREDIT_BYTES
      credited(CREDIT_BYTES)
    }
  }
}

/** Where the piece that begins at `at` ends (T1, T3). */
function endOfPiece(messages: readonly unknown[], at: number): number {
  let end = at
  for (let weight = 0; weight < PIECE && end < messages.length; end++) weight += weightOf(messages[end])
  return end < messages.length && isCheckpoint(messages[end - 1]) ? end + 1 : end
}

function isCheckpoint(message: unknown): boolean {
  return (message as { t?: unknown } | null)?.t === 'checkpoint'
}

function countOf(messages: readonly unknown[]): number {
  let count = 0
  for (const message of messages) count += weightOf(message)
  return count
}

function weightOf(message: unknown): number {
  const events = (message as { events?: unknown } | null)?.events
  return Array.isArray(events) ? Math.max(1, events.length) : 1
}
