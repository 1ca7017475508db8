// plugins/telegram/src/chat/surface.ts: one linked chat as a surface of its session (B1-B3).
//   F1  What the session says is shown in order, each once; where the chat stands is on disk after each.
//   F2  Work on the chat is one at a time: an edit of a draft never passes the answer that ends it.
//   F3  An answer in the making is shown in messages that the finished answer takes over; after a restart it takes over the same ones.
//   F4  A chat that has thrown the bot out is paused, not retried; a message Telegram will never take is left out, and said in the log.
import { createMirror, type SessionEvent } from '@pryx/plugin-sessions/service'
import type { Release } from '@pryx/sdk'
import type { Clock, Ports } from '../ports.ts'
import type { Link, Store } from '../store.ts'
import { partsOf } from '../text/parts.ts'
import { plain, type Rendered } from '../text/render.ts'
import { type Client, statusOf } from '../wire/client.ts'
import { reason } from '../wire/polling.ts'

const EDIT_MS = 1_500 // between two edits of an answer in the making
const FIRST_MS = 600 // before its first piece is shown: short answers come whole
const TYPING_MS = 4_500 // Telegram shows it for 5 s
const TYPING_TIMES = 133 // ten minutes
const MAX_DRAFT = 131_072 // characters

export const surfaceOf = (chat: number): string => `telegram:${chat}`

export interface Surface {
  readonly link: Link
  hear(event: SessionEvent): void
  delta(text: string, reset: boolean): void
  /** Shows what was missed. */
  catchUp(): void
  /** Says something of our own, in its turn. */
  say(markdown: string): Promise<void>
  end(): void
}

export interface SurfacePorts extends Pick<Ports, 'sessions' | 'warn'> {
  client: Client
  clock: Clock
  store: Store
  putLink(link: Link): Promise<void>
}

export async function openSurface(ports: SurfacePorts, first: Link): Promise<Surface> {
  const { client, clock, sessions, store, warn } = ports
  const { chat, session } = first
  let link = first
  let queue: Promise<unknown> = Promise.resolve()
  let messages = await store.draft(chat)
  let shown: string[] = []
  let draft = ''
  let flushing: Release | undefined
  let typing: Release | undefined
  let ended = false
  const mirror = createMirror(
    {
      fetch: async (after) => (await sessions.events(session, { after })).events,
      show: (event) => inTurn(() => show(event)),
    },
    link.seen,
  )
  return {
    get link() {
      return link
    },
    hear: (event) => quietly(mirror.hear(event)),
    delta(text, reset) {
      draft = ((reset ? '' : draft) + text).slice(0, MAX_DRAFT)
      flushing ??= clock.after(messages.length === 0 ? FIRST_MS : EDIT_MS, () => {
        flushing = undefined
        quietly(inTurn(() => reconcile(partsOf(draft))))
      })
    },
    catchUp: () => quietly(mirror.catchUp()),
    say: (markdown) => inTurn(() => sayAll(partsOf(markdown))),
    end() {
      ended = true
      void flushing?.()
      void typing?.()
    },
  }

  /** F2 */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  /** What fails now is shown when the connection is back: `catchUp`. */
  function quietly(work: Promise<unknown>): void {
    work.catch((error: unknown) => ended || warn(`chat ${chat}: ${reason(error)}`))
  }

  async function show(event: SessionEvent): Promise<void> {
    if (ended || link.paused) throw new Error('the chat is not shown now')
    try {
      await showKind(event)
    } catch (error) {
      if (!(await isGivenUp(error))) throw error
    }
    link = { ...link, seen: event.version }
    await ports.putLink(link) // F1
    if (event.kind === 'message') await sessions.ack(session, surfaceOf(chat), event.version)
  }

  /** F4 */
  async function isGivenUp(error: unknown): Promise<boolean> {
    const status = statusOf(error)
    if (status === 403) {
      link = { ...link, paused: true }
      await ports.putLink(link)
    }
    if (status === undefined || status >= 500 || status === 401 || status === 403 || status === 409) return false
    warn(`chat ${chat}: a message was left out: ${reason(error)}`)
    return true
  }

  async function showKind({ kind, body, surface }: SessionEvent): Promise<void> {
    if (kind === 'message' && body.role === 'assistant') return finish(body.text)
    if (kind === 'message' && surface !== surfaceOf(chat))
      return sayAll(partsOf(`**${whose(body.origin ?? surface)}:** ${body.text}`))
    if (kind === 'run.started' || kind === 'tool.requested') return startTyping()
    if (kind !== 'run.finished') return
    stopTyping()
    if (body.status !== 'superseded') await drop()
    if (body.status === 'error' || body.status === 'timeout')
      await sayAll([plain(`⚠️ ${body.error ?? 'The answer could not be finished.'}`)])
  }

  async function finish(text: string): Promise<void> {
    stopFlushing()
    await reconcile(partsOf(text))
    await clear()
  }

  /** An answer that was broken off is on no other surface, so it goes here too. */
  async function drop(): Promise<void> {
    stopFlushing()
    await reconcile([])
    await clear()
  }

  async function clear(): Promise<void> {
    draft = ''
    shown = []
    if (messages.length === 0) return
    messages = []
    await store.putDraft(chat, [])
  }

  function stopFlushing(): void {
    void flushing?.()
    flushing = undefined
  }

  /** F3: makes the messages of the answer be these parts. */
  async function reconcile(parts: readonly Rendered[]): Promise<void> {
    for (const [i, part] of parts.entries()) {
      if (ended) return
      const message = messages[i]
      if (message !== undefined && shown[i] === part.html) continue
      if (message === undefined || !(await client.edit(chat, message, part)))
        messages[i] = await client.send(chat, part)
      shown[i] = part.html
      if (messages[i] !== message) await store.putDraft(chat, messages)
    }
    const extra = messages.slice(parts.length)
    if (extra.length === 0) return
    await client.call(chat, (api, signal) =>
      api.deleteMessages({ chat_id: chat, message_ids: extra.slice(0, 100) }, signal),
    )
    messages = messages.slice(0, parts.length)
    shown = shown.slice(0, parts.length)
    await store.putDraft(chat, messages)
  }

  async function sayAll(parts: readonly Rendered[]): Promise<void> {
    for (const part of parts) await client.send(chat, part)
  }

  function startTyping(times = TYPING_TIMES): void {
    void typing?.()
    client
      .call(undefined, (api, signal) => api.sendChatAction({ chat_id: chat, action: 'typing' }, signal))
      .catch(() => {})
    typing = times > 0 && !ended ? clock.after(TYPING_MS, () => startTyping(times - 1)) : undefined
  }

  function stopTyping(): void {
    void typing?.()
    typing = undefined
  }
}

function whose(surface: string): string {
  return `You on ${surface.replace(/[^\w:.@ -]/g, '')}`
}
