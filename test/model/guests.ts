// test/model/guests.ts: sandboxes without isolates: guests that do what the history says, over the kernel's real wire, sessions and gate.
//   G1  A message for a guest that has ended is a finding, whatever it says.
//   G2  A guest has seen what `pump` gave it; the rest is lost with it, as with a process.
//   G3  Each call a guest makes is answered at most once, and once if the guest lives to see it.
import type { GuestMessage, HostMessage } from '../../packages/kernel/src/contract/index.ts'
import { openProcessAccount } from '../../packages/kernel/src/ledger/account.ts'
import type {
  Guest,
  GuestEvents,
  GuestSpec,
  Sandboxes,
  SandboxProcess,
} from '../../packages/kernel/src/sandbox/sandbox.ts'

/** How a provider, tool or hook answers a call. */
export type Behaviour = 'answer' | 'fail' | 'hang' | 'stream' | 'act'

/** One call a guest made. */
export interface Call {
  token: string
  guest: ScriptedGuest
  /** Which permission it needs. */
  permission: string
  id: number
  answers: number
  error: string | undefined
  /** When an answer or grant for once let it through: a place in the model's order. */
  once: number | undefined
  /** It may have been this call that spent a grant for once. */
  maybeOnce: number | undefined
  /** Numbers of streams: towards the guest, and from it. */
  reading: number | undefined
  sending: number | undefined
  lentFunction: number | undefined
  onAnswer: (() => void) | undefined
}

export interface Watching {
  /** Something reaches a guest: `call` of a service, tool, hook or function, or an event. */
  onDelivered(guest: ScriptedGuest, message: HostMessage): void
  finding(text: string): void
  /** The guest is asked for what it offers; it may go on to act. */
  offered(guest: ScriptedGuest): GuestMessage[]
  actFor(guest: ScriptedGuest, done: () => void): void
  record(call: Call): void
}

const ANSWERS = new Set(['service', 'tool', 'hook', 'fn'])

export class ScriptedGuest implements Guest {
  readonly account: Guest['account']
  readonly parcel = { buffers: [] }
  readonly calls = new Map<number, Call>()
  /** Calls into it that it has not answered. */
  readonly serving = new Map<number, { kind: string; behaviour: Behaviour; token: string }>()
  /** Streams it sends, by their number: how much it was asked for. */
  readonly sends = new Map<number, { credit: number; token: string }>()
  /** Streams it reads. */
  readonly reads = new Map<number, string>()
  readonly functions = new Map<number, string>()
  readonly timers = 0
  readonly paused = false
  posted = 0
  taken = 0
  disposed = false
  readonly #inbox: HostMessage[] = []
  #serial = 0

  readonly process: string
  readonly spec: GuestSpec
  readonly #events: GuestEvents
  readonly #world: Watching
  readonly #left: () => void

  constructor(process: string, spec: GuestSpec, events: GuestEvents, world: Watching, left: () => void) {
    this.process = process
    this.spec = spec
    this.account = spec.account
    this.#events = events
    this.#world = world
    this.#left = left
  }

  get plugin(): string {
    return this.spec.plugin
  }

  get waitingBytes(): number {
    return 0
  }

