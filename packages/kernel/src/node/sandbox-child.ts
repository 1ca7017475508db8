// packages/kernel/src/node/sandbox-child.ts: the sandbox process. Holds isolates, runs their turns, and knows nothing else.
//   C1  It has no files, no children, no environment: Node's --permission is its second wall. Its one door is the pipe (fd 3).
//   C2  Before each turn the black box (fd 4) says whose it is and what it was handed, so that a process that never answers again
//       still names the culprit, and nothing a guest may have begun is taken for unseen.
//   C3  It ends when the pipe ends. It never outlives the kernel.
//   C4  Isolates take turns in order of arrival; after 5 ms of turns the pipe is served first.
//   C5  A guest holds this thread only where no neighbour can be made to wait: when it lives here alone, or when turns that
//       do not end hold every thread of the pool, and then only if its own have been short. All other turns run on the pool.
//   C6  Guests share the pipe fairly: past PIPE_BYTES on it each one's frames wait their turn, so nobody's words wait behind a flood.
//   C7  Who cannot be stopped costs the process: before the kernel hears of it no turn begins any more, short ones end, and all is said.
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { availableParallelism, loadavg } from 'node:os'
import type ivmTypes from 'isolated-vm'
import {
  type CpuReport,
  type FromChild,
  OUT_WINDOW,
  PIPE_FD,
  RUNTIME_FILES,
  type RuntimeKind,
  type TimedTurn,
  type ToChild,
  type TurnReport,
  weightOfFrame,
} from './control.ts'
import { createFairPipe } from './fair-pipe.ts'
import { createFrameReader, createFrameWriter, type Frame } from './frame.ts'
import { type Batch, createEmptyIsolate, type GuestIsolate, type IsolateEvents } from './isolate.ts'
import { createLinger } from './linger.ts'
import { createMeter, processGauges } from './meter.ts'
import { ivm } from './native.ts'
import { createReadyIsolates } from './ready-isolates.ts'
import { ticks } from './ticks.ts'
import { createTurnMarks } from './turn-marks.ts'

const PROCESSORS = availableParallelism()
const SLICE_MS = 5
const EARLY_CHARACTERS = 1_024
const REPORT_MS = 20
const HEAP_EVERY_MS = 1_000
const COMPACT_EVERY_MS = 1_500
const COMPACT_PAUSE_MS = 20
const COMPACT_AGAIN_MS = 60_000
const RESTING_MS = 50 // of guest code between two looks
const POOL_THREADS = availableParallelism() + 1 // as many as isolated-vm has
const MAX_TIMED = 10_000 // turns between two reports
const FALL_MS = 30 // for turns under way, once the process is lost
const HOG_MS = 20 // a pool full for this long is not about to be free

interface Seat {
  readonly id: number
  guest: GuestIsolate
  inbox: Batch[]
  /** Batches handed to it in all, and those of turns that have ended. */
  handed: number
  taken: number
  queued: boolean
  /** Bytes sent, by `weightOfFrame`, that the kernel has given no credit for yet. */
  outstanding: number
  /** Frames that wait for room on the pipe. */
  outbox: Batch[]
  ms: number
  /** Processor time, by the meter. */
  cpuMs: number
  /** Until when its turns wait: it is over its budget. */
  pausedUntil: number
  turns: number
  reported: number
  heapAt: number
  /** Time in guest code when it was last looked at; when its heap was last compacted, and after how many turns. */
  msBefore: number
  compactedAt: number
  turnsCompacted: number
}

const socket = new Socket({ fd: PIPE_FD, readable: true, writable: true })
const out = createFrameWriter(socket)
const fairPipe = createFairPipe(socket, out)
const marks = createTurnMarks()
const linger = createLinger()
const meter = createMeter(processGauges())
const seats = new Map<number, Seat>()
const ready: Seat[] = []
/** Who is on the thread pool, and since when. */
const pooled = new Map<Seat, number>()
/** Those that wait for the pool. */
const parked: Seat[] = []
const snapshots = new Map<RuntimeKind, ivmTypes.ExternalCopy<ArrayBuffer>>()
const readyIsolates = createReadyIsolates((kind, memoryMb) => createEmptyIsolate(memoryMb, snapshots.get(kind)))
let running = false
let falling = false
let reading = false
const starts: (() => void)[] = []
/** Turns since the last report with their times, while somebody traces. */
let timed: TimedTurn[] | undefined
/** What came for a guest whose start still waits. */
const early = new Map<number, Batch[]>()
let starting = false
let busy = false
let busyAt = Number.NEGATIVE_INFINITY

