// plugins/telegram/src/chat/notices.ts: what the scheduler tells the user, as messages in private linked chats (S3).
//   M1  A notice is on disk before it is sent, and marked when it was: Telegram being away for a while delays it and loses nothing.
//   M2  The same notice goes to a chat once, however often it is told. One that escalates is another each time it comes again.
//   M3  When it is told, and whether, is the scheduler's to say: its rules, its quiet hours. Nobody else's word counts.
import { PryxError } from '@pryx/sdk'
import { z } from 'zod'
import type { Ports } from '../ports.ts'
import type { Link } from '../store.ts'
import { plain } from '../text/render.ts'
import { type Client, statusOf } from '../wire/client.ts'
import { reason } from '../wire/polling.ts'
import type { NoticeRow, NoticeStore } from './notice-store.ts'

export const SCHEDULER = 'scheduler' // under which pryx.json has it
const RETRY_MS = 15_000
const TOO_LATE_MS = 86_400_000 // what could not be sent for a day is no news any more
const MAX_CHARS = 3_900 // with the mark in front within one message
const MARKS = { info: 'ℹ️', warning: '⚠️', error: '🚨' } as const

const notice = z.object({
  id: z.string().max(512),
  level: z.enum(['info', 'warning', 'error']),
  title: z.string(),
  text: z.string(),
  escalates: z.boolean(),
  left: z.number().int().default(0),
})

export interface Notices {
  raised(payload: unknown): Promise<void>
  acknowledged(payload: unknown): Promise<void>
  /** Its button was pressed. @returns What to show the one who pressed. */
  pressed(data: string): Promise<string>
  /** Sends what waits. */
  wake(): void
}

export interface NoticesPorts extends Pick<Ports, 'scheduler' | 'clock' | 'warn'> {
  client: Client
  store: NoticeStore
  links(): readonly Link[]
  signal: AbortSignal
}

export function createNotices({ client, store, links, scheduler, clock, warn, signal }: NoticesPorts): Notices {
  let sending: Promise<void> = Promise.resolve()
  let again = () => {}
  return {
    async raised(payload) {
      const { data } = notice.safeParse(payload)
      if (data === undefined) return
      const { id, level, title, text, escalates, left } = data
      const chats = links().filter((link) => link.private && !link.paused)
      const words = `${MARKS[level]} ${title}${text === '' ? '' : `\n\n${text}`}`
      const row = { id, key: `${id} ${left}`, text: cut(words), asks: escalates, at: clock.now() }
      for (const { chat } of chats) await store.add(chat, row) // M1 M2
      wake()
    },
    async acknowledged(payload) {
      const { data } = z.object({ id: z.string(), by: z.string() }).safeParse(payload)
      if (data === undefined) return
      for (const { chat, message, text } of await store.asking(data.id))
        await client.edit(chat, message, plain(`${text}\n\n✅ seen, said ${data.by.slice(0, 64)}`)).catch(() => {})
      await store.answered(data.id)
    },
    async pressed(data) {
      const id = await store.idOf(Number(/^n:(\d+)$/.exec(data)?.[1]))
      if (id === undefined) return 'That is not there any more.'
      try {
        return (await (await scheduler())?.acknowledge(id))
          ? 'Noted: it will not come again.'
          : 'That was noted before.'
      } catch (error) {
        warn(`a notice was not acknowledged: ${reason(error)}`)
        return 'That did not work. See it on the page, or with pryx tasks notices.'
      }
    },
    wake,
  }

  function wake(): void {
    sending = sending.then(sendAll).catch((error: unknown) => {
      if (signal.aborted) return
      warn(`a notice waits: ${reason(error)}`)
      again()
      const release = clock.after(RETRY_MS, wake)
      again = () => void release()
    })
  }

  async function sendAll(): Promise<void> {
    for (const row of await store.waiting(clock.now() - TOO_LATE_MS)) {
      if (signal.aborted) return
      const linked = links().some(({ chat, paused }) => chat === row.chat && !paused)
      await store.sent(row.seq, linked ? await sendOne(row) : undefined)
    }
  }

  /** @returns The message; undefined if that chat does not take any. */
  async function sendOne({ seq, chat, text, asks }: NoticeRow): Promise<number | undefined> {
    try {
      return await client.send(chat, plain(text), asks ? [[{ text: 'Got it', data: `n:${seq}` }]] : undefined)
    } catch (error) {
      const status = statusOf(error)
      if (!PryxError.is(error) || (status !== 400 && status !== 403)) throw error
      warn(`chat ${chat} takes no notice: ${reason(error)}`)
      return undefined
    }
  }
}

function cut(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS).replace(/[\ud800-\udbff]$/, '')}…`
}
