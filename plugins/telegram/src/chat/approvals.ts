// plugins/telegram/src/chat/approvals.ts: questions to the user as messages with buttons, in private linked chats (K5).
//   Q1  The first answer on any surface wins; the message then says which it was, and has no buttons any more.
//   Q2  A question about this plugin is not shown here: who asks may not say yes (decision 14), and to show it might be what it asks for.
//   Q3  Messages are known by what is on disk, so that a question answered while we were away is closed too.
import { PryxError } from '@pryx/sdk'
import { z } from 'zod'
import type { Ports } from '../ports.ts'
import type { Link, Store } from '../store.ts'
import { plain } from '../text/render.ts'
import type { Button, Client } from '../wire/client.ts'

const ID = /^[\w-]{1,48}$/ // with what stands before it at most 64 bytes of a button
const question = z.object({
  id: z.string(),
  plugin: z.string(),
  sentence: z.string(),
  risk: z.string().optional(),
  expiresAt: z.number(),
})
const resolved = z.object({ id: z.string(), answer: z.string(), by: z.string() })
const FIRST_USE_MS = 4_000 // longer means that the user is asked first whether Telegram may answer at all
const FIRST_USE = 'First allow Telegram to answer questions: on the page, or with pryx approvals. Then press again.'
const CHOICES = { once: 'Allow once', forever: 'Always allow', deny: 'Deny' } as const

export interface Questions {
  needed(payload: unknown): Promise<void>
  resolved(payload: unknown): Promise<void>
  /** A button was pressed. @returns What to show the one who pressed. */
  pressed(data: string): Promise<string>
  /** Closes those whose time is over. */
  sweep(): Promise<void>
}

export interface QuestionsPorts extends Pick<Ports, 'kernel' | 'clock' | 'warn'> {
  client: Client
  store: Store
  links(): readonly Link[]
  plugin: string
}

export function createQuestions({ client, store, links, kernel, clock, warn, plugin }: QuestionsPorts): Questions {
  return {
    async needed(payload) {
      const { success, data } = question.safeParse(payload)
      if (!success || !ID.test(data.id)) return
      if (data.plugin === plugin) return // Q2
      const text = `❓ ${data.plugin} wants to ${data.sentence}.`
      for (const { chat } of links().filter((link) => link.private && !link.paused)) await ask(chat, data, text)
    },
    async resolved(payload) {
      const { success, data } = resolved.safeParse(payload)
      if (success)
        await close(data.id, `${data.answer === 'allow' ? '✅ allowed' : '🚫 denied'} by ${data.by.slice(0, 64)}`) // Q1
    },
    async pressed(data) {
      const [, choice, id] = /^q:(once|forever|deny):([\w-]+)$/.exec(data) ?? []
      if (choice === undefined || id === undefined) return ''
      try {
        const duration = choice === 'forever' ? 'forever' : 'once'
        const answered = (await kernel()).answer(id, { answer: choice === 'deny' ? 'deny' : 'allow', duration })
        answered.catch(() => {})
        const late = Symbol('late')
        const first = await Promise.race([
          answered,
          new Promise((resolve) => clock.after(FIRST_USE_MS, () => resolve(late))),
        ])
        if (first === late) return FIRST_USE
        return choice === 'deny' ? 'Denied' : 'Allowed'
      } catch (error) {
        return excuse(error)
      }
    },
    async sweep() {
      for (const { approval } of await store.stale(clock.now())) await close(approval, '⌛ too late: denied')
    },
  }

  async function ask(chat: number, { id, expiresAt }: z.infer<typeof question>, text: string): Promise<void> {
    const choices = Object.entries(CHOICES).map(
      ([choice, label]): Button => ({ text: label, data: `q:${choice}:${id}` }),
    )
    try {
      const message = await client.send(chat, plain(text), [choices])
      await store.putQuestion(id, { chat, message, text }, expiresAt)
    } catch (error) {
      warn(`a question was not shown in chat ${chat}: ${PryxError.is(error) ? error.message : 'unexpected failure'}`)
    }
  }

  async function close(id: string, outcome: string): Promise<void> {
    for (const { chat, message, text } of await store.questions(id))
      await client.edit(chat, message, plain(`${text}\n${outcome}`)).catch(() => {})
    await store.dropQuestion(id)
  }
}

function excuse(error: unknown): string {
  if (PryxError.is(error, 'APPROVAL_RESOLVED') || PryxError.is(error, 'APPROVAL_UNKNOWN'))
    return 'This was answered before.'
  if (PryxError.is(error) && error.code.startsWith('PERMISSION')) return FIRST_USE
  return 'That did not work. Answer it on the page, or with pryx approvals.'
}
