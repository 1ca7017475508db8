// packages/kernel/src/node/fair-pipe.ts: guests share the pipe to the kernel (sandbox-child.ts, C6).
//   P1  Past PIPE_BYTES on the pipe each guest's frames wait on its own side of it, so nobody's words wait behind a flood.
//   P2  Frames of one guest keep their order.
import type { Socket } from 'node:net'
import { PIPE_BYTES } from './control.ts'
import type { FrameWriter } from './frame.ts'
import type { Batch } from './isolate.ts'

/** Who sends: its number, and the frames that wait for room. */
export interface Talker {
  readonly id: number
  readonly outbox: Batch[]
}

export interface FairPipe {
  /** Answers whether the frame is on its way; else it waits. */
  send(talker: Talker, batch: Batch): boolean
  /** Sends what waits, however full the pipe is: before word of the guest's end comes what it said. */
  sendAll(talker: Talker): void
  /** Goes on after a full pipe. */
  pump(): void
}

export function createFairPipe(socket: Socket, out: FrameWriter): FairPipe {
  const waiting: Talker[] = []
  let written = 0 // bytes since the socket was last handed what there was
  let pumping = false
  return {
    send(talker, batch) {
      if (talker.outbox.length > 0 || isFull()) {
        if (talker.outbox.push(batch) === 1) waiting.push(talker) // P2
        schedule()
        return false
      }
      write(talker, batch)
      return true
    },
    sendAll({ id, outbox }) {
      for (const { text, buffers } of outbox.splice(0)) out.write(id, text, buffers)
    },
    pump,
  }

  function isFull(): boolean {
    return written + socket.writableLength > PIPE_BYTES
  }

  function write({ id }: Talker, { text, buffers }: Batch): void {
    written += text.length
    for (const buffer of buffers) written += buffer.byteLength
    out.write(id, text, buffers)
    schedule()
  }

  function schedule(): void {
    if (pumping) return
    pumping = true
    setImmediate(pump)
  }

  /** P1: round robin, a frame each, while there is room. */
  function pump(): void {
    pumping = false
    out.flush()
    written = 0 // the socket knows of it now
    while (waiting.length > 0 && !isFull()) {
      const talker = waiting.shift() as Talker
      const batch = talker.outbox.shift()
      if (batch) write(talker, batch)
      if (talker.outbox.length > 0) waiting.push(talker)
    }
    out.flush()
    if (waiting.length > 0 && !socket.writableNeedDrain) schedule()
  }
}
