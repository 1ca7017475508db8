// packages/kernel/src/guest/streams.ts: streams across the wall, chunk by chunk, against credit.
//   T1  A sender sends no chunk without credit; a receiver never holds or awaits more than STREAM_WINDOW chunks.
//   T2  Nothing moves before somebody reads. Every chunk sent before an end, also before an error, can be read.
//   T3  Each side of a stream ends once: by `end` of its sender or `stop` of its receiver. The table forgets it then.
import { errorFromJson, UsageError } from '../contract/errors.ts'
import { type GuestMessage, STREAM_WINDOW, type StreamMessage } from '../contract/wire.ts'
import { failureToJson, shortFailure } from './failure.ts'

export interface Streams {
  /** Takes over `stream` and sends it; answers its id. */
  send(stream: ReadableStream): number
  /** Takes back a `send` whose message never left. */
  unsend(id: number): void
  /** The other side's stream `id`, to be read here. */
  receive(id: number): ReadableStream
  /** Tells the other side that nobody will read its stream `id`. */
  refuse(id: number): void
  handle(message: StreamMessage, read: (value: unknown) => unknown): void
  /** Ends every stream of both directions with `error`. */
  endAll(error: Error): void
  /** Streams alive, both directions. */
  readonly size: number
}

interface Sender {
  pull(n: number): void
  stop(reason: unknown): void
  release(): void
  fail(error: unknown): void
}

interface Receiver {
  chunk(data: unknown): void
  end(error: unknown): void
}

export interface StreamPowers {
  post(message: GuestMessage): void
  /** Largest message, bytes: longer byte chunks are sent in pieces. */
  maxBytes(): number
}

export function createStreams(powers: StreamPowers): Streams {
  const senders = new Map<number, Sender>()
  const receivers = new Map<number, Receiver>()
  let lastId = 0

  return {
    send(stream) {
      const id = ++lastId
      senders.set(
        id,
        createSender(id, stream.getReader(), powers, () => senders.delete(id)),
      )
      return id
    },
    unsend(id) {
      senders.get(id)?.release()
      senders.delete(id)
    },
    receive: (id) => createReceiver(id, powers, receivers),
    refuse: (id) => powers.post({ t: 'stop', s: id }),
    handle,
    endAll(error) {
      for (const sender of [...senders.values()]) sender.fail(error)
      for (const [id, receiver] of [...receivers]) {
        receiver.end(error)
        powers.post({ t: 'stop', s: id })
      }
      receivers.clear()
    },
    get size() {
      return senders.size + receivers.size
    },
  }

  function handle(message: StreamMessage, read: (value: unknown) => unknown) {
    switch (message.t) {
      case 'pull':
        return senders.get(message.s)?.pull(message.n)
      case 'stop':
        return senders.get(message.s)?.stop(new UsageError('STREAM_STOPPED', 'the reader has stopped reading'))
      case 'chunk':
        return receivers.get(message.s)?.chunk(read(message.data))
      case 'end': {
        const receiver = receivers.get(message.s)
        receivers.delete(message.s) // T3
        return receiver?.end(message.error && errorFromJson(message.error))
      }
    }
  }
}

function createSender(
  id: number,
  reader: ReadableStreamDefaultReader,
  powers: StreamPowers,
  forget: () => void,
): Sender {
  let credit = 0
  let ended = false
  let pumping = false
  let rest: Uint8Array | undefined // what is left of a byte chunk too long for one message

  return {
    pull(n) {
      credit = Math.min(credit + n, STREAM_WINDOW)
      if (!pumping) void pump()
    },
    stop: (reason) => close(() => cancel(reason)),
    release() {
      ended = true
      reader.releaseLock()
    },
    fail,
  }

  async function pump(): Promise<void> {
    pumping = true
    try {
      while (credit > 0 && !ended) await sendOne()
    } catch (error) {
      fail(error)
    } finally {
      pumping = false
    }
  }

  async function sendOne(): Promise<void> {
    if (rest === undefined) {
      const { done, value } = await reader.read()
      if (ended) return
      if (done) return close(() => powers.post({ t: 'end', s: id }))
      if (value instanceof Uint8Array) rest = value
      else return sendChunk(value)
    }
    const piece = Math.max(512, powers.maxBytes() - 256) // the rest of the message is the frame around the bytes
    const bytes = rest
    rest = bytes.byteLength > piece ? bytes.subarray(piece) : undefined
    sendChunk(rest ? bytes.subarray(0, piece) : bytes)
  }

  function sendChunk(data: unknown): void {
    credit-- // T1
    powers.post({ t: 'chunk', s: id, data })
  }

  function fail(error: unknown): void {
    close(() => {
      cancel(error)
      postEnd(powers, id, error)
    })
  }

  function cancel(reason: unknown): void {
    reader.cancel(reason).catch(() => {}) // its source was told; what it makes of it stays there
  }

  function close(last: () => void): void {
    if (ended) return
    ended = true
    rest = undefined
    forget()
    last()
  }
}

function postEnd(powers: StreamPowers, id: number, error: unknown): void {
  try {
    powers.post({ t: 'end', s: id, error: failureToJson(error) })
  } catch {
    powers.post({ t: 'end', s: id, error: shortFailure(error) })
  }
}

function createReceiver(id: number, powers: StreamPowers, table: Map<number, Receiver>): ReadableStream {
  const held: unknown[] = []
  let outstanding = 0
  let wanted = false
  let ended: { error?: unknown } | undefined
  let controller: ReadableStreamDefaultController

  table.set(id, { chunk, end })
  // A high-water mark of 0: `pull` is called when somebody reads, and never before (T2).
  return new ReadableStream({ start, pull: read, cancel }, { highWaterMark: 0 })

  function start(given: ReadableStreamDefaultController): void {
    controller = given
  }

  function read(): void {
    if (held.length > 0) handOut(held.shift())
    else wanted = true
    ask()
  }

  function ask(): void {
    const room = STREAM_WINDOW - held.length - outstanding
    if (ended || room < STREAM_WINDOW / 2) return
    outstanding += room // T1
    powers.post({ t: 'pull', s: id, n: room })
  }

  function chunk(data: unknown) {
    if (outstanding === 0) return violated()
    outstanding--
    if (!wanted) return void held.push(data)
    wanted = false
    handOut(data)
    ask()
  }

  function handOut(data: unknown): void {
    controller.enqueue(data)
    if (held.length === 0) finish()
  }

  function end(error: unknown): void {
    if (ended) return
    ended = error === undefined ? {} : { error }
    if (held.length === 0) finish()
  }

  function finish(): void {
    if (ended === undefined) return
    if ('error' in ended) controller.error(ended.error)
    else controller.close()
  }

  function violated(): void {
    table.delete(id)
    powers.post({ t: 'stop', s: id })
    end(new UsageError('USAGE_WIRE', 'a stream sent more than it was asked for'))
  }

  function cancel(): void {
    held.length = 0
    if (ended) return
    ended = {}
    table.delete(id)
    powers.post({ t: 'stop', s: id })
  }
}
