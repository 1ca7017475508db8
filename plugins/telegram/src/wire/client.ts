// plugins/telegram/src/wire/client.ts: the Bot API by grammY, kept within its limits.
//   C1  The token is in every address of the Bot API: no error of ours holds an address, the token, or what was thrown below.
//   C2  429 is honoured: the call waits as long as it says, then is made again.
//   C3  HTML that is refused is sent again as plain text.
import { PryxError, ServiceError } from '@pryx/sdk'
import { Api, GrammyError, InputFile, type RawApi } from 'grammy'
import { type Clock, sleep } from '../ports.ts'
import type { Rendered } from '../text/render.ts'
import { createPace } from './pace.ts'

export interface Button {
  text: string
  /** At most 64 bytes. */
  data: string
}

/** grammY types signals by a package of its own; the platform's are the same. */
type ApiSignal = NonNullable<Parameters<RawApi['getMe']>[0]>
export type Work<T> = (api: RawApi, signal: ApiSignal) => Promise<T>

export interface Client {
  /** One call, in its turn. @throws TELEGRAM_REFUSED, TELEGRAM_UNREACHABLE */
  call<T>(chat: number | undefined, work: Work<T>): Promise<T>
  /** @returns The message's id. */
  send(chat: number, shown: Rendered, buttons?: readonly (readonly Button[])[]): Promise<number>
  /** False if the message is not there any more. */
  edit(chat: number, message: number, shown: Rendered): Promise<boolean>
  sendFile(chat: number, bytes: Uint8Array, name: string): Promise<void>
  /** Bytes of a file that was sent to the bot. */
  download(file: string, maxBytes: number): Promise<ReadableStream<Uint8Array>>
}

export interface ClientOptions {
  token: string
  apiRoot: string
  fetch: typeof fetch
  clock: Clock
  signal: AbortSignal
  /** A message has gone out. */
  onSent?(): void
  /** Telegram wants us to wait so long, ms. */
  onHold?(ms: number): void
}

const CALL_SECONDS = 60
const MAX_HOLD_S = 3_600

export function createClient(options: ClientOptions): Client {
  const { token, clock, signal, onHold = () => {}, onSent = () => {} } = options
  const root = options.apiRoot.replace(/\/+$/, '')
  const api = new Api(token, { apiRoot: root, fetch: options.fetch, timeoutSeconds: CALL_SECONDS })
  const pace = createPace()
  return {
    call,
    async send(chat, shown, buttons) {
      const more = buttons && { reply_markup: { inline_keyboard: keyboard(buttons) } }
      const { message_id } = await rich(chat, shown, (text, mode) =>
        call(chat, (raw, ends) => raw.sendMessage({ chat_id: chat, text, ...mode, ...more, ...QUIET_LINKS }, ends)),
      )
      onSent()
      return message_id
    },
    async edit(chat, message, shown) {
      try {
        await rich(chat, shown, (text, mode) =>
          call(chat, (raw, ends) =>
            raw.editMessageText({ chat_id: chat, message_id: message, text, ...mode, ...QUIET_LINKS }, ends),
          ),
        )
        return true
      } catch (error) {
        if (isRefusal(error, /message is not modified/)) return true
        if (isRefusal(error, /message to edit not found|can't be edited|MESSAGE_ID_INVALID/)) return false
        throw error
      }
    },
    async sendFile(chat, bytes, name) {
      await call(chat, (raw, ends) => raw.sendDocument({ chat_id: chat, document: new InputFile(bytes, name) }, ends))
    },
    download,
  }

  async function call<T>(chat: number | undefined, work: Work<T>): Promise<T> {
    for (;;) {
      await sleep(clock, pace.book(chat, clock.now()), signal)
      if (signal.aborted) throw gone()
      try {
        return await work(api.raw, signal as unknown as ApiSignal)
      } catch (error) {
        const holdMs = holdOf(error)
        if (holdMs === undefined) throw washed(error, signal)
        pace.hold(chat, clock.now() + holdMs) // C2
        onHold(holdMs)
      }
    }
  }

  async function download(id: string, maxBytes: number): Promise<ReadableStream<Uint8Array>> {
    const { file_path: path } = await call(undefined, (raw, ends) => raw.getFile({ file_id: id }, ends))
    if (path === undefined || !/^[\w./-]{1,512}$/.test(path) || path.includes('..')) throw refused(400, 'no such file')
    try {
      const answer = await options.fetch(`${root}/file/bot${token}/${path}`, { signal })
      if (!answer.ok || answer.body === null) throw refused(answer.status, 'the file is not handed out')
      return limited(answer.body as ReadableStream<Uint8Array>, maxBytes)
    } catch (error) {
      throw washed(error, signal)
    }
  }
}

const QUIET_LINKS = { link_preview_options: { is_disabled: true } }
type Mode = { parse_mode?: 'HTML' }

/** C3 */
async function rich<T>(_chat: number, shown: Rendered, send: (text: string, mode: Mode) => Promise<T>): Promise<T> {
  try {
    return await send(shown.html, { parse_mode: 'HTML' })
  } catch (error) {
    if (!isRefusal(error, /can't parse entities|message is too long|entit/i)) throw error
    return await send(shown.text, {})
  }
}

export function isRefusal(error: unknown, why: RegExp): boolean {
  return PryxError.is(error, 'TELEGRAM_REFUSED') && why.test(error.message)
}

/** Telegram's status of a refusal; undefined for any other error. */
export function statusOf(error: unknown): number | undefined {
  return PryxError.is(error, 'TELEGRAM_REFUSED') ? Number(error.details.status) : undefined
}

function holdOf(error: unknown): number | undefined {
  if (!(error instanceof GrammyError) || error.error_code !== 429) return undefined
  const seconds = Number(error.parameters.retry_after ?? 1)
  return Math.min(Math.max(Number.isFinite(seconds) ? seconds : 1, 1), MAX_HOLD_S) * 1_000
}

/** C1 */
function washed(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return gone()
  if (error instanceof GrammyError) return refused(error.error_code, String(error.description))
  if (PryxError.is(error, 'TELEGRAM_REFUSED')) return error
  const below = (error as { error?: unknown })?.error ?? error
  const code = PryxError.is(below) ? below.code : undefined
  return new ServiceError('TELEGRAM_UNREACHABLE', `Telegram does not answer${code ? ` (${code})` : ''}`, {
    hint: code?.startsWith('PERMISSION')
      ? 'Allow the plugin to talk to the host of its Bot API: pryx approvals.'
      : 'It is tried again by itself.',
    ...(code && { below: code }),
  })
}

function refused(status: number, description: string): ServiceError {
  return new ServiceError('TELEGRAM_REFUSED', `Telegram says ${status}: ${description.slice(0, 200)}`, { status })
}

function gone(): ServiceError {
  return new ServiceError('TELEGRAM_UNREACHABLE', 'the connection to Telegram has ended')
}

function keyboard(rows: readonly (readonly Button[])[]) {
  return rows.map((row) => row.map(({ text, data }) => ({ text, callback_data: data })))
}

/** Fails past `maxBytes`. */
function limited(stream: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let bytes = 0
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > maxBytes) controller.error(refused(413, 'the file is larger than it was said to be'))
        else controller.enqueue(chunk)
      },
    }),
  )
}
