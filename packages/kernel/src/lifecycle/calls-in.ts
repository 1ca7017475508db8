// packages/kernel/src/lifecycle/calls-in.ts: calls into one guest that are not answered yet.
//   L1  A call is answered once: by the guest, by its time-out, by its cancel or by the end of the instance.
//   L2  What waits is bounded (backlog.ts); beyond it a call is refused and nothing is sent.
//   L3  At the end, a call the guest can not have seen is told apart from one that may have begun.
import { type HostMessage, isPlain, type Limits, PryxError, ServiceError } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Guest } from '../sandbox/sandbox.ts'
import type { OpenSpan, Tracer } from '../trace/tracer.ts'
import { createBacklog } from './backlog.ts'

const SWEEP_MS = 50 // how exactly time-outs of calls are kept
const MAX_ROUTES = 1_024 // told to one guest; calls that come another way are said in full

type Route = Extract<HostMessage, { t: 'route' }>

export type InvokeKind = 'service' | 'tool' | 'hook' | 'fn'

export interface InvokeOptions {
  from: string
  trace: string
  signal?: AbortSignal | undefined
  /** ms; 0 for no limit but the signal. */
  timeoutMs: number
}

/** What is called, and how. */
export interface CallIn {
  kind: InvokeKind
  name: string
  method: string
  args: unknown
  options: InvokeOptions
}

/** A call the guest may never have seen. */
export interface LostCall extends CallIn {
  settle(outcome: Promise<unknown>): void
}

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
  deadline: number
  /** The batch it left in: seen by the guest only if that batch was taken. */
  batch: number
  /** Of the message. */
  bytes: number
  call: CallIn
  unlisten: (() => void) | undefined
  span: OpenSpan | undefined
}

export interface CallsIn {
  readonly open: number
  invoke(call: CallIn): Promise<unknown>
  /** The guest has answered `id`: undefined if nobody waits for it any more (L1). */
  take(id: number, failure?: unknown): Pick<Pending, 'resolve' | 'reject'> | undefined
  /** A turn of the guest, while turns are timed. */
  timed(handed: number, began: number, ms: number): void
  /** Fails what is open with `reason`; what was not in one of the first `taken` batches is given to `again` instead, if it takes it (L3). */
  end(reason: PryxError, taken: number, again: (call: LostCall) => boolean): void
}

export interface CallsInPowers {
  plugin: string
  limits: Limits
  guest: Guest
  clock: Clock
  tracer: Tracer
  pack(value: unknown): unknown
  /** Sends while the guest lives: what it asked for is called off as it ends, and some of that may be calls into itself. */
  send(message: object): void
}

