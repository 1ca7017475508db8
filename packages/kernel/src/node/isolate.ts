// packages/kernel/src/node/isolate.ts: one plugin's isolate inside the sandbox process.
//   I1  Guest code runs only inside a turn, and every turn has a time-out. Only strings and byte buffers cross.
//   I2  No ivm object is ever handed to the guest; host functions are callbacks that queue or compute, and reach nothing.
//   I3  A turn runs on this thread or on the thread pool, as the caller says; "quick" is who has shown a row of short turns.
//   I4  A turn's limit is processor time: on a busy machine a turn that was not run is not to blame.
//   I5  ivm's own time-out is asked for where nothing else could interrupt the turn: each one leaves a timer that wakes a thread.
import type ivmTypes from 'isolated-vm'
import { MAX_TURN_BYTES } from './control.ts'
import { openContext } from './guest-context.ts'
import { createCrypto, randomBytes } from './guest-crypto.ts'
import { loadPlugin } from './guest-loading.ts'
import { decodeText, encodingName } from './guest-text.ts'
import { createTimers } from './guest-timers.ts'
import { parseUrl, setUrl } from './guest-url.ts'
import { createInspection, type Inspection } from './inspection.ts'
import { ivm } from './native.ts'

const QUICK_TURNS = 20 // turns under SLOW_MS before a plugin may run on this thread
const SLOW_MS = 10
const STUCK_GRACE_MS = 120 // a pool turn that outlives its time-out by this will not end
const LONG_MS = 120 // a pool turn this long may be one that never ends
const STARTING_TURNS = 3 // in which a plugin may take its time
const PATIENCE = 4 // times its limit that a turn may last on a machine that gives it no processor
const LOOK_AGAIN_MS = 20

export interface Batch {
  text: string
  buffers: Uint8Array[]
}

export interface IsolateSpec {
  id: number
  name: string
  code: string
  turnMs: number
  activateMs: number
}

export interface IsolateEvents {
  /** Messages of the guest, unread. */
  sent(text: string, buffers: Uint8Array[]): void
  /** A turn is wanted: a timer fired or a digest is ready. */
  wake(): void
  /** The isolate is gone; `strike` says whether the plugin is to blame. */
  ended(end: { code: string; message: string; used?: number; max?: number; strike: boolean }): void
  /** A turn on the pool takes long. */
  slow(): void
  stuck(end: { code: string; message: string }): void
  catastrophe(message: string): void
  /** To the debugger; and whether it stands at a breakpoint. */
  debug(text: string): void
  paused(paused: boolean): void
}

export interface GuestIsolate {
  readonly id: number
  readonly ready: boolean
  readonly busy: boolean
  readonly ended: boolean
  /** True while the next turn may run on this thread. */
  readonly quick: boolean
  /** Timers set and not yet fired. */
  readonly timers: number
  /** Where a debugger may attach. */
  readonly inspection: Inspection | undefined
  /** How many of `inbox` the next turn can take: what it takes may have buffers in one batch only, local messages included. */
  takes(inbox: readonly Batch[]): number
  /** Local messages (timers, digests) that wait for a turn. */
  hasLocal(): boolean
  /** On this thread. `guarded`: it is interrupted at its limit; otherwise whoever watches this process ends it. */
  turnSync(batches: Batch[], guarded: boolean): number
  turnOnPool(batches: Batch[]): Promise<number>
  start(): Promise<void>
  heapBytes(): number
  /** Gives memory that is no longer used back to the system, on the pool: for a guest that has come to rest. */
  compact(): Promise<void>
  dispose(): void
}

/** An isolate with the guest runtime in it and no plugin yet. It has run no code but ours and waits to be taken or thrown away. */
export interface EmptyIsolate {
  /** Gives it to a plugin, once. Its code is loaded by `start`. */
  assign(spec: IsolateSpec, events: IsolateEvents): GuestIsolate
  dispose(): void
}

