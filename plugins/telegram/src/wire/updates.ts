// plugins/telegram/src/wire/updates.ts: what Telegram sends, as the little we act on. Pure; everything else is left out here.
//   Nothing of an update is trusted: types and lengths are checked, keys that are not named are never read.
// @see https://core.telegram.org/bots/api#update
import { z } from 'zod'

export const WANTED = ['message', 'callback_query', 'my_chat_member'] as const
const MAX_BODY = 262_144 // characters of one update on disk; text of a message has 4,096 at most

interface From {
  chat: number
  private: boolean
  /** Of the chat, as its owner calls it. */
  name: string
  user: number
}

export interface SentFile {
  id: string
  /** As the sender calls it, or of our making. */
  name: string
  /** Bytes, if Telegram says so. */
  size?: number | undefined
}

export type Incoming =
  | (From & { kind: 'text'; message: number; text: string })
  | (From & { kind: 'file'; message: number; text: string; file: SentFile })
  | (From & { kind: 'press'; query: string; message: number; data: string })
  | (From & { kind: 'out' })

const id = z.number().int()
const name = z.string().max(512)
const chat = z.object({ id, type: z.string().max(32), title: name.optional(), first_name: name.optional() })
const user = z.object({ id, is_bot: z.boolean().optional() })
const text = z.string().max(16_384)
const file = z.object({
  file_id: z.string().min(1).max(512),
  file_name: name.optional(),
  file_size: z.number().optional(),
})
const message = z.object({
  message_id: id,
  chat,
  from: user.optional(),
  text: text.optional(),
  caption: text.optional(),
  document: file.optional(),
  photo: z.array(file).max(32).optional(),
  voice: file.optional(),
  audio: file.optional(),
  video: file.optional(),
})
const press = z.object({
  id: z.string().max(128),
  from: user,
  data: z.string().max(256).optional(),
  message: z.object({ message_id: id, chat }).optional(),
})
const member = z.object({ chat, from: user, new_chat_member: z.object({ status: z.string().max(32) }) })
const update = z.object({
  message: message.optional(),
  callback_query: press.optional(),
  my_chat_member: member.optional(),
})

/** Updates with an id, as they are kept. One too large to keep is kept empty, so that it is not sent again. */
export function keepable(raw: unknown): { id: number; body: string }[] {
  if (!Array.isArray(raw)) return []
  return raw.flatMap((one) => {
    const { success, data } = z.object({ update_id: z.number().int().min(0) }).safeParse(one)
    if (!success) return []
    const body = JSON.stringify(one) as string
    return [{ id: data.update_id, body: body.length > MAX_BODY ? '' : body }]
  })
}

/** What an update asks for; undefined for what is not for us, or not what it should be. */
export function parseUpdate(body: string): Incoming | undefined {
  if (body === '') return undefined
  const { data } = update.safeParse(JSON.parse(body))
  if (data?.message) return ofMessage(data.message)
  if (data?.callback_query) return ofPress(data.callback_query)
  if (data?.my_chat_member) return ofMember(data.my_chat_member)
  return undefined
}

function ofMessage(one: z.infer<typeof message>): Incoming | undefined {
  if (one.from === undefined || one.from.is_bot) return undefined
  const from = { ...place(one.chat), user: one.from.id }
  const sent = fileOf(one)
  if (sent) return { ...from, kind: 'file', message: one.message_id, text: one.caption ?? '', file: sent }
  if (!one.text?.trim()) return undefined
  return { ...from, kind: 'text', message: one.message_id, text: one.text }
}

/** Of a photo the largest of its sizes, which is the last. */
function fileOf({ document, photo, voice, audio, video, message_id }: z.infer<typeof message>): SentFile | undefined {
  const found = document ?? audio ?? video ?? voice ?? photo?.at(-1)
  if (found === undefined) return undefined
  const ending = photo ? 'jpg' : voice ? 'ogg' : video ? 'mp4' : audio ? 'mp3' : 'bin'
  return { id: found.file_id, name: found.file_name ?? `file-${message_id}.${ending}`, size: found.file_size }
}

function ofPress(one: z.infer<typeof press>): Incoming | undefined {
  if (one.message === undefined) return undefined
  const { message_id, chat } = one.message
  return { ...place(chat), kind: 'press', user: one.from.id, query: one.id, message: message_id, data: one.data ?? '' }
}

function ofMember({ chat, from, new_chat_member: { status } }: z.infer<typeof member>): Incoming | undefined {
  const isOut = status === 'left' || status === 'kicked'
  return isOut ? { ...place(chat), kind: 'out', user: from.id } : undefined
}

function place({ id, type, title, first_name }: z.infer<typeof chat>): Omit<From, 'user'> {
  return { chat: id, private: type === 'private', name: (title ?? first_name ?? String(id)).slice(0, 64) }
}
