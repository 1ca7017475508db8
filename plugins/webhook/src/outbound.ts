// plugins/webhook/src/outbound.ts: what goes out: a queue on disk, and tries until it is taken.
//   O1  What is queued is on disk first. It leaves the queue when the other side said 2xx, or after a day of tries, which is logged.
//   O2  A message keeps its id over all its tries, so that the other side can tell a repeat. At least once, in no promised order.
//   O3  Tries are 1 s, 5 s, 30 s, 2 min, 10 min and then 30 min apart, and never sooner than Retry-After says.
//   O4  One endpoint that does not answer holds up no other. No redirect is followed: the signature is for the address it was made for.
import type { Release } from '@pryx/sdk'
import { type Key, sign } from './signature.ts'

const DELAYS_S = [1, 5, 30, 120, 600, 1_800]
const GIVE_UP_MS = 86_400_000
const TRY_MS = 15_000
const MAX_QUEUE = 10_000 // of one endpoint
const AT_ONCE = 4 // to one endpoint

const SCHEMA = `
CREATE TABLE IF NOT EXISTS queue (id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, body TEXT NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS queue_due ON queue (endpoint, due);
CREATE TABLE IF NOT EXISTS seen (session TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
`

export interface Sql {
  all<T>(sql: string, ...params: (string | number)[]): Promise<T[]>
  run(sql: string, ...params: (string | number)[]): Promise<{ changes: number }>
  exec(script: string, options?: { durable?: boolean }): Promise<void>
  batch(
    statements: { sql: string; params?: (string | number)[] }[],
    options?: { durable?: boolean },
  ): Promise<{ changes: number }[]>
}

export interface Queued {
  id: string
  endpoint: string
  body: string
}

interface Row extends Queued {
  tries: number
  at: number
}

export interface OutboundPorts {
  sql: Sql
  now(): number
  after(ms: number, fn: () => void): Release
  fetch: typeof fetch
  urlOf(endpoint: string): string | undefined
  /** The one to sign with. */
  keyOf(endpoint: string): Key | undefined
  warn(message: string): void
  /** A try has ended; `why` it was not taken. */
  tried(endpoint: string, why: string | undefined): void
}

export interface Outbound {
  /** O1. With the same id it counts once. `seen`: the log up to there is in the queue. */
  add(message: Queued, seen?: { session: string; version: number }): Promise<void>
  seen(session: string): Promise<number | undefined>
  /** Looks for what is due. */
  wake(): void
  end(): void
}

export async function openOutbound(ports: OutboundPorts): Promise<Outbound> {
  const { sql, now, after, warn } = ports
  await sql.exec(SCHEMA, { durable: true })
  const busy = new Map<string, Set<string>>()
  const ends = new AbortController()
  let timer: Release | undefined
  let looking: Promise<void> = Promise.resolve()
  return {
    async add({ id, endpoint, body }, seen) {
      await sql.batch(
        [
          {
            sql: 'INSERT OR IGNORE INTO queue SELECT ?, ?, ?, 0, ?, ? WHERE (SELECT count(*) FROM queue WHERE endpoint = ?) < ?',
            params: [id, endpoint, body, now(), now(), endpoint, MAX_QUEUE],
          },
          ...(seen
            ? [
                {
                  sql: 'INSERT OR REPLACE INTO seen (session, version) VALUES (?, ?)',
                  params: [seen.session, seen.version],
                },
              ]
            : []),
        ],
        { durable: true },
      )
      wake()
    },
    async seen(session) {
      const [row] = await sql.all<{ version: number }>('SELECT version FROM seen WHERE session = ?', session)
      return row?.version
    },
    wake,
    end() {
      ends.abort()
      void timer?.()
    },
  }

  function wake(): void {
    looking = looking.then(look).catch((error: unknown) => warn(`the queue could not be read: ${textOf(error)}`))
  }

  async function look(): Promise<void> {
    if (ends.signal.aborted) return
    const endpoints = await sql.all<{ endpoint: string }>('SELECT DISTINCT endpoint FROM queue')
    for (const { endpoint } of endpoints) await serve(endpoint)
    const [next] = await sql.all<{ due: number | null }>('SELECT min(due) AS due FROM queue WHERE due > ?', now())
    void timer?.()
    timer = undefined
    if (typeof next?.due === 'number' && !ends.signal.aborted) timer = after(Math.max(10, next.due - now()), wake)
  }

  /** O4 */
  async function serve(endpoint: string): Promise<void> {
    const mine = busy.get(endpoint) ?? new Set<string>()
    busy.set(endpoint, mine)
    const due = await sql.all<Row>(
      'SELECT id, endpoint, body, tries, at FROM queue WHERE endpoint = ? AND due <= ? ORDER BY at, id LIMIT 50',
      endpoint,
      now(),
    )
    for (const row of due.filter(({ id }) => !mine.has(id)).slice(0, AT_ONCE - mine.size)) {
      mine.add(row.id)
      void attempt(row)
        .catch((error: unknown) => warn(`webhook to ${endpoint}: ${textOf(error)}`))
        .then(() => {
          mine.delete(row.id)
          wake()
        })
    }
  }

  async function attempt(row: Row): Promise<void> {
    const { ok, why, retryAfterMs } = await deliver(row)
    if (ends.signal.aborted && !ok) return // the next life tries it at once
    ports.tried(row.endpoint, ok ? undefined : why)
    if (ok) return void (await sql.run('DELETE FROM queue WHERE id = ?', row.id))
    if (now() - row.at >= GIVE_UP_MS) {
      warn(`webhook to ${row.endpoint}: given up after a day of tries: ${why}`) // O1
      return void (await sql.run('DELETE FROM queue WHERE id = ?', row.id))
    }
    const delayMs = Math.max((DELAYS_S[Math.min(row.tries, DELAYS_S.length - 1)] as number) * 1_000, retryAfterMs) // O3
    await sql.run('UPDATE queue SET tries = tries + 1, due = ? WHERE id = ?', now() + delayMs, row.id)
  }

  async function deliver({ id, endpoint, body }: Row): Promise<{ ok: boolean; why: string; retryAfterMs: number }> {
    const [url, key] = [ports.urlOf(endpoint), ports.keyOf(endpoint)]
    if (url === undefined || key === undefined) return { ok: false, why: 'it has no url or no secret', retryAfterMs: 0 }
    const timestamp = String(Math.floor(now() / 1_000))
    const signature = await sign(key, { id, timestamp, body: new TextEncoder().encode(body) })
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature, // O2
    }
    try {
      const signal = AbortSignal.any([ends.signal, AbortSignal.timeout(TRY_MS)])
      const answer = await ports.fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
      await answer.body?.cancel()
      const seconds = Number(answer.headers.get('retry-after') ?? 0)
      return {
        ok: answer.ok,
        why: `status ${answer.status}`,
        retryAfterMs: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) * 1_000 : 0,
      }
    } catch (error) {
      return { ok: false, why: textOf(error), retryAfterMs: 0 }
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'unexpected failure'
}
