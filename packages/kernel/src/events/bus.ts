// packages/kernel/src/events/bus.ts: moves every event of the kernel, its host and its plugins (K6).
//   B1  Each listener and each subscription sees the events of one publisher in the order they were emitted, nested emits included.
//   B2  A listener that throws or rejects is reported and stops nobody.
//   B3  The bus never waits and never grows without limit: guests have bounded mailboxes, the table of known names is bounded.
//   B4  An event a revoked permission covered is not sent, even if it was emitted before (`allowed` is asked per send).
//   B5 to B8 are in subscriber.ts, M1 to M6 of the single queue in mailbox.ts.
import { EventEmitter } from 'eventemitter3'
import {
  DEFAULT_LIMITS,
  type EventInfo,
  type EventToken,
  isEventPattern,
  matchesPattern,
  type PluginId,
  type Release,
  UsageError,
} from '../contract/index.ts'
import type { BusEvent, Mailbox, MailboxPowers } from './mailbox.ts'
import { weigh } from './room.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'

const MAX_NAMES = 4_096 // event names whose listeners are remembered; past it the table starts anew
const MAX_CHAIN = 10_000 // events that listeners may add to one emit

export interface BusPowers extends Partial<Omit<MailboxPowers, 'clock'>>, Pick<MailboxPowers, 'clock'> {}

export type Handler<P> = (payload: P, info: EventInfo) => unknown

export interface ListenOptions {
  /** Hear this publisher only: `kernel` for facts no plugin can forge. */
  from?: string
}

export interface Bus {
  /**
   * Publishes. Listeners of kernel and host have run when it returns. A promise comes back only if a guest's full
   * `block` subscription makes the publisher wait; it never rejects.
   *
   * @param from A plugin id, `kernel` or `host`.
   * @param data Shared by all who hear it, so nobody may write into it.
   */
  emit(from: string, name: string, data: unknown, trace?: string): void | Promise<void>
  /** Listens within the kernel's process. By token, a plugin's payload is checked before the handler sees it. */
  on<P>(event: EventToken<P>, handler: Handler<P>, options?: ListenOptions): Release
  on(pattern: string, handler: Handler<unknown>, options?: ListenOptions): Release
  /** The subscriptions of one plugin's guests. `queue`: most events that may wait per subscription; `queueBytes`: of all together. Close it when done. */
  subscriber(plugin: PluginId, limits?: { queue: number; queueBytes: number }): Subscriber
}

interface Listener {
  readonly pattern: string
  call(data: unknown, info: EventInfo): void
}

