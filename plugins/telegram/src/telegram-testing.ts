// plugins/telegram/src/telegram-testing.ts: the Bot API on loopback, as far as the plugin uses it, with what `telegram-test-api` and other doubles on npm lack: long
// polls that wait, offsets that confirm, 429, 400 for markup it would refuse, edits, deletions, buttons, files, several chats.
// @see https://core.telegram.org/bots/api
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { seenOf } from './text/html-testing.ts'
import { MAX_TEXT } from './text/parts.ts'

export const TOKEN = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
const LONG_POLL_MS = 1_000
const PATIENCE_MS = 15_000

type Parameters = Record<string, unknown>

export interface Shown {
  id: number
  chat: number
  /** As a reader sees it. */
  text: string
  html: boolean
  buttons: { text: string; callback_data: string }[]
  edits: number
}

export interface BotApi extends AsyncDisposable {
  url: string
  /** Requests but polls, in order. */
  asked: (readonly [method: string, parameters: Parameters])[]
  /** Messages of a chat that are there now, in order. */
  messages(chat?: number): Shown[]
  /** Somebody writes. @returns The update's id. */
  say(text: string, from?: { chat?: number; user?: number; type?: string }): number
  press(data: string, message: number, from?: { chat?: number; user?: number }): void
  sendFile(name: string, bytes: Uint8Array, caption?: string): void
  /** Any update, as it is. */
  push(update: Parameters): number
  /** What the next requests of this method get instead of an answer. */
  fail(method: string, ...answers: { status: number; description?: string; retry_after?: number }[]): void
  /** Drops connections and refuses new ones until it is called with false. */
  down(is: boolean): void
  /** Waits for a message of that text. */
  until(text: string | RegExp, chat?: number): Promise<Shown>
  /** Highest offset that was asked for. */
  confirmed(): number
}

