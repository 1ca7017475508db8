// packages/kernel/src/events/subscriber.ts: all subscriptions of one plugin, across the instances it lives through (K6, K7).
//   B5  A mailbox belongs to the plugin, not to the instance: it goes on filling while there is none, within its bound.
//   B6  The next instance's n-th subscription to a pattern takes over the n-th mailbox of that pattern, un-acknowledged events first.
//   B7  An attachment that was replaced or detached can do nothing more: its late messages are ignored.
//   B9  Events that came before the first instance wait in mailboxes of their own. Each of its subscriptions gets those it would have
//       heard; when it is active, what nobody subscribed to is forgotten.
//   B8  A held attachment changes nothing until it settles, so the one before it can resume with nothing lost or doubled.
import {
  type ErrorJson,
  errorFromJson,
  type HostMessage,
  MAX_SUBSCRIPTIONS,
  matchesPattern,
  type PluginId,
  type QueuePolicy,
  stackless,
  UsageError,
} from '../contract/index.ts'
import {
  type BusEvent,
  createMailbox,
  type Mailbox,
  type MailboxCounts,
  type MailboxPowers,
  type Outlet,
} from './mailbox.ts'
import { createRoom } from './room.ts'

/** Of mailboxes that only wait. */
const NOWHERE: Outlet = { open: false, deliver() {} }

export interface Subscriber {
  readonly plugin: PluginId
  /**
   * Connects an instance. The one before it is detached: now, or with `hold` not before `settle()`; until then the new
   * one receives nothing and may be given up by `detach()`.
   */
  attach(deliver: (message: HostMessage) => void, options?: { hold?: boolean }): Attachment
  /** Keeps events of `patterns` for an instance that is not there yet, `capacity` of each, newest first (B9). */
  expect(patterns: readonly string[], capacity: number): void
  /** Ends all subscriptions and forgets what waits: the plugin has stopped for good. */
  close(): void
  stats(): SubscriberStats
}

/** One instance's connection to the events of its plugin. */
export interface Attachment {
  /** @throws USAGE_SUBSCRIPTION for a number in use or one subscription too many. */
  on(sub: number, pattern: string, policy: QueuePolicy, capacity: number): void
  off(sub: number): void
  /** The handler of event `seq` has settled. What was never sent is ignored. */
  ack(sub: number, seq: number, error?: ErrorJson): void
  /** The instance is active: takes over (if held) and drops what the one before it had subscribed to and this one has not. */
  settle(): void
  /** Sends no further event. True once all that were sent are acknowledged, false if `timeoutMs` came first. */
  drain(timeoutMs: number): Promise<boolean>
  /** Undoes `drain`: the instance goes on receiving. */
  resume(): void
  /** The instance has ended. Its mailboxes stay for the next one, un-acknowledged events first (B6). */
  detach(): void
}

export interface SubscriptionStats extends MailboxCounts {
  pattern: string
}

/** Totals since the plugin was first attached, and the subscriptions there are now. */
export interface SubscriberStats extends MailboxCounts {
  subscriptions: SubscriptionStats[]
}

/** How mailboxes get their events. */
export interface MailboxHub {
  add(mailbox: Mailbox): void
  remove(mailbox: Mailbox): void
}

interface Seat {
  attachment: Attachment
  takeOver(): void
  end(): void
}

interface Wanted {
  pattern: string
  policy: QueuePolicy
  capacity: number
  mailbox?: Mailbox
}