const read = createFrameReader((frame) => (frame.isolate === 0 ? control(frame) : deliver(frame)))
socket.on('data', (chunk) => {
  linger.heard()
  reading = true
  read(chunk)
  reading = false
  if (ready.length > 0 && !running) runTurns() // in this turn of the loop: a call on its way has someone waiting for it
})
socket.on('drain', fairPipe.pump)
process.on('SIGINT', () => {}) // Ctrl-C in a terminal reaches the whole group; when to end is the kernel's to say
socket.on('close', () => process.kill(process.pid, 'SIGKILL')) // C3; exit() could hang on a busy isolate
socket.on('error', () => process.kill(process.pid, 'SIGKILL'))

function control(frame: Frame): void {
  const message = JSON.parse(frame.text) as ToChild // from the kernel, which is trusted here
  switch (message.c) {
    case 'runtime':
      return takeRuntime(message.kind, frame.buffers[0])
    case 'start':
      early.set(message.isolate, [])
      starts.push(() => start(message, frame.buffers))
      return startNext()
    case 'dispose':
      starts.push(() => dispose(message.isolate)) // after its start, should that still wait
      return startNext()
    case 'credit':
      return credit(message.isolate, message.bytes)
    case 'debug':
      return debug(message)
    case 'pace':
      return pace(message.isolate, message.ms)
    case 'trace':
      timed = message.on ? (timed ?? []) : undefined
      return
    case 'ping':
      return tell({ c: 'pong', n: message.n, cpu: cpuReport() })
  }
}

/** Takes the startup snapshot of one kind, or makes it and sends it back to be kept. */
function takeRuntime(kind: RuntimeKind, kept: Uint8Array | undefined): void {
  if (snapshots.has(kind)) return
  if (kept) return void snapshots.set(kind, new ivm.ExternalCopy(kept.buffer as ArrayBuffer, { transferOut: true }))
  const code = readFileSync(new URL(RUNTIME_FILES[kind], import.meta.url), 'utf8')
  const made = ivm.Isolate.createSnapshot([{ code, filename: 'pryx-runtime.js' }], '__pryxBoot.warmUp()')
  snapshots.set(kind, made)
  tell({ c: 'snapshot', kind }, [new Uint8Array(made.copy())])
}

/** Making an isolate takes some ms of this thread: one a turn of the event loop, so that a rush of starts silences nobody. */
function startNext(): void {
  if (starting) return
  starting = true
  setImmediate(() => {
    starting = false
    starts.shift()?.()
    if (starts.length > 0) startNext()
  })
}

function start(message: Extract<ToChild, { c: 'start' }>, [code]: Uint8Array[]): void {
  const { isolate: id, kind, memoryMb } = message
  const spec = { ...message, id, code: Buffer.from(code ?? new Uint8Array()).toString('utf8') }
  try {
    const empty = message.inspect
      ? createEmptyIsolate(memoryMb, snapshots.get(kind), true)
      : readyIsolates.take(kind, memoryMb)
    const guest = empty.assign(spec, eventsOf(id, message.name))
    const seat = createSeat(guest, early.get(id) ?? [])
    seats.set(id, seat)
    early.delete(id)
    void onPool(seat, () => guest.start()).then(() => wake(id))
  } catch (error) {
    const { message } = error as Error
    tell({ c: 'ended', isolate: id, code: 'PLUGIN_LOAD_FAILED', message: String(message), strike: true })
  }
}

function eventsOf(id: number, name: string): IsolateEvents {
  return {
    sent: (text, buffers) => sent(id, text, buffers),
    wake: () => wake(id),
    ended: (end) => {
      const seat = seats.get(id)
      if (seat) fairPipe.sendAll(seat)
      settle(id)
      tell({ c: 'ended', isolate: id, ...end })
    },
    slow: () => tell({ c: 'slow', isolate: id }),
    debug: (text) => tell({ c: 'debug', isolate: id, text }),
    paused: (paused) => tell({ c: 'paused', isolate: id, paused }),
    stuck: (end) => fall(id, { c: 'stuck', isolate: id, name, ...end }),
    catastrophe: (text) => {
      const message = `V8 gave up on this isolate: ${text.slice(0, 200)}`
      fall(id, { c: 'stuck', isolate: id, name, code: 'SANDBOX_MEMORY', message })
    },
  }
}

/** C7: its neighbours lose nothing that they have done. */
function fall(culprit: number, word: FromChild): void {
  falling = true
  const deadline = performance.now() + FALL_MS
  look()

  function look(): void {
    const isShort = (startedAt: number) => performance.now() - startedAt < HOG_MS
    if ([...pooled.values()].some(isShort) && performance.now() < deadline) return void setTimeout(look, 1)
    for (const seat of seats.values()) if (seat.id !== culprit) fairPipe.sendAll(seat)
    tell(word)
    out.flush()
  }
}

