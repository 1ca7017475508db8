// plugins/telegram/src/telegram.ts: the channel: from a token to linked chats, and back to nothing when the token goes.
//   T1  One connection at a time. A new one begins when the old one has let go of everything.
//   T2  Without a token nothing runs: no timer, no request. The status says what to do.
import type { ChannelMessage, ChannelStatus } from '@pryx/plugin-sessions/channel'
import type { SessionEvent } from '@pryx/plugin-sessions/service'
import { UsageError } from '@pryx/sdk'
import type { Config } from './config.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Ports } from './ports.ts'
import type { Telegram } from './service.ts'
import { openStore } from './store.ts'

export const TOKEN = 'telegram.token'
const NO_TOKEN = `Make a bot with @BotFather in Telegram, then: pryx secrets set ${TOKEN}`
const A_TOKEN = /^\d{1,20}:[\w-]{8,128}$/

export interface TelegramChannel {
  service: Telegram
  /** The agent's tool: to all chats. */
  tell(message: ChannelMessage): Promise<{ chats: number }>
  hear(event: SessionEvent): void
  delta(session: string, text: string, reset: boolean): void
  question(kind: 'needed' | 'resolved', payload: unknown): void
  notice(kind: 'raised' | 'acknowledged', payload: unknown): void
  end(): void
}

export async function openTelegram(ports: Ports, config: Config, plugin: string): Promise<TelegramChannel> {
  const store = await openStore(ports.sql)
  let connection: Connection | undefined
  let current: Omit<ChannelStatus, 'channel' | 'peers'> = {
    state: 'unconfigured',
    text: NO_TOKEN,
    since: ports.clock.now(),
  }
  let lastMessageAt: number | undefined
  let lastError: ChannelStatus['lastError']
  let ended = false
  let connecting: Promise<void> = Promise.resolve()
  const service: Telegram = {
    status: async () => status(),
    async connect() {
      connecting = connecting.then(reconnect, reconnect)
      await connecting
      return status()
    },
    async send(to, message) {
      await (await needed()).send(to, message)
    },
    async link() {
      return (await needed()).link()
    },
    links: async () => connection?.links() ?? [],
    unlink: async (chat) => (await connection?.unlink(Number(chat))) ?? false,
  }
  return {
    service,
    tell: async (message) => ({ chats: await (await needed()).send('*', message) }),
    hear: (event) => connection?.hear(event),
    delta: (session, text, reset) => connection?.delta(session, text, reset),
    question: (kind, payload) => connection?.question(kind, payload),
    notice: (kind, payload) => connection?.notice(kind, payload),
    end() {
      ended = true
      connection?.end()
    },
  }

  /** T1 */
  async function reconnect(): Promise<void> {
    connection?.end()
    connection = undefined
    const token = (await ports.secrets.get(TOKEN))?.trim()
    if (ended) return
    if (token === undefined || token === '') return say('unconfigured', NO_TOKEN) // T2
    if (!A_TOKEN.test(token)) return say('refused', `The secret ${TOKEN} is not a bot's token. ${NO_TOKEN}`)
    if (config.mode === 'webhook' && config.publicUrl === undefined)
      return say('unconfigured', 'Mode webhook needs publicUrl: set it in pryx.json, with its name in `hosts`.')
    say('connecting', 'Connecting to Telegram.')
    connection = await openConnection({ ports, store, config, token, plugin, say, talked })
  }

  function say(state: ChannelStatus['state'], text: string, retryAt?: number): void {
    if (ended || (current.state === state && current.text === text && current.retryAt === retryAt)) return
    if (state === 'waiting' || state === 'refused') lastError = { at: ports.clock.now(), text }
    const since = current.state === state ? current.since : ports.clock.now()
    current = { state, text, since, ...(retryAt !== undefined && { retryAt }) }
    ports.changed(status())
  }

  function talked(): void {
    lastMessageAt = ports.clock.now()
  }

  function status(): ChannelStatus {
    const last = { ...(lastMessageAt !== undefined && { lastMessageAt }), ...(lastError && { lastError }) }
    return { channel: 'telegram', ...current, ...last, peers: connection?.links().length ?? 0 }
  }

  /** A connection that is just being made is waited for; whether Telegram answers is not. */
  async function needed(): Promise<Connection> {
    await connecting.catch(() => {})
    if (connection) return connection
    throw new UsageError('CHANNEL_UNCONFIGURED', `Telegram is not set up: ${current.text}`, { hint: current.text })
  }
}
