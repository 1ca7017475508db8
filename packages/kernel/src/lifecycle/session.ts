// packages/kernel/src/lifecycle/session.ts: one life of a plugin: an isolate, what it offers, and everything that ends with it.
//   L1  All that the instance made belongs to its scope and goes with it, newest first, whatever the way it ends.
//   L2  Offers made before the instance is active become visible together, when it is (`offers`), never half-way.
//   L3  An event subscription of a held session receives nothing until `settle`.
import {
  createScope,
  type ErrorJson,
  type GuestMessage,
  type Limits,
  type LogLevel,
  type PryxError,
  type Scope,
} from '../contract/index.ts'
import type { Attachment, Subscriber } from '../events/subscriber.ts'
import type { Caller } from '../permissions/judge.ts'
import type { Clock } from '../powers.ts'
import type { Guest, GuestEnd, GuestEvents } from '../sandbox/sandbox.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { LostCall } from './calls-in.ts'
import { createInstance, type Instance, type InstancePorts } from './instance.ts'

export type Offer = Extract<GuestMessage, { t: 'provide' }>

export interface Session {
  readonly instance: Instance
  readonly caller: Caller
  readonly attachment: Attachment
  readonly scope: Scope
  /** What it provides, by `kind:name`. */
  readonly offers: ReadonlyMap<string, Offer>
  activate(start: Parameters<Instance['activate']>[0]): Promise<void>
  /** Ends it: asks first if `graceMs` allows, then takes the isolate away and releases what it owned. */
  close(reason: PryxError, graceMs: number, again?: (call: LostCall) => boolean): Promise<void>
}

export interface SessionOptions {
  plugin: string
  caller: Omit<Caller, 'scope'>
  limits: Limits
  hold: boolean
  subscriber: Subscriber
  clock: Clock
  tracer: Tracer
  /** Starts the isolate. */
  launch(events: GuestEvents): Promise<Guest>
  /** Everything the guest may ask for, given who asks. */
  ports(caller: Caller): Pick<InstancePorts, 'call' | 'use' | 'tool' | 'tools' | 'askedMs' | 'hook' | 'emit'>
  mayHear(caller: Caller, pattern: string): void
  onOffer(session: Session, offer: Offer, change: 'provide' | 'withdraw'): void
  onLog(level: LogLevel, text: string, place?: string): void
  onCheckpoint(state: unknown): void
  onUncaught(session: Session, error: ErrorJson): void
  onEnded(session: Session, end: GuestEnd): void
}

/** Starts the isolate and loads the plugin's code; `activate` comes later. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { plugin, subscriber, clock } = options
  const scope = createScope(options.caller.instance)
  const caller: Caller = { ...options.caller, scope }
  const offers = new Map<string, Offer>()
  const early: ((session: Session) => void)[] = []
  let session: Session | undefined
  const guest = await options.launch({
    received: (messages, parcel, plain) => whenOpen((open) => open.instance.received(messages, parcel, plain)),
    ended: (end) => whenOpen((open) => options.onEnded(open, end)),
    timed: (handed, began, ms) => session?.instance.timed(handed, began, ms),
  })
  const attachment = subscriber.attach((message) => session?.instance.deliver(message), { hold: options.hold }) // L3
  const instance = createInstance(plugin, options.limits, guest, ports(), clock, options.tracer)
  const opened: Session = { instance, caller, attachment, scope, offers, activate: instance.activate, close }
  session = opened
  for (const act of early) act(opened)
  return opened

  function whenOpen(act: (session: Session) => void): void {
    if (session) act(session)
    else early.push(act)
  }

  function ports(): InstancePorts {
    return {
      ...options.ports(caller),
      subscribe({ sub, pattern, policy, capacity }) {
        options.mayHear(caller, pattern)
        attachment.on(sub, pattern, policy, capacity)
      },
      unsubscribe: attachment.off,
      acknowledge: attachment.ack,
      provide(offer) {
        offers.set(`${offer.kind}:${offer.name}`, offer)
        options.onOffer(opened, offer, 'provide')
      },
      withdraw({ kind, name }) {
        const offer = offers.get(`${kind}:${name}`)
        if (offer === undefined) return
        offers.delete(`${kind}:${name}`)
        options.onOffer(opened, offer, 'withdraw')
      },
      log: options.onLog,
      checkpoint: options.onCheckpoint,
      uncaught: (error) => options.onUncaught(opened, error),
    }
  }

  async function close(reason: PryxError, graceMs: number, again?: (call: LostCall) => boolean): Promise<void> {
    if (graceMs > 0) await instance.deactivate(reason.message, graceMs)
    attachment.detach()
    instance.end(reason, again)
    await scope[Symbol.asyncDispose]() // L1
  }
}