  post(message: object): number {
    const copy = JSON.parse(JSON.stringify(message)) as HostMessage
    const bytes = JSON.stringify(copy).length
    if (this.disposed) {
      this.#world.finding(`${copy.t} was sent to an instance of ${this.plugin} that has ended`) // G1
      return bytes
    }
    this.posted++
    this.#inbox.push(copy)
    this.#world.onDelivered(this, copy)
    return bytes
  }

  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    this.#left()
    this.#events.left?.()
  }

  pace(): void {}

  debug(): undefined {}

  /** It is gone without being asked. */
  lose(end: Parameters<GuestEvents['ended']>[0]): void {
    if (this.disposed) return
    this.dispose()
    this.#events.ended(end)
  }

  /** Handles what has come. Answers whether there was something (G2). */
  pump(): boolean {
    const had = this.#inbox.length > 0
    for (let message = this.#inbox.shift(); message && !this.disposed; message = this.#inbox.shift()) {
      this.taken++
      this.#handle(message)
    }
    return had
  }

  say(...messages: object[]): void {
    if (!this.disposed) this.#events.received(JSON.parse(JSON.stringify(messages)), { buffers: [] }, false)
  }

  next(): number {
    return ++this.#serial
  }

  begin(call: Call, message: object): void {
    this.calls.set(call.id, call)
    this.#world.record(call)
    this.say(message)
  }

  cancel(call: Call): void {
    if (call.answers === 0) this.say({ t: 'cancel', id: call.id })
  }

  /** Answers a call into it that hangs. */
  finish(id: number): void {
    const served = this.serving.get(id)
    if (served && served.behaviour !== 'act') this.#answer(id, served.kind, 'answer', served.token)
  }

  endStreams(): void {
    for (const s of this.sends.keys()) this.say({ t: 'end', s })
    this.sends.clear()
  }

  sendChunks(): void {
    for (const [s, stream] of this.sends)
      if (stream.credit-- > 0) this.say({ t: 'chunk', s, data: 'chunk' })
      else stream.credit = 0
  }

  #handle(message: HostMessage): void {
    switch (message.t) {
      case 'activate':
        return this.say(...this.#world.offered(this), { t: 'active' })
      case 'reply':
        return this.#replied(message)
      case 'call':
        return this.#serve(message)
      case 'cancel':
        return void this.serving.delete(message.id)
      case 'event':
        return this.say({ t: 'ack', sub: message.sub, seq: message.seq })
      case 'handover':
        return this.say({ t: 'state', has: false, state: null })
      case 'deactivate':
        return this.say({ t: 'stopped' })
      case 'release':
        if (!this.functions.delete(message.fn)) this.#world.finding('a function was given back twice')
        return
      case 'end':
        return void this.reads.delete(message.s)
      case 'stop':
        return void this.sends.delete(message.s)
      case 'pull': {
        const stream = this.sends.get(message.s)
        if (stream) stream.credit += message.n
        return
      }
      case 'chunk':
        return this.say({ t: 'pull', s: message.s, n: 1 })
    }
  }

  #replied(message: Extract<HostMessage, { t: 'reply' }>): void {
    const call = this.calls.get(message.id)
    if (call === undefined) return
    if (++call.answers > 1) this.#world.finding(`${call.token} was answered twice`) // G3
    call.error = message.error?.code
    const value = message.value as { $?: string; id?: number } | undefined
    if (value?.$ === 'stream') {
      call.reading = value.id as number
      this.reads.set(call.reading, call.token)
      this.say({ t: 'pull', s: call.reading, n: 4 })
    }
    call.onAnswer?.()
  }

  #serve({ id, kind, args }: Extract<HostMessage, { t: 'call' }>): void {
    if (!ANSWERS.has(kind)) return
    const [behaviour = 'answer', token = ''] = (kind === 'service' ? args : [args, '']) as [Behaviour, string]
    const known: Behaviour = kind === 'hook' || kind === 'fn' ? 'answer' : behaviour
    if (known === 'hang') return void this.serving.set(id, { kind, behaviour: known, token })
    if (known !== 'act') return this.#answer(id, kind, known, token)
    this.serving.set(id, { kind, behaviour: known, token })
    this.#world.actFor(this, () => this.serving.has(id) && this.#answer(id, kind, 'answer', token))
  }

  #answer(id: number, kind: string, behaviour: Behaviour, token: string): void {
    this.serving.delete(id)
    if (behaviour === 'fail')
      return this.say({ t: 'reply', id, error: { name: 'Error', code: 'OWN_ERROR', message: 'it says no' } })
    if (behaviour !== 'stream' || kind === 'hook') return this.say({ t: 'reply', id })
    const s = this.next()
    this.sends.set(s, { credit: 0, token })
    this.say({ t: 'reply', id, value: { $: 'stream', id: s } })
  }
}

export interface ScriptedSandboxes extends Sandboxes {
  readonly guests: Set<ScriptedGuest>
  /** Ends the process of `guest`; `culprit` gets the strike. */
  kill(guest: ScriptedGuest, culprit: string | undefined): void
}

export function createScriptedSandboxes(world: Watching): ScriptedSandboxes {
  const guests = new Set<ScriptedGuest>()
  const processes = new Map<string, (culprit: string | undefined) => void>()
  return { guests, spawn, kill: (guest, culprit) => processes.get(guest.process)?.(culprit) }

  function spawn(name: string, events: Parameters<Sandboxes['spawn']>[1]): SandboxProcess {
    const own = new Set<ScriptedGuest>()
    processes.set(name, (culprit) => {
      processes.delete(name)
      lose({ code: 'SANDBOX_CRASHED', message: 'the process was lost', culprit })
      events.exited('killed')
    })
    return {
      name,
      pid: 0,
      get guests() {
        return own.size
      },
      ready: Promise.resolve(),
      account: openProcessAccount(),
      trace() {},
      start(spec, guestEvents) {
        const guest: ScriptedGuest = new ScriptedGuest(name, spec, guestEvents, world, () => {
          own.delete(guest)
          guests.delete(guest)
        })
        own.add(guest)
        guests.add(guest)
        return guest
      },
      residentBytes: () => 0,
      turnNow: () => undefined,
      silentMs: () => 0,
      ping() {},
      forgiveSilence() {},
      kill: lose,
    }

    function lose({ code, message, culprit }: Parameters<SandboxProcess['kill']>[0]): void {
      for (const guest of [...own]) guest.lose({ code, message, strike: guest.plugin === culprit, processLost: true })
    }
  }
}