function createSeat(guest: GuestIsolate, inbox: Batch[]): Seat {
  return {
    id: guest.id,
    guest,
    inbox,
    handed: 0,
    taken: 0,
    queued: false,
    outstanding: 0,
    outbox: [],
    ms: 0,
    cpuMs: 0,
    pausedUntil: 0,
    turns: 0,
    reported: 0,
    heapAt: 0,
    msBefore: 0,
    compactedAt: Number.NEGATIVE_INFINITY,
    turnsCompacted: 0,
  }
}

function dispose(id: number): void {
  seats.get(id)?.guest.dispose()
  settle(id)
}

/** Its last line of the ledger; a turn still on the pool adds what it used when it has ended. */
function settle(id: number): void {
  const seat = seats.get(id)
  if (seat === undefined) return
  seats.delete(id)
  const cpu = cpuReport()
  tell({ c: 'turns', list: [turnReport(seat, 0)], cpu })
}

function debug(message: Extract<ToChild, { c: 'debug' }>): void {
  const inspection = seats.get(message.isolate)?.guest.inspection
  if (message.act === 'say') inspection?.dispatch(message.text)
  else if (message.act === 'attach') inspection?.attach()
  else inspection?.detach()
}

function pace(id: number, ms: number): void {
  const seat = seats.get(id)
  if (seat === undefined) return
  seat.pausedUntil = performance.now() + ms
  setTimeout(wake, ms, id)
}

function deliver({ isolate, text, buffers }: Frame): void {
  const seat = seats.get(isolate)
  if (seat === undefined) return void early.get(isolate)?.push({ text, buffers })
  seat.inbox.push({ text, buffers })
  enqueue(seat)
}

function sent(id: number, text: string, buffers: Uint8Array[]): void {
  const seat = seats.get(id)
  if (seat === undefined) return
  seat.outstanding += weightOfFrame(text, buffers)
  // The kernel works on a long one while the turn goes on.
  if (fairPipe.send(seat, { text, buffers }) && text.length > EARLY_CHARACTERS) out.flush()
}

function credit(id: number, bytes: number): void {
  const seat = seats.get(id)
  if (seat === undefined) return
  seat.outstanding = Math.max(0, seat.outstanding - bytes)
  enqueue(seat)
}

function wake(id: number): void {
  const seat = seats.get(id)
  if (seat) enqueue(seat)
}

function enqueue(seat: Seat): void {
  const { guest } = seat
  if (seat.queued || guest.busy || guest.ended || !guest.ready || seat.outstanding > OUT_WINDOW) return
  if (seat.pausedUntil !== 0 && seat.pausedUntil > performance.now()) return
  if (seat.inbox.length === 0 && !guest.hasLocal()) return
  seat.queued = true
  ready.push(seat)
  schedule()
}

function schedule(): void {
  if (running || reading) return
  running = true
  setImmediate(runTurns)
}

function runTurns(): void {
  if (falling) return // C7
  running = true
  const startedAt = performance.now()
  for (let seat = ready.shift(); seat !== undefined; seat = ready.shift()) {
    runTurn(seat)
    if (performance.now() - startedAt > SLICE_MS) break // C4
  }
  out.flush()
  if (ready.length > 0) setImmediate(runTurns)
  else running = false
  linger.worked()
}

function runTurn(seat: Seat): void {
  const { guest } = seat
  const lane = laneOf(seat)
  if (lane === 'wait') return park(seat)
  seat.queued = false
  if (guest.ended) return
  const batches = seat.inbox.splice(0, guest.takes(seat.inbox))
  seat.handed += batches.length
  if (lane === 'pool') {
    return void onPool(seat, () => guest.turnOnPool(batches)).then((ms) => turned(seat, batches.length, ms))
  }
  marks.begin(seat)
  const ms = guest.turnSync(batches, lane !== 'alone')
  marks.end()
  meter.here(seat, ms)
  turned(seat, batches.length, ms)
}

/** C5 */
function laneOf({ guest }: Seat): 'alone' | 'here' | 'pool' | 'wait' {
  if (guest.inspection) return pooled.size < POOL_THREADS ? 'pool' : 'wait' // it may stand at a breakpoint
  if (seats.size === 1 && pooled.size === 0) {
    if (guest.quick) return 'alone' // timed from outside, by processor time
    if (!isMachineBusy()) return 'here'
  }
  if (pooled.size < POOL_THREADS) return 'pool'
  return guest.quick && isHogged() ? 'here' : 'wait'
}

