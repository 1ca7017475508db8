// packages/kernel/src/guest/guest-testing.ts: drives the guest runtime in plain Node: messages in, messages out.
import * as zod from 'zod'
import type { PluginDefinition } from '../contract/plugin.ts'
import { type GuestMessage, isPlainReply, type PlainReply } from '../contract/wire.ts'
import type { Activate } from './instance.ts'
import type { Delivered } from './local.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { supplySchemas } from './schemas.ts'

supplySchemas(zod)

export interface TestGuest {
  runtime: Runtime
  /** Everything sent and not taken yet. */
  readonly sent: GuestMessage[]
  /** Every batch, as it left. */
  readonly batches: GuestMessage[][]
  activate(message?: Partial<Activate>): Promise<void>
  deliver(...messages: Delivered[]): Promise<void>
  /** Waits until the guest has nothing left to do. */
  settle(): Promise<void>
  take(): GuestMessage[]
  /** Takes all, answers the acks. */
  acks(): GuestMessage[]
  /** Bytes of the last batch. */
  buffers(): number[][]
}

/** An answer in its short form (wire.ts, W5) as it reads in full. */
export function inFull(message: GuestMessage | PlainReply): GuestMessage {
  if (!isPlainReply(message)) return message
  const [id, ...rest] = message
  return rest.length === 0 ? { t: 'reply', id } : { t: 'reply', id, value: rest[0] }
}

export function openGuest<C>(plugin: PluginDefinition<C> | undefined, exports: object = {}): TestGuest {
  const sent: GuestMessage[] = []
  const batches: GuestMessage[][] = []
  let lastBuffers: Uint8Array[] = []
  const runtime = createRuntime({
    send(text, ...buffers) {
      const batch = (JSON.parse(text) as (GuestMessage | PlainReply)[]).map(inFull)
      batches.push(batch)
      sent.push(...batch)
      lastBuffers = buffers
    },
    defer: queueMicrotask,
    random: (bytes) => new Uint8Array(bytes).fill(7),
    fireTimer: () => {},
    cryptoAnswer: () => {},
  })
  runtime.start(plugin === undefined ? exports : { default: plugin, ...exports })
  return {
    runtime,
    sent,
    batches,
    activate: (message) =>
      deliver({
        t: 'activate',
        name: 'test',
        version: '1.0.0',
        config: {},
        previous: undefined,
        tools: [],
        ...message,
      }),
    deliver,
    settle,
    take: () => sent.splice(0),
    acks: () => sent.splice(0).filter(({ t }) => t === 'ack'),
    buffers: () => lastBuffers.map((bytes) => [...bytes]),
  }

  async function deliver(...messages: Delivered[]): Promise<void> {
    runtime.deliver(JSON.stringify(messages))
    await settle()
  }

  /** A macrotask comes after all microtasks, however many hops they take. */
  async function settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }
}
