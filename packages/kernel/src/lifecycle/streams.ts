// packages/kernel/src/lifecycle/streams.ts: the kernel's end of the streams that cross one guest's wall (wire.ts, W4).
//   T1  A chunk leaves only against credit the guest gave; a chunk the guest sends without credit ends its stream.
//   T2  When the instance ends, streams it was reading are cancelled at their source, and streams it was sending fail with the reason.
//   T3  What a guest sent before its stream failed can be read before the failure.
import {
  type ErrorJson,
  errorFromJson,
  type Parcel,
  PryxError,
  SandboxError,
  STREAM_WINDOW,
  type StreamMessage,
} from '../contract/index.ts'

const MAX_CHUNK_BYTES = 262_144 // bytes of one chunk; longer ones are split
const MAX_STREAMS = 1_024 // open at once, each way

export interface StreamPort {
  post(message: StreamMessage): void
  encode(value: unknown): unknown
  decode(value: unknown, parcel: Parcel): unknown
  errorJson(error: unknown): ErrorJson
}

export interface Streams {
  /** How many are open, both ways. */
  readonly open: number
  /** Lets the guest read `stream`; answers the id to send. Takes over `stream`. */
  send(stream: ReadableStream): number
  /** The host's view of a stream the guest sends. */
  receive(id: number): ReadableStream
  handle(message: StreamMessage, parcel: Parcel): void
  /** Ends all of them (T2). */
  close(reason: PryxError): void
}

interface Outgoing {
  reader: ReadableStreamDefaultReader<unknown>
  credit: number
  pumping: boolean
}

interface Incoming {
  controller: ReadableStreamDefaultController<unknown>
  credit: number
  /** It failed, and the reader has not yet come to the end of what was sent before (T3). */
  failure?: PryxError
}

export function createStreams(port: StreamPort): Streams {
  const outgoing = new Map<number, Outgoing>()
  const incoming = new Map<number, Incoming>()
  let serial = 0
  return {
    get open() {
      return outgoing.size + incoming.size
    },
    send,
    receive,
    handle,
    close,
  }

  function send(stream: ReadableStream): number {
    if (outgoing.size >= MAX_STREAMS) throw tooMany()
    const id = ++serial
    outgoing.set(id, { reader: stream.getReader(), credit: 0, pumping: false })
    return id
  }

  function receive(id: number): ReadableStream {
    if (incoming.size >= MAX_STREAMS) throw tooMany()
    if (incoming.has(id)) throw new SandboxError('SANDBOX_WIRE', `stream ${id} was sent twice`)
    let stream: Incoming
    return new ReadableStream<unknown>(
      {
        start(controller) {
          stream = { controller, credit: 0 }
          incoming.set(id, stream)
        },
        pull() {
          if (stream.failure) return stream.controller.error(stream.failure)
          if (incoming.has(id) && stream.credit < STREAM_WINDOW / 2) {
            const n = STREAM_WINDOW - stream.credit
            stream.credit += n
            port.post({ t: 'pull', s: id, n })
          }
        },
        cancel() {
          if (incoming.delete(id)) port.post({ t: 'stop', s: id })
        },
      },
      { highWaterMark: 0 },
    )
  }

  function handle(message: StreamMessage, parcel: Parcel): void {
    switch (message.t) {
      case 'chunk':
        return chunk(message.s, message.data, parcel)
      case 'end':
        return ended(message)
      case 'pull': {
        const stream = outgoing.get(message.s)
        if (stream === undefined) return
        stream.credit = Math.min(stream.credit + message.n, STREAM_WINDOW * 4)
        void pump(message.s, stream)
        return
      }
      case 'stop': {
        const stream = outgoing.get(message.s)
        outgoing.delete(message.s)
        stream?.reader.cancel(new PryxError('CANCELLED', 'the reader went away')).catch(() => {})
      }
    }
  }

  function chunk(id: number, data: unknown, parcel: Parcel): void {
    const stream = incoming.get(id)
    if (stream === undefined) return
    if (stream.credit <= 0) {
      incoming.delete(id)
      stream.controller.error(new SandboxError('SANDBOX_WIRE', 'a stream sent more than it was asked for')) // T1
      return port.post({ t: 'stop', s: id })
    }
    stream.credit--
    try {
      stream.controller.enqueue(port.decode(data, parcel))
    } catch (error) {
      incoming.delete(id)
      stream.controller.error(error)
    }
  }

  function ended({ s, error }: Extract<StreamMessage, { t: 'end' }>): void {
    const stream = incoming.get(s)
    if (!incoming.delete(s) || stream === undefined) return
    if (error === undefined) stream.controller.close()
    else fail(stream, errorFromJson(error))
  }

  /** T3: a stream without room left holds chunks, and asks for more only once they are read. */
  function fail(stream: Incoming, failure: PryxError): void {
    if ((stream.controller.desiredSize ?? 0) < 0) stream.failure = failure
    else stream.controller.error(failure)
  }

  async function pump(id: number, stream: Outgoing): Promise<void> {
    if (stream.pumping) return
    stream.pumping = true
    try {
      while (stream.credit > 0 && outgoing.get(id) === stream) {
        const { done, value } = await stream.reader.read()
        if (outgoing.get(id) !== stream) return
        if (done) return finish(id)
        for (const part of split(value)) {
          stream.credit--
          port.post({ t: 'chunk', s: id, data: port.encode(part) })
        }
      }
    } catch (error) {
      finish(id, error)
    } finally {
      stream.pumping = false
    }
  }

  function finish(id: number, error?: unknown): void {
    if (!outgoing.delete(id)) return
    port.post(error === undefined ? { t: 'end', s: id } : { t: 'end', s: id, error: port.errorJson(error) })
  }

  function close(reason: PryxError): void {
    for (const stream of outgoing.values()) stream.reader.cancel(reason).catch(() => {})
    for (const stream of incoming.values()) stream.controller.error(reason)
    outgoing.clear()
    incoming.clear()
  }
}

function* split(value: unknown): Generator<unknown> {
  if (!(value instanceof Uint8Array) || value.byteLength <= MAX_CHUNK_BYTES) return yield value
  for (let at = 0; at < value.byteLength; at += MAX_CHUNK_BYTES) yield value.subarray(at, at + MAX_CHUNK_BYTES)
}

function tooMany(): SandboxError {
  return new SandboxError('SANDBOX_STREAMS', `more than ${MAX_STREAMS} streams are open`, {
    limit: 'streams',
    max: MAX_STREAMS,
  })
}
