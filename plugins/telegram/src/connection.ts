// plugins/telegram/src/connection.ts: one life of the connection to Telegram, with all that hangs on it.
import type { ChannelMessage, ChannelStatus } from '@pryx/plugin-sessions/channel'
import type { SessionEvent } from '@pryx/plugin-sessions/service'
import { PryxError, UsageError } from '@pryx/sdk'
import { createQuestions } from './chat/approvals.ts'
import { chosen, command, MENU, type Reply } from './chat/commands.ts'
import { readFile, takeFile } from './chat/files.ts'
import { createInbox } from './chat/inbox.ts'
import { openLinks } from './chat/links.ts'
import { openNoticeStore } from './chat/notice-store.ts'
import { createNotices } from './chat/notices.ts'
import { openSurface, type Surface, surfaceOf } from './chat/surface.ts'
import type { Config } from './config.ts'
import { type Ports, sleep } from './ports.ts'
import type { LinkCode, LinkedChat } from './service.ts'
import type { Link, Store } from './store.ts'
import { partsOf } from './text/parts.ts'
import { plain } from './text/render.ts'
import { createClient } from './wire/client.ts'
import { isFinal, poll, reason } from './wire/polling.ts'
import type { Incoming } from './wire/updates.ts'
import { WANTED } from './wire/updates.ts'
import { createWebhookHandler, ROUTE } from './wire/webhook.ts'

const WEBHOOK_SECRET = 'telegram.webhook'
const RETRY_MS = 15_000
const REFUSAL = 'This is a private bot. If it is yours, ask for a code where Pryx runs, and send it here.'

export interface Connection {
  send(to: string, message: ChannelMessage): Promise<number>
  link(): Promise<LinkCode>
  links(): LinkedChat[]
  unlink(chat: number): Promise<boolean>
  hear(event: SessionEvent): void
  delta(session: string, text: string, reset: boolean): void
  question(kind: 'needed' | 'resolved', payload: unknown): void
  notice(kind: 'raised' | 'acknowledged', payload: unknown): void
  end(): void
}

export interface ConnectionOptions {
  ports: Ports
  store: Store
  config: Config
  token: string
  plugin: string
  say(state: ChannelStatus['state'], text: string, retryAt?: number): void
  /** A message of a linked chat came, or one went out. */
  talked(): void
}