export async function openBotApi(options: { port?: number } = {}): Promise<BotApi> {
  const asked: (readonly [string, Parameters])[] = []
  const updates: { update_id: number }[] = []
  const shown = new Map<number, Shown>()
  const failures = new Map<string, { status: number; description?: string; retry_after?: number }[]>()
  const files = new Map<string, Uint8Array>()
  let lastMessage = 100
  let offset = 0
  let isDown = false
  let wake = () => {}
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()))
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const api: BotApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    messages: (chat = 42) => [...shown.values()].filter((one) => one.chat === chat),
    say: (text, { chat = 42, user = chat, type = 'private' } = {}) =>
      api.push({ message: { message_id: ++lastMessage, date: 1, chat: chatOf(chat, type), from: userOf(user), text } }),
    press: (data, message, { chat = 42, user = chat } = {}) =>
      void api.push({
        callback_query: {
          id: `q${++lastMessage}`,
          from: userOf(user),
          data,
          message: { message_id: message, date: 1, chat: chatOf(chat, 'private') },
        },
      }),
    sendFile(name, bytes, caption) {
      const id = `file${files.size}`
      files.set(id, bytes)
      const document = { file_id: id, file_unique_id: id, file_name: name, file_size: bytes.byteLength }
      const message = { message_id: ++lastMessage, date: 1, chat: chatOf(42, 'private'), from: userOf(42), document }
      api.push({ message: { ...message, ...(caption && { caption }) } })
    },
    push(update) {
      const id = 1_000 + updates.length
      updates.push({ update_id: id, ...update })
      wake()
      return id
    },
    fail: (method, ...answers) => void failures.set(method, [...(failures.get(method) ?? []), ...answers]),
    down(is) {
      isDown = is
      if (is) server.closeAllConnections()
    },
    async until(text, chat) {
      for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(20)) {
        const found = api
          .messages(chat)
          .find((one) => (typeof text === 'string' ? one.text === text : text.test(one.text)))
        if (found) return found
        const there = JSON.stringify(api.messages(chat).map(({ text }) => text))
        if (Date.now() > deadline) throw new Error(`not shown: ${text}; there are: ${there}`)
      }
    },
    confirmed: () => offset,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return api

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isDown) return void request.destroy()
    const [, kind = '', method = '', ...path] = (request.url ?? '').split('/')
    if (kind === 'file') return void response.end(files.get(path.join('/').replace('documents/', '')))
    if (kind !== `bot${TOKEN}`) return refuse(response, { status: 401, description: 'Unauthorized' })
    const parameters = await read(request)
    if (method === 'getUpdates') return poll(response, parameters)
    asked.push([method, parameters])
    const failure = failures.get(method)?.shift()
    if (failure) return refuse(response, failure)
    act(method, parameters, response)
  }

  async function poll(response: ServerResponse, { offset: from = 0, timeout = 0 }: Parameters): Promise<void> {
    const failure = failures.get('getUpdates')?.shift()
    if (failure) return refuse(response, failure)
    offset = Math.max(offset, Number(from))
    const fresh = () => updates.filter(({ update_id }) => update_id >= offset)
    if (fresh().length === 0 && Number(timeout) > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LONG_POLL_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    ok(response, fresh())
  }

  function act(method: string, parameters: Parameters, response: ServerResponse): void {
    if (method === 'getMe')
      return ok(response, { id: 110_201_543, is_bot: true, first_name: 'Bot', username: 'test_bot' })
    if (method === 'getFile')
      return ok(response, { file_id: parameters.file_id, file_path: `documents/${String(parameters.file_id)}` })
    if (method === 'sendMessage' || method === 'editMessageText') return write(method, parameters, response)
    if (method === 'deleteMessages') for (const id of parameters.message_ids as number[]) shown.delete(id)
    if (method === 'sendDocument')
      return ok(response, { message_id: ++lastMessage, date: 1, chat: chatOf(42, 'private') })
    ok(response, true)
  }

  function write(
    method: string,
    { text, chat_id, message_id, parse_mode, reply_markup }: Parameters,
    response: ServerResponse,
  ): void {
    const before = shown.get(Number(message_id))
    if (method === 'editMessageText' && !before)
      return refuse(response, { status: 400, description: 'Bad Request: message to edit not found' })
    let seen = String(text)
    try {
      if (parse_mode === 'HTML') seen = seenOf(seen)
    } catch (error) {
      return refuse(response, { status: 400, description: `Bad Request: can't parse entities: ${String(error)}` })
    }
    if (seen.trim() === '') return refuse(response, { status: 400, description: 'Bad Request: message text is empty' })
    if (seen.length > MAX_TEXT)
      return refuse(response, { status: 400, description: 'Bad Request: message is too long' })
    if (before?.text === seen)
      return refuse(response, { status: 400, description: 'Bad Request: message is not modified' })
    const id = before?.id ?? ++lastMessage
    const { inline_keyboard = [] } = (reply_markup ?? {}) as { inline_keyboard?: Shown['buttons'][] }
    const chat = Number(chat_id)
    const edits = (before?.edits ?? -1) + 1
    shown.set(id, { id, chat, text: seen, html: parse_mode === 'HTML', buttons: inline_keyboard.flat(), edits })
    ok(response, { message_id: id, date: 1, chat: chatOf(chat, 'private'), text: seen })
  }
}

function chatOf(id: number, type: string): Parameters {
  return { id, type, ...(type === 'private' ? { first_name: 'Ada' } : { title: 'A group' }) }
}

function userOf(id: number): Parameters {
  return { id, is_bot: false, first_name: 'Ada' }
}

async function read(request: IncomingMessage): Promise<Parameters> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const type = request.headers['content-type'] ?? ''
  if (body.length === 0) return {}
  if (type.startsWith('application/json')) return JSON.parse(body.toString()) as Parameters
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  return Object.fromEntries(
    await Promise.all(
      [...form].map(async ([name, value]) => [
        name,
        typeof value === 'string' ? value : { name: value.name, text: await value.text() },
      ]),
    ),
  )
}

function ok(response: ServerResponse, result: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ ok: true, result }))
}

function refuse(
  response: ServerResponse,
  { status, description = 'Refused', retry_after }: { status: number; description?: string; retry_after?: number },
): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      ok: false,
      error_code: status,
      description,
      ...(retry_after !== undefined && { parameters: { retry_after } }),
    }),
  )
}
