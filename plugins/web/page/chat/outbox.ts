// plugins/web/page/chat/outbox.ts: what was written and is not yet in the log. Pure, but for where it is kept.
//   O1  A message keeps its id from the first try to the last, also through a reload of the page: however often it is sent, it counts once.
//   O2  It leaves when the log holds it and the server has said so, or when the user takes it back.
import type { Said } from './log.ts'

export interface Waiting {
  client: string
  session: string
  text: string
  model?: string | undefined
  /** Epoch ms. */
  at: number
  /** `away`: nobody answered; it is sent again by itself. `refused`: the user decides. */
  state: 'sending' | 'away' | 'sent' | 'refused'
  /** The run that it is, once the server has said so. */
  run?: string | undefined
  /** The log shows words that are most likely these: no second bubble. */
  seen?: boolean | undefined
  error?: string | undefined
}

export type Outbox = readonly Waiting[]

export function withSaid(outbox: Outbox, session: string, said: readonly Said[]): Outbox {
  if (outbox.length === 0) return outbox
  let next = outbox
  for (const { role, surface, client, text } of said) {
    if (role !== 'user' || surface !== 'web') continue
    const own = next.find((one) => one.session === session && isOf(one, client))
    const like =
      own ?? next.find((one) => one.session === session && !one.seen && one.run === undefined && one.text === text)
    if (own !== undefined)
      next = next.filter((one) => one !== own) // O2
    else if (like !== undefined) next = next.map((one) => (one === like ? { ...one, seen: true } : one))
  }
  return next
}

/** The server has taken it. */
export function withTaken(outbox: Outbox, client: string, run: string, said: readonly Said[]): Outbox {
  const shown = said.some((one) => isOf({ run }, one.client))
  if (shown) return outbox.filter((one) => one.client !== client) // O2
  return withChange(outbox, client, { state: 'sent', run, error: undefined })
}

export function withChange(outbox: Outbox, client: string, change: Partial<Waiting>): Outbox {
  return outbox.map((one) => (one.client === client ? { ...one, ...change } : one))
}

function isOf({ run }: Pick<Waiting, 'run'>, client: string | undefined): boolean {
  return run !== undefined && client === `run:${run}`
}

const KEY = 'pryx.outbox'
const MAX_KEPT = 20

export function keepOutbox(outbox: Outbox): void {
  keep(KEY, outbox.length === 0 ? undefined : JSON.stringify(outbox.slice(-MAX_KEPT)))
}

/** What an earlier life of the page had not brought to its end. */
export function keptOutbox(): Outbox {
  try {
    const kept: unknown = JSON.parse(keptAt(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isWaiting).map((one) => ({ ...one, state: stateAfterReload(one) })) : []
  } catch {
    return []
  }
}

function stateAfterReload({ state }: Waiting): Waiting['state'] {
  return state === 'refused' ? 'refused' : 'away'
}

function isWaiting(value: unknown): value is Waiting {
  const { client, session, text } = (value ?? {}) as Record<string, unknown>
  return typeof client === 'string' && typeof session === 'string' && typeof text === 'string'
}

/** Storage may be full or forbidden; the page works without. */
export function keep(key: string, text: string | undefined): void {
  try {
    if (text === undefined) localStorage.removeItem(key)
    else localStorage.setItem(key, text)
  } catch {
    // It lives until the page is closed.
  }
}

export function keptAt(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
