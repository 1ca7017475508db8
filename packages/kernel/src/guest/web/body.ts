// packages/kernel/src/guest/web/body.ts: what Request and Response share: a body that is read once.
//   B1  A body is used up by the first reader; a second one is refused with TypeError.
//   B2  Bytes known at once stay bytes; a stream is made of them only for whoever asks for `body`.
// @see https://fetch.spec.whatwg.org/#body-mixin
import { Blob, blobBytes } from './blob.ts'
import { bytesOf, usv } from './define.ts'
import { FormData } from './form-data.ts'
import type { Headers } from './headers.ts'
import { decodeMultipart, encodeMultipart } from './multipart.ts'
import { parsePairs, URLSearchParams } from './search-params.ts'
import { isDisturbed, ReadableStream, readAll, streamOf } from './streams.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

type Content = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>

/** The body of one message. `null` content: none. */
export interface BodyState {
  content: Content | null
  used: boolean
}

/** Reads `BodyInit`; `type` is the content type it implies. */
export function extractBody(init: unknown): { content: Content | null; type?: string } {
  if (init === null || init === undefined) return { content: null }
  if (init instanceof ReadableStream) {
    if (isDisturbed(init) || init.locked) throw new TypeError('the body stream was read from or is locked')
    return { content: init }
  }
  if (init instanceof Blob) return { content: blobBytes(init), ...(init.type && { type: init.type }) }
  if (init instanceof FormData) {
    const { bytes, boundary } = encodeMultipart(init)
    return { content: bytes, type: `multipart/form-data; boundary=${boundary}` }
  }
  if (init instanceof URLSearchParams)
    return { content: encodeUtf8(`${init}`), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
  const bytes = bytesOf(init)
  if (bytes) return { content: bytes.slice() }
  if (isAsyncIterable(init)) return { content: ReadableStream.from(init) as ReadableStream<Uint8Array> }
  return { content: encodeUtf8(usv(init)), type: 'text/plain;charset=UTF-8' }
}

export abstract class Body {
  readonly #state: BodyState
  readonly #headers: Headers

  constructor(state: BodyState, headers: Headers) {
    this.#state = state
    this.#headers = headers
  }

  get headers(): Headers {
    return this.#headers
  }

  get body(): ReadableStream<Uint8Array> | null {
    const state = this.#state
    if (state.content instanceof Uint8Array) {
      const bytes = state.content
      state.content = streamOf(bytes) // B2
      if (state.used) void state.content.cancel()
    }
    return state.content
  }

  get bodyUsed(): boolean {
    const { content, used } = this.#state
    return used || (content instanceof ReadableStream && isDisturbed(content))
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.#consume()).slice().buffer
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#consume()).slice()
  }

  async text(): Promise<string> {
    return decodeUtf8(await this.#consume())
  }

  async json(): Promise<unknown> {
    return JSON.parse(decodeUtf8(await this.#consume()))
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.#consume()], { type: this.#type() })
  }

  async formData(): Promise<FormData> {
    const type = this.#type()
    const bytes = await this.#consume()
    const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type)
    if (/^multipart\/form-data\b/i.test(type) && boundary) return decodeMultipart(bytes, boundary[1] ?? boundary[2]!)
    if (!/^application\/x-www-form-urlencoded\b/i.test(type))
      throw new TypeError(`a body of type "${type}" is not a form`)
    const form = new FormData()
    for (const [name, value] of parsePairs(decodeUtf8(bytes))) form.append(name, value)
    return form
  }

  #type(): string {
    return this.#headers.get('content-type') ?? ''
  }

  async #consume(): Promise<Uint8Array<ArrayBuffer>> {
    const state = this.#state
    assertUnused(state)
    if (state.content === null) return new Uint8Array()
    state.used = true
    return state.content instanceof Uint8Array ? state.content : readAll(state.content)
  }
}

/** A second state with the same content; of a stream, both get a branch. */
export function cloneState(state: BodyState): BodyState {
  assertUnused(state)
  if (!(state.content instanceof ReadableStream)) return { content: state.content, used: false }
  const [mine, other] = state.content.tee()
  state.content = mine
  return { content: other, used: false }
}

/** Takes the content out, as sending it does. */
export function takeContent(state: BodyState): Content | undefined {
  if (state.content === null) return undefined
  assertUnused(state)
  state.used = true
  return state.content
}

/** B1 */
export function assertUnused({ content, used }: BodyState): void {
  const spent = used || (content instanceof ReadableStream && (content.locked || isDisturbed(content)))
  if (spent) throw new TypeError('Body is unusable: it was read already or its stream is locked')
}

function isAsyncIterable(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
