// packages/kernel/src/audit/audit.ts: the log of every privileged act, approval and grant (K8).
//   L1  Appending never waits and never loses: entries stay in memory until the sink has them.
//   L2  Memory is bounded by back-pressure: past `capacity` waiting entries, `drained()` holds callers until there is room.
//   L3  Entries reach the sink in the order of `append`, one batch at a time; a batch that failed is tried again whole.
//   L4  What goes in is plain, bounded data: never a host object, never more than `MAX_DETAIL` characters of detail.
import type { Clock } from '../powers.ts'
import {
  type AuditEntry,
  type AuditFact,
  type AuditLine,
  type Hash,
  type Head,
  parseLine,
  sealEntry,
  type Verdict,
  verifyChain,
} from './chain.ts'

const CAPACITY = 10_000 // entries
const MAX_BATCH = 1_000 // entries
const TAIL = 1_000 // entries kept for `tail`
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 30_000
const MAX_DETAIL = 2_048 // characters of JSON
const MAX_ACCESSES = 32
const MAX_TEXT = 512 // characters of one access, act or trace

/** What a sink found as it was opened. */
export interface SinkState {
  readonly head: Head
  /** Last lines, oldest first. */
  readonly tail: readonly string[]
  /** What was healed or found missing; each becomes an entry of its own. */
  readonly notes: readonly { readonly act: string; readonly detail: unknown }[]
}

/** Where entries are kept. */
export interface AuditSink {
  open(): Promise<SinkState>
  /** Stores `lines`, all or none, then the head. */
  append(lines: readonly string[], head: Head): Promise<void>
  /** All lines from the first. */
  read(): AsyncIterable<AuditLine>
  /** The stored head, undefined if there is none yet. */
  head(): Promise<Head | undefined>
  close(): Promise<void>
}

export interface Audit extends AsyncDisposable {
  /** Takes a fact over. Never throws, never waits. */
  append(fact: AuditFact): void
  /** Undefined when there is room (the usual case); else settles when there is (L2). */
  drained(): Promise<void> | undefined
  /** The newest `n` entries (at most 1,000), oldest first, with those still on their way to the sink. */
  tail(n: number): readonly AuditEntry[]
  /** Settles when all that was appended before is in the sink. */
  flush(): Promise<void>
  /** Reads the whole log and proves it, or names what is wrong. */
  verify(): Promise<Verdict>
}

export interface AuditOptions {
  sink: AuditSink
  clock: Clock
  hash: Hash
  /** Waiting entries from which `drained` holds callers. */
  capacity?: number
  /** Told when the sink fails; entries are kept and it is tried again. */
  onTrouble?: (cause: unknown) => void
}

/** Opens the sink and goes on with its chain. Disposing it writes what waits and closes the sink. */
export async function openAudit({
  sink,
  clock,
  hash,
  capacity = CAPACITY,
  onTrouble = () => {},
}: AuditOptions): Promise<Audit> {
  const state = await sink.open()
  const recent = state.tail.map((text) => parseLine(text, hash)).filter((entry) => typeof entry !== 'string')
  const facts: { fact: AuditFact; at: number }[] = [] // not yet in the chain
  const sealed: { entry: AuditEntry; line: string }[] = [] // in the chain, not yet in the sink
  const waiters = new Set<{ until: () => boolean; resolve: () => void }>()
  let head = state.head
  let stored = state.head.seq
  let pumping = false
  let storing: Promise<void> = Promise.resolve()
  let retryMs = FIRST_RETRY_MS
  let closed = false
  for (const { act, detail } of state.notes)
    append({ plugin: 'kernel', act, access: [], outcome: 'failed', detail, trace: 'audit' })

  const audit: Audit = {
    append,
    drained: () => (waiting() < capacity ? undefined : when(() => waiting() < capacity)),
    tail(n) {
      seal()
      return recent.slice(Math.max(0, recent.length - Math.min(n, TAIL)))
    },
    flush() {
      seal()
      const goal = head.seq
      return stored >= goal ? Promise.resolve() : when(() => stored >= goal)
    },
    async verify() {
      await audit.flush()
      return verifyChain(sink.read(), await sink.head(), hash)
    },
    async [Symbol.asyncDispose]() {
      if (closed) return
      closed = true
      for (let tries = 0; waiting() > 0 && tries < 3; tries++) await store().catch(onTrouble)
      await sink.close()
    },
  }
  return audit

  function append(fact: AuditFact): void {
    facts.push({ fact: bounded(fact), at: clock.now() })
    if (pumping || closed) return
    pumping = true
    queueMicrotask(() => void pump())
  }

  function waiting(): number {
    return facts.length + sealed.length
  }

  /** Puts waiting facts into the chain. Apart from `append`, so that a caller does not pay for the hash. */
  function seal(): void {
    for (const { fact, at } of facts) {
      const next = sealEntry(fact, at, head, hash)
      head = next.entry
      sealed.push(next)
      recent.push(next.entry)
    }
    facts.length = 0
    if (recent.length >= 2 * TAIL) recent.splice(0, recent.length - TAIL) // seldom: moving a thousand entries for each new one is dear
  }

  async function pump(): Promise<void> {
    try {
      while (waiting() > 0 && !closed) await store()
      pumping = false
    } catch (cause) {
      onTrouble(cause)
      clock.after(retryMs, () => void pump()) // L1: nothing is dropped
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
    }
  }

  function store(): Promise<void> {
    const next = storing.catch(() => {}).then(storeBatch) // L3
    storing = next
    return next
  }

  async function storeBatch(): Promise<void> {
    seal()
    const batch = sealed.slice(0, MAX_BATCH)
    const last = batch.at(-1)?.entry
    if (last === undefined) return
    await sink.append(
      batch.map(({ line }) => line),
      { seq: last.seq, hash: last.hash },
    )
    sealed.splice(0, batch.length)
    stored = last.seq
    retryMs = FIRST_RETRY_MS
    for (const waiter of [...waiters]) if (waiter.until() && waiters.delete(waiter)) waiter.resolve()
  }

  function when(until: () => boolean): Promise<void> {
    return new Promise((resolve) => waiters.add({ until, resolve }))
  }
}

function bounded(fact: AuditFact): AuditFact {
  const access = fact.access.slice(0, MAX_ACCESSES).map(clip)
  if (fact.access.length > MAX_ACCESSES) access.push(`and ${fact.access.length - MAX_ACCESSES} more`)
  return {
    ...fact,
    act: clip(fact.act),
    trace: clip(fact.trace),
    access,
    ...(fact.detail !== undefined && { detail: plain(fact.detail) }),
  }
}

/** A copy as JSON would keep it, so that later changes of the caller's object do not reach the log (L4). */
function plain(detail: unknown): unknown {
  try {
    const text = JSON.stringify(detail) ?? 'null'
    return text.length <= MAX_DETAIL ? JSON.parse(text) : { clipped: text.slice(0, MAX_DETAIL) }
  } catch {
    return { unreadable: true }
  }
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`
}
