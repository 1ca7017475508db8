// plugins/telegram/src/chat/commands.ts: what a linked chat can do beside talking. Each may come twice and has the same effect.
import { PryxError } from '@pryx/sdk'
import type { Ports } from '../ports.ts'
import type { Link } from '../store.ts'
import type { Button } from '../wire/client.ts'

export const MENU = [
  { command: 'new', description: 'Begin a new conversation' },
  { command: 'sessions', description: 'Your conversations' },
  { command: 'stop', description: 'Stop what is going on' },
  { command: 'model', description: 'Choose the model' },
  { command: 'help', description: 'What I can do' },
]
const MODEL = /^[\w.-]{1,64}\/[\w.:@/+-]{1,128}$/
const MAX_BUTTON_ID = 60 // a button carries 64 bytes

export interface Reply {
  text: string
  /** Sessions to choose from. */
  buttons?: Button[][]
  /** The chat shows another session, or asks another model, from now on. */
  link?: Partial<Pick<Link, 'session' | 'model'>>
}

/** @returns undefined if the text is no command. */
export async function command(
  { sessions, agent }: Pick<Ports, 'sessions' | 'agent'>,
  link: Link,
  text: string,
  message: number,
): Promise<Reply | undefined> {
  const [, name, rest = ''] = /^\/([a-z]{1,32})(?:@\w+)?(?:\s+([\s\S]*))?$/i.exec(text.trim()) ?? []
  switch (name?.toLowerCase()) {
    case 'start':
    case 'help':
      return { text: help(link) }
    case 'new':
      return begin()
    case 'sessions':
      return list()
    case 'stop':
      return stop()
    case 'model':
      return model(rest.trim())
    default:
      return undefined
  }

  async function begin(): Promise<Reply> {
    const id = `tg.${link.chat}.${message}` // the same message, the same session
    const title = rest.trim().slice(0, 200)
    const session = await sessions.create({ id, ...(title && { title }) })
    return { text: 'A new conversation. What is it about?', link: { session: session.id } }
  }

  async function list(): Promise<Reply> {
    const found = await sessions.list({ limit: 10 })
    const buttons = found
      .filter(({ id }) => id.length <= MAX_BUTTON_ID)
      .map(({ id, title, preview }) => [
        { text: `${id === link.session ? '• ' : ''}${(title || preview || id).slice(0, 48)}`, data: `s:${id}` },
      ])
    return { text: 'Which one?', buttons }
  }

  async function stop(): Promise<Reply> {
    const open = await agent.runs({ session: link.session, open: true })
    const stopped = await Promise.all(open.map(({ id }) => agent.stop(id)))
    return { text: stopped.some(Boolean) ? 'Stopped.' : 'There is nothing to stop.' }
  }

  function model(wanted: string): Reply {
    if (wanted === '')
      return {
        text: `Model: ${link.model || 'the best for the job'}. Change it with \`/model provider/name\`, or \`/model auto\`.`,
      }
    if (wanted === 'auto') return { text: 'The best model for the job, from now on.', link: { model: '' } }
    if (!MODEL.test(wanted)) return { text: 'A model is written `provider/name`, as in `pryx models` or on the page.' }
    return { text: `From now on: \`${wanted}\`.`, link: { model: wanted } }
  }
}

/** The session that a button of `/sessions` names, if it is still there. */
export async function chosen(sessions: Ports['sessions'], data: string): Promise<string | undefined> {
  if (!data.startsWith('s:')) return undefined
  try {
    return (await sessions.get(data.slice(2))).id
  } catch (error) {
    if (PryxError.is(error)) return undefined
    throw error
  }
}

function help({ session }: Link): string {
  return [
    'Write to me, or send a photo or a file. What is said here is in the same conversation as on the page and in the terminal.',
    ...MENU.map(({ command, description }) => `/${command}: ${description}`),
    `This is the conversation \`${session}\`.`,
  ].join('\n')
}