export async function openConnection({
  ports,
  store,
  config,
  token,
  plugin,
  say,
  talked,
}: ConnectionOptions): Promise<Connection> {
  const { clock, sessions, agent, warn } = ports
  const ends = new AbortController()
  const { signal } = ends
  const client = createClient({
    token,
    apiRoot: config.apiRoot,
    fetch: ports.fetch,
    clock,
    signal,
    onSent: talked,
    onHold: (ms) => ms > 30_000 && warn(`Telegram asks to wait ${Math.round(ms / 1_000)} s`),
  })
  const links = await openLinks({ store, clock, random: ports.random, users: config.users, session: config.session })
  const surfaces = new Map<number, Surface>()
  const questions = createQuestions({ ...ports, client, store, links: links.all, plugin })
  const notices = createNotices({ ...ports, client, store: await openNoticeStore(ports.sql), links: links.all, signal })
  const inbox = createInbox({ store, clock, signal, act, gaveUp })
  let name: string | undefined
  let wasOnline = false
  let asking: Promise<void> = Promise.resolve()
  for (const link of links.all()) await open(link)
  void run()

  return {
    send,
    async link() {
      const made = await links.newCode()
      return { ...made, ...(name && { url: `https://t.me/${name}?start=${made.code}` }) }
    },
    links: () => links.all().map(linkedChat),
    async unlink(chat) {
      close(chat)
      return links.drop(chat)
    },
    hear(event) {
      for (const surface of surfaces.values()) if (surface.link.session === event.session) surface.hear(event)
    },
    delta(session, text, reset) {
      for (const surface of surfaces.values())
        if (surface.link.session === session && !surface.link.paused) surface.delta(text, reset)
    },
    question(kind, payload) {
      if (!config.approvals) return
      asking = asking // in order: an answer finds what was asked before it
        .then(() => questions[kind](payload))
        .catch((error: unknown) => warn(`a question: ${reason(error)}`))
    },
    notice(kind, payload) {
      if (config.notices) notices[kind](payload).catch((error: unknown) => warn(`a notice: ${reason(error)}`))
    },
    end() {
      ends.abort()
      for (const chat of [...surfaces.keys()]) close(chat)
      if (config.mode === 'webhook')
        void ports
          .http()
          .then((http) => http.unserve(ROUTE))
          .catch(() => {})
    },
  }

  /** Until it stands, and then for as long as it lasts. */
  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await introduce()
        await inbox.resume()
        return config.mode === 'webhook' ? await listen() : await listenByPolling()
      } catch (error) {
        if (signal.aborted) return
        if (isFinal(error)) return say('refused', refusedText(reason(error)))
        say('waiting', reason(error), clock.now() + RETRY_MS)
        await sleep(clock, RETRY_MS, signal)
      }
    }
  }

  async function introduce(): Promise<void> {
    const me = await client.call(undefined, (api, ending) => api.getMe(ending))
    name = /^\w{3,64}$/.exec(me.username ?? '')?.[0]
    await store.forBot(me.id)
    await client.call(undefined, (api, ending) => api.setMyCommands({ commands: MENU }, ending)).catch(() => {})
  }

  async function listenByPolling(): Promise<void> {
    await client.call(undefined, (api, ending) => api.deleteWebhook({}, ending))
    await poll({
      client,
      clock,
      signal,
      offset: store.offset,
      keep: (updates) => inbox.take(updates, true),
      online,
      waiting(why, retryAt) {
        wasOnline = false
        say('waiting', why, retryAt)
      },
      refused: (why) => say('refused', refusedText(why)),
    })
  }

  async function listen(): Promise<void> {
    const secret = (await ports.secrets.get(WEBHOOK_SECRET)) ?? (await newSecret())
    const http = await ports.http()
    await http.serve(
      ROUTE,
      createWebhookHandler(secret, (updates) => inbox.take(updates, false)),
      { open: true }, // each request is judged by its secret token
    )
    const url = new URL(ROUTE, config.publicUrl).href
    await client.call(undefined, (api, ending) =>
      api.setWebhook({ url, secret_token: secret, allowed_updates: WANTED, max_connections: 20 }, ending),
    )
    online()
  }

  async function newSecret(): Promise<string> {
    const secret = [...ports.random(32)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    await ports.secrets.set(WEBHOOK_SECRET, secret)
    return secret
  }

  /** Whatever was said while we were away is shown now. */
  function online(): void {
    if (wasOnline) return
    wasOnline = true
    say('online', links.all().length > 0 ? 'Connected.' : 'Connected. No chat is linked yet: ask for a code.')
    for (const surface of surfaces.values()) surface.catchUp()
    void questions.sweep().catch(() => {})
    notices.wake()
  }

  async function open(link: Link): Promise<void> {
    close(link.chat)
    const surface = await openSurface({ client, clock, store, sessions, warn, putLink }, link)
    surfaces.set(link.chat, surface)
  }

  /** A surface that was closed, or replaced, says nothing of the link any more. */
  async function putLink(link: Link): Promise<void> {
    if (surfaces.get(link.chat)?.link.session === link.session) await links.put({ ...links.of(link.chat), ...link })
  }

  function close(chat: number): void {
    surfaces.get(chat)?.end()
    surfaces.delete(chat)
  }

  async function act(incoming: Incoming): Promise<void> {
    const link = links.of(incoming.chat)
    if (link === undefined) return meet(incoming)
    talked()
    if (incoming.kind === 'out') return links.put({ ...link, paused: true }).then(() => close(link.chat))
    if (!links.mayWrite(link, incoming.user)) return incoming.kind === 'press' ? answer(incoming.query, '') : undefined
    if (link.paused || !surfaces.has(link.chat)) await resumeChat(link)
    if (incoming.kind === 'press') return press(link, incoming)
    if (incoming.kind === 'file') return file(link, incoming)
    const reply = await command({ sessions, agent }, link, incoming.text, incoming.message)
    return reply ? carryOut(link, reply) : start(link, incoming.message, incoming.text)
  }

  /** Someone who is not linked: a code, or a polite no. */
  async function meet(incoming: Incoming): Promise<void> {
    if (incoming.kind !== 'text') return
    const { chat, user } = incoming
    const code = incoming.text.replace(/^\/start(@\w+)?\s*/i, '')
    const link = await links.redeem(code, { chat, user, name: incoming.name, private: incoming.private })
    if (link === undefined) {
      if (links.mayRefuse(chat)) await client.send(chat, plain(REFUSAL))
      return
    }
    await show(link, config.session)
    say('online', 'Connected.')
    await client.send(chat, plain('Linked. Write to me, or /help.'))
  }

  async function resumeChat(link: Link): Promise<void> {
    const awake = { ...link, paused: false }
    await links.put(awake)
    await open(awake)
    surfaces.get(link.chat)?.catchUp()
  }

  /** From now on the chat shows this session; what was said there before is on the other surfaces. */
  async function show(link: Link, session: string): Promise<void> {
    const { version } = await sessions.create({ id: session })
    const next = { ...link, session, seen: version }
    await links.put(next)
    await store.putDraft(link.chat, [])
    await sessions.ack(session, surfaceOf(link.chat), version)
    await open(next)
  }

  async function carryOut(link: Link, { text, buttons, link: change }: Reply): Promise<void> {
    if (change?.model !== undefined) {
      await links.put({ ...link, model: change.model })
      await open({ ...link, model: change.model })
    }
    if (change?.session !== undefined && change.session !== link.session) await show(link, change.session)
    for (const part of partsOf(text)) await client.send(link.chat, part, buttons)
  }

  async function press(link: Link, { query, data }: Incoming & { kind: 'press' }): Promise<void> {
    const session = await chosen(sessions, data)
    if (session !== undefined) {
      if (session !== link.session) await show(link, session)
      await answer(query, 'Here it is.')
      await client.send(link.chat, plain(`This is the conversation ${session} now.`))
    } else if (data.startsWith('n:') && link.private) await answer(query, await notices.pressed(data))
    else if (data.startsWith('q:') && link.private) await answer(query, await questions.pressed(data))
    else await answer(query, 'That is not there any more.')
  }

  /** Telegram forgets a press after a while; that nothing can be said of it then is no failure. */
  async function answer(query: string, text: string): Promise<void> {
    await client
      .call(undefined, (api, ending) =>
        api.answerCallbackQuery({ callback_query_id: query, text: text.slice(0, 200) }, ending),
      )
      .catch((error: unknown) => {
        if (!PryxError.is(error, 'TELEGRAM_REFUSED')) throw error
      })
  }

  async function file(link: Link, incoming: Incoming & { kind: 'file' }): Promise<void> {
    const { file: sent, message, text } = incoming
    if ((sent.size ?? 0) > config.maxFileBytes || config.maxFileBytes === 0) {
      await client.send(link.chat, plain(`That file is too large for me: at most ${config.maxFileBytes} bytes.`))
      return
    }
    const path = await takeFile(ports, client, incoming, config.maxFileBytes)
    await start(link, message, `${text}${text ? '\n\n' : ''}[file: ${path}]`)
  }

  /** The key makes it one message and one run, however often the update comes. */
  async function start(link: Link, message: number, text: string): Promise<void> {
    const { chat, session, model } = link
    await agent.start({
      text,
      session,
      surface: surfaceOf(chat),
      key: `tg.${chat}.${message}`,
      ...(model && { model }),
    })
  }

  async function gaveUp(incoming: Incoming | undefined, error: unknown): Promise<void> {
    warn(`an update could not be worked on: ${error === undefined ? 'it ended the plugin' : reason(error)}`)
    if (incoming && incoming.kind !== 'out' && links.of(incoming.chat))
      await client.send(incoming.chat, plain('⚠️ I could not take that. Please send it again.'))
  }

  /** @returns To how many it went. */
  async function send(to: string, { text, file: path, key }: ChannelMessage): Promise<number> {
    const chats = links.all().filter(({ chat, paused }) => (to === '*' || String(chat) === to) && !paused)
    if (chats.length === 0)
      throw new UsageError('CHANNEL_PEER', `no linked chat ${to}`, {
        hint: 'See which there are with the links of telegram.',
      })
    const content = path === undefined ? undefined : await readFile(ports, path)
    for (const { chat } of chats) {
      const id = key === undefined ? undefined : `${chat} ${key}`
      if (id !== undefined && !(await store.first(id, clock.now()))) continue
      try {
        await surfaces.get(chat)?.say(text)
        if (content) await client.sendFile(chat, content.bytes, content.name)
      } catch (error) {
        if (id !== undefined) await store.notSent(id)
        throw new UsageError('CHANNEL_FAILED', reason(error), { hint: 'Send it again later.' })
      }
    }
    return chats.length
  }
}

function refusedText(why: string): string {
  return `${why}. The token is not valid: get it again from @BotFather, then: pryx secrets set telegram.token`
}

function linkedChat({ chat, name, private: isPrivate, session, linkedAt, paused }: Link): LinkedChat {
  return { chat: String(chat), name, private: isPrivate, session, linkedAt, paused }
}
