// packages/capabilities/src/http/login.ts: who may see the pages of the plugins (N4). A link printed by the host opens them, once; a session keeps them open.
//   G1  Only hashes are kept, of links in memory and of sessions on disk: who reads the file can open nothing.
//   G2  A link opens once and within LINK_MS; it is spent before its session is made.
//   G3  Wrong guesses are counted for each address and refused for a while; a session that is there is never slowed.
//   G4  A session that has ended ends its open connections too.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export const LINK_MS = 15 * 60_000
const SESSION_MS = 30 * 86_400_000 // since it was last used
const SEEN_EVERY_MS = 3_600_000 // how exactly its last use is kept
const MAX_LINKS = 8
const MAX_SESSIONS = 64
const MAX_WRONG = 10 // guesses
const WRONG_MS = 60_000
const MAX_ADDRESSES = 1_000

/** A session as it is kept. */
export interface KeptSession {
  id: string
  /** SHA-256 of its secret, base64url. */
  hash: string
  /** What the browser calls itself. */
  agent: string
  /** Epoch ms, both. */
  since: number
  seenAt: number
}

export type LoginSession = Omit<KeptSession, 'hash'>

export interface LoginOptions {
  /** Sessions of earlier lives of the host. */
  kept?: readonly KeptSession[]
  /** Puts all sessions on disk. */
  keep?(sessions: readonly KeptSession[]): void
  /** Epoch ms. */
  now?(): number
}

export type Opened =
  | { kind: 'in'; token: string; session: LoginSession }
  | { kind: 'wrong' }
  | { kind: 'slowed'; forMs: number }

export interface Login {
  /** A new code that opens once. */
  code(): { code: string; expiresAt: number }
  /** Spends a code (G2). @param from Address of the peer. */
  open(code: string, from: string, agent: string): Opened
  /** The session a cookie's value stands for. */
  find(token: string): LoginSession | undefined
  sessions(): LoginSession[]
  /** @returns Whether it was there. */
  end(id: string): boolean
  endAll(): number
  /** Ends `connection` with the session (G4), until released. */
  bind(id: string, connection: () => void): () => void
}

export function createLogin({ kept = [], keep = () => {}, now = Date.now }: LoginOptions = {}): Login {
  const sessions = new Map(kept.map((one) => [one.id, { ...one }]))
  const bound = new Map<string, Set<() => void>>()
  const wrong = new Map<string, { count: number; until: number }>()
  let links: { hash: Buffer; expiresAt: number }[] = []
  return {
    code() {
      const code = secret(16)
      const expiresAt = now() + LINK_MS
      links = [...links.slice(1 - MAX_LINKS), { hash: digest(code), expiresAt }] // G1
      return { code, expiresAt }
    },
    open(code, from, agent) {
      const forMs = slowedFor(from)
      if (forMs > 0) return { kind: 'slowed', forMs } // G3
      if (!spend(code)) {
        countWrong(from)
        return { kind: 'wrong' }
      }
      wrong.delete(from)
      return { kind: 'in', ...begin(agent) }
    },
    find(token) {
      const [id = '', given = ''] = token.split('.')
      const one = sessions.get(id)
      if (one === undefined || !timingSafeEqual(digest(given), Buffer.from(one.hash, 'base64url'))) return undefined
      if (now() - one.seenAt >= SESSION_MS) return void drop(id)
      touch(one)
      return facts(one)
    },
    sessions: () => [...sessions.values()].filter(({ seenAt }) => now() - seenAt < SESSION_MS).map(facts),
    end: drop,
    endAll: () => [...sessions.keys()].filter(drop).length,
    bind(id, connection) {
      const all = bound.get(id) ?? new Set()
      bound.set(id, all.add(connection))
      return () => {
        all.delete(connection)
        if (all.size === 0 && bound.get(id) === all) bound.delete(id)
      }
    },
  }

  /** G2: every link is compared, so that the time taken says nothing of any. */
  function spend(code: string): boolean {
    const given = digest(code)
    const found = links.filter(({ hash }) => timingSafeEqual(hash, given))
    links = links.filter((link) => !found.includes(link))
    return found.some(({ expiresAt }) => now() < expiresAt)
  }

  function begin(agent: string): { token: string; session: LoginSession } {
    const [id, key] = [secret(9), secret(32)]
    const one = { id, hash: digest(key).toString('base64url'), agent: agent.slice(0, 200), since: now(), seenAt: now() }
    sessions.set(id, one)
    const oldest = [...sessions.values()].sort((a, b) => a.seenAt - b.seenAt)[0]!
    if (sessions.size > MAX_SESSIONS) drop(oldest.id)
    keepAll()
    return { token: `${id}.${key}`, session: facts(one) }
  }

  function touch(one: KeptSession): void {
    if (now() - one.seenAt < SEEN_EVERY_MS) return
    one.seenAt = now()
    keepAll()
  }

  /** G4 */
  function drop(id: string): boolean {
    if (!sessions.delete(id)) return false
    keepAll()
    for (const end of [...(bound.get(id) ?? [])]) end()
    return true
  }

  function keepAll(): void {
    keep([...sessions.values()].map((one) => ({ ...one })))
  }

  function slowedFor(from: string): number {
    const known = wrong.get(from)
    return known !== undefined && known.count >= MAX_WRONG ? Math.max(0, known.until - now()) : 0
  }

  function countWrong(from: string): void {
    const known = wrong.get(from)
    const count = known !== undefined && now() < known.until ? known.count + 1 : 1
    wrong.delete(from) // the newest stands last
    wrong.set(from, { count, until: now() + WRONG_MS })
    if (wrong.size > MAX_ADDRESSES) wrong.delete(wrong.keys().next().value!)
  }
}

function secret(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function facts({ hash: _hash, ...session }: KeptSession): LoginSession {
  return session
}
