// packages/pryx/src/cli/channels.ts: `pryx channels`: how channels stand, and which chats are linked. Each is asked through its service.
import { PryxError } from '@pryx/kernel/contract'
import { dateTime, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

const CHANNELS = ['telegram', 'webhook']

interface StatusLine {
  channel: string
  state: string
  text: string
  peers: number
}

interface ChatLine {
  chat: string
  name: string
  session: string
  linkedAt: number
  paused: boolean
}

export async function listChannels(output: Output, options: CommonOptions): Promise<void> {
  const control = await runningHost(options)
  const known = (await control.plugins()).plugins.map(({ id }) => String(id))
  const channels = CHANNELS.filter((name) => known.includes(name))
  const lines = await Promise.all(
    channels.map(async (name) => {
      try {
        return (await control.call(name, '1.0.0', 'status', [])) as StatusLine
      } catch (error) {
        if (!PryxError.is(error)) throw error
        return { channel: name, state: 'failed', text: error.message, peers: 0 }
      }
    }),
  )
  const { style } = output
  const rows = lines.map((one) => [style.bold(one.channel), one.state, `${one.peers} linked`, safe(one.text, 200)])
  output.result(lines, rows.length > 0 ? table(rows) : 'There is no channel in pryx.json.')
}

export async function linkChat(output: Output, options: CommonOptions): Promise<void> {
  const control = await runningHost(options)
  const link = (await control.call('telegram', '1.0.0', 'link', [])) as {
    code: string
    url?: string
    expiresAt: number
  }
  const where = link.url === undefined ? '' : `\nOr open ${safe(link.url)}`
  output.result(
    link,
    `Send this to your bot, until ${dateTime(link.expiresAt)}: ${output.style.bold(safe(link.code))}${where}`,
  )
}

export async function listChats(output: Output, options: CommonOptions): Promise<void> {
  const control = await runningHost(options)
  const chats = (await control.call('telegram', '1.0.0', 'links', [])) as ChatLine[]
  const rows = chats.map((one) => [
    one.chat,
    safe(one.name, 64),
    safe(one.session, 40),
    dateTime(one.linkedAt),
    one.paused ? 'paused' : '',
  ])
  output.result(chats, rows.length > 0 ? table(rows) : 'No chat is linked. Get a code with: pryx channels link')
}

export async function unlinkChat(output: Output, options: CommonOptions, chat: string): Promise<void> {
  const control = await runningHost(options)
  const unlinked = (await control.call('telegram', '1.0.0', 'unlink', [chat])) as boolean
  output.result(
    { chat, unlinked },
    unlinked ? `${safe(chat)} is not linked any more.` : `${safe(chat)} was not linked.`,
  )
}
