// packages/kernel/src/node/sandbox-process.ts: isolates in a supervised child process; the default backend of sandbox/sandbox.ts.
//   N1  The child gets no files, no children, no environment; on Linux it dies with this process even by SIGKILL.
//   N2  What a guest sends is handled in slices and at a pace (intake.ts); who has too much on the way has its turns paused.
//   N3  What guests said before their process was lost still counts: replies, checkpoints, acknowledgements. It is read first, for a limited time.
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { SandboxError } from '../contract/index.ts'
import { openProcessAccount } from '../ledger/account.ts'
import type {
  Debugging,
  Guest,
  GuestEnd,
  GuestEvents,
  GuestSpec,
  Sandboxes,
  SandboxProcess,
} from '../sandbox/sandbox.ts'
import { openBlackBox, readHanded, readHead, readOnPool } from './black-box.ts'
import type { CpuReport, FromChild, RuntimeKind, ToChild, TurnReport } from './control.ts'
import { createFrameReader, createFrameWriter, type Frame } from './frame.ts'
import { createIntake, type Inbox } from './intake.ts'
import { createLinger, type Linger } from './linger.ts'
import { processorMs, residentBytes } from './process-figures.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { hintOf, keepLast, spawnChild } from './spawn-sandbox.ts'
import { createUnderway } from './underway.ts'

const EARLY_MESSAGES = 32 // the guest works on the first ones while more are being said
const PATIENCE = 4 // times its limit that a turn may last on a machine that gives it no processor
const SILENT_PATIENCE_MS = 10_000 // without an answer, whatever the processor time
const KEEP_LEFT = 256 // guests that have left and may still have a line of the ledger on the way
const READY_TIMEOUT_MS = 15_000
const LAST_READ_MS = 50 // a process that ends leaves the pipe within this
const LAST_SLICE_MS = 20 // for what all its innocent guests said last
/** Signals no guest can raise. The kernel of the machine kills for memory too, but this one looks at it first (pool.ts). */
const FROM_OUTSIDE: ReadonlySet<NodeJS.Signals | null> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'])

export interface ProcessOptions {
  /** Where the startup snapshot is kept between processes and runs. */
  snapshots: SnapshotStore
  /** V8 flags for the child, for benches. */
  execArgv?: readonly string[]
}

export function createSandboxes(options: ProcessOptions): Sandboxes {
  const linger = createLinger()
  return { spawn: (name, events) => openSandboxProcess(name, events, { ...options, linger }) }
}

type ProcessEvents = Parameters<Sandboxes['spawn']>[1]

interface Resident {
  spec: GuestSpec
  events: GuestEvents
  /** Of what its process has reported, the part already in its account. */
  cpuMs: number
  turns: number
  paused: boolean
  debugger: { onMessage(text: string): void; onClosed(): void } | undefined
  /** Batches of turns known to have ended. */
  taken: number
  /** Timers it has set. */
  timers: number
  /** Batches it was handed before its process was lost. */
  begun: number
  inbox: Inbox
}

