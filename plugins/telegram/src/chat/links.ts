// plugins/telegram/src/chat/links.ts: which chats are linked, who may write there, and codes.
//   K1  One code at a time: 40 bits, ten minutes, one use. Twenty wrong guesses by anybody make it void, a restart does not forget them.
//       Codes are made, tried and used one after the other, whatever chats speak at once: none is used twice, and no late guess revives one.
//   K2  A chat may guess five times an hour, and a stranger is answered once an hour; all strangers together 20 times a minute.
//   K3  Where `users` are named nobody else links or writes. Else the one who brought the code writes, and no other.
import type { Clock } from '../ports.ts'
import type { Link, Store } from '../store.ts'

const CODE_MS = 600_000
const MAX_GUESSES = 20
const GUESSES_A_CHAT = 5
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const REFUSALS_A_MINUTE = 20
const MAX_STRANGERS = 1_000
const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789XY' // no letters that look like digits; 32 of them
const CODE = /^[A-Z2-9]{8}$/

export interface Links {
  all(): readonly Link[]
  of(chat: number): Link | undefined
  /** Kept as it is now. */
  put(link: Link): Promise<void>
  drop(chat: number): Promise<boolean>
  mayWrite(link: Link, user: number): boolean
  newCode(): Promise<{ code: string; expiresAt: number }>
  /** Takes a code: the new link, or undefined. Whoever may not guess is not told whether it was right. */
  redeem(code: string, who: Omit<Link, 'session' | 'model' | 'seen' | 'paused' | 'linkedAt'>): Promise<Link | undefined>
  /** K2 */
  mayRefuse(chat: number): boolean
}

export interface LinksOptions {
  store: Store
  clock: Clock
  random: (bytes: number) => Uint8Array
  users: readonly number[]
  session: string
}

export async function openLinks({ store, clock, random, users, session }: LinksOptions): Promise<Links> {
  const links = new Map((await store.links()).map((link) => [link.chat, link]))
  const strangers = new Map<number, { refusedAt: number; guesses: number[] }>()
  let refusals: number[] = []
  let codes: Promise<unknown> = Promise.resolve() // K1
  return {
    all: () => [...links.values()],
    of: (chat) => links.get(chat),
    async put(link) {
      links.set(link.chat, link)
      await store.putLink(link)
    },
    async drop(chat) {
      links.delete(chat)
      return store.dropLink(chat)
    },
    mayWrite: ({ user }, writer) => (users.length > 0 ? users.includes(writer) : writer === user), // K3
    newCode: () =>
      alone(async () => {
        const code = [...random(8)].map((byte) => LETTERS[byte % LETTERS.length]).join('')
        const expiresAt = clock.now() + CODE_MS
        await store.putCode({ code, expiresAt, tries: 0 })
        return { code, expiresAt }
      }),
    redeem,
    mayRefuse,
  }

  function alone<T>(work: () => Promise<T>): Promise<T> {
    const done = codes.then(work)
    codes = done.catch(() => {})
    return done
  }

  async function redeem(
    given: string,
    who: Omit<Link, 'session' | 'model' | 'seen' | 'paused' | 'linkedAt'>,
  ): Promise<Link | undefined> {
    const text = given.trim().toUpperCase()
    if (!CODE.test(text) || !mayGuess(who.chat)) return undefined
    if (users.length > 0 && !users.includes(who.user)) return undefined // K3
    return (await alone(() => use(text)))
      ? { ...who, session, model: '', seen: 0, paused: false, linkedAt: clock.now() }
      : undefined
  }

  /** K1. @returns Whether it was the code; then it is none any more. */
  async function use(text: string): Promise<boolean> {
    const code = await store.code()
    if (code === undefined || code.expiresAt <= clock.now()) return false
    const right = code.code === text
    const tries = code.tries + 1
    await store.putCode(right || tries >= MAX_GUESSES ? undefined : { ...code, tries })
    return right
  }

  /** K2 */
  function mayGuess(chat: number): boolean {
    const stranger = strangerOf(chat)
    stranger.guesses = stranger.guesses.filter((at) => clock.now() - at < HOUR_MS)
    if (stranger.guesses.length >= GUESSES_A_CHAT) return false
    stranger.guesses.push(clock.now())
    return true
  }

  function mayRefuse(chat: number): boolean {
    const now = clock.now()
    const stranger = strangerOf(chat)
    refusals = refusals.filter((at) => now - at < MINUTE_MS)
    if (now - stranger.refusedAt < HOUR_MS || refusals.length >= REFUSALS_A_MINUTE) return false
    stranger.refusedAt = now
    refusals.push(now)
    return true
  }

  function strangerOf(chat: number) {
    const known = strangers.get(chat)
    if (known) return known
    if (strangers.size >= MAX_STRANGERS) strangers.delete(strangers.keys().next().value as number) // the oldest
    const fresh = { refusedAt: Number.NEGATIVE_INFINITY, guesses: [] as number[] }
    strangers.set(chat, fresh)
    return fresh
  }
}
