// packages/capabilities/src/net/body.ts: the body of an answer as a web stream of plain bytes.
//   B1  Nothing is read before it is asked for; dropping the stream closes the connection.
import { PassThrough, pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { netError, tooBig } from './errors.ts'

const MAX_CODINGS = 3

export interface BodyOptions {
  host: string
  /** `content-encoding` of the answer. */
  encoding: string
  /** Most bytes after decoding. */
  maxBytes: number
  signal: AbortSignal
}

/** The bytes of `source`, decoded. Aborting, cancelling and errors all destroy `source`. */
export function bodyStream(
  source: Readable,
  { host, encoding, maxBytes, signal }: BodyOptions,
): ReadableStream<Uint8Array> {
  const decoded = decode(source, encoding)
  const chunks = decoded[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const abort = () => source.destroy(signal.reason)
  let left = maxBytes
  signal.addEventListener('abort', abort, { once: true })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (done) return finish(() => controller.close())
          left -= value.byteLength
          if (left < 0) throw tooBig(host, maxBytes)
          controller.enqueue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
        } catch (error) {
          finish(() => controller.error(netError(error, host, signal)))
          source.destroy()
        }
      },
      cancel() {
        finish(() => {})
        source.on('error', () => {}) // it tells of its own end as an error, and nobody is left to hear it
        source.destroy()
      },
    },
    { highWaterMark: 0 }, // B1
  )

  function finish(end: () => void): void {
    signal.removeEventListener('abort', abort)
    end()
  }
}

/** Reads and forgets at most a little, so that the connection can be used again; else it is closed. */
export async function discard(body: Readable & { dump(options: { limit: number }): Promise<void> }): Promise<void> {
  await body.dump({ limit: 65_536 }).catch(() => {})
}

function decode(source: Readable, encoding: string): Readable {
  const codings = encoding
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
  const decoders = codings.reverse().flatMap((coding) => decoderOf(coding) ?? [])
  if (decoders.length === 0 || decoders.length > MAX_CODINGS) return source
  const end = new PassThrough()
  pipeline([source, ...decoders, end], () => {})
  return end
}

function decoderOf(coding: string): Transform | undefined {
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip()
  if (coding === 'deflate') return createInflate()
  if (coding === 'br') return createBrotliDecompress()
  return undefined
}
