// packages/kernel/src/audit/chain.ts: entries that vouch for one another, and the proof that none was touched (K8).
//   H1  Each entry holds the hash of the one before; its own hash covers all of it. Numbers go up by one, from 1.
//   H2  An entry has one spelling: keys sorted, no spaces. A line that parses but is spelled otherwise has been touched.
//   H3  The head, kept apart, names the last entry: lines cut off the end are missed.
//   It shows tampering to whoever holds an earlier head; it does not stop someone who rewrites chain and head together.

/** SHA-256 of the text's UTF-8, in hex. A power: the core has no crypto of its own. */
export type Hash = (text: string) => string

export type Outcome = 'allowed' | 'denied' | 'failed' | 'cancelled'

/** What is told to the log. */
export interface AuditFact {
  /** The plugin, or `kernel`. */
  readonly plugin: string
  /** `net.fetch`, `service.call`, `permission.granted`, `approval.answered` … */
  readonly act: string
  /** The permissions it needed. */
  readonly access: readonly string[]
  readonly outcome: Outcome
  /** How long it took, ms. */
  readonly ms?: number | undefined
  /** Plain data, with secrets left out. */
  readonly detail?: unknown
  readonly trace: string
}

/** A fact with its place in the chain. */
export interface AuditEntry extends AuditFact {
  readonly seq: number
  /** Epoch ms. */
  readonly at: number
  readonly prev: string
  readonly hash: string
}

/** Where a chain stands. */
export interface Head {
  readonly seq: number
  readonly hash: string
}

/** One stored line, and where it stands. */
export interface AuditLine {
  readonly text: string
  readonly file: string
  /** From 1. */
  readonly line: number
}

export type Verdict =
  | { readonly whole: true; readonly entries: number }
  | { readonly whole: false; readonly file: string; readonly line: number; readonly reason: string }

export const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) }

/** The entry that follows `head`, and the line it is stored as: its canonical JSON (H2). */
export function sealEntry(fact: AuditFact, at: number, head: Head, hash: Hash): { entry: AuditEntry; line: string } {
  const { plugin, act, access, outcome, ms, detail, trace } = fact
  const seq = head.seq + 1
  // Spelled by hand, keys sorted, once for both hash and line: this runs for every privileged call.
  const said = detail === undefined ? '' : `,"detail":${canonicalJson(detail)}`
  const front = `{"access":${JSON.stringify(access)},"act":${JSON.stringify(act)},"at":${JSON.stringify(at)}${said},`
  const took = ms === undefined ? '' : `"ms":${JSON.stringify(ms)},`
  const back = `${took}"outcome":"${outcome}","plugin":${JSON.stringify(plugin)},"prev":"${head.hash}","seq":${seq},"trace":${JSON.stringify(trace)}}`
  const own = hash(front + back)
  return { entry: { ...fact, seq, at, prev: head.hash, hash: own }, line: `${front}"hash":"${own}",${back}` }
}

/** The entry on a line, or why it cannot be one. Does not look at its neighbours. */
export function parseLine(text: string, hash: Hash): AuditEntry | string {
  const entry = parseJson(text)
  if (!isEntry(entry)) return 'it is not an entry'
  const { hash: stated, ...open } = entry
  if (hash(canonicalJson(open)) !== stated) return 'its hash does not fit what it says'
  return canonicalJson(entry) === text ? entry : 'it is spelled differently from what was written'
}

/** Reads the chain from its first line and answers the first thing that is wrong with it. */
export async function verifyChain(
  lines: AsyncIterable<AuditLine> | Iterable<AuditLine>,
  head: Head | undefined,
  hash: Hash,
): Promise<Verdict> {
  let last = GENESIS
  let place = { file: '', line: 0 }
  let headSeen = head?.seq === 0
  for await (const { text, file, line } of lines) {
    place = { file, line }
    const entry = parseLine(text, hash)
    if (typeof entry === 'string') return { whole: false, ...place, reason: entry }
    if (entry.seq !== last.seq + 1)
      return { whole: false, ...place, reason: `entry ${entry.seq} follows entry ${last.seq}` }
    if (entry.prev !== last.hash) return { whole: false, ...place, reason: 'it does not follow from the entry before' }
    last = entry
    if (head === undefined || entry.seq !== head.seq) continue
    if (entry.hash !== head.hash) return { whole: false, ...place, reason: 'it is not the entry the head names' }
    headSeen = true
  }
  const torn = headSeen || (head === undefined && last.seq === 0) ? undefined : missingEnd(last, head) // H3
  return torn === undefined ? { whole: true, entries: last.seq } : { whole: false, ...place, reason: torn }
}

function missingEnd(last: Head, head: Head | undefined): string {
  if (head === undefined) return 'the head is missing or damaged: lines cut off the end would not show'
  return `the log ends at entry ${last.seq}; entries up to ${head.seq} were written`
}

/** JSON with sorted keys. Takes plain data; leaves out what JSON does. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`)
  return `{${fields.join(',')}}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isEntry(value: unknown): value is AuditEntry {
  if (typeof value !== 'object' || value === null) return false
  const { seq, prev, hash } = value as Partial<Record<keyof AuditEntry, unknown>>
  return Number.isSafeInteger(seq) && typeof prev === 'string' && typeof hash === 'string'
}
