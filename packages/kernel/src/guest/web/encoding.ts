// packages/kernel/src/guest/web/encoding.ts: TextEncoder, TextDecoder and their streams. UTF-8, UTF-16 and windows-1252 ("latin1") are read
// here, the encodings of old by the host's tables.
// @see https://encoding.spec.whatwg.org
import { createSink, type Decode, decoders, labels } from './decoders.ts'
import { bytesOf } from './define.ts'
import { webHost } from './host.ts'
import { legacyDecoder } from './legacy-decoders.ts'
import { TransformStream } from './streams.ts'
import { encodeUtf8, writeUtf8 } from './utf8.ts'

export class TextEncoder {
  get encoding(): string {
    return 'utf-8'
  }
  encode(text: unknown = ''): Uint8Array<ArrayBuffer> {
    return encodeUtf8(`${text as string}`)
  }
  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    if (!(into instanceof Uint8Array)) throw new TypeError('encodeInto needs a Uint8Array')
    return writeUtf8(`${text}`, into)
  }
}

export class TextDecoder {
  readonly #encoding: string
  readonly #fatal: boolean
  readonly #ignoreBom: boolean
  #decode: Decode | undefined
  #started = false

  constructor(label: unknown = 'utf-8', options: TextDecoderOptions = {}) {
    const encoding = encodingOf(label)
    if (encoding === undefined) throw new RangeError(`The "${String(label)}" encoding is not supported`)
    this.#encoding = encoding
    this.#fatal = Boolean(options?.fatal)
    this.#ignoreBom = Boolean(options?.ignoreBOM)
  }

  get encoding(): string {
    return this.#encoding
  }
  get fatal(): boolean {
    return this.#fatal
  }
  get ignoreBOM(): boolean {
    return this.#ignoreBom
  }

  decode(input?: AllowSharedBufferSource, options: TextDecodeOptions = {}): string {
    const bytes = input === undefined ? new Uint8Array() : bytesOf(input)
    if (bytes === undefined) throw new TypeError('decode needs an ArrayBuffer or a view of one')
    const last = !options?.stream
    this.#decode ??= (decoders[this.#encoding] ?? legacyDecoder(this.#encoding))(createSink(this.#fatal))
    try {
      const text = this.#withoutBom(this.#decode(bytes, last))
      if (last) this.#reset()
      return text
    } catch (error) {
      this.#reset()
      throw error
    }
  }

  #withoutBom(text: string): string {
    if (this.#started || text === '') return text
    this.#started = true
    const skip = !this.#ignoreBom && this.#encoding.startsWith('utf-') && text.charCodeAt(0) === 0xfeff
    return skip ? text.slice(1) : text
  }

  #reset(): void {
    this.#decode = undefined
    this.#started = false
  }
}

/** The name of the encoding, from one of its labels. */
function encodingOf(label: unknown): string | undefined {
  const text = `${label as string}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase()
  return labels.get(text) ?? webHost().encodingName(text)
}

export class TextEncoderStream {
  readonly #pair: TransformStream<string, Uint8Array>
  constructor() {
    let high = '' // half of a surrogate pair may come with the next chunk
    this.#pair = new TransformStream<string, Uint8Array>({
      transform(chunk, controller) {
        const text = `${high}${chunk}`
        high = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : ''
        if (text.length > high.length) controller.enqueue(encodeUtf8(high ? text.slice(0, -1) : text))
      },
      flush(controller) {
        if (high) controller.enqueue(encodeUtf8(high))
      },
    })
  }
  get encoding(): string {
    return 'utf-8'
  }
  get readable() {
    return this.#pair.readable
  }
  get writable() {
    return this.#pair.writable
  }
}

export class TextDecoderStream {
  readonly #decoder: TextDecoder
  readonly #pair: TransformStream<BufferSource, string>
  constructor(label?: string, options?: TextDecoderOptions) {
    const decoder = new TextDecoder(label, options)
    this.#decoder = decoder
    this.#pair = new TransformStream<BufferSource, string>({
      transform(chunk, controller) {
        const text = decoder.decode(chunk, { stream: true })
        if (text !== '') controller.enqueue(text)
      },
      flush(controller) {
        const text = decoder.decode()
        if (text !== '') controller.enqueue(text)
      },
    })
  }
  get encoding(): string {
    return this.#decoder.encoding
  }
  get fatal(): boolean {
    return this.#decoder.fatal
  }
  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM
  }
  get readable() {
    return this.#pair.readable
  }
  get writable() {
    return this.#pair.writable
  }
}
