// plugins/telegram/src/chat/inbox.ts: updates, from disk to what they cause (B4).
//   I1  An update is marked as done after its effect, and every effect bears being caused again: nothing is lost, nothing counts twice.
//   I2  The updates of one chat are worked on in order, those of different chats side by side.
//   I3  What fails is tried five times in all, over restarts; then whoever wrote is told, and it is over.
import type { Clock } from '../ports.ts'
import { sleep } from '../ports.ts'
import type { Kept, Store } from '../store.ts'
import { type Incoming, keepable, parseUpdate } from '../wire/updates.ts'

const MAX_TRIES = 5
const RETRY_MS = 1_000 // then 2, 4 and 8 s

export interface InboxPorts {
  store: Store
  clock: Clock
  signal: AbortSignal
  act(incoming: Incoming): Promise<void>
  /** It could not be done. */
  gaveUp(incoming: Incoming | undefined, error: unknown): Promise<void>
}

export interface Inbox {
  /** As Telegram sent them. Resolves when they are on disk. @param polled They came by long polling, whose offset moves on. */
  take(updates: unknown, polled: boolean): Promise<void>
  /** Goes on with what an earlier life left. */
  resume(): Promise<void>
}

export function createInbox({ store, clock, signal, act, gaveUp }: InboxPorts): Inbox {
  const chats = new Map<number, Promise<void>>()
  const known = new Set<number>() // being worked on
  return {
    async take(raw, polled) {
      const updates = keepable(raw)
      if (updates.length === 0) return
      const last = Math.max(...updates.map(({ id }) => id))
      await store.keep(updates, clock.now(), polled ? last + 1 : undefined)
      await resume()
    },
    resume,
  }

  async function resume(): Promise<void> {
    for (const kept of await store.open()) {
      if (known.has(kept.id)) continue
      known.add(kept.id)
      enqueue(kept)
    }
  }

  /** I2 */
  function enqueue(kept: Kept): void {
    const incoming = safely(() => parseUpdate(kept.body))
    const chat = incoming?.chat ?? 0
    const done = (chats.get(chat) ?? Promise.resolve()).then(() => work(kept, incoming)).catch(() => {})
    chats.set(chat, done)
    void done.then(() => {
      known.delete(kept.id)
      if (chats.get(chat) === done) chats.delete(chat)
    })
  }

  /** I1, I3 */
  async function work({ id }: Kept, incoming: Incoming | undefined): Promise<void> {
    while (!signal.aborted) {
      const tries = incoming === undefined ? 1 : await store.begin(id)
      try {
        if (tries > MAX_TRIES) await gaveUp(incoming, undefined)
        else if (incoming) await act(incoming)
        return await store.done(id)
      } catch (error) {
        if (signal.aborted) return
        if (tries >= MAX_TRIES) {
          await gaveUp(incoming, error).catch(() => {})
          return store.done(id)
        }
        await sleep(clock, RETRY_MS * 2 ** (tries - 1), signal)
      }
    }
  }
}

function safely<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
