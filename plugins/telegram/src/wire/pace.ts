// plugins/telegram/src/wire/pace.ts: how often Telegram lets a bot speak. Pure but for the time handed in.
//   P1  A chat may be told three things at once, then one a second; a group one in three seconds; all chats together 25 a second.
//   P2  Where Telegram says "retry after", nothing goes there before.
// @see https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
const BURST = 3
const PRIVATE_MS = 1_000
const GROUP_MS = 3_000
const ALL_MS = 40
const MAX_CHATS = 5_000

export interface Pace {
  /** Books the next place. @returns ms to wait for it. */
  book(chat: number | undefined, now: number): number
  /** P2. Without a chat: for all of them. */
  hold(chat: number | undefined, until: number): void
}

export function createPace(): Pace {
  const next = new Map<number | undefined, number>() // when the vessel of each chat is empty, epoch ms
  return {
    book(chat, now) {
      const own = chat === undefined ? 0 : wait(chat, now, chat < 0 ? GROUP_MS : PRIVATE_MS, BURST)
      return Math.max(own, wait(undefined, now, ALL_MS, 25))
    },
    hold(chat, until) {
      const step = chat === undefined ? ALL_MS * 24 : (chat < 0 ? GROUP_MS : PRIVATE_MS) * (BURST - 1)
      next.set(chat, Math.max(next.get(chat) ?? 0, until + step))
    },
  }

  /** P1: a vessel of `burst` that fills by one at each booking and drains by one each `stepMs`. */
  function wait(key: number | undefined, now: number, stepMs: number, burst: number): number {
    if (next.size > MAX_CHATS) for (const [chat, at] of next) if (at < now) next.delete(chat)
    const level = Math.max(next.get(key) ?? 0, now) + stepMs
    next.set(key, level)
    return Math.max(0, level - now - burst * stepMs)
  }
}
