// packages/kernel/src/guest/web/blob.ts: Blob and File, in memory. @see https://w3c.github.io/FileAPI/
import { bytesOf, usv } from './define.ts'
import { joinBytes, type ReadableStream, streamOf } from './streams.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

let contentOf: (blob: Blob) => Uint8Array<ArrayBuffer>

export class Blob {
  #bytes: Uint8Array<ArrayBuffer>
  #type: string

  static {
    contentOf = (blob) => blob.#bytes
  }

  constructor(parts: Iterable<unknown> = [], options: BlobPropertyBag = {}) {
    if (typeof parts !== 'object' || parts === null || typeof parts[Symbol.iterator] !== 'function') {
      throw new TypeError('the parts of a Blob must be a sequence')
    }
    const endings = `${options?.endings ?? 'transparent'}`
    if (endings !== 'native' && endings !== 'transparent') throw new TypeError(`"${endings}" is not a way to end lines`)
    const native = endings === 'native'
    this.#bytes = joinBytes(Array.from(parts, (part) => partBytes(part, native)))
    this.#type = normalType(options?.type)
  }

  get size(): number {
    return this.#bytes.byteLength
  }

  get type(): string {
    return this.#type
  }

  slice(start?: number, end?: number, type?: string): Blob {
    const slice = new Blob([], { type: type ?? '' })
    slice.#bytes = this.#bytes.subarray(start ?? 0, end ?? this.size) // never written to, so it can be shared
    return slice
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#bytes.slice()
  }

  async text(): Promise<string> {
    return decodeUtf8(this.#bytes)
  }

  stream(): ReadableStream<Uint8Array> {
    return streamOf(this.#bytes)
  }
}

export class File extends Blob {
  readonly #name: string
  readonly #lastModified: number

  constructor(parts: Iterable<unknown>, name: string, options: FilePropertyBag = {}) {
    if (name === undefined) throw new TypeError('a File needs its parts and a name')
    super(parts, options)
    this.#name = usv(name)
    this.#lastModified = Math.trunc(Number(options?.lastModified ?? Date.now())) || 0
  }

  get name(): string {
    return this.#name
  }

  get lastModified(): number {
    return this.#lastModified
  }

  get webkitRelativePath(): string {
    return ''
  }
}

/** The bytes of a Blob, uncopied: not to be written to. */
export function blobBytes(blob: Blob): Uint8Array<ArrayBuffer> {
  return contentOf(blob)
}

function partBytes(part: unknown, native: boolean): Uint8Array {
  if (part instanceof Blob) return contentOf(part)
  const bytes = bytesOf(part)
  if (bytes) return bytes
  const text = usv(part)
  return encodeUtf8(native ? text.replace(/\r\n?/g, '\n') : text)
}

function normalType(type: unknown): string {
  const text = type === undefined ? '' : `${type as string}`
  return /[^\x20-\x7e]/.test(text) ? '' : text.toLowerCase()
}
