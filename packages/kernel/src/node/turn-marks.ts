// packages/kernel/src/node/turn-marks.ts: what the sandbox process writes into the black box (control.ts says how it is laid out).
//   M1  Before a turn: whose it is and what it was handed. What the head said of another guest is moved to that guest's slot first.
import { Buffer } from 'node:buffer'
import { writeSync } from 'node:fs'
import { BLACK_BOX, BLACK_BOX_FD } from './control.ts'

/** Who is on turn, and the batches handed to it in all. */
export interface OnTurn {
  readonly id: number
  readonly handed: number
}

export interface TurnMarks {
  /** A turn on the process's own thread begins, and ends. */
  begin(guest: OnTurn): void
  end(): void
  /** A turn on the pool begins, and ends. */
  beginOnPool(guest: OnTurn): void
  endOnPool(guest: OnTurn): void
}

export function createTurnMarks(): TurnMarks {
  const head = Buffer.alloc(BLACK_BOX.headBytes)
  const slot = Buffer.alloc(BLACK_BOX.slotBytes)
  let turn = 0
  let inHead: OnTurn | undefined
  return {
    begin,
    end,
    beginOnPool(guest) {
      if (inHead === guest) inHead = undefined // its slot says more than the head from here on
      markSlot(guest, true)
    },
    endOnPool: (guest) => markSlot(guest, false),
  }

  function begin(guest: OnTurn): void {
    if (inHead && inHead !== guest) markSlot(inHead, false)
    inHead = guest
    head.writeUInt32LE(++turn, 0)
    head.writeUInt32LE(guest.id, 4)
    head.writeUInt32LE(guest.handed, 8)
    writeSync(BLACK_BOX_FD, head, 0, BLACK_BOX.headBytes, 0)
  }

  /** What it was handed stays. */
  function end(): void {
    head.writeUInt32LE(0, 0)
    writeSync(BLACK_BOX_FD, head, 0, 4, 0)
  }

  function markSlot({ id, handed }: OnTurn, running: boolean): void {
    slot.writeUInt32LE(id, 0)
    slot.writeUInt32LE(handed, 4)
    slot.writeUInt32LE(running ? 1 : 0, 8)
    const { headBytes, slotBytes, slots } = BLACK_BOX
    writeSync(BLACK_BOX_FD, slot, 0, slotBytes, headBytes + slotBytes * (id % slots))
  }
}
