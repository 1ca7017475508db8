// packages/kernel/src/guest/subscriptions.ts: events into the plugin.
//   U1  Handlers of one subscription run one at a time, in the order of the events; different subscriptions do not wait for each other.
//   U2  Every event of a living subscription is acknowledged once, after its handler has settled; a failure travels with the `ack`.
//   U3  A payload its token refuses is acknowledged as EVENT_INVALID and never reaches the handler.
//   U4  One subscription too many is refused here, where its author sees it; the kernel refuses it too, whatever a guest says.
import { type ErrorJson, UsageError } from '../contract/errors.ts'
import { isEventPattern } from '../contract/pattern.ts'
import type { EventInfo, SubscribeOptions } from '../contract/plugin.ts'
import type { EventToken } from '../contract/tokens.ts'
import { type GuestMessage, type HostMessage, MAX_SUBSCRIPTIONS } from '../contract/wire.ts'
import type { Ambient } from './ambient.ts'
import { check } from './check.ts'
import type { Reader } from './crossing.ts'
import { failureToJson, shortFailure } from './failure.ts'
import { isThenable } from './thenable.ts'

const DEFAULT_CAPACITY = 256

export type HostEvent = Extract<HostMessage, { t: 'event' }>
export type EventHandler = (payload: unknown, info: EventInfo) => unknown

export interface Subscriptions {
  on(event: EventToken<unknown> | string, handler: EventHandler, options?: SubscribeOptions): () => void
  event(message: HostEvent, read: Reader): void
  /** The pattern of a subscription, for reports. */
  patternOf(sub: number): string | undefined
}

interface Subscription {
  sub: number
  pattern: string
  token: EventToken<unknown> | undefined
  handler: EventHandler
  waiting: { message: HostEvent; data: unknown }[]
  busy: boolean
}

export function createSubscriptions(post: (message: GuestMessage) => void, ambient: Ambient): Subscriptions {
  const subscriptions = new Map<number, Subscription>()
  let lastSub = 0

  return {
    on(event, handler, { policy = 'drop-oldest', capacity = DEFAULT_CAPACITY } = {}) {
      const token = typeof event === 'string' ? undefined : event
      const pattern = typeof event === 'string' ? event : event.name
      if (!isEventPattern(pattern)) throw badPattern(pattern)
      if (subscriptions.size >= MAX_SUBSCRIPTIONS) throw tooMany() // U4
      const sub = ++lastSub
      post({ t: 'on', sub, pattern, policy, capacity })
      subscriptions.set(sub, { sub, pattern, token, handler, waiting: [], busy: false })
      return () => {
        if (subscriptions.delete(sub)) post({ t: 'off', sub })
      }
    },
    event(message, read) {
      const subscription = subscriptions.get(message.sub)
      if (subscription === undefined) return // it has just been left
      try {
        subscription.waiting.push({ message, data: read.take(message.data) })
      } catch (error) {
        return ack(subscription, message.seq, failureToJson(error))
      }
      if (!subscription.busy) next(subscription)
    },
    patternOf: (sub) => subscriptions.get(sub)?.pattern,
  }

  /** Works off what waits: straight on while handlers answer at once, else when the promise has settled. */
  function next(subscription: Subscription) {
    subscription.busy = true
    for (let item = subscription.waiting.shift(); item !== undefined; item = subscription.waiting.shift()) {
      const { seq } = item.message
      try {
        const result = handle(subscription, item.message, item.data)
        if (isThenable(result)) return settleLater(subscription, seq, result)
        ack(subscription, seq)
      } catch (error) {
        ack(subscription, seq, failureToJson(error))
      }
    }
    subscription.busy = false
  }

  function settleLater(subscription: Subscription, seq: number, result: PromiseLike<unknown>): void {
    Promise.resolve(result).then(
      () => {
        ack(subscription, seq)
        next(subscription)
      },
      (error: unknown) => {
        ack(subscription, seq, failureToJson(error))
        next(subscription)
      },
    )
  }

  function handle({ token, handler }: Subscription, message: HostEvent, data: unknown): unknown {
    const { name, from, at, trace } = message
    const payload = token === undefined ? data : check(token.schema, data, (mismatch) => badPayload(name, mismatch)) // U3
    const info: EventInfo = { name, from, at, trace }
    const before = ambient.enter(info)
    try {
      return handler(payload, info)
    } finally {
      ambient.leave(before)
    }
  }

  function ack(subscription: Subscription, seq: number, error?: ErrorJson) {
    const { sub } = subscription
    if (!subscriptions.has(sub)) {
      subscription.waiting.length = 0
      return
    }
    if (error === undefined) return post({ t: 'ack', sub, seq })
    try {
      post({ t: 'ack', sub, seq, error })
    } catch {
      post({ t: 'ack', sub, seq, error: shortFailure(error) })
    }
  }
}

function badPattern(found: unknown): UsageError {
  const text = typeof found === 'string' ? found.slice(0, 64) : typeof found
  return new UsageError('USAGE_PATTERN', `"${text}" selects no event`, {
    found: text,
    hint: 'Use an event token, a name or a pattern such as note.*',
  })
}

function tooMany(): UsageError {
  return new UsageError('USAGE_SUBSCRIPTION', `a plugin may have ${MAX_SUBSCRIPTIONS} subscriptions at once`, {
    hint: 'Subscribe by pattern, such as note.*, and end the subscriptions that are no longer needed.',
  })
}

function badPayload(event: string, { path, message }: { path: string; message: string }): UsageError {
  return new UsageError('EVENT_INVALID', `${event}: payload${path && ` at ${path}`}: ${message}`, {
    event,
    path,
    expected: message,
  })
}
