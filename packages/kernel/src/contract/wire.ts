// packages/kernel/src/contract/wire.ts: the one language spoken across the wall, between the kernel and a guest.
//   W1  Messages travel in batches: a JSON array as text, byte buffers beside it (codec.ts). Order within a direction is kept.
//   W2  `id` of a call is chosen by its caller and unique while the call lives; a reply names it. Ids of the two directions are apart.
//   W3  The kernel treats every message of a guest as untrusted; `parseGuestMessage` is the only way in.
//   W5  What is said most is said shortest: a call over a known route and its plain answer are lists, not objects.
//   W4  A stream is made by its sender, who chooses its id; data flows only against credit (`pull`), so neither side queues without limit.
import type { ErrorJson } from './errors.ts'

/** Kernel → guest: a call over a route it was told of; the trace is left out when there is none. `args` needs no decoding. */
export type RoutedCall = [id: number, route: number, args: unknown, trace?: string]
/** Guest → kernel: the answer of a call, where it is plain JSON and no error. */
export type PlainReply = [id: number, value?: unknown]

/** One of several emits in one message. */
export type EmittedEvent = [name: string, data: unknown, trace: string]
/** Most emits in one message: it is handled in one go, so it must be short work even if each is refused. */
export const MAX_EMITS = 32
/** Event subscriptions a plugin may have at once. */
export const MAX_SUBSCRIPTIONS = 256

/** Kernel → guest. */
export type HostMessage =
  | {
      t: 'activate'
      name: string
      version: string
      config: unknown
      previous: unknown
      tools: ManifestTool[]
      messageBytes?: number
    }
  /**
   * Calls a service, tool, hook or function (`fn`, its id as `name`) that the guest offers. `args` is the tuple of arguments
   * for a service or function, the input itself for a tool, the value itself for a hook (whose reply is a `HookAnswer`).
   */
  | {
      t: 'call'
      id: number
      kind: 'service' | 'tool' | 'hook' | 'fn'
      name: string
      method: string
      args: unknown
      from: string
      trace: string
    }
  /** Names a way that calls will come (`RoutedCall`). */
  | { t: 'route'; route: number; kind: 'service' | 'tool' | 'hook'; name: string; method: string; from: string }
  | { t: 'event'; sub: number; seq: number; name: string; data: unknown; from: string; at: number; trace: string }
  /** What a bounded queue had to leave out, told before the next event of that subscription. */
  | { t: 'dropped'; sub: number; count: number }
  | { t: 'reply'; id: number; value?: unknown; error?: ErrorJson }
  /** Answers the `n` emits from `id` on: they are published, or all refused for the same reason. */
  | { t: 'emitted'; id: number; n: number; error?: ErrorJson }
  | { t: 'cancel'; id: number }
  /** Asks for the state the next instance shall get; answered by `state`. The guest goes on working. */
  | { t: 'handover' }
  /** Asks the guest to end: effects are undone newest first; answered by `stopped`. */
  | { t: 'deactivate'; reason: string }
  | { t: 'timer'; id: number }
  /** One loan of a function is over: lent as often as given back, the guest may forget it. */
  | { t: 'release'; fn: number }
  | StreamMessage

/** Guest → kernel. */
export type GuestMessage =
  | { t: 'active' }
  | { t: 'failed'; error: ErrorJson }
  | { t: 'state'; state: unknown; has: boolean }
  | { t: 'stopped'; error?: ErrorJson }
  /** Calls a service of another plugin or a capability of the host. */
  | { t: 'call'; id: number; service: string; range: string; method: string; args: unknown; trace: string }
  /** Asks whether a service can be had; replied to once it can, or with the reason why not. An optional one that cannot: `value: false`. */
  | { t: 'use'; id: number; service: string; range: string; optional: boolean }
  /** `timeoutMs`: how long the caller waits for the tool itself, instead of its `callMs`. */
  | { t: 'tool'; id: number; name: string; input: unknown; trace: string; timeoutMs?: number }
  /** Asks which tools the plugin's manifest lets it call; replied to with `ToolFacts[]`. */
  | { t: 'tools'; id: number }
  | {
      t: 'hook'
      id: number
      name: string
      value: unknown
      timeoutMs: number
      failure: 'open' | 'closed'
      trace: string
    }
  | { t: 'reply'; id: number; value?: unknown; error?: ErrorJson }
  | { t: 'cancel'; id: number }
  | { t: 'emit'; id: number; name: string; data: unknown; trace: string }
  /** Several emits in their order; the ids after the first count up. Those that went well at once are answered together (`emitted`). */
  | { t: 'emits'; id: number; events: EmittedEvent[] }
  | { t: 'on'; sub: number; pattern: string; policy: QueuePolicy; capacity: number }
  | { t: 'off'; sub: number }
  /** The handler of this event has settled; `error` if it threw. */
  | { t: 'ack'; sub: number; seq: number; error?: ErrorJson }
  | {
      t: 'provide'
      kind: 'service' | 'tool' | 'hook'
      name: string
      version: string
      methods: string[]
      description?: string
      input?: unknown
    }
  | { t: 'withdraw'; kind: 'service' | 'tool' | 'hook'; name: string }
  /** `place`: `NAME/plugin.js:LINE:COLUMN` that wrote it, where known. */
  | { t: 'log'; level: LogLevel; text: string; place?: string }
  | { t: 'checkpoint'; state: unknown }
  /** A promise rejected and nobody listened, or a timer threw. */
  | { t: 'uncaught'; error: ErrorJson }
  | StreamMessage

