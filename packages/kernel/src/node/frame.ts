// packages/kernel/src/node/frame.ts: how batches and control messages lie on the pipe between the kernel and a sandbox process.
//   F1  A frame is: length of the rest (u32), isolate (u32, 0 = control), text length (u32), buffer count (u16), buffer lengths (u32 each), text, buffers.
//   F2  Reading takes untrusted bytes: a frame past the limit, or one whose parts do not add up, ends the connection.
//   F3  Writes of one turn of the event loop leave in one system call.
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
  let pending: Buffer[] = []
  let have = 0
  let need = 4
  return (chunk) => {
    pending.push(chunk)
    have += chunk.length
    if (have < need) return
    let data = pending.length === 1 ? chunk : Buffer.concat(pending, have)
    while (data.length >= 4) {
      const size = data.readUInt32LE(0)
      if (size > MAX_FRAME || size < HEAD - 4) throw malformed(`length ${size}`)
      if (data.length < size + 4) {
        need = size + 4
        break
      }
      onFrame(parseFrame(data.subarray(0, size + 4)))
      data = data.subarray(size + 4)
      need = 4
    }
    pending = data.length > 0 ? [data] : []
    have = data.length
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

function parseFrame(frame: Buffer): Frame {
  const textBytes = frame.readUInt32LE(8)
  const count = frame.readUInt16LE(12)
  let at = HEAD + count * 4
  if (count > MAX_BUFFERS || at + textBytes > frame.length) throw malformed('its parts do not add up') // F2
  const text = frame.toString('utf8', at, at + textBytes)
  at += textBytes
  const buffers: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const length = frame.readUInt32LE(HEAD + i * 4)
    if (at + length > frame.length) throw malformed('its parts do not add up')
    buffers.push(new Uint8Array(frame.subarray(at, at + length))) // a copy of its own: the chunk it came in is reused
    at += length
  }
  return { isolate: frame.readUInt32LE(4), text, buffers, bytes: frame.length }
}

function malformed(what: string): SandboxError {
  return new SandboxError('SANDBOX_FRAME', `a frame on the sandbox pipe is malformed: ${what}`)
}