/** A time-out of ivm is by the wall clock; with more to run than processors, that would blame who only waited. */
function isMachineBusy(): boolean {
  const now = performance.now()
  if (now - busyAt > 1_000) {
    busyAt = now
    busy = (loadavg()[0] ?? 0) > PROCESSORS * 1.5
  }
  return busy
}

function isHogged(): boolean {
  const since = performance.now() - HOG_MS
  for (const startedAt of pooled.values()) if (startedAt > since) return false
  return true
}

async function onPool<T>(seat: Seat, work: () => Promise<T>): Promise<T> {
  pooled.set(seat, performance.now())
  marks.beginOnPool(seat)
  meter.enter(seat)
  try {
    return await work()
  } finally {
    meter.leave(seat)
    marks.endOnPool(seat)
    pooled.delete(seat)
    if (seat.guest.ended) tell({ c: 'turns', list: [turnReport(seat, 0)], cpu: cpuReport() })
    unpark()
  }
}

/** It keeps its place in the queue (`queued`) and is asked again when the pool has room or is known not to. */
function park(seat: Seat): void {
  if (parked.push(seat) === 1) setTimeout(unpark, HOG_MS)
}

function unpark(): void {
  if (parked.length === 0) return
  ready.unshift(...parked.splice(0))
  schedule()
}

function turned(seat: Seat, batches: number, ms: number): void {
  if (timed && timed.length < MAX_TIMED) timed.push([seat.guest.id, seat.handed, ticks() - ms, ms])
  seat.taken += batches
  seat.ms += ms
  seat.turns++
  scheduleReport()
  enqueue(seat)
}

// ── memory of guests at rest ─────────────────────────────────────────────────────────────────────────────────────

let compacting = false
setInterval(() => void compactResting(), COMPACT_EVERY_MS)

/** What it holds now is what people want to see of a guest at rest: it is told with the next report. */
function compacted(seat: Seat): void {
  seat.heapAt = 0
  seat.reported = -1
  scheduleReport()
  enqueue(seat)
}

/** A start leaves several times its size in garbage, and V8 gives nothing back by itself to a process that then does little. */
async function compactResting(): Promise<void> {
  if (compacting) return
  compacting = true
  for (const seat of restingSeats()) {
    if (seat.guest.busy || seat.guest.ended) continue
    seat.compactedAt = performance.now()
    seat.turnsCompacted = seat.turns
    await seat.guest.compact().then(() => compacted(seat)) // one at a time, with pauses: it takes a thread of the pool
    await new Promise((done) => setTimeout(done, COMPACT_PAUSE_MS))
  }
  compacting = false
}

function restingSeats(): Seat[] {
  const now = performance.now()
  return [...seats.values()].filter((seat) => {
    const worked = seat.ms - seat.msBefore
    seat.msBefore = seat.ms
    const due = now - seat.compactedAt > COMPACT_AGAIN_MS && seat.turns !== seat.turnsCompacted
    return due && worked <= RESTING_MS && seat.guest.ready && !seat.guest.busy
  })
}

// ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────

let reporting = false

function scheduleReport(): void {
  if (reporting) return
  reporting = true
  setTimeout(report, REPORT_MS)
}

function report(): void {
  reporting = false
  const now = performance.now()
  const list: TurnReport[] = []
  const cpu = cpuReport()
  for (const seat of seats.values()) {
    if (seat.turns === seat.reported) continue
    let heap = 0
    if (now - seat.heapAt > HEAP_EVERY_MS) {
      marks.begin(seat) // asking brings up what the guest left unheard, traps and all
      heap = seat.guest.heapBytes()
      marks.end()
      if (heap > 0) seat.heapAt = now
    }
    list.push(turnReport(seat, heap))
    seat.reported = seat.turns
  }
  if (list.length > 0) tell({ c: 'turns', list, cpu, ...(timed && timed.length > 0 && { timed: timed.splice(0) }) })
}

function turnReport({ guest, taken, cpuMs, turns }: Seat, heap: number): TurnReport {
  return [guest.id, taken, rounded(cpuMs), turns, heap, guest.timers]
}

function cpuReport(): CpuReport {
  meter.sample()
  const { startMs, threadMs, helpersMs } = meter.overhead
  return [rounded(meter.totalMs), rounded(startMs), rounded(threadMs), rounded(helpersMs)]
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}

function tell(message: FromChild, buffers: Uint8Array[] = []): void {
  out.write(0, JSON.stringify(message), buffers)
}

tell({ c: 'ready' })