/** Makes the isolate from the snapshot. `inspect`: a debugger may attach; it never runs on this thread then. */
export function createEmptyIsolate(
  memoryMb: number,
  snapshot: ivmTypes.ExternalCopy<ArrayBuffer> | undefined,
  inspect = false,
): EmptyIsolate {
  let spec: IsolateSpec = { id: 0, name: '', code: '', turnMs: 0, activateMs: 0 }
  let events: IsolateEvents = UNHEARD
  const isolate = new ivm.Isolate({
    memoryLimit: memoryMb,
    inspector: inspect,
    ...(snapshot && { snapshot }),
    onCatastrophicError: (message) => events.catastrophe(message),
  })
  const { context, compactHeap } = openContext(isolate, inspect)
  const inspection = inspect
    ? createInspection(
        isolate,
        (text) => events.debug(text),
        (paused) => events.paused(paused),
      )
    : undefined
  const timers = createTimers((id) => {
    local.push(`{"t":"timer","id":${id}}`)
    events.wake()
  })
  const crypto = createCrypto(answer)
  let local: string[] = []
  let localBuffers: Uint8Array[] = []
  let turnBytes = 0
  let ready = false
  let busy = false
  let ended = false
  let quickTurns = 0
  let overran = false
  let turns = 0
  const runtime = boot()
  const deliver = runtime.getSync('deliver', { reference: true }) as ivmTypes.Reference<
    (text: string, ...buffers: unknown[]) => void
  >

  const guest: GuestIsolate = {
    get id() {
      return spec.id
    },
    get ready() {
      return ready
    },
    get busy() {
      return busy
    },
    get ended() {
      return ended
    },
    get quick() {
      return quickTurns >= QUICK_TURNS
    },
    get timers() {
      return timers.size
    },
    inspection,
    takes(inbox) {
      let bearers = localBuffers.length > 0 ? 1 : 0
      const end = inbox.findIndex(({ buffers }) => buffers.length > 0 && ++bearers > 1)
      return end < 0 ? inbox.length : end
    },
    hasLocal: () => local.length > 0,
    turnSync,
    turnOnPool,
    start,
    heapBytes: () => (ended || busy || inspection?.paused ? 0 : heap()),
    compact,
    dispose: () => end(undefined),
  }
  return {
    assign(mySpec, myEvents) {
      spec = mySpec
      events = myEvents
      return guest
    },
    dispose: guest.dispose,
  }

  // ── turns ──────────────────────────────────────────────────────────────────────────────────────────────────────

  function turnSync(batches: Batch[], guarded: boolean): number {
    const startedAt = performance.now()
    turnBytes = 0
    try {
      const { text, buffers } = takeAll(batches)
      const timeout = guarded ? { timeout: spec.turnMs } : undefined // I5
      if (buffers.length === 0) deliver.applySync(undefined, [text], timeout)
      else
        deliver.applySync(undefined, [text, ...buffers.map(exact)] as [string, ...never[]], {
          ...timeout,
          arguments: { copy: true },
        })
    } catch (error) {
      failed(error, performance.now() - startedAt)
    }
    return settle(performance.now() - startedAt)
  }

  async function turnOnPool(batches: Batch[]): Promise<number> {
    const startedAt = performance.now()
    turnBytes = 0
    busy = true
    const long = turns++ < STARTING_TURNS ? undefined : setTimeout(events.slow, LONG_MS)
    const unwatch = watchTurn(startedAt)
    try {
      const { text, buffers } = takeAll(batches)
      const copy = buffers.length > 0 ? ({ arguments: { copy: true } } as const) : undefined
      await deliver.apply(undefined, [text, ...buffers.map(exact)] as [string, ...never[]], copy)
    } catch (error) {
      failed(error, performance.now() - startedAt)
    } finally {
      clearTimeout(long)
      unwatch()
      busy = false
    }
    return settle(performance.now() - startedAt)
  }

  /** I4: ends a turn on the pool when it has had its time; then, if it does not end, says so. */
  function watchTurn(startedAt: number): () => void {
    let cpuBefore = cpuMs()
    let timer = setTimeout(look, spec.turnMs)
    return () => clearTimeout(timer)

    function look(): void {
      if (inspection?.paused) {
        startedAt = performance.now() // who stands at a breakpoint takes no time
        cpuBefore = cpuMs()
      }
      const ms = performance.now() - startedAt
      if (cpuMs() - cpuBefore < spec.turnMs && ms < spec.turnMs * PATIENCE) timer = setTimeout(look, LOOK_AGAIN_MS)
      else {
        timer = setTimeout(() => events.stuck(stuckEnd()), STUCK_GRACE_MS)
        overran = true
        isolate.dispose()
      }
    }
  }

  function settle(ms: number): number {
    quickTurns = ms < SLOW_MS ? quickTurns + 1 : 0 // I3
    return ms
  }

  function takeAll(batches: Batch[]): Batch {
    const locals = local.length > 0 ? { text: `[${local.join(',')}]`, buffers: localBuffers } : undefined
    local = []
    localBuffers = []
    const all = locals ? [locals, ...batches] : batches
    const first = all[0]
    if (all.length === 1 && first) return first
    return joinBatches(all)
  }

  function failed(error: unknown, ms: number): void {
    if (ended) return
    const message = messageOf(error)
    if (overran || /timed out/.test(message)) end(overrun(ms))
    else if (/disposed|memory limit/i.test(message))
      end({
        code: 'SANDBOX_MEMORY',
        message: `the isolate passed its memory limit of ${memoryMb} MiB`,
        max: memoryMb,
        strike: true,
      })
    else report(error) // an unhandled rejection: the isolate is well
  }

  function overrun(ms: number): Parameters<IsolateEvents['ended']>[0] {
    return {
      code: 'SANDBOX_TURN_TIMEOUT',
      message: `one turn ran longer than ${spec.turnMs} ms`,
      used: Math.round(ms),
      max: spec.turnMs,
      strike: true,
    }
  }

  /** Speaks for the guest: ivm hands unhandled rejections to us and not to it. */
  function report(error: unknown): void {
    const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack.slice(0, 8_000) : undefined
    const name = error instanceof Error ? String(error.name).slice(0, 64) : 'Error'
    const json = {
      name,
      code: 'UNHANDLED_REJECTION',
      message: messageOf(error).slice(0, 4_000),
      ...(stack && { stack }),
    }
    events.sent(JSON.stringify([{ t: 'uncaught', error: json }]), [])
  }

  function stuckEnd(): { code: string; message: string } {
    return {
      code: 'SANDBOX_STUCK',
      message: `a turn did not end at its limit of ${spec.turnMs} ms and cannot be interrupted`,
    }
  }

  // ── start and end ──────────────────────────────────────────────────────────────────────────────────────────────

  async function start(): Promise<void> {
    busy = true
    let watch = setTimeout(late, spec.activateMs + STUCK_GRACE_MS)
    const startedAt = performance.now()
    try {
      await loadPlugin({ isolate, context, runtime, name: spec.name, code: spec.code, limitMs: spec.activateMs })
      ready = true
    } catch (error) {
      startFailed(error, performance.now() - startedAt)
    } finally {
      clearTimeout(watch)
      busy = false
    }

    function late(): void {
      if (inspection?.paused) watch = setTimeout(late, spec.activateMs)
      else events.stuck(stuckEnd())
    }
  }

  function startFailed(error: unknown, ms: number): void {
    if (ended) return
    const message = messageOf(error)
    if (/timed out/.test(message))
      return end({
        code: 'SANDBOX_TURN_TIMEOUT',
        message: `loading ran longer than ${spec.activateMs} ms`,
        used: Math.round(ms),
        max: spec.activateMs,
        strike: true,
      })
    if (/disposed|memory limit/i.test(message)) return failed(error, ms)
    const stack = error instanceof Error ? `\n${String(error.stack ?? '').slice(0, 4_000)}` : ''
    end({ code: 'PLUGIN_LOAD_FAILED', message: `${message}${stack}`, strike: true })
  }

  function end(why: Parameters<IsolateEvents['ended']>[0] | undefined): void {
    if (ended) return
    ended = true
    timers.end()
    crypto.end()
    try {
      inspection?.detach()
      isolate.dispose()
    } catch {
      // already gone: V8 ended it at its memory limit
    }
    if (why) events.ended(why)
  }

  async function compact(): Promise<void> {
    if (busy || ended || inspection) return
    busy = true
    try {
      await compactHeap()
    } catch (error) {
      failed(error, 0)
    } finally {
      busy = false
    }
  }

  /** Any call into the isolate may bring up a rejection that nobody in it heard. */
  function heap(): number {
    try {
      const { used_heap_size, externally_allocated_size } = isolate.getHeapStatisticsSync()
      return used_heap_size + externally_allocated_size
    } catch (error) {
      failed(error, 0)
      return 0
    }
  }

  // ── what the guest is lent (I2) ────────────────────────────────────────────────────────────────────────────────

  function boot(): ivmTypes.Reference<Record<string, unknown>> {
    const lent = {
      send: (text: string, ...buffers: Uint8Array[]) => send(text, buffers),
      parseUrl,
      setUrl,
      encodingName,
      decodeText,
      random: randomBytes,
      startTimer: (id: unknown, ms: unknown) => !ended && timers.start(id, ms),
      stopTimer: timers.stop,
      now: () => Math.round(performance.now() * 10) / 10,
      cryptoCall: crypto.call,
    }
    const names = Object.keys(lent)
    const script = `return __pryxBoot({ ${names.map((name, i) => `${name}: $${i}`).join(', ')} })`
    const callbacks = Object.values(lent).map((fn) => new ivm.Callback(silently(fn as (...args: never[]) => unknown)))
    return context.evalClosureSync(script, callbacks, {
      result: { reference: true },
      timeout: 1_000,
    }) as ivmTypes.Reference<Record<string, unknown>>
  }

  function send(text: unknown, buffers: unknown[]): void {
    if (ended || typeof text !== 'string') return
    const bytes = buffers.filter((buffer): buffer is Uint8Array => buffer instanceof Uint8Array)
    turnBytes += text.length + bytes.reduce((sum, buffer) => sum + buffer.byteLength, 0)
    if (turnBytes > MAX_TURN_BYTES) return void setImmediate(() => end(floodEnd()))
    events.sent(text, bytes)
  }

  function floodEnd(): Parameters<IsolateEvents['ended']>[0] {
    return {
      code: 'SANDBOX_FLOOD',
      message: `one turn sent more than ${MAX_TURN_BYTES / 1_048_576} MiB`,
      used: turnBytes,
      max: MAX_TURN_BYTES,
      strike: true,
    }
  }

  function answer(message: Record<string, unknown>, data?: Uint8Array): void {
    if (ended) return
    if (data) message.buffer = localBuffers.push(data) - 1
    local.push(JSON.stringify(message))
    events.wake()
  }
}

/** I2: an error of the host would carry its stack, and with it paths of this machine, into the guest. */
function silently(lent: (...args: never[]) => unknown): (...args: never[]) => unknown {
  return (...args) => {
    try {
      return lent(...args)
    } catch {
      return undefined
    }
  }
}

/** Before a plugin has it there is nobody to tell: it has no code that could say or do anything. */
const UNHEARD: IsolateEvents = {
  sent() {},
  wake() {},
  ended() {},
  slow() {},
  stuck() {},
  catastrophe() {},
  debug() {},
  paused() {},
}

/** Processor time of this process, all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** One batch out of several, of which one at most has buffers: their indices in it stay what they are. */
function joinBatches(batches: Batch[]): Batch {
  const texts = batches.map(({ text }) => text.slice(1, -1)).filter((text) => text !== '')
  return { text: `[${texts.join(',')}]`, buffers: batches.find(({ buffers }) => buffers.length > 0)?.buffers ?? [] }
}

/** With a buffer of its own length, so that nothing beside the bytes is copied along. */
function exact(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return buffer.byteLength === buffer.buffer.byteLength ? (buffer as Uint8Array<ArrayBuffer>) : new Uint8Array(buffer)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? String(error.message) : String(error)
}