/** Powers left out mean: everyone may receive, and nothing is reported. None of them may throw. */
export function createBus(given: BusPowers): Bus {
  const powers: MailboxPowers = { allowed: () => true, onDropped: () => {}, onListenerError: () => {}, ...given }
  const { clock } = powers
  const listeners = new Set<Listener>()
  const mailboxes = new Set<Mailbox>()
  const emitter = new EventEmitter() // by name; filled from the patterns when a name is first seen
  const routes = new Map<string, readonly Mailbox[]>() // the guests' side, and which names the emitter knows
  const later: BusEvent[] = [] // emitted by a listener: heard after the running event (B1)
  let dispatching = false
  const epoch = clock.now().toString(36) // sets traces of one run apart from another's
  let traces = 0

  return {
    emit(from, name, data, trace = `${epoch}-${++traces}`) {
      const boxes = routes.get(name) ?? learn(name)
      const event: BusEvent = { name, from, at: clock.now(), trace, data, weight: boxes.length === 0 ? 0 : weigh(data) }
      const room = boxes.length === 0 ? undefined : post(boxes, event)
      if (dispatching) defer(event)
      else dispatch(event)
      return room
    },
    on<P>(selector: string | EventToken<P>, handler: Handler<P>, { from }: ListenOptions = {}) {
      const token = typeof selector === 'string' ? undefined : selector
      const listener = createListener(token?.name ?? (selector as string), token, handler as Handler<unknown>, from) // checked, or P is unknown
      listeners.add(listener.entry)
      forget(listener.entry.pattern)
      return () => {
        listener.end()
        if (listeners.delete(listener.entry)) forget(listener.entry.pattern)
      }
    },
    subscriber: (plugin, limits = DEFAULT_LIMITS) => createSubscriber(plugin, limits, hub(), powers),
  }

  function createListener(
    pattern: string,
    token: EventToken<unknown> | undefined,
    handler: Handler<unknown>,
    from?: string,
  ) {
    if (!isEventPattern(pattern)) throw badPattern(pattern)
    let live = true // a running emit may still hold the listener after its release
    return { entry: { pattern, call }, end }

    function end(): void {
      live = false
    }

    function call(data: unknown, info: EventInfo): void {
      if (!live || (from !== undefined && info.from !== from)) return
      try {
        const result = handler(token && !isTrusted(info.from) ? token.schema.parse(data) : data, info)
        if (result instanceof Promise) result.catch((error) => powers.onListenerError(error, info))
      } catch (error) {
        powers.onListenerError(error, info) // B2
      }
    }
  }

  /** Looks up who hears `name`, in the order they came. */
  function learn(name: string): readonly Mailbox[] {
    if (routes.size >= MAX_NAMES) forget('**') // B3: a plugin may invent names for ever
    for (const { pattern, call } of listeners) if (matchesPattern(pattern, name)) emitter.on(name, call)
    const boxes = [...mailboxes].filter(({ pattern }) => matchesPattern(pattern, name))
    routes.set(name, boxes)
    return boxes
  }

  function forget(pattern: string): void {
    for (const name of pattern.includes('*') ? [...routes.keys()] : [pattern]) {
      if (!matchesPattern(pattern, name) || !routes.delete(name)) continue
      emitter.removeAllListeners(name)
    }
  }

  function dispatch(event: BusEvent): void {
    dispatching = true
    try {
      emitter.emit(event.name, event.data, event)
      for (let i = 0; i < later.length; i++) {
        const next = later[i]!
        if (!routes.has(next.name)) learn(next.name)
        emitter.emit(next.name, next.data, next)
      }
    } finally {
      if (later.length > 0) later.length = 0
      dispatching = false
    }
  }

  function defer(event: BusEvent): void {
    if (later.length < MAX_CHAIN) later.push(event)
    else powers.onListenerError(endless(event.name), event)
  }

  function hub() {
    return {
      add(mailbox: Mailbox) {
        if (mailboxes.has(mailbox)) return
        mailboxes.add(mailbox)
        forget(mailbox.pattern)
      },
      remove(mailbox: Mailbox) {
        if (mailboxes.delete(mailbox)) forget(mailbox.pattern)
      },
    }
  }
}

function post(boxes: readonly Mailbox[], event: BusEvent): Promise<void> | undefined {
  let rooms: Promise<unknown>[] | undefined
  for (const box of boxes) {
    const room = box.post(event)
    if (room === undefined) continue
    rooms ??= []
    rooms.push(room)
  }
  return rooms === undefined ? undefined : Promise.all(rooms).then(() => {})
}

/** Names no plugin can have: what they emit was typed at compile time. */
function isTrusted(from: string): boolean {
  return from === 'kernel' || from === 'host'
}

function badPattern(found: string): UsageError {
  return new UsageError('USAGE_PATTERN', `"${found}" is not an event pattern`, {
    found,
    hint: 'Use words joined by dots; * stands for one word, ** for any number: task.* or **.',
  })
}

function endless(name: string): UsageError {
  return new UsageError('USAGE_EVENT_LOOP', `listeners answer "${name}" with events without end`, {
    hint: `More than ${MAX_CHAIN} events followed from one emit. A listener must not emit what it listens to.`,
  })
}
