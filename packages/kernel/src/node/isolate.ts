// packages/kernel/src/node/isolate.ts: one plugin's isolate inside the sandbox process.
//   I1  Guest code runs only inside a turn, and every turn has a time-out. Only strings and byte buffers cross.
//   I2  No ivm object is ever handed to the guest; host functions are callbacks that queue or compute, and reach nothing.
//   I3  A turn runs on this thread or on the thread pool, as the caller says; "quick" is who has shown a row of short turns.
//   I4  A turn's limit is processor time: on a busy machine a turn that was not run is not to blame.
//   I5  ivm's own time-out is asked for where nothing else could interrupt the turn: each one leaves a timer that wakes a thread.
//   I6  A guest has at most MAX_CRYPTO cryptographic operations under way: they cannot be interrupted, and their threads are shared.
import { setFlagsFromString } from 'node:v8'
import type ivmTypes from 'isolated-vm'
import { runCrypto } from '../guest/web/crypto-host.ts'
import { createCodeCache } from './code-cache.ts'
import { MAX_TURN_BYTES } from './control.ts'
import { importedNames, moduleSource, namesOf } from './guest-modules.ts'
import { decodeText, encodingName } from './guest-text.ts'
import { parseUrl, setUrl } from './guest-url.ts'
import { createInspection, type Inspection } from './inspection.ts'
import { ivm } from './native.ts'

const QUICK_TURNS = 20 // turns under SLOW_MS before a plugin may run on this thread
const SLOW_MS = 10
const STUCK_GRACE_MS = 120 // a pool turn that outlives its time-out by this will not end
const LONG_MS = 120 // a pool turn this long may be one that never ends
const STARTING_TURNS = 3 // in which a plugin may take its time
const COMPACT_MS = 1_000
const PATIENCE = 4 // times its limit that a turn may last on a machine that gives it no processor
const LOOK_AGAIN_MS = 20
const MAX_TIMERS = 10_000
const MAX_CRYPTO = 2 // operations of one guest at once: half the threads the process has for them
const MAX_CRYPTO_WAITING = 1_000
const MAX_RANDOM_BYTES = 65_536
/** Modules of the entry, which no bundle may name. */
const OURS: ReadonlySet<string> = new Set(['plugin', 'pryx:runtime'])

const compiled = createCodeCache<ivmTypes.ExternalCopy<ArrayBuffer>>()

