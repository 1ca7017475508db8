// packages/kernel/src/guest/web/compression.ts: CompressionStream and DecompressionStream, by pako: zlib in JavaScript, so that what it
// holds and burns is counted as the plugin's own.
//   Z1  pako is made when the first stream is, not before: a start does not pay for it.
//   Z2  What ends early, goes on too long or fails its checksum fails the stream with TypeError.
// @see https://compression.spec.whatwg.org
import { bytesOf } from './define.ts'
import { TransformStream } from './streams.ts'
import type * as Zlib from './zlib.ts'

const OUT_BYTES = 32_768
const WINDOW_BITS = { deflate: 15, 'deflate-raw': -15, gzip: 31 } as const // as zlib tells formats apart

type Format = keyof typeof WINDOW_BITS
type Pair = TransformStream<BufferSource, Uint8Array>
interface Controller {
  enqueue(chunk: Uint8Array): void
}

export class CompressionStream {
  readonly #pair: Pair

  constructor(format: Format) {
    const windowBits = windowBitsOf(format)
    let step: Step
    this.#pair = new TransformStream<BufferSource, Uint8Array>({
      async start() {
        step = deflating(await import('./zlib.ts'), windowBits) // Z1
      },
      transform: (chunk, controller) => step(bytesIn(chunk), false, controller),
      flush: (controller) => step(new Uint8Array(), true, controller),
    })
  }
  get readable() {
    return this.#pair.readable
  }
  get writable() {
    return this.#pair.writable
  }
}

export class DecompressionStream {
  readonly #pair: Pair

  constructor(format: Format) {
    const windowBits = windowBitsOf(format)
    let step: Step
    this.#pair = new TransformStream<BufferSource, Uint8Array>({
      async start() {
        step = inflating(await import('./zlib.ts'), windowBits) // Z1
      },
      transform: (chunk, controller) => step(bytesIn(chunk), false, controller),
      flush: (controller) => step(new Uint8Array(), true, controller),
    })
  }
  get readable() {
    return this.#pair.readable
  }
  get writable() {
    return this.#pair.writable
  }
}

/** Takes bytes, gives bytes; `last` says that nothing follows. */
type Step = (bytes: Uint8Array, last: boolean, out: Controller) => void

function deflating(zlib: typeof Zlib, windowBits: number): Step {
  const { zlibDeflateInit2, zlibDeflate, ZStream, Z_DEFAULT_STRATEGY, Z_FINISH, Z_NO_FLUSH, Z_OK } = zlib
  const stream = new ZStream()
  const method = 8
  const memory = 8
  if (zlibDeflateInit2(stream, 6, method, windowBits, memory, Z_DEFAULT_STRATEGY) !== Z_OK) throw broken(stream)
  return (bytes, last, out) => {
    give(stream, bytes)
    do {
      room(stream)
      zlibDeflate(stream, last ? Z_FINISH : Z_NO_FLUSH)
      pour(stream, out)
    } while (stream.avail_out === 0)
  }
}

function inflating(zlib: typeof Zlib, windowBits: number): Step {
  const { zlibInflateInit2, zlibInflate, ZStream, Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END } = zlib
  const stream = new ZStream()
  if (zlibInflateInit2(stream, windowBits) !== Z_OK) throw broken(stream)
  let ended = false
  return (bytes, last, out) => {
    if (last && !ended) throw new TypeError('the compressed data ends too early') // Z2
    if (ended && bytes.length > 0) throw trailing()
    give(stream, bytes)
    while (!ended && !last) {
      room(stream)
      const status = zlibInflate(stream, Z_NO_FLUSH)
      pour(stream, out)
      ended = status === Z_STREAM_END
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) throw broken(stream)
      if (stream.avail_in === 0 && stream.avail_out > 0) break
    }
    if (ended && stream.avail_in > 0) throw trailing()
  }
}

function give(stream: Zlib.ZStream, bytes: Uint8Array): void {
  stream.input = bytes
  stream.next_in = 0
  stream.avail_in = bytes.length
}

function room(stream: Zlib.ZStream): void {
  stream.output = new Uint8Array(OUT_BYTES)
  stream.next_out = 0
  stream.avail_out = OUT_BYTES
}

function pour(stream: Zlib.ZStream, out: Controller): void {
  if (stream.next_out > 0) out.enqueue(stream.output.slice(0, stream.next_out))
}

function windowBitsOf(format: unknown): number {
  const name = `${format as string}`
  if (!Object.hasOwn(WINDOW_BITS, name)) throw new TypeError(`"${name}" is not a format of compression`)
  return WINDOW_BITS[name as Format]
}

function bytesIn(chunk: unknown): Uint8Array {
  const bytes = bytesOf(chunk)
  if (bytes === undefined) throw new TypeError('a compression stream takes buffers and views of them')
  return bytes.slice()
}

function trailing(): TypeError {
  return new TypeError('there is more behind the end of the compressed data')
}

function broken(stream: Zlib.ZStream): TypeError {
  return new TypeError(`the compressed data is broken: ${stream.msg || 'unknown'}`)
}