function openSandboxProcess(
  name: string,
  events: ProcessEvents,
  { snapshots, execArgv = [], linger }: ProcessOptions & { linger: Linger },
): SandboxProcess {
  const blackBox = openBlackBox()
  const child = spawnChild(blackBox, execArgv)
  const pipe = child.stdio[3] as Socket
  const out = createFrameWriter(pipe)
  const residents = new Map<number, Resident>()
  const supplied = new Set<RuntimeKind>()
  /** Those that have left, until their last report is in. */
  const left = new Map<number, Resident>()
  const account = openProcessAccount()
  const intake = createIntake()
  const readiness = Promise.withResolvers<void>()
  const lastWords: string[] = []
  let serial = 0
  let dead: GuestEnd | undefined
  let culprit: string | undefined
  let pinged = 0
  let pingedAt = 0
  let pingedCpuMs = 0
  let exited = false
  let closed = false
  /** It has told all it had to tell, and begins nothing any more. */
  let saidAll = false
  let allRead: Promise<void> | undefined
  let seen = { turn: 0, at: 0, cpuMs: 0 }

  child.stderr?.setEncoding('utf8').on('data', (text: string) => keepLast(lastWords, text))
  child.on('error', (error) => gone(`it could not be started: ${error.message}`, false))
  child.on('exit', (code, signal) =>
    gone(`it ended by ${signal ?? `exit code ${code}`}${hintOf(lastWords)}`, !FROM_OUTSIDE.has(signal)),
  )
  pipe.on('error', () => {}) // the exit says more
  pipe.on('data', guardedReader())
  const late = setTimeout(
    () => giveUp({ code: 'SANDBOX_START', message: `${name} was not ready after ${READY_TIMEOUT_MS} ms` }),
    READY_TIMEOUT_MS,
  )
  readiness.promise.finally(() => clearTimeout(late)).catch(() => {})

  return {
    name,
    get pid() {
      return child.pid ?? 0
    },
    get guests() {
      return residents.size
    },
    account,
    ready: readiness.promise,
    start,
    residentBytes: () => residentBytes(child.pid),
    turnNow,
    silentMs,
    ping,
    trace: (on) => tell({ c: 'trace', on }),
    forgiveSilence() {
      if (pingedAt !== 0) pingedAt = performance.now()
    },
    kill,
  }

  /** Hands over the startup snapshot of one kind before its first plugin. */
  function supply(kind: RuntimeKind): void {
    if (supplied.has(kind)) return
    supplied.add(kind)
    const kept = snapshots.load(kind)
    tell({ c: 'runtime', kind }, kept ? [kept] : [])
  }

  function start(spec: GuestSpec, guestEvents: GuestEvents): Guest {
    const id = ++serial
    const resident: Resident = {
      spec,
      events: guestEvents,
      cpuMs: 0,
      turns: 0,
      paused: false,
      debugger: undefined,
      taken: 0,
      timers: 0,
      begun: 0,
      inbox: intake.open(spec.account, {
        received: guestEvents.received,
        credited: (bytes) => tell({ c: 'credit', isolate: id, bytes }),
        malformed: () => endBadly(id, `${spec.plugin} sent something that is not a batch of messages`),
      }),
    }
    residents.set(id, resident)
    const { memoryMb, turnMs, activateMs, inspect } = spec
    const kind = spec.schemas ? 'full' : 'lean'
    supply(kind)
    tell(
      { c: 'start', isolate: id, kind, name: spec.plugin, memoryMb, turnMs, activateMs, ...(inspect && { inspect }) },
      [new TextEncoder().encode(spec.code)],
    )
    if (dead) queueMicrotask(() => leave(id, dead as GuestEnd))
    return createGuest(id, resident)
  }

  function createGuest(id: number, resident: Resident): Guest {
    const { spec } = resident
    const row = spec.account
    let texts: string[] = []
    let parcel = { buffers: [] as Uint8Array[] }
    let posted = 0
    let scheduled = false
    let gathered = 0 // bytes of the batch that gathers
    let measured = 0 // buffers of it that were counted
    const underway = createUnderway(() => (residents.has(id) ? begunBy(id) : posted))
    return {
      process: name,
      account: row,
      get posted() {
        return posted + (scheduled ? 1 : 0)
      },
      get taken() {
        return residents.has(id) ? begunBy(id) : resident.begun
      },
      get timers() {
        return resident.timers
      },
      get waitingBytes() {
        return gathered + underway.bytes()
      },
      get parcel() {
        return parcel
      },
      post,
      pace(ms) {
        if (residents.has(id)) tell({ c: 'pace', isolate: id, ms })
      },
      get paused() {
        return resident.paused
      },
      debug: (onMessage, onClosed) =>
        spec.inspect && residents.has(id) ? attach(id, resident, { onMessage, onClosed }) : undefined,
      dispose() {
        if (!residents.has(id)) return
        remove(id, resident)
        tell({ c: 'dispose', isolate: id })
      },
    }

    function post(message: object): number {
      const text = JSON.stringify(message)
      if (text.length > spec.messageBytes) throw tooLarge(spec, text.length)
      texts.push(text)
      row.messagesIn++
      let bytes = text.length
      while (measured < parcel.buffers.length) bytes += parcel.buffers[measured++]!.byteLength
      gathered += bytes
      if (!scheduled) {
        scheduled = true
        setImmediate(flush)
      }
      if (texts.length >= EARLY_MESSAGES) flush()
      return bytes
    }

    function flush(): void {
      scheduled = false
      if (texts.length === 0) return
      posted++
      const bytes = dead || exited ? 0 : out.write(id, `[${texts.join(',')}]`, parcel.buffers)
      row.bytesIn += bytes
      account.bytesIn += bytes
      underway.add(posted, gathered)
      texts = []
      parcel = { buffers: [] }
      gathered = 0
      measured = 0
      out.flush()
      linger.worked()
    }
  }

  function attach(id: number, resident: Resident, one: NonNullable<Resident['debugger']>): Debugging {
    resident.debugger?.onClosed()
    resident.debugger = one
    tell({ c: 'debug', isolate: id, act: 'attach' })
    const present = () => resident.debugger === one && residents.has(id)
    return {
      send(text) {
        if (present()) tell({ c: 'debug', isolate: id, act: 'say', text })
      },
      close() {
        if (!present()) return
        resident.debugger = undefined
        tell({ c: 'debug', isolate: id, act: 'detach' })
      },
    }
  }

  // ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────────

  function guardedReader(): (chunk: Buffer) => void {
    const read = createFrameReader((frame) => (frame.isolate === 0 ? control(frame) : arrived(frame)))
    return (chunk) => {
      try {
        account.bytesOut += chunk.length
        read(chunk)
        linger.heard()
      } catch (error) {
        giveUp({ code: 'SANDBOX_FRAME', message: (error as Error).message })
      }
    }
  }

  function control(frame: Frame): void {
    account.overhead.bytesOut += frame.bytes
    const message = JSON.parse(frame.text) as FromChild
    switch (message.c) {
      case 'ready':
        return readiness.resolve()
      case 'snapshot':
        return snapshots.save(message.kind, frame.buffers[0] ?? new Uint8Array())
      case 'turns':
        message.list.forEach(turned)
        for (const [id, handed, began, ms] of message.timed ?? []) residents.get(id)?.events.timed?.(handed, began, ms)
        return charged(message.cpu)
      case 'ended': {
        const { c: _, isolate, ...end } = message
        residents.get(isolate)?.inbox.drain()
        return leave(isolate, { ...end, processLost: false })
      }
      case 'debug':
        return residents.get(message.isolate)?.debugger?.onMessage(message.text)
      case 'paused': {
        const resident = residents.get(message.isolate)
        if (resident) resident.paused = message.paused
        return
      }
      case 'slow':
        return events.slow()
      case 'stuck': {
        saidAll = true // sandbox-child.ts, C7
        const plugin = message.name // it may have been disposed of, and its turn goes on all the same: the thread is lost
        return events.stuck(plugin, { code: message.code, message: `${plugin}: ${message.message}` })
      }
      case 'pong':
        charged(message.cpu)
        if (message.n === pinged) pingedAt = 0
    }
  }

  function turned([id, batches, cpuMs, turns, heap, timers]: TurnReport): void {
    const resident = residents.get(id) ?? left.get(id)
    if (resident === undefined) return
    const row = resident.spec.account
    resident.taken = batches
    resident.timers = timers
    row.cpuMs += cpuMs - resident.cpuMs
    row.turns += turns - resident.turns
    resident.cpuMs = cpuMs
    resident.turns = turns
    if (heap > 0) row.heapBytes = heap
  }

  function charged([total, startMs, threadMs, helpersMs]: CpuReport): void {
    account.cpuMs = total
    Object.assign(account.overhead, { startMs, threadMs, helpersMs })
  }

  /** What a process used after its last word is the culprit's, or else nobody's. */
  function settleAccount(): void {
    const unsaid = processorMs(child.pid, 0) - account.cpuMs
    if (unsaid <= 0) return
    account.cpuMs += unsaid
    const blamed = [...residents.values()].find(({ spec }) => spec.plugin === culprit)
    if (blamed) blamed.spec.account.cpuMs += unsaid
    else account.overhead.helpersMs += unsaid
  }

  function arrived(frame: Frame): void {
    const resident = residents.get(frame.isolate)
    if (resident === undefined) return void strayed(frame)
    resident.spec.account.bytesOut += frame.bytes
    resident.inbox.push(frame)
  }

  /** Words of a guest that is gone are read by nobody, and still crossed the pipe. */
  function strayed({ isolate, bytes }: Frame): void {
    const resident = left.get(isolate)
    if (resident) resident.spec.account.bytesOut += bytes
    else account.overhead.bytesOut += bytes
  }

  function endBadly(id: number, message: string): void {
    tell({ c: 'dispose', isolate: id })
    leave(id, { code: 'SANDBOX_FRAME', message, strike: true, processLost: false })
  }

  function leave(id: number, end: GuestEnd): void {
    const resident = residents.get(id)
    if (resident === undefined) return
    remove(id, resident)
    resident.events.ended(end)
  }

  function remove(id: number, resident: Resident): void {
    resident.begun = begunBy(id)
    residents.delete(id)
    resident.inbox.close()
    resident.debugger?.onClosed()
    left.set(id, resident)
    if (left.size > KEEP_LEFT) left.delete(left.keys().next().value as number)
    resident.events.left?.()
  }

  /** Batches the guest has been handed, its turn ended or not. */
  function begunBy(id: number): number {
    return closed ? 0 : readHanded(blackBox, id)
  }

  // ── the watchdog's eyes ──────────────────────────────────────────────────────────────────────────────────────────

  /** Only turns on the process's main thread are timed here; the child watches those on its pool itself. */
  function turnNow(): { plugin: string; ms: number; limitMs: number } | undefined {
    if (closed) return undefined
    const box = readHead(blackBox)
    if (box.turn !== seen.turn) seen = { turn: box.turn, at: performance.now(), cpuMs: processorMs(child.pid) }
    const resident = box.turn === 0 ? undefined : residents.get(box.isolate)
    if (resident === undefined) return undefined
    const wallMs = performance.now() - seen.at
    const ms = wallMs > resident.spec.turnMs * PATIENCE ? wallMs : Math.min(wallMs, processorMs(child.pid) - seen.cpuMs)
    return { plugin: resident.spec.plugin, ms, limitMs: resident.spec.turnMs }
  }

  /** As for turns: a process that got no processor is not to blame for its silence, up to a point. */
  function silentMs(): number {
    if (pingedAt === 0) return 0
    const wallMs = performance.now() - pingedAt
    return wallMs > SILENT_PATIENCE_MS ? wallMs : Math.min(wallMs, processorMs(child.pid) - pingedCpuMs)
  }

  function ping(): void {
    if (pingedAt !== 0) return
    pinged++
    pingedAt = performance.now()
    pingedCpuMs = processorMs(child.pid)
    tell({ c: 'ping', n: pinged })
  }

  /** Ends it for what is seen here first: whoever places guests must know before they look for a new place. */
  function giveUp(reason: { code: string; message: string }): void {
    if (dead) return
    events.exited(reason.message)
    kill(reason)
  }

  function kill(reason: { code: string; message: string; culprit?: string | undefined }): void {
    if (dead) return
    culprit = reason.culprit
    dead = { code: reason.code, message: reason.message, strike: false, processLost: true }
    settleAccount()
    child.kill('SIGKILL')
    if (saidAll) evict()
    else void lastRead().then(evict)
  }

  function gone(how: string, byItself: boolean): void {
    exited = true
    readiness.reject(new SandboxError('SANDBOX_START', `${name} is gone: ${how}`))
    void lastRead().then(() => {
      if (!dead) crashed(how, byItself)
      evict()
      closed = true
      closeSync(blackBox)
      events.closed?.()
    })
  }

  /** Where the process ended by itself, whoever was on turn is the one to blame; a kill from outside is nobody's fault. */
  function crashed(how: string, byItself: boolean): void {
    culprit = byItself ? onTurn() : undefined
    dead = {
      code: 'SANDBOX_CRASH',
      message: `${name} is gone: ${how}${culprit ? `, during a turn of ${culprit}` : ''}`,
      strike: false,
      processLost: true,
    }
    events.exited(dead.message, culprit)
  }

  /** Whose turn it was: on the main thread, or the only one on the pool. */
  function onTurn(): string | undefined {
    const { turn, isolate } = readHead(blackBox)
    if (turn !== 0) return residents.get(isolate)?.spec.plugin
    const running = [...residents].filter(([id]) => readOnPool(blackBox, id))
    return running.length === 1 ? running[0]?.[1].spec.plugin : undefined
  }

  /** N4: resolves once the pipe of a process that ends is read to its end. */
  function lastRead(): Promise<void> {
    allRead ??= new Promise((done) => {
      const late = setTimeout(done, LAST_READ_MS)
      const read = () => {
        clearTimeout(late)
        done()
      }
      if (pipe.readableEnded || pipe.destroyed) read()
      else pipe.once('end', read).once('close', read)
    })
    return allRead
  }

  function evict(): void {
    const until = performance.now() + LAST_SLICE_MS
    for (const [id, resident] of [...residents]) {
      const strike = resident.spec.plugin === culprit
      if (!strike) resident.inbox.drain(until) // N3
      leave(id, { ...(dead as GuestEnd), strike })
    }
  }

  function tell(message: ToChild, buffers: Uint8Array[] = []): void {
    if (dead) return
    const bytes = out.write(0, JSON.stringify(message), buffers)
    account.bytesIn += bytes
    account.overhead.bytesIn += bytes
  }
}

function tooLarge(spec: GuestSpec, used: number): SandboxError {
  return new SandboxError(
    'SANDBOX_MESSAGE_TOO_LARGE',
    `a message to ${spec.plugin} has ${used} bytes (limit ${spec.messageBytes})`,
    {
      limit: 'messageBytes',
      used,
      max: spec.messageBytes,
      hint: 'Send less at once, or pass a stream.',
    },
  )
}
