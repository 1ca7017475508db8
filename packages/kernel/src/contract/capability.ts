// packages/kernel/src/contract/capability.ts: what a driver is. One folder each, and one way in:
//   guest → kernel: input valid? → access(input) → declared? → granted? → (ask) → run → audit
import type { z } from 'zod'
import type { Release } from './scope.ts'

export type PluginId = string

/** Folders a permission may speak of; all absolute and real (no symlink left in them). */
export interface PluginPlace {
  readonly plugin: PluginId
  /** The user's working folder: `${workspace}`. */
  readonly workspace: string
  /** The plugin's own private folder on disk: `${data}`. */
  readonly data: string
  /** Where the plugin's package lies, for its static files: `${package}`. Read-only. */
  readonly package: string
}

/** What a permission means, for the consent screen. */
export interface Consent {
  /** Goes on from "It may …": `read files under /home/ada/logs`. */
  text: string
  risk: 'low' | 'medium' | 'high'
  /** What combines badly: private data in, untrusted input in, a way out, code run with the user's power. */
  traits: readonly ('reads-private' | 'takes-untrusted' | 'sends-out' | 'runs-code')[]
}

/** A running call, as the driver sees it. */
export interface CapabilityCall {
  readonly plugin: PluginId
  readonly place: PluginPlace
  readonly trace: string
  /** Aborts when the caller cancels, its instance ends, the call's time is up or the grant behind it is revoked. */
  readonly signal: AbortSignal
  /**
   * Owns what outlives the call (a watcher, a server route, a child process). It is released when the instance ends
   * or when a grant that allowed it is revoked, whichever is first.
   */
  effect(acquire: () => Release): Release
  /** Judges a further resource, such as the target of a redirect, as if it had been asked for. Rejects with PermissionError. */
  check(rest: string): Promise<void>
}

/** One method of a capability. `I` is the tuple of arguments after validation. */
export interface CapabilityMethod<I extends readonly unknown[] = readonly unknown[]> {
  readonly input: z.ZodType<I>
  /** The permission rests this input needs, all of them, with names resolved first (real paths, canonical hosts). */
  access(input: I, place: PluginPlace): readonly string[] | Promise<readonly string[]>
  /** Bytes, dates, maps, `ReadableStream<Uint8Array | object>` and functions cross the wall; class instances do not. */
  run(input: I, call: CapabilityCall): Promise<unknown>
  /** What the audit log may keep of the input. Default: the accesses alone. */
  redact?(input: I): unknown
  /** ms; `0` means as long as its signal lives (streams, watches). Default: the plugin's `callMs`. */
  readonly timeoutMs?: number
}

/** A driver: grammar, sentences and methods of one kind of power. The kernel alone decides; a driver only acts. */
export interface Capability extends Partial<AsyncDisposable> {
  /** The word before the colon, and the name of the service plugins call. */
  readonly name: string
  /** Semver of the service's contract. */
  readonly version: string
  /** One line for lists. */
  readonly summary: string
  /** Checks the rest of a permission as an author wrote it and answers its normal form (variables filled in). Throws ManifestError. */
  parse(rest: string, place: PluginPlace): string
  /** True if a grant of `granted` allows `wanted`. Both are normal forms. */
  covers(granted: string, wanted: string): boolean
  consent(rest: string): Consent
  readonly methods: Readonly<Record<string, CapabilityMethod<never>>>
}

/** Types one method by its input schema. */
export function defineMethod<I extends readonly unknown[]>(method: CapabilityMethod<I>): CapabilityMethod<never> {
  return method as unknown as CapabilityMethod<never> // run only ever sees what its own schema let through
}
