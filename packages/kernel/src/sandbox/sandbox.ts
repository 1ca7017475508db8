// packages/kernel/src/sandbox/sandbox.ts: what the kernel asks of whatever holds isolates. Backends: node/sandbox-process.ts.
import type { Parcel } from '../contract/index.ts'
import type { Account, ProcessAccount } from '../ledger/account.ts'

/** What to run: one plugin's bundle under its limits. */
export interface GuestSpec {
  plugin: string
  code: string
  /** It needs the schema library: its bundle imports zod, or its manifest has inputs to check. */
  schemas: boolean
  memoryMb: number
  turnMs: number
  activateMs: number
  /** Largest message in either direction, bytes. */
  messageBytes: number
  /** The plugin's row of the ledger. */
  account: Account
  /** A debugger may attach. It then runs apart from others: its time-outs stand still while it stands at a breakpoint. */
  inspect?: boolean
}

/** A debugger at one guest, by the Chrome DevTools protocol as JSON text. */
export interface Debugging {
  send(text: string): void
  /** It leaves; the guest goes on. */
  close(): void
}

/** Why a guest ended without being asked. */
export interface GuestEnd {
  code: string
  message: string
  used?: number
  max?: number
  /** True if the plugin is to blame: it failed; false: it lost its process through a neighbour and only has to start again. */
  strike: boolean
  /** True if the whole process was lost with it. */
  processLost: boolean
}

export interface GuestEvents {
  /** A batch of the guest's messages, parsed from JSON and not yet validated; `buffers` are the bytes beside it. */
  received(messages: unknown[], parcel: Parcel, plain: boolean): void
  ended(end: GuestEnd): void
  /** It is gone, whichever way: asked to, by itself, or with its process. Called once, before `ended`. */
  left?(): void
  /** A turn has ended, while turns are timed: batches handed over in all by then, when it began (ticks) and how long it took, ms. */
  timed?(handed: number, began: number, ms: number): void
}

/** A running guest. */
export interface Guest {
  /** Name of the process it lives in, for people. */
  readonly process: string
  /** Its plugin's row of the ledger. */
  readonly account: Account
  /** Batches handed over so far, and those of turns that have begun, exact even after the process was lost: what lies between the guest has not seen. */
  readonly posted: number
  readonly taken: number
  /** Timers it has set and that have not fired, as last told. */
  readonly timers: number
  /** Where bytes of the next message go. */
  readonly parcel: Parcel
  /**
   * Queues a message; those of one turn of the event loop travel together. Answers how many bytes it has.
   *
   * @throws SANDBOX_MESSAGE_TOO_LARGE past the limit; nothing is sent then.
   */
  post(message: object): number
  /** Of messages and bytes that no turn of the guest has been handed yet. */
  readonly waitingBytes: number
  /** Its turns wait for `ms` from now on; 0: no longer. */
  pace(ms: number): void
  /** It stands at a breakpoint. */
  readonly paused: boolean
  /** Attaches a debugger in place of the one before; undefined unless it was started with `inspect`. */
  debug(onMessage: (text: string) => void, onClosed: () => void): Debugging | undefined
  /** Ends the isolate at once. */
  dispose(): void
}

/** One process that can hold guests. */
export interface SandboxProcess {
  readonly name: string
  readonly pid: number
  readonly guests: number
  /** What it used, as it last said. */
  readonly account: Readonly<ProcessAccount>
  /** Resolves when it can take guests; rejects if it never could. */
  readonly ready: Promise<void>
  start(spec: GuestSpec, events: GuestEvents): Guest
  /** Resident memory, bytes; 0 if unknown. */
  residentBytes(): number
  /** ms the turn now running has lasted, and whose it is; undefined if none runs. Cheap, and never waits for the process. */
  turnNow(): { plugin: string; ms: number; limitMs: number } | undefined
  /**
   * Processor time it has used since it was asked something it has not answered, ms; time itself once that has lasted long.
   * 0 if nothing is open.
   */
  silentMs(): number
  ping(): void
  /** Turns are timed one by one, or no longer. */
  trace(on: boolean): void
  /** Counts a silence from now on. */
  forgiveSilence(): void
  /** SIGKILL. Guests get `ended` with the reason; the plugin named as culprit gets the strike. */
  kill(reason: { code: string; message: string; culprit?: string | undefined }): void
}

/** Makes sandbox processes. */
export interface Sandboxes {
  spawn(
    name: string,
    events: {
      /** A turn takes long; it may never end. */ slow(): void
      stuck(plugin: string, end: { code: string; message: string }): void
      /** It ended by itself, or had to be given up; during a turn of `culprit`, where that is known. */
      exited(reason: string, culprit?: string): void
      /** The process is gone, whichever way: nothing more is added to its account. */
      closed?(): void
    },
  ): SandboxProcess
}
