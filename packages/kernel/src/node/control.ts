// packages/kernel/src/node/control.ts: what the kernel and a sandbox process say to each other about isolates; guests never see it.

/** With the schema library (`full`) or without (`lean`). */
export type RuntimeKind = 'full' | 'lean'
export const RUNTIME_FILES: Readonly<Record<RuntimeKind, 'guest.js' | 'guest-lean.js'>> = {
  full: 'guest.js',
  lean: 'guest-lean.js',
}

/** Kernel → sandbox process. Bytes named in a comment travel as the frame's buffers. */
export type ToChild =
  /** Before the first plugin of a kind. Buffers: its startup snapshot, or none: then the child makes one and sends it back. */
  | { c: 'runtime'; kind: RuntimeKind }
  /** Buffers: the plugin's code (UTF-8). */
  | {
      c: 'start'
      isolate: number
      kind: RuntimeKind
      name: string
      memoryMb: number
      turnMs: number
      activateMs: number
      /** A debugger may attach. */
      inspect?: boolean
    }
  /** A debugger comes, says something (JSON text of the DevTools protocol), leaves. */
  | { c: 'debug'; isolate: number; act: 'attach' | 'detach' }
  | { c: 'debug'; isolate: number; act: 'say'; text: string }
  | { c: 'dispose'; isolate: number }
  /** Its turns wait for so long from now on; 0: no longer. */
  | { c: 'pace'; isolate: number; ms: number }
  /** The isolate may send this many more bytes, by `weightOfFrame`. */
  | { c: 'credit'; isolate: number; bytes: number }
  /** Turns are told with their times, or no longer. */
  | { c: 'trace'; on: boolean }
  | { c: 'ping'; n: number }

/** Sandbox process → kernel. */
export type FromChild =
  | { c: 'ready' }
  /** Buffers: the startup snapshot, to be kept for the next process. */
  | { c: 'snapshot'; kind: RuntimeKind }
  /** Turns since the last report, per isolate: batches of turns that ended, processor time in guest code, and heap bytes where measured. */
  | { c: 'turns'; list: TurnReport[]; cpu: CpuReport; timed?: TimedTurn[] }
  | { c: 'ended'; isolate: number; code: string; message: string; used?: number; max?: number; strike: boolean }
  /** To the debugger. */
  | { c: 'debug'; isolate: number; text: string }
  /** It stands at a breakpoint, or goes on. */
  | { c: 'paused'; isolate: number; paused: boolean }
  /** A turn on the thread pool takes long. */
  | { c: 'slow'; isolate: number }
  /** A turn on the thread pool that will not end: only the end of the process stops it. */
  | { c: 'stuck'; isolate: number; name: string; code: string; message: string }
  | { c: 'pong'; n: number; cpu: CpuReport }

export type TurnReport = [
  isolate: number,
  batchesDone: number,
  ms: number,
  turns: number,
  heapBytes: number,
  timers: number,
]
/** One turn: batches handed to the isolate in all, when it began (ticks: ms of the machine's own clock), ms it took. */
export type TimedTurn = [isolate: number, handed: number, began: number, ms: number]
/** Processor time of the process since it began, ms, and what of it is no guest's (meter.ts). */
export type CpuReport = [total: number, start: number, thread: number, helpers: number]

/**
 * The black box: a file both processes hold open, so that what a lost process was doing is known without a word from it.
 * Its head says whose turn runs on the main thread: turn number, isolate, batches handed to that isolate in all (u32 each).
 * After it a slot for each isolate, by its number: isolate, batches handed to it in all, and 1 while its turn runs on the pool; written
 * before and after such a turn.
 */
export const BLACK_BOX = { headBytes: 16, slotBytes: 12, slots: 4_096 }
/** File descriptors of the child. */
export const PIPE_FD = 3
export const BLACK_BOX_FD = 4
/** Bytes of one isolate's messages, by `weightOfFrame`, that may wait for the kernel's credit before its turns pause. */
export const OUT_WINDOW = 1_048_576
/** Bytes on the pipe at which guests' further frames wait on their own sides of it. */
export const PIPE_BYTES = 131_072
/** Bytes one turn may send. */
export const MAX_TURN_BYTES = 32 * 1_048_576

/** What a guest's frame costs who reads it: both its parts are garbage soon. */
export function weightOfFrame(text: string, buffers: readonly Uint8Array[]): number {
  let bytes = text.length
  for (const buffer of buffers) bytes += buffer.byteLength
  return bytes
}
