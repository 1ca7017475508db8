// test/packages/telegram-testing.ts: as much of Telegram's Bot API as the test of grammY needs, on loopback, with long polling as the
// real one does it. (`telegram-test-api` answers polls at once, knows no buttons and brings an axios with known holes.)
// @see https://core.telegram.org/bots/api
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const LONG_POLL_MS = 2_000
const USER = { id: 42, is_bot: false, first_name: 'Ada' }
const CHAT = { id: 42, type: 'private', first_name: 'Ada' }

export interface Telegram extends AsyncDisposable {
  url: string
  /** Method and parameters of each request but polls, in order. */
  asked: readonly (readonly [method: string, parameters: Record<string, unknown>])[]
  /** The user writes. */
  say(text: string): void
  /** The user presses a button of message `id`. */
  press(data: string, id: number): void
  /** Resolves with the next request of this method that was not looked at yet. */
  next(method: string): Promise<Record<string, unknown>>
}

export async function openTelegram(): Promise<Telegram> {
  const asked: [string, Record<string, unknown>][] = []
  const updates: { update_id: number }[] = []
  let seen = 0
  let wake = () => {}
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    say: (text) => add({ message: { ...messageOf(text), from: USER } }),
    press: (data, id) =>
      add({
        callback_query: {
          id: '7',
          from: USER,
          chat_instance: '1',
          data,
          message: { ...messageOf('?'), message_id: id },
        },
      }),
    async next(method) {
      for (;;) {
        const at = asked.findIndex(([name], i) => i >= seen && name === method)
        if (at >= 0) {
          seen = at + 1
          return asked[at]![1]
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function add(update: Record<string, unknown>): void {
    updates.push({ update_id: 100 + updates.length, ...update })
    wake()
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.url?.split('/').at(-1) ?? ''
    const parameters = await read(request)
    if (method === 'getUpdates')
      return send(response, await poll(Number(parameters.offset ?? 0), Number(parameters.timeout ?? 0)))
    asked.push([method, parameters])
    if (method === 'getMe') return send(response, { id: 1, is_bot: true, first_name: 'Bot', username: 'test_bot' })
    if (method === 'sendMessage' && parameters.chat_id === 0) return refuse(response)
    send(
      response,
      method.startsWith('send') || method.startsWith('edit') ? messageOf(String(parameters.text ?? '')) : true,
    )
  }

  /** What is new from `offset` on; `-1` drops all there is. */
  async function poll(offset: number, timeout: number): Promise<unknown[]> {
    if (offset < 0) return []
    const fresh = () => updates.filter(({ update_id }) => update_id >= offset)
    if (fresh().length === 0 && timeout > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LONG_POLL_MS)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    return fresh()
  }
}

function messageOf(text: string): Record<string, unknown> {
  const command = /^\/\w+/.exec(text)
  const entities = command ? [{ type: 'bot_command', offset: 0, length: command[0].length }] : []
  return { message_id: 5, date: 1_700_000_000, chat: CHAT, text, entities }
}

/** JSON, or a form with files as `{ name, text }`. */
async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const type = request.headers['content-type'] ?? ''
  if (chunks.length === 0) return {}
  if (type.startsWith('application/json'))
    return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
  const form = await new Response(Buffer.concat(chunks), { headers: { 'content-type': type } }).formData()
  const entries = [...form].map(
    async ([name, value]) =>
      [name, typeof value === 'string' ? value : { name: value.name, text: await value.text() }] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

function send(response: ServerResponse, result: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ ok: true, result }))
}

function refuse(response: ServerResponse): void {
  response
    .writeHead(400, { 'content-type': 'application/json' })
    .end(JSON.stringify({ ok: false, error_code: 400, description: 'Bad Request: chat not found' }))
}
