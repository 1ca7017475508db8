// packages/kernel/src/guest/runtime.ts: the guest's half of the wire: takes batches of messages apart and hands each to who serves it.
//   R1  `deliver` never throws for what a message holds: a bad one fails itself, the rest of its batch is handled.
//   R2  Messages are handled in the order they came. What is sent meanwhile leaves in one batch (outbox.ts).
import { needsDecode } from '../contract/codec.ts'
import type { ServiceCaller } from '../contract/tokens.ts'
import type { LogLevel, RoutedCall } from '../contract/wire.ts'
import { createAmbient } from './ambient.ts'
import { callSite } from './call-site.ts'
import { createCalls } from './calls.ts'
import { serviceCaller } from './context.ts'
import { Crossing, createLentFunctions, createReader, PLAIN, type Reader } from './crossing.ts'
import { createInstance } from './instance.ts'
import type { Delivered, LocalMessage } from './local.ts'
import { logText } from './log-text.ts'
import { createOffers } from './offers.ts'
import { createOutbox, type Outbox, type OutboxPowers } from './outbox.ts'
import { createServing } from './serving.ts'
import { createStreams } from './streams.ts'
import { createSubscriptions } from './subscriptions.ts'

export interface RuntimePowers extends OutboxPowers {
  random(bytes: number): Uint8Array
  fireTimer(id: number): void
  cryptoAnswer(message: Extract<LocalMessage, { t: 'crypto' }>, buffers: readonly Uint8Array[]): void
}

export interface Runtime {
  deliver(text: string, ...buffers: Uint8Array[]): void
  start(exports: object): void
  /** Calls a capability of the host without asking `use` first. */
  caller(service: string, range: string): ServiceCaller
  log(level: LogLevel, ...parts: unknown[]): void
  uncaught(error: unknown): void
}

/** Makes the runtime. It asks nothing of its powers before the first message, so it can be made in a snapshot. */
export function createRuntime(powers: RuntimePowers): Runtime {
  const outbox = createOutbox(powers)
  const post: Outbox['post'] = outbox.post
  const streams = createStreams({
    post: (message) => post(message, new Crossing(streams)),
    maxBytes: () => outbox.messageBytes,
  })
  const functions = createLentFunctions()
  const ambient = createAmbient(powers.random)
  const calls = createCalls(post)
  const offers = createOffers(post)
  const subscriptions = createSubscriptions(post, ambient)
  const serving = createServing({ outbox, offers, functions, streams, ambient })
  const carrier = () => new Crossing(streams, functions)
  const instance = createInstance({ calls, offers, subscriptions, ambient, post, carrier, endCrossings })

  return {
    deliver,
    start: instance.start,
    caller: (service, range) => serviceCaller({ calls, ambient, carrier }, service, range),
    log,
    uncaught: instance.uncaught,
  }

  function deliver(text: string, ...buffers: Uint8Array[]): void {
    const batch = JSON.parse(text) as (Delivered | RoutedCall)[]
    const reader = needsDecode(text) ? createReader(buffers, streams) : PLAIN
    for (const message of batch) {
      try {
        if (Array.isArray(message)) serving.routed(message, reader)
        else handle(message, reader, buffers)
      } catch (error) {
        instance.uncaught(error) // R1
      }
    }
  }

  function handle(message: Delivered, read: Reader, buffers: Uint8Array[]) {
    switch (message.t) {
      case 'call':
        return serving.call(message, read)
      case 'route':
        return serving.route(message)
      case 'reply':
        return calls.reply(message, read)
      case 'emitted':
        return calls.done(message.id, message.n, message.error)
      case 'event':
        return subscriptions.event(message, read)
      case 'cancel':
        return serving.cancel(message.id)
      case 'release':
        return functions.release(message.fn)
      case 'timer':
        return powers.fireTimer(message.id)
      case 'crypto':
        return powers.cryptoAnswer(message, buffers)
      case 'dropped':
        return log(
          'warn',
          `${message.count} events of ${subscriptions.patternOf(message.sub) ?? 'a subscription'} were dropped: its handler is too slow`,
        )
      case 'activate':
        if (message.messageBytes !== undefined) outbox.limit(message.messageBytes)
        return void instance.activate({
          ...message,
          config: read.take(message.config),
          previous: read.take(message.previous),
        })
      case 'handover':
        return void instance.handOver()
      case 'deactivate':
        return void instance.deactivate()
      case 'chunk':
      case 'end':
      case 'pull':
      case 'stop':
        return streams.handle(message, read.take)
    }
  }

  function log(level: LogLevel, ...parts: unknown[]): void {
    const place = callSite()
    post({ t: 'log', level, text: logText(parts), ...(place !== undefined && { place }) })
  }

  function endCrossings(error: Error): void {
    serving.endAll(error)
    streams.endAll(error)
    functions.clear()
  }
}
