// packages/kernel/src/lifecycle/instance.ts: the kernel's end of one running plugin: its protocol, nothing of its policy.
//   I1  What the guest says is untrusted: each message is parsed, each payload decoded once, and a bad one costs only itself.
//   I2  Calls into the guest are kept by calls-in.ts: each is answered once.
//   I3  Nothing is delivered to, and nothing is taken from, an instance that has ended.
//   I4  Calls waiting in either direction are bounded by the plugin's queue limits, in number and bytes, and its requests by its rate.
//   I5  Functions come in as arguments of calls and nowhere else: under `then` they would make of data a promise that never settles.
//   I6  What the kernel answers fits the guest's own message limit, so an answer never fails for its length.
//   I7  The time in which the user is asked about the plugin is not the plugin's: activation has that much longer. Nor is the time
//       before its first turn, in which it waits behind others that start; code that hangs as it loads is the sandbox's to stop.
import {
  decode,
  type ErrorJson,
  encode,
  errorFromJson,
  errorToJson,
  type GuestMessage,
  type Handles,
  isPlainReply,
  LifecycleError,
  type Limits,
  type LogLevel,
  type Parcel,
  type PlainReply,
  PryxError,
  parseGuestMessage,
  SandboxError,
  type StreamMessage,
  stackless,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Guest } from '../sandbox/sandbox.ts'
import type { Tracer } from '../trace/tracer.ts'
import { overfull } from './backlog.ts'
import { createCallsIn, type InvokeKind, type InvokeOptions, type LostCall } from './calls-in.ts'
import { createLender } from './lent.ts'
import { createRate } from './rate.ts'
import { createStreams } from './streams.ts'

const LOAD_GRACE_MS = 300 // beyond `activateMs`: code that hangs as it loads is stopped, and named, by the sandbox first
/** Messages that make the kernel do something; answers and acknowledgements follow from its own. */
const REQUESTS = new Set([
  'call',
  'use',
  'tool',
  'tools',
  'hook',
  'emit',
  'on',
  'off',
  'provide',
  'withdraw',
  'log',
  'checkpoint',
  'uncaught',
])
const MAX_ERROR_BYTES = 262_144 // no error is larger: `errorToJson` cuts all its parts
const ENVELOPE = 128 // characters of a message beside its error
const SHORT_ERROR = 80 // characters of a message that is cut to fit; escaped they are at most six times as many
const MIN_FORGIVEN_MS = 100 // a question that has just begun is not looked at more often
const MAX_LOG = 8_192 // characters of one log line

type Message<T extends GuestMessage['t']> = Extract<GuestMessage, { t: T }>

/** What the guest asked for, decoded; whoever wires the instance decides and acts. */
export interface InstancePorts {
  call(message: Message<'call'>, args: unknown[], signal: AbortSignal): Promise<unknown>
  use(message: Message<'use'>, signal: AbortSignal): Promise<unknown>
  tool(message: Message<'tool'>, input: unknown, signal: AbortSignal): Promise<unknown>
  tools(): Promise<unknown>
  /** For how long the user has been asked about it until now, ms. */
  askedMs(): number
  hook(message: Message<'hook'>, value: unknown, signal: AbortSignal): Promise<unknown>
  emit(name: string, data: unknown, trace: string): unknown
  subscribe(message: Message<'on'>): void
  unsubscribe(sub: number): void
  acknowledge(sub: number, seq: number, error: ErrorJson | undefined): void
  provide(message: Message<'provide'>): void
  withdraw(message: Message<'withdraw'>): void
  /** `place` in its bundle, where the guest says so. */
  log(level: LogLevel, text: string, place?: string): void
  checkpoint(state: unknown): void
  uncaught(error: ErrorJson): void
}

export interface Instance {
  readonly guest: Guest
  readonly ended: boolean
  /** Calls into the guest that are not answered yet. */
  readonly waiting: number
  /** True while no call and no stream is open in either direction, and no timer is set. */
  readonly quiet: boolean
  activate(start: {
    name: string
    version: string
    config: unknown
    previous: unknown
    tools: unknown[]
  }): Promise<void>
  invoke(kind: InvokeKind, name: string, method: string, args: unknown, options: InvokeOptions): Promise<unknown>
  /** Sends a message of the bus as it is, its `data` encoded. */
  deliver(message: { t: string; data?: unknown }): void
  /** State for the next instance; undefined `has` means the plugin hands nothing over. */
  handOver(timeoutMs: number): Promise<{ has: boolean; state: unknown }>
  /** Asks the guest to end and waits for it, at most `timeoutMs`. */
  deactivate(reason: string, timeoutMs: number): Promise<void>
  /** Batches from the sandbox. */
  received(messages: unknown[], parcel: Parcel, plain: boolean): void
  /** A turn of the guest, while turns are timed. */
  timed(handed: number, began: number, ms: number): void
  /** The end: open calls fail with `reason`. Calls whose turn had not run are given to `again` instead, if it takes them. */
  end(reason: PryxError, again?: (call: LostCall) => boolean): void
}