/** OpenSSL costs a process 3 MB: loaded when the first plugin asks for it. */
const openssl = () => process.getBuiltinModule('node:crypto')

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
  const timers = new Map<number, NodeJS.Timeout>()
  let local: string[] = []
  let localBuffers: Uint8Array[] = []
  const cryptoWaiting: (() => Promise<void>)[] = []
  let cryptoRunning = 0
  let turnBytes = 0
  let ready = false
  let busy = false
  let ended = false
  let quickTurns = 0
  let overran = false
  let turns = 0
  const runtimeRecord = boot()
  const deliver = runtimeRecord.getSync('deliver', { reference: true }) as ivmTypes.Reference<
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
      const plugin = await compilePlugin()
      const own = plugin.dependencySpecifiers.find((specifier) => OURS.has(specifier))
      if (own !== undefined) throw notSupplied(own)
      const entry = isolate.compileModuleSync(
        `import * as plugin from 'plugin'\nimport { start } from 'pryx:runtime'\nstart(plugin)`,
        { filename: 'pryx-entry.js' },
      )
      entry.instantiateSync(context, (specifier: string) => {
        if (specifier === 'plugin') return plugin
        return builtin(specifier)
      })
      await entry.evaluate({ timeout: spec.activateMs })
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

  async function compilePlugin(): Promise<ivmTypes.Module> {
    const { cached, worth } = compiled.find(spec.code)
    const how = cached ? { cachedData: cached } : { produceCachedData: worth }
    const plugin = await isolate.compileModule(spec.code, { filename: `${spec.name}/plugin.js`, ...how })
    const { cachedData } = plugin as ivmTypes.CachedDataResult
    if (!cached && cachedData) compiled.keep(spec.code, cachedData, cachedData.copy().byteLength)
    return plugin
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

  function builtin(specifier: string): ivmTypes.Module {
    const names = specifier === 'pryx:runtime' ? ['start'] : namesOf(runtimeRecord, specifier)
    if (names === undefined) throw notSupplied(specifier)
    const source =
      specifier === 'pryx:runtime'
        ? runtimeRecord
        : (runtimeRecord.getSync('modules', { reference: true }) as ivmTypes.Reference).getSync(specifier, {
            reference: true,
          })
    const key = '__pryxModule'
    context.global.setSync(key, (source as ivmTypes.Reference).derefInto())
    const exported = specifier === 'pryx:runtime' ? names : importedNames(spec.code, specifier, names)
    const module = isolate.compileModuleSync(moduleSource(key, exported), { filename: `${specifier}.js` })
    module.instantiateSync(context, () => {
      throw new Error('a built-in module imports nothing')
    })
    module.evaluateSync({ timeout: 1_000 })
    context.global.deleteSync(key)
    return module
  }

  function end(why: Parameters<IsolateEvents['ended']>[0] | undefined): void {
    if (ended) return
    ended = true
    for (const timer of timers.values()) clearTimeout(timer)
    timers.clear()
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
      random,
      startTimer,
      stopTimer,
      now: () => Math.round(performance.now() * 10) / 10,
      cryptoCall,
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

  function random(bytes: unknown): Uint8Array {
    const length = typeof bytes === 'number' ? Math.min(Math.max(0, bytes | 0), MAX_RANDOM_BYTES) : 0
    return openssl().randomFillSync(new Uint8Array(length))
  }

  function startTimer(id: unknown, ms: unknown): boolean {
    if (ended || typeof id !== 'number' || timers.size >= MAX_TIMERS) return false
    const delay = typeof ms === 'number' && ms > 0 ? Math.min(ms, 2 ** 31 - 1) : 0
    const fire = () => {
      timers.delete(id)
      local.push(`{"t":"timer","id":${id}}`)
      events.wake()
    }
    timers.set(id, setTimeout(fire, delay))
    return true
  }

  function stopTimer(id: unknown): void {
    clearTimeout(timers.get(id as number))
    timers.delete(id as number)
  }

  /** I6: some run, the rest waits here, and goes with the guest. */
  function cryptoCall(id: unknown, operation: unknown, parameters: unknown, ...data: unknown[]): void {
    if (cryptoWaiting.length >= MAX_CRYPTO_WAITING)
      return answer({ t: 'crypto', id: Number(id), error: 'too many operations wait', name: 'QuotaExceededError' })
    const bytes = data.filter((item): item is Uint8Array => item instanceof Uint8Array)
    cryptoWaiting.push(() => doCrypto(Number(id), String(operation), String(parameters), bytes))
    nextCrypto()
  }

  function nextCrypto(): void {
    if (cryptoRunning >= MAX_CRYPTO || ended) return
    const work = cryptoWaiting.shift()
    if (work === undefined) return
    cryptoRunning++
    void work().finally(() => {
      cryptoRunning--
      nextCrypto()
    })
  }

  async function doCrypto(id: number, operation: string, parameters: string, bytes: Uint8Array[]): Promise<void> {
    try {
      const { json, data } = await runCrypto(openssl().webcrypto as unknown as Crypto, operation, parameters, bytes)
      answer({ t: 'crypto', id, ...(json !== undefined && { json }) }, data)
    } catch (error) {
      const name = error instanceof Error ? error.name : 'Error'
      answer({ t: 'crypto', id, error: messageOf(error).slice(0, 500), name })
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

function notSupplied(specifier: string): Error {
  const name = specifier.slice(0, 80)
  return new Error(
    `the bundle imports "${name}", which is not there; bundle it with \`pryx build\` (only zod is supplied)`,
  )
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

/**
 * A context, and a way to collect its isolate's garbage. V8 shows `gc` only to contexts made while a flag is set; the guest's own
 * reference is taken away before any of its code runs.
 */
function openContext(
  isolate: ivmTypes.Isolate,
  inspector: boolean,
): { context: ivmTypes.Context; compactHeap(): Promise<unknown> } {
  setFlagsFromString('--expose-gc')
  const context = isolate.createContextSync({ inspector })
  setFlagsFromString('--no-expose-gc')
  const collect = context.global.getSync('gc', { reference: true }) as ivmTypes.Reference<(options: object) => void>
  context.evalSync('globalThis.gc = undefined')
  const options = { type: 'major', execution: 'sync', flavor: 'last-resort' }
  return {
    context,
    compactHeap: () => collect.apply(undefined, [options], { arguments: { copy: true }, timeout: COMPACT_MS }),
  }
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
