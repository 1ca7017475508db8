// packages/kernel/src/guest/local.ts: what the sandbox process and the guest runtime say to each other without the kernel.
import type { HostMessage } from '../contract/wire.ts'

/** Sandbox process → guest, in the same batches as the kernel's messages. */
export type LocalMessage =
  | { t: 'timer'; id: number }
  /** Answer to `cryptoCall`. `buffer`: index of its bytes among the batch's buffers. */
  | { t: 'crypto'; id: number; json?: string; buffer?: number; error?: string; name?: string }

/** All that `deliver` takes. */
export type Delivered = HostMessage | LocalMessage

/** What the sandbox process lends a guest: functions that queue or compute, and reach nothing. */
export interface BootHost {
  /** A batch for the kernel: a JSON array as text, bytes beside it. */
  send(text: string, ...buffers: Uint8Array[]): void
  /** JSON of the URL's parts, or undefined if it is none. */
  parseUrl(href: string, base?: string): string | undefined
  /** JSON of the parts after `part` was set, or undefined if that is refused. */
  setUrl(href: string, part: string, value: string): string | undefined
  /** The name of the encoding of this label, or undefined if there is none. */
  encodingName(label: string): string | undefined
  /** Text in an encoding of old, or undefined past the limit. Without `last` an unfinished sequence is left out. */
  decodeText(encoding: string, bytes: Uint8Array, last: boolean): string | undefined
  random(bytes: number): Uint8Array
  /** Asks for a `timer` message in `ms`; false past the limit of timers. */
  startTimer(id: number, ms: number): boolean
  stopTimer(id: number): void
  /** ms since the process started. */
  now(): number
  /** Answered later by a `crypto` message. */
  cryptoCall(id: number, operation: string, parametersJson: string, ...data: Uint8Array[]): void
}

/** What booting answers to the sandbox process. */
export interface BootRecord {
  /** Handles one batch: JSON array of `Delivered` as text, its bytes beside it. Never throws for what a message holds. */
  deliver(text: string, ...buffers: Uint8Array[]): void
  /** Takes the plugin's module namespace; once, before `activate` is delivered. */
  start(namespace: object): void
  /** Modules a bundle may import, by name. */
  readonly modules: Readonly<Record<string, object>>
  /** Export names of each of them. */
  readonly moduleNames: Readonly<Record<string, readonly string[]>>
}