export function createCallsIn({ plugin, limits, guest, clock, tracer, pack, send }: CallsInPowers): CallsIn {
  const pending = new Map<number, Pending>()
  const backlog = createBacklog(plugin, limits)
  /** Calls whose turn is not known yet, while somebody traces. */
  const untimed: { batch: number; span: OpenSpan }[] = []
  const routes = new Map<string, Route>()
  let last: Route | undefined
  let serial = 0
  let sweeping = false
  let ended = false

  return {
    get open() {
      return pending.size
    },
    invoke,
    take,
    timed,
    end,
  }

  function invoke(call: CallIn): Promise<unknown> {
    const { from, signal, timeoutMs } = call.options
    if (ended) return Promise.reject(gone(plugin))
    if (signal?.aborted) return Promise.reject(cancelled(signal))
    const refusal = backlog.refusal(from)
    if (refusal) return Promise.reject(refusal) // L2
    return new Promise((resolve, reject) => {
      const id = ++serial
      const deadline = timeoutMs > 0 ? clock.now() + timeoutMs : Number.POSITIVE_INFINITY
      const one: Pending = { resolve, reject, deadline, batch: 0, bytes: 0, call, unlisten: undefined, span: undefined }
      try {
        one.bytes = post(id, call)
      } catch (error) {
        return reject(error)
      }
      one.batch = guest.posted
      if (tracer.on) trace(one)
      if (signal) one.unlisten = onAbort(signal, () => cancel(id, cancelled(signal)))
      pending.set(id, one)
      backlog.add(from, one.bytes)
      guest.account.served++
      sweep()
    })
  }

  /** The short form where it can be said so (wire.ts, W5). */
  function post(id: number, { kind, name, method, args, options: { from, trace } }: CallIn): number {
    const route = kind !== 'fn' && isPlain(args) ? routeOf(kind, name, method, from) : undefined
    if (route === undefined) return guest.post({ t: 'call', id, kind, name, method, args: pack(args), from, trace })
    return guest.post(trace === '' ? [id, route, args] : [id, route, args, trace])
  }

  function routeOf(kind: Exclude<InvokeKind, 'fn'>, name: string, method: string, from: string): number | undefined {
    if (last?.name === name && last.method === method && last.from === from && last.kind === kind) return last.route
    const key = `${kind}\n${name}\n${method}\n${from}`
    let found = routes.get(key)
    if (found === undefined) {
      if (routes.size >= MAX_ROUTES) return undefined
      found = { t: 'route', route: routes.size, kind, name, method, from }
      guest.post(found)
      routes.set(key, found)
    }
    last = found
    return found.route
  }

  function trace(one: Pending): void {
    const { kind, name, method, options } = one.call
    const title = kind === 'service' ? `${name}.${method}` : name
    one.span = tracer.begin('call', options.trace, title, plugin, options.from)
    if (one.span) untimed.push({ batch: one.batch, span: one.span })
    if (untimed.length > limits.queue) untimed.shift()
  }

  /** Calls are in the order of their batches. */
  function timed(handed: number, began: number, ms: number): void {
    while (untimed.length > 0 && untimed[0]!.batch <= handed) tracer.turn(untimed.shift()!.span, plugin, began, ms)
  }

  function take(id: number, failure?: unknown): Pending | undefined {
    const one = pending.get(id)
    if (one === undefined) return undefined // L1
    pending.delete(id)
    backlog.remove(one.call.options.from, one.bytes)
    one.unlisten?.()
    if (one.span) tracer.end(one.span, failure)
    return one
  }

  function cancel(id: number, reason: unknown): void {
    const one = take(id, reason)
    if (one === undefined) return
    send({ t: 'cancel', id })
    one.reject(reason)
  }

  /** One timer for all open calls. */
  function sweep(): void {
    if (sweeping || ended) return
    sweeping = true
    clock.after(SWEEP_MS, () => {
      sweeping = false
      const now = clock.now()
      if (guest.paused) for (const one of pending.values()) one.deadline += SWEEP_MS // it stands at a breakpoint
      for (const [id, one] of pending) if (one.deadline <= now) cancel(id, late(plugin, one.call))
      if (pending.size > 0) sweep()
    })
  }

  function end(reason: PryxError, taken: number, again: (call: LostCall) => boolean): void {
    ended = true
    for (const [id, one] of [...pending]) {
      take(id, reason)
      const unseen = one.batch > taken
      if (!unseen || !again({ ...one.call, settle: (outcome) => outcome.then(one.resolve, one.reject) }))
        one.reject(reason)
    }
  }
}

function onAbort(signal: AbortSignal, listener: () => void): () => void {
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

function cancelled(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason
  return PryxError.is(reason) ? reason : new PryxError('CANCELLED', 'the caller cancelled', { cause: reason })
}

function gone(plugin: string): ServiceError {
  return new ServiceError('SERVICE_GONE', `${plugin} has ended`, { plugin })
}

function late(plugin: string, { kind, name, method, options }: CallIn): ServiceError {
  const what = kind === 'service' ? `${name}.${method}` : `${kind} ${name}`
  return new ServiceError('SERVICE_TIMEOUT', `${what} of ${plugin} did not answer within ${options.timeoutMs} ms`, {
    plugin,
    service: name,
  })
}
