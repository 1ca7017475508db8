// packages/kernel/src/events/mailbox.ts: the queue between the bus and one subscription of a guest (K6, K7).
//   M1  At most `window` events are in flight (sent, not acknowledged); in flight and waiting together never pass
//       `capacity + window`, nor the bytes the plugin's room has. Emits that wait for room (`block`) are bounded as well.
//   M2  Order is kept: what waits is sent first in, first out, and what comes back un-acknowledged goes to the front.
//   M3  Nothing vanishes in silence: until it closes, posted = delivered + dropped + replaced + denied + queued + in flight.
//   M4  Sequence numbers only grow, also across instances: the acknowledgement of an older send means nothing.
//   M5  The bus never waits for a mailbox. Only a publisher that awaits its own emit does, for a limited time.
//   M6  What cannot be delivered (too large for this guest, not cloneable) is dropped at once, and holds up nothing after it.
import type { EventInfo, HostMessage, PluginId, QueuePolicy } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import { createBlocked } from './blocked.ts'
import { createDeque } from './deque.ts'
import { createDropReports } from './drop-reports.ts'
import type { Room } from './room.ts'

const WINDOW = 32 // events in flight per subscription
const MAX_BLOCKED = 1_000 // emits that may wait for room of one subscription

/** An event on its way. */
export interface BusEvent extends EventInfo {
  readonly data: unknown
  /** What `data` takes, bytes, about; 0 where no guest hears it. */
  readonly weight: number
}

/** What was left out of one subscription since the last report. */
export interface DropReport {
  plugin: PluginId
  pattern: string
  count: number
}

export interface MailboxPowers {
  clock: Clock
  /** May `plugin` receive events named `name` now? */
  allowed(plugin: PluginId, name: string): boolean
  onDropped(report: DropReport): void
  onListenerError(error: unknown, event: EventInfo, plugin?: PluginId): void
}

/** Where events leave for the guest: one instance's end of the wire. */
export interface Outlet {
  /** False while the instance drains or has ended. */
  readonly open: boolean
  deliver(message: HostMessage): void
}

export interface MailboxCounts {
  /** Waiting here. */
  queued: number
  /** Sent and not yet acknowledged. */
  inFlight: number
  /** Acknowledged by the handler, whether it failed or not. */
  delivered: number
  /** Of those delivered, how many the handler failed on. */
  failed: number
  /** Left out because the queue was full or nobody took the queue over. Reported. */
  dropped: number
  /** Superseded by a newer one under `latest`: asked for, hence no loss to report. */
  replaced: number
  /** Not sent because the plugin may not receive them. */
  denied: number
}

export interface Mailbox {
  readonly pattern: string
  readonly inFlight: number
  /** Takes an event in. The promise, if there is one, resolves once there was room or the event was dropped. */
  post(event: BusEvent): Promise<void> | undefined
  /** Sends from here on through `outlet` as subscription `sub`, what waits first. */
  link(outlet: Outlet, sub: number, policy: QueuePolicy, capacity: number): void
  /** Forgets the outlet. What it had not acknowledged waits again, before all else (M2). */
  unlink(): void
  /** Sends what may be sent; to be called when the outlet opens. */
  pump(): void
  ack(seq: number): BusEvent | undefined
  countFailure(): void
  /** What waits and was never sent, oldest first. */
  held(): readonly BusEvent[]
  /** Ends it. `orphaned`: nobody took it over, so what waits counts as dropped. */
  close(orphaned: boolean): void
  counts(): MailboxCounts
}