/** Either way; `s` is the id its sender chose. `pull` and `stop` flow from the receiver back to the sender. */
export type StreamMessage =
  | { t: 'chunk'; s: number; data: unknown }
  | { t: 'end'; s: number; error?: ErrorJson }
  | { t: 'pull'; s: number; n: number }
  | { t: 'stop'; s: number }

/**
 * What a full subscription does: `drop-oldest` counts and reports what it leaves out, `latest` keeps the newest only,
 * `block` makes the publisher's own emit promise wait. The bus itself never waits.
 */
export type QueuePolicy = 'drop-oldest' | 'latest' | 'block'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ManifestTool {
  name: string
  description: string
  /** JSON Schema of the input. */
  input?: unknown
  /** Named export of the entry that runs it; without one the plugin provides the tool in `activate`. */
  handler?: string
}

/** Largest credit a receiver gives a stream, chunks. */
export const STREAM_WINDOW = 16

/** True for an answer in its short form (W5); the value in it is as unknown as any. */
export function isPlainReply(raw: unknown): raw is PlainReply {
  return Array.isArray(raw) && raw.length <= 2 && isId(raw[0])
}

const LEVELS = new Set(['debug', 'info', 'warn', 'error'])
const POLICIES = new Set(['drop-oldest', 'latest', 'block'])
const KINDS = new Set(['service', 'tool', 'hook'])

/** A message of a guest if it is one, else undefined (W3). Payloads (`args`, `data`, `value` …) stay unknown. */
export function parseGuestMessage(raw: unknown): GuestMessage | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const m = raw as Record<string, unknown>
  if (m.t === 'reply') return isId(m.id) ? (raw as GuestMessage) : undefined // the hot path
  return typeof m.t === 'string' && shapes[m.t]?.(m) === true ? (raw as GuestMessage) : undefined
}

const shapes: Record<string, (m: Record<string, unknown>) => boolean> = {
  __proto__: null as never,
  active: () => true,
  failed: (m) => isObject(m.error),
  state: (m) => typeof m.has === 'boolean',
  stopped: () => true,
  call: (m) => isId(m.id) && isText(m.service) && isText(m.range) && isText(m.method) && isText(m.trace),
  use: (m) => isId(m.id) && isText(m.service) && isText(m.range) && typeof m.optional === 'boolean',
  tool: (m) => isId(m.id) && isText(m.name) && isText(m.trace) && (m.timeoutMs === undefined || isId(m.timeoutMs)),
  tools: (m) => isId(m.id),
  hook: (m) =>
    isId(m.id) &&
    isText(m.name) &&
    isId(m.timeoutMs) &&
    (m.failure === 'open' || m.failure === 'closed') &&
    isText(m.trace),
  reply: (m) => isId(m.id),
  cancel: (m) => isId(m.id),
  emit: (m) => isId(m.id) && isText(m.name) && isText(m.trace),
  emits: (m) => isId(m.id) && Array.isArray(m.events) && m.events.length <= MAX_EMITS && m.events.every(isEmitted),
  on: (m) =>
    isId(m.sub) &&
    isText(m.pattern) &&
    POLICIES.has(m.policy as string) &&
    isId(m.capacity) &&
    (m.capacity as number) > 0,
  off: (m) => isId(m.sub),
  ack: (m) => isId(m.sub) && isId(m.seq),
  provide: (m) =>
    KINDS.has(m.kind as string) &&
    isText(m.name) &&
    isText(m.version) &&
    Array.isArray(m.methods) &&
    m.methods.length <= 256 &&
    m.methods.every(isText),
  withdraw: (m) => KINDS.has(m.kind as string) && isText(m.name),
  log: (m) => LEVELS.has(m.level as string) && typeof m.text === 'string' && (m.place === undefined || isText(m.place)),
  checkpoint: () => true,
  uncaught: (m) => isObject(m.error),
  chunk: (m) => isId(m.s),
  end: (m) => isId(m.s),
  pull: (m) => isId(m.s) && isId(m.n) && (m.n as number) <= 1_024,
  stop: (m) => isId(m.s),
}

function isEmitted(value: unknown): boolean {
  return Array.isArray(value) && value.length === 3 && isText(value[0]) && isText(value[2])
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 256
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