export function createInstance(
  plugin: string,
  limits: Limits,
  guest: Guest,
  ports: InstancePorts,
  clock: Clock,
  tracer: Tracer,
): Instance {
  const { account } = guest
  const outgoing = new Map<number, AbortController>()
  const streams = createStreams({ post: send, encode: pack, decode: unpack, errorJson })
  const handles: Handles = { sendStream: streams.send, receiveStream: streams.receive }
  const lender = createLender(remoteCall, (fn) => send({ t: 'release', fn }))
  const lending: Handles = { ...handles, receiveFunction: lender.receive } // I5
  let speeding: SandboxError | undefined
  const rate = createRate(limits.messagesPerSecond, clock, (count) =>
    ports.log('warn', `${count} requests were refused: more than ${limits.messagesPerSecond} a second`),
  )
  const calls = createCallsIn({ plugin, limits, guest, clock, tracer, pack, send })
  const most = { calls: limits.queue, bytes: limits.queueBytes }
  const activation = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  let state = Promise.withResolvers<{ has: boolean; state: unknown }>()
  let ended = false
  activation.promise.catch(() => {}) // told to whoever activates; nobody does if it ends first

  return {
    guest,
    get ended() {
      return ended
    },
    get waiting() {
      return calls.open
    },
    get quiet() {
      return calls.open === 0 && outgoing.size === 0 && streams.open === 0 && guest.timers === 0
    },
    activate,
    invoke: (kind, name, method, args, options) => calls.invoke({ kind, name, method, args, options }),
    deliver: (message) => send('data' in message ? { ...message, data: pack(message.data) } : message),
    handOver,
    deactivate,
    received,
    timed: calls.timed,
    end,
  }

  // ── into the guest ───────────────────────────────────────────────────────────────────────────────────────────────

  async function activate(start: Parameters<Instance['activate']>[0]): Promise<void> {
    const { messageBytes } = limits
    send({ t: 'activate', ...start, config: pack(start.config), previous: pack(start.previous), messageBytes })
    let late = clock.after(limits.activateMs + LOAD_GRACE_MS, overdue)
    let forgivenMs = ports.askedMs()
    await activation.promise.finally(() => late())

    function overdue(): void {
      if (guest.paused || guest.taken === 0) {
        late = clock.after(limits.activateMs, overdue) // it stands at a breakpoint, or has not had its turn (I7)
        return
      }
      const askedMs = ports.askedMs() - forgivenMs
      if (askedMs > 0) {
        forgivenMs += askedMs
        late = clock.after(Math.max(askedMs, MIN_FORGIVEN_MS), overdue) // I7
        return
      }
      activation.reject(
        new LifecycleError(
          'PLUGIN_ACTIVATE_TIMEOUT',
          `${plugin} did not finish activate within ${limits.activateMs} ms`,
          {
            plugin,
            hint: 'Return from activate once the plugin is ready; start long work without awaiting it.',
          },
        ),
      )
    }
  }

  async function handOver(timeoutMs: number): Promise<{ has: boolean; state: unknown }> {
    if (ended) return { has: false, state: undefined }
    state = Promise.withResolvers()
    send({ t: 'handover' })
    const late = clock.after(timeoutMs, () => state.resolve({ has: false, state: undefined }))
    return state.promise.finally(late)
  }

  async function deactivate(reason: string, timeoutMs: number): Promise<void> {
    if (ended) return
    send({ t: 'deactivate', reason })
    const late = clock.after(timeoutMs, () => stopped.resolve())
    await stopped.promise.finally(late)
  }

  function end(reason: PryxError, again: (call: LostCall) => boolean = () => false): void {
    if (ended) return
    ended = true // I3
    const taken = guest.taken
    guest.dispose()
    activation.reject(reason)
    stopped.resolve()
    state.resolve({ has: false, state: undefined })
    streams.close(reason)
    for (const controller of outgoing.values()) controller.abort(reason)
    outgoing.clear()
    calls.end(reason, taken, again)
  }

  // ── from the guest ───────────────────────────────────────────────────────────────────────────────────────────────

  function received(messages: unknown[], parcel: Parcel, plain: boolean): void {
    for (const raw of messages) {
      if (ended) return // I3
      if (isPlainReply(raw)) {
        replied(raw, plain ? undefined : parcel)
        continue
      }
      const message = parseGuestMessage(raw)
      if (message === undefined) {
        ports.log('warn', 'the guest sent a message that is none of the protocol; it was ignored')
        continue
      }
      try {
        if (REQUESTS.has(message.t) && !rate.take())
          refused(message, tooFast()) // I4
        else handle(message, plain ? undefined : parcel)
      } catch (error) {
        refused(message, error) // I1
      }
    }
  }

  function handle(message: GuestMessage, parcel: Parcel | undefined): void {
    switch (message.t) {
      case 'reply':
        return answered(message, parcel)
      case 'call':
        account.calls++
        return serve(
          message.id,
          (signal) => ports.call(message, listOf(open(message.args, parcel, lending)), signal),
          message,
        )
      case 'use':
        return serve(message.id, (signal) => ports.use(message, signal))
      case 'tool':
        account.calls++
        return serve(message.id, (signal) => ports.tool(message, open(message.input, parcel), signal), message)
      case 'tools':
        return serve(message.id, () => ports.tools())
      case 'hook':
        account.calls++
        return serve(message.id, (signal) => ports.hook(message, open(message.value, parcel), signal), message)
      case 'emit':
        return emitted(message, parcel)
      case 'emits':
        return emittedTogether(message, parcel)
      case 'cancel':
        outgoing.get(message.id)?.abort(new PryxError('CANCELLED', 'the caller cancelled'))
        return
      case 'ack':
        return ports.acknowledge(message.sub, message.seq, message.error)
      case 'on':
        return ports.subscribe(message)
      case 'off':
        return ports.unsubscribe(message.sub)
      case 'provide':
        return ports.provide(message)
      case 'withdraw':
        return ports.withdraw(message)
      case 'log':
        return ports.log(message.level, message.text.slice(0, MAX_LOG), message.place)
      case 'checkpoint':
        return ports.checkpoint(open(message.state, parcel))
      case 'uncaught':
        return ports.uncaught(message.error)
      case 'active':
        return activation.resolve()
      case 'failed':
        return activation.reject(errorFromJson(message.error))
      case 'state':
        return state.resolve({ has: message.has, state: open(message.state, parcel) })
      case 'stopped':
        if (message.error) ports.log('error', `it did not end cleanly: ${errorFromJson(message.error).message}`)
        return stopped.resolve()
      default:
        return streams.handle(message, parcel ?? { buffers: [] })
    }
  }

  function replied([id, value]: PlainReply, parcel: Parcel | undefined): void {
    const call = calls.take(id)
    if (call === undefined) return // late: it was cancelled or timed out
    if (parcel === undefined) return call.resolve(value)
    try {
      call.resolve(unpack(value, parcel))
    } catch (error) {
      call.reject(error)
    }
  }

  function answered(message: Message<'reply'>, parcel: Parcel | undefined): void {
    const call = calls.take(message.id, message.error && errorFromJson(message.error))
    if (call === undefined) return // late: it was cancelled or timed out
    if (message.error !== undefined) return call.reject(errorFromJson(message.error))
    try {
      call.resolve(open(message.value, parcel))
    } catch (error) {
      call.reject(error)
    }
  }

  /** Runs a request of the guest and replies once. */
  function serve(id: number, run: (signal: AbortSignal) => Promise<unknown>, traced?: Traced): void {
    const full = overfull(plugin, { calls: outgoing.size, bytes: guest.waitingBytes }, most)
    if (full) return reply(id, undefined, full) // I4
    if (outgoing.has(id))
      return reply(
        id,
        undefined,
        stackless(() => new SandboxError('SANDBOX_WIRE', `call ${id} is already open`)),
      )
    const controller = new AbortController()
    outgoing.set(id, controller)
    const span = traced && tracer.on ? tracer.begin('request', traced.trace, nameOf(traced), plugin) : undefined
    run(controller.signal)
      .then(
        (value) => {
          if (span) tracer.end(span)
          reply(id, value)
        },
        (error: unknown) => {
          if (span) tracer.end(span, error)
          reply(id, undefined, error)
        },
      )
      .finally(() => outgoing.delete(id))
  }

  function emitted(message: Message<'emit'>, parcel: Parcel | undefined): void {
    account.eventsOut++
    const room = ports.emit(message.name, open(message.data, parcel), message.trace)
    if (!(room instanceof Promise)) return reply(message.id, undefined)
    room.then(
      () => reply(message.id, undefined),
      (error: unknown) => reply(message.id, undefined, error),
    )
  }

  /** Each is taken as if it came alone; those that follow one another and fare alike are answered together. */
  function emittedTogether({ id, events }: Message<'emits'>, parcel: Parcel | undefined): void {
    let from = 0
    let fate: Fate = 'published'
    for (const [i, [name, data, trace]] of events.entries()) {
      const next = emittedOne(id + i, name, data, trace, parcel)
      if (isAlike(next, fate)) continue
      answerEmits(id + from, i - from, fate)
      from = i
      fate = next
    }
    answerEmits(id + from, events.length - from, fate)
  }

  function emittedOne(id: number, name: string, data: unknown, trace: string, parcel: Parcel | undefined): Fate {
    if (!rate.take()) return { error: tooFast() } // I4
    try {
      account.eventsOut++
      const room = ports.emit(name, open(data, parcel), trace)
      if (!(room instanceof Promise)) return 'published'
      room.then(
        () => reply(id, undefined),
        (error: unknown) => reply(id, undefined, error),
      )
      return 'waits'
    } catch (error) {
      return { error } // I1
    }
  }

  function answerEmits(id: number, n: number, fate: Fate): void {
    if (n === 0 || fate === 'waits') return
    send({ t: 'emitted', id, n, ...(fate !== 'published' && { error: errorJson(fate.error) }) })
  }

  /** Made once: a flood of requests is not to cost an error each. */
  function tooFast(): SandboxError {
    speeding ??= speedingError(plugin, limits.messagesPerSecond)
    return speeding
  }

  function reply(id: number, value: unknown, error?: unknown): void {
    if (ended) return
    try {
      if (error === undefined)
        return void guest.post(value === undefined ? { t: 'reply', id } : { t: 'reply', id, value: pack(value) })
    } catch (failure) {
      error = failure // the value cannot cross; the caller is told instead
    }
    send({ t: 'reply', id, error: errorJson(error) })
  }

  /** I6: the smallest limit there is leaves room for the short form. */
  function errorJson(error: unknown): ErrorJson {
    const json = errorToJson(error)
    if (limits.messageBytes >= MAX_ERROR_BYTES) return json
    if (JSON.stringify(json).length + ENVELOPE <= limits.messageBytes) return json
    const { name, code, message } = json
    return { name: name.slice(0, 64), code: code.slice(0, 64), message: message.slice(0, SHORT_ERROR) }
  }

  function refused(message: GuestMessage, error: unknown): void {
    if ('id' in message && message.t !== 'reply' && message.t !== 'cancel') return reply(message.id, undefined, error)
    if (PryxError.is(error, 'SANDBOX_RATE')) return // counted and told by the rate
    ports.log('warn', `a ${message.t} message was refused: ${error instanceof Error ? error.message : String(error)}`)
  }

  function remoteCall(id: number, args: unknown[], signal: AbortSignal | undefined): Promise<unknown> {
    const options = { from: 'host', trace: '', timeoutMs: limits.callMs, signal }
    return calls.invoke({ kind: 'fn', name: String(id), method: '', args, options })
  }

  // ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────

  function pack(value: unknown): unknown {
    return encode(value, guest.parcel, handles)
  }

  function open(value: unknown, parcel: Parcel | undefined, from = handles): unknown {
    return parcel === undefined ? value : decode(value, parcel, from)
  }

  function unpack(value: unknown, parcel: Parcel): unknown {
    return decode(value, parcel, handles)
  }

  function send(message: object | StreamMessage): void {
    if (!ended) guest.post(message)
  }
}

type Traced = Message<'call' | 'tool' | 'hook'>

/** What became of an emit. One that waits for room is answered by itself. */
type Fate = 'published' | 'waits' | { error: unknown }

function isAlike(one: Fate, other: Fate): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  const [a, b] = [one.error, other.error]
  return a === b || (PryxError.is(a) && PryxError.is(b, a.code) && a.message === b.message)
}

function nameOf(message: Traced): string {
  return message.t === 'call' ? `${message.service}.${message.method}` : message.name
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new SandboxError('SANDBOX_WIRE', 'the arguments of a call are not a list')
  return value
}

function speedingError(plugin: string, max: number): SandboxError {
  const details = { limit: 'messagesPerSecond', max, hint: 'Send less often, or several things in one message.' }
  return stackless(
    () => new SandboxError('SANDBOX_RATE', `${plugin} makes more than ${max} requests a second`, details),
  )
}
