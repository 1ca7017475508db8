// packages/kernel/src/guest/web/streams.ts: the streams standard, by web-streams-polyfill, and what the rest needs to ask of a stream.
import { ReadableStream, TransformStream, WritableStream } from 'web-streams-polyfill'

export {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from 'web-streams-polyfill'

/** True once anything was read from the stream or it was cancelled. */
export function isDisturbed(stream: ReadableStream): boolean {
  return (stream as unknown as { _disturbed: boolean })._disturbed // the polyfill's own record; the standard offers no question
}

/** A stream of the same realm that has the content of `stream` from now on; `stream` stays locked. Undefined for other things. */
export function moveStream(stream: object): object | undefined {
  if (stream instanceof ReadableStream) return stream.locked ? undefined : stream.pipeThrough(passage())
  if (stream instanceof WritableStream) {
    const { readable, writable } = passage()
    void readable.pipeTo(stream).catch(() => {}) // its writer hears of the error
    return writable
  }
  return undefined
}

function passage(): TransformStream {
  return new TransformStream({}, { highWaterMark: 1 }, { highWaterMark: 0 })
}

/** A byte stream that holds `bytes` and ends. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    type: 'bytes',
    start(controller: {
      enqueue(chunk: Uint8Array): void
      close(): void
      byobRequest: { respond(n: number): void } | null
    }) {
      if (bytes.byteLength > 0) controller.enqueue(bytes.slice()) // the queue takes the buffer over
      controller.close()
    },
  } as never)
}

/** All bytes of a stream of bytes. Rejects with TypeError at a chunk that is none. */
export async function readAll(stream: ReadableStream): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return joinBytes(chunks)
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError('a body stream must give Uint8Array chunks')
      reader.cancel(error).catch(() => {})
      throw error
    }
    chunks.push(value)
  }
}

export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.byteLength
  }
  return joined
}