/** @param room What all mailboxes of the plugin share. */
export function createMailbox(plugin: PluginId, pattern: string, powers: MailboxPowers, room: Room): Mailbox {
  const waiting = createDeque<BusEvent>()
  const inFlight = new Map<number, BusEvent>()
  const blocked = createBlocked<BusEvent>(powers.clock, (event) => {
    room.blocked.remove(event.weight)
    drop(1)
  })
  const reports = createDropReports(powers.clock, (count) => powers.onDropped({ plugin, pattern, count }))
  const totals = { delivered: 0, failed: 0, dropped: 0, replaced: 0, denied: 0 }
  let outlet: Outlet | undefined
  let sub = 0
  let policy: QueuePolicy = 'drop-oldest'
  let capacity = 1
  let window = 1
  let seq = 0
  let untold = 0 // dropped, and the guest does not know yet
  let pumping = false
  let closed = false

  return {
    pattern,
    get inFlight() {
      return inFlight.size
    },
    post,
    link(nextOutlet, nextSub, nextPolicy, nextCapacity) {
      outlet = nextOutlet
      sub = nextSub
      policy = nextPolicy
      capacity = nextCapacity
      window = policy === 'latest' ? 1 : Math.min(WINDOW, capacity) // a long pipe full of stale values is not `latest`
      pump()
      fit()
    },
    unlink() {
      outlet = undefined
      waiting.prepend([...inFlight.values()])
      inFlight.clear()
      fit()
    },
    pump,
    ack(number) {
      const event = inFlight.get(number)
      if (event === undefined) return undefined // M4
      inFlight.delete(number)
      room.kept.remove(event.weight)
      totals.delivered++
      pump()
      return event
    },
    countFailure: () => void totals.failed++,
    held: waiting.list,
    close(orphaned) {
      closed = true
      outlet = undefined
      if (orphaned) drop(waiting.size + inFlight.size + blocked.size)
      for (const { weight } of [...waiting.list(), ...inFlight.values()]) room.kept.remove(weight)
      waiting.clear()
      inFlight.clear()
      for (let next = blocked.take(); next; next = blocked.take()) room.blocked.remove(next.weight)
      reports.close()
    },
    counts: () => ({ queued: waiting.size + blocked.size, inFlight: inFlight.size, ...totals }),
  }

  function post(event: BusEvent): Promise<void> | undefined {
    if (closed) return undefined
    if (policy === 'block' && (blocked.size > 0 || !hasRoom(event.weight))) return wait(event) // none overtakes (M2)
    if (!makeRoom(event.weight)) {
      drop(1)
      return undefined
    }
    keep(event)
    pump()
    fit()
    return undefined
  }

  function keep(event: BusEvent): void {
    waiting.push(event)
    room.kept.add(event.weight)
  }

  /** The oldest that waits, which is kept no longer. */
  function letGo(): BusEvent {
    const event = waiting.shift()!
    room.kept.remove(event.weight)
    return event
  }

  /** Leaves out what waits, oldest first, until something of `weight` bytes can be kept. False if it never can be now. */
  function makeRoom(weight: number): boolean {
    while (waiting.size > 0 && !room.kept.fits(weight)) {
      letGo()
      if (policy === 'latest') totals.replaced++
      else drop(1)
    }
    return room.kept.fits(weight)
  }

  function wait(event: BusEvent): Promise<void> | undefined {
    if (!powers.allowed(plugin, event.name)) totals.denied++
    else if (blocked.size >= MAX_BLOCKED || !room.blocked.fits(event.weight)) drop(1)
    else {
      room.blocked.add(event.weight)
      return blocked.add(event)
    }
    return undefined
  }

  function hasRoom(weight: number): boolean {
    return waiting.size + inFlight.size < capacity + window && room.kept.fits(weight) // M1
  }

  /** Lets emits in that waited for room, oldest first. */
  function admit(): void {
    for (let next = blocked.first; next; next = blocked.first) {
      if (policy === 'block' && !hasRoom(next.weight)) return
      blocked.take()
      room.blocked.remove(next.weight)
      keep(next)
    }
  }

  /** Leaves out what the policy says, oldest first, until the bound holds (M1). */
  function fit(): void {
    if (policy === 'latest') for (; waiting.size > 1; totals.replaced++) letGo()
    else if (policy === 'drop-oldest') for (; waiting.size + inFlight.size > capacity + window; drop(1)) letGo()
  }

  function drop(count: number): void {
    if (count === 0) return
    totals.dropped += count
    untold += count
    reports.add(count)
  }

  function pump(): void {
    if (pumping) return // a guest that answers within `deliver` must not deepen the stack
    pumping = true
    try {
      admit()
      while (outlet?.open && inFlight.size < window && waiting.size > 0) {
        send(outlet, waiting.shift()!)
        admit()
      }
    } finally {
      pumping = false
    }
  }

  function send(to: Outlet, event: BusEvent): void {
    if (!powers.allowed(plugin, event.name)) {
      room.kept.remove(event.weight)
      totals.denied++
      return
    }
    const { name, data, from, at, trace } = event
    const number = ++seq // M4
    inFlight.set(number, event)
    try {
      if (untold > 0) to.deliver({ t: 'dropped', sub, count: untold })
      untold = 0
      to.deliver({ t: 'event', sub, seq: number, name, data, from, at, trace })
    } catch (error) {
      inFlight.delete(number) // M6: it would hold its place in the window for ever
      room.kept.remove(event.weight)
      drop(1)
      powers.onListenerError(error, event, plugin)
    }
  }
}