export function createSubscriber(
  plugin: PluginId,
  { queue: maxCapacity, queueBytes }: { queue: number; queueBytes: number },
  hub: MailboxHub,
  powers: MailboxPowers,
): Subscriber {
  const past: MailboxCounts = { queued: 0, inFlight: 0, delivered: 0, failed: 0, dropped: 0, replaced: 0, denied: 0 }
  const mailboxes = new Set<Mailbox>()
  const room = createRoom(queueBytes)
  const earlyRoom = createRoom(queueBytes) // what came early is handed on, and must find room then
  let orphans: Mailbox[] = []
  let early: Mailbox[] = []
  let current: Seat | undefined

  return {
    plugin,
    attach(deliver, { hold = false } = {}) {
      const seat = createSeat(deliver)
      if (!hold) seat.takeOver()
      return seat.attachment
    },
    expect(patterns, capacity) {
      for (const pattern of patterns) {
        const mailbox = createMailbox(plugin, pattern, powers, earlyRoom)
        mailbox.link(NOWHERE, 0, 'drop-oldest', Math.min(capacity, maxCapacity))
        mailboxes.add(mailbox)
        early.push(mailbox)
        hub.add(mailbox)
      }
    },
    close() {
      current?.end()
      current = undefined
      for (const mailbox of [...mailboxes]) discard(mailbox, false)
      orphans = []
      early = []
    },
    stats() {
      const subscriptions = [...mailboxes].map((mailbox) => ({ pattern: mailbox.pattern, ...mailbox.counts() }))
      const totals = { ...past }
      for (const counts of subscriptions) add(totals, counts)
      return { ...totals, subscriptions }
    },
  }

  function orphanOf(pattern: string): Mailbox | undefined {
    const index = orphans.findIndex((mailbox) => mailbox.pattern === pattern) // B6
    return index < 0 ? undefined : orphans.splice(index, 1)[0]
  }

  /** B9: of all that came early, in the order it came. */
  function earlyEvents(pattern: string): BusEvent[] {
    const all = new Set(early.flatMap((mailbox) => mailbox.held()))
    return [...all].filter(({ name }) => matchesPattern(pattern, name)).sort((a, b) => a.at - b.at)
  }

  function create(pattern: string): Mailbox {
    const mailbox = createMailbox(plugin, pattern, powers, room)
    mailboxes.add(mailbox)
    return mailbox
  }

  function discard(mailbox: Mailbox, orphaned: boolean): void {
    mailboxes.delete(mailbox)
    hub.remove(mailbox)
    mailbox.close(orphaned)
    add(past, mailbox.counts())
  }

  function createSeat(deliver: (message: HostMessage) => void): Seat {
    const wanted = new Map<number, Wanted>()
    let state: 'held' | 'live' | 'ended' = 'held'
    let draining = false
    const drains = new Set<() => void>()
    let tooMany: UsageError | undefined // made once: a guest that forges its messages can cause it by the thousand
    const outlet: Outlet = {
      get open() {
        return state === 'live' && !draining
      },
      deliver,
    }
    const attachment: Attachment = { on, off, ack, settle, drain, resume, detach }
    const seat: Seat = { attachment, takeOver, end }
    return seat

    function on(sub: number, pattern: string, policy: QueuePolicy, capacity: number): void {
      if (state === 'ended') return // B7
      if (wanted.has(sub)) throw refused(`subscription ${sub} is in use`, 'Give each subscription a number of its own.')
      if (wanted.size >= MAX_SUBSCRIPTIONS) {
        tooMany ??= tooManyFor(plugin)
        throw tooMany
      }
      const want: Wanted = { pattern, policy, capacity: Math.max(1, Math.min(capacity, maxCapacity)) }
      wanted.set(sub, want)
      if (state === 'live') connect(sub, want)
    }

    function connect(sub: number, want: Wanted): void {
      const orphan = orphanOf(want.pattern)
      const mailbox = orphan ?? create(want.pattern)
      want.mailbox = mailbox
      mailbox.link(outlet, sub, want.policy, want.capacity)
      if (orphan === undefined) for (const event of earlyEvents(want.pattern)) void mailbox.post(event)
      hub.add(mailbox)
    }

    function off(sub: number): void {
      const mailbox = wanted.get(sub)?.mailbox
      if (state === 'ended') return
      wanted.delete(sub)
      if (mailbox) discard(mailbox, false)
      checkIdle()
    }

    function ack(sub: number, seq: number, error?: ErrorJson): void {
      if (state !== 'live') return // B7
      const mailbox = wanted.get(sub)?.mailbox
      const event = mailbox?.ack(seq)
      if (!room.blocked.empty) for (const other of mailboxes) other.pump() // room for one is room for all
      if (event && error !== undefined) {
        mailbox?.countFailure()
        powers.onListenerError(errorFromJson(error), event, plugin)
      }
      checkIdle()
    }

    function takeOver(): void {
      current?.attachment.detach()
      current = seat
      state = 'live'
      for (const [sub, want] of wanted) connect(sub, want)
    }

    function settle(): void {
      if (state === 'held') takeOver() // B8
      if (state !== 'live') return
      for (const mailbox of orphans.splice(0)) discard(mailbox, true)
      for (const mailbox of early.splice(0)) discard(mailbox, false)
    }

    function drain(timeoutMs: number): Promise<boolean> {
      draining = true
      if (isIdle()) return Promise.resolve(true)
      return new Promise((resolve) => {
        const release = powers.clock.after(timeoutMs, finish)
        drains.add(finish)
        function finish(): void {
          drains.delete(finish)
          void release()
          resolve(isIdle())
        }
      })
    }

    function endDrains(): void {
      for (const finish of drains) finish()
    }

    function resume(): void {
      draining = false
      endDrains()
      for (const want of wanted.values()) want.mailbox?.pump()
    }

    function detach(): void {
      if (state === 'live') {
        current = undefined
        const kept = [...wanted.values()].flatMap(({ mailbox }) => mailbox ?? [])
        for (const mailbox of kept) mailbox.unlink()
        orphans = [...kept, ...orphans] // what this instance had not yet taken over of its forerunner stays behind
      }
      end()
    }

    function end(): void {
      state = 'ended'
      endDrains()
      wanted.clear()
    }

    function checkIdle(): void {
      if (drains.size > 0 && isIdle()) endDrains()
    }

    function isIdle(): boolean {
      for (const { mailbox } of wanted.values()) if (mailbox && mailbox.inFlight > 0) return false
      return true
    }
  }
}

function tooManyFor(plugin: PluginId): UsageError {
  return refused(`${plugin} has ${MAX_SUBSCRIPTIONS} subscriptions, the most there may be`, 'Subscribe by pattern.')
}

function refused(message: string, hint: string): UsageError {
  return stackless(() => new UsageError('USAGE_SUBSCRIPTION', message, { hint }))
}

function add(totals: MailboxCounts, more: MailboxCounts): void {
  for (const key of Object.keys(totals) as (keyof MailboxCounts)[]) totals[key] += more[key]
}
