// packages/kernel/src/node/frame.ts: how batches and control messages lie on the pipe between the kernel and a sandbox process.
//   F1  A frame is: length of the rest (u32), isolate (u32, 0 = control), text length (u32), buffer count (u16), buffer lengths (u32 each), text, buffers.
//   F2  Reading takes untrusted bytes: a frame past the limit, or one whose parts do not add up, ends the connection.
//   F3  Writes of one turn of the event loop leave in one system call.
//   F4  What comes in pieces is put straight where it will lie: memory beside the heap is dear, for it brings on full collections.
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { SandboxError } from '../contract/errors.ts' // not the index: this runs in the sandbox process, which can load nothing

export interface Frame {
  isolate: number
  text: string
  buffers: Uint8Array[]
  /** Size on the pipe, bytes. */
  bytes: number
}

const HEAD = 14
const MAX_FRAME = 96 * 1_048_576 // bytes; the largest message limit plus room for its batch
const MAX_BUFFERS = 4_096

/** Splits a byte stream into frames. Feed it chunks; it calls back once per whole frame. */
export function createFrameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let carried: Buffer | undefined // of a frame whose head has not all come
  let open: OpenFrame | undefined // one whose head is known, and not all its parts
  return (chunk) => {
    let data = carried ? Buffer.concat([carried, chunk]) : chunk
    carried = undefined
    while (data.length > 0) {
      const head = open?.head ?? readHead(data)
      if (head === undefined) {
        carried = Buffer.from(data) // a copy: a few bytes shall not keep their chunk
        return
      }
      if (open === undefined && head.bytes <= data.length) {
        onFrame(parseFrame(head, data))
        data = data.subarray(head.bytes)
        continue
      }
      open ??= openFrame(head)
      data = data.subarray(fill(open, data))
      if (open.part < open.parts.length) return
      const { parts } = open
      open = undefined
      onFrame(frameOf(head, parts))
    }
  }
}

export interface FrameWriter {
  /** Answers the frame's size on the pipe, bytes. */
  write(isolate: number, text: string, buffers?: readonly Uint8Array[]): number
  /** Sends what waits now; else it leaves at the end of this turn of the event loop. */
  flush(): void
  /** Bytes handed to the pipe and not yet taken by the other side. */
  readonly waiting: number
}

/** Writes frames to `socket`, coalesced (F3). */
export function createFrameWriter(socket: Socket): FrameWriter {
  let parts: Buffer[] = []
  let scheduled = false
  return {
    write(isolate, text, buffers = []) {
      const bytes = encodeFrame(parts, isolate, text, buffers)
      if (!scheduled) setImmediate(flush)
      scheduled = true
      return bytes
    },
    flush,
    get waiting() {
      return socket.writableLength
    },
  }

  function flush(): void {
    scheduled = false
    if (parts.length === 0 || socket.destroyed) return
    const data = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    parts = []
    socket.write(data)
  }
}

function encodeFrame(parts: Buffer[], isolate: number, text: string, buffers: readonly Uint8Array[]): number {
  const textBytes = Buffer.byteLength(text)
  const headBytes = HEAD + buffers.length * 4
  const frame = Buffer.allocUnsafe(headBytes + textBytes)
  let size = headBytes - 4 + textBytes
  frame.writeUInt32LE(isolate, 4)
  frame.writeUInt32LE(textBytes, 8)
  frame.writeUInt16LE(buffers.length, 12)
  for (let i = 0; i < buffers.length; i++) {
    const length = (buffers[i] as Uint8Array).byteLength
    frame.writeUInt32LE(length, HEAD + i * 4)
    size += length
  }
  frame.writeUInt32LE(size, 0)
  frame.write(text, headBytes)
  parts.push(frame)
  for (const buffer of buffers) parts.push(Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength))
  return size + 4
}

/** What a frame says of itself. */
interface Head {
  isolate: number
  headBytes: number
  /** Of its text, then of each buffer, bytes. */
  lengths: number[]
  /** In all, bytes. */
  bytes: number
}

/** A frame that comes in several chunks: each part has its own memory from the first, so that nothing is copied twice (F4). */
interface OpenFrame {
  head: Head
  parts: Buffer[]
  /** The one that comes, and how much of it has; before the parts comes the rest of the head, `skip` bytes. */
  part: number
  filled: number
  skip: number
}

/** Undefined while not all of it has come. */
function readHead(data: Buffer): Head | undefined {
  if (data.length < 4) return undefined
  const size = data.readUInt32LE(0)
  if (size > MAX_FRAME || size < HEAD - 4) throw malformed(`length ${size}`)
  if (data.length < HEAD) return undefined
  const count = data.readUInt16LE(12)
  const headBytes = HEAD + count * 4
  if (count > MAX_BUFFERS || headBytes > size + 4) throw malformed('its parts do not add up') // F2
  if (data.length < headBytes) return undefined
  const lengths = [data.readUInt32LE(8)]
  for (let i = 0; i < count; i++) lengths.push(data.readUInt32LE(HEAD + i * 4))
  let bytes = headBytes
  for (const length of lengths) bytes += length
  if (bytes !== size + 4) throw malformed('its parts do not add up') // F2
  return { isolate: data.readUInt32LE(4), headBytes, lengths, bytes }
}

function openFrame(head: Head): OpenFrame {
  return {
    head,
    parts: head.lengths.map((length) => Buffer.allocUnsafeSlow(length)),
    part: 0,
    filled: 0,
    skip: head.headBytes,
  }
}

/** Takes what is its own from the front of `data`, and answers how much that was. */
function fill(open: OpenFrame, data: Buffer): number {
  let at = open.skip
  open.skip = 0
  for (; open.part < open.parts.length; open.part++, open.filled = 0) {
    const part = open.parts[open.part] as Buffer
    const taken = data.copy(part, open.filled, at)
    at += taken
    open.filled += taken
    if (open.filled < part.length) break
  }
  return at
}

function parseFrame({ isolate, headBytes, lengths, bytes }: Head, data: Buffer): Frame {
  let at = headBytes + (lengths[0] as number)
  const text = data.toString('utf8', headBytes, at)
  const buffers: Uint8Array[] = []
  for (let i = 1; i < lengths.length; i++) {
    const end = at + (lengths[i] as number)
    buffers.push(new Uint8Array(data.subarray(at, end))) // a copy of its own: the chunk goes on
    at = end
  }
  return { isolate, text, buffers, bytes }
}

function frameOf({ isolate, bytes }: Head, [text, ...buffers]: Buffer[]): Frame {
  return {
    isolate,
    text: (text as Buffer).toString('utf8'),
    buffers: buffers.map(({ buffer }) => new Uint8Array(buffer)),
    bytes,
  }
}

function malformed(what: string): SandboxError {
  return new SandboxError('SANDBOX_FRAME', `a frame on the sandbox pipe is malformed: ${what}`)
}
