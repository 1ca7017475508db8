// packages/kernel/src/node/black-box.ts: the file that tells what a lost process was doing (control.ts says how it is laid out); the kernel's side.
import { existsSync, mkdtempSync, openSync, readSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BLACK_BOX } from './control.ts'

/** A file descriptor to hand to the child; nobody else can open it. */
export function openBlackBox(): number {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'pryx-'))
  const path = join(folder, 'box')
  const fd = openSync(path, 'w+', 0o600)
  unlinkSync(path) // only the two descriptors keep it
  rmSync(folder, { recursive: true })
  return fd
}

const head = Buffer.alloc(BLACK_BOX.headBytes)
const slot = Buffer.alloc(BLACK_BOX.slotBytes)

/** The turn on the process's main thread; `turn` is 0 for none, the rest is of the last one. */
export function readHead(fd: number): { turn: number; isolate: number; handed: number } {
  if (readSync(fd, head, 0, head.length, 0) < 12) return { turn: 0, isolate: 0, handed: 0 }
  return { turn: head.readUInt32LE(0), isolate: head.readUInt32LE(4), handed: head.readUInt32LE(8) }
}

/** Batches handed to an isolate, its turn ended or not. */
export function readHanded(fd: number, isolate: number): number {
  const last = readHead(fd)
  const inHead = last.isolate === isolate ? last.handed : 0
  return Math.max(inHead, readSlot(fd, isolate).handed)
}

/** Whether a turn of the isolate has begun on the pool and not ended. */
export function readOnPool(fd: number, isolate: number): boolean {
  return readSlot(fd, isolate).running
}

function readSlot(fd: number, isolate: number): { handed: number; running: boolean } {
  const at = BLACK_BOX.headBytes + BLACK_BOX.slotBytes * (isolate % BLACK_BOX.slots)
  const known = readSync(fd, slot, 0, slot.length, at) === slot.length && slot.readUInt32LE(0) === isolate
  return known ? { handed: slot.readUInt32LE(4), running: slot.readUInt32LE(8) !== 0 } : { handed: 0, running: false }
}
