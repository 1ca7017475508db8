// packages/kernel/src/services/routes.ts: who answers to a name, and how calls reach them; under services and tools (K6, K7).
//   R1  A name has one holder. Only its own plugin may replace it, and only while the name is held.
//   R2  While a name is held (its plugin reloads or restarts), callers wait, at most MAX_WAITING and at most their own time.
//   R3  A call ends once: with the answer, its time-out, its caller's cancel, or the end of the one who was to answer.
//   R4  Whoever was to answer hears of a time-out, cancel or end through the call's signal.
import { type PluginId, type Release, ServiceError } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import { withDeadline } from './deadline.ts'

const MAX_WAITING = 1_000 // callers that may wait for one held name

/** What answers: a service or a tool. */
export interface Routed {
  readonly plugin: PluginId
  readonly name: string
}

export interface RouteCall {
  readonly name: string
  /** ms, waiting for a held name included; 0 means none. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export interface Routes<R extends Routed> {
  /** @throws SERVICE_TAKEN / TOOL_TAKEN naming the holder. */
  register(entry: R): Release
  get(name: string): R | undefined
  list(): R[]
  /** Makes callers of `name` wait until released, whether or not something answers to it now. */
  hold(name: string): Release
  isHeld(name: string): boolean
  /** Runs `use` with what answers to `name`; undefined if nothing does and nothing did. */
  run<T>(call: RouteCall, use: (entry: R | undefined, signal: AbortSignal) => Promise<T>): Promise<T>
  /** Calls `fn` after each change of what is there. */
  watch(fn: () => void): Release
}

interface Slot<R> {
  entry?: R | undefined
  /** Who answered last. */
  last?: PluginId
  holds: number
  waiting: Set<() => void>
  /** Calls under way with `entry`, by how to fail them. */
  running: Map<(reason: unknown) => void, R>
}

/** @param noun How errors speak of an entry; their codes begin with it in capitals. */
export function createRoutes<R extends Routed>(clock: Clock, noun: 'service' | 'tool'): Routes<R> {
  const code = noun.toUpperCase()
  const slots = new Map<string, Slot<R>>()
  const watchers = new Set<() => void>()
  return {
    register,
    get: (name) => slots.get(name)?.entry,
    list: () => [...slots.values()].flatMap(({ entry }) => entry ?? []),
    hold,
    isHeld: (name) => (slots.get(name)?.holds ?? 0) > 0,
    run,
    watch(fn) {
      watchers.add(fn)
      return () => void watchers.delete(fn)
    },
  }

  function register(entry: R): Release {
    const slot = slotOf(entry.name)
    if (slot.entry !== undefined && !(slot.holds > 0 && slot.entry.plugin === entry.plugin)) throw taken(slot.entry) // R1
    slot.entry = entry
    slot.last = entry.plugin
    for (const fn of [...watchers]) fn()
    return () => unregister(slot, entry)
  }

  function unregister(slot: Slot<R>, entry: R): void {
    if (slot.entry === entry) slot.entry = undefined
    if (slot.holds === 0) failRunning(slot, entry)
    tidy(entry.name, slot)
    for (const fn of [...watchers]) fn()
  }

  function failRunning(slot: Slot<R>, entry: R): void {
    for (const [fail, by] of [...slot.running]) if (by === entry) fail(gone(entry.name, entry.plugin)) // R3
  }

  function hold(name: string): Release {
    const slot = slotOf(name)
    slot.holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      slot.holds--
      if (slot.holds === 0) for (const go of [...slot.waiting]) go()
      tidy(name, slot)
    }
  }

  function run<T>(call: RouteCall, use: (entry: R | undefined, signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = (): Error => tooLate(call.name, call.timeoutMs)
    return withDeadline(clock, { ...call, late }, async (signal, fail) => {
      if (slots.get(call.name)?.holds) await resumed(call.name, signal) // R2
      const slot = slots.get(call.name)
      const entry = slot?.entry
      if (slot === undefined || entry === undefined) return use(undefined, signal)
      slot.running.set(fail, entry)
      try {
        return await use(entry, signal)
      } finally {
        slot.running.delete(fail)
        tidy(call.name, slot)
      }
    })
  }

  /** Resolves when nothing holds `name` any more. */
  async function resumed(name: string, signal: AbortSignal): Promise<void> {
    const slot = slotOf(name)
    if (slot.waiting.size >= MAX_WAITING) throw busy(name)
    await new Promise<void>((resolve) => {
      slot.waiting.add(go)
      signal.addEventListener('abort', go, { once: true })
      function go(): void {
        slot.waiting.delete(go)
        signal.removeEventListener('abort', go)
        resolve()
      }
    })
    signal.throwIfAborted()
    if (slot.entry === undefined) throw gone(name, slot.last)
  }

  function slotOf(name: string): Slot<R> {
    const known = slots.get(name)
    if (known) return known
    const slot: Slot<R> = { holds: 0, waiting: new Set(), running: new Map() }
    slots.set(name, slot)
    return slot
  }

  function tidy(name: string, slot: Slot<R>): void {
    const idle = slot.entry === undefined && slot.holds === 0 && slot.waiting.size === 0 && slot.running.size === 0
    if (idle && slots.get(name) === slot) slots.delete(name)
  }

  function taken(holder: R): ServiceError {
    return new ServiceError(
      `${code}_TAKEN`,
      `${noun} "${holder.name}" is provided by plugin ${holder.plugin} already`,
      {
        [noun]: holder.name,
        plugin: holder.plugin,
        hint: `Remove one of the two plugins, or give this ${noun} another name.`,
      },
    )
  }

  function gone(name: string, plugin: PluginId | undefined): ServiceError {
    const by = plugin === undefined ? '' : `: plugin ${plugin} has ended`
    return new ServiceError(`${code}_GONE`, `${noun} "${name}" is gone${by}`, {
      [noun]: name,
      plugin,
      hint: 'The call may or may not have had its effect. `pryx plugins` shows why the plugin ended.',
    })
  }

  function tooLate(name: string, timeoutMs: number): ServiceError {
    return new ServiceError(`${code}_TIMEOUT`, `${noun} "${name}" did not answer within ${timeoutMs} ms`, {
      [noun]: name,
      timeoutMs,
      hint: 'It was told to cancel. Raise limits.callMs if it needs longer by nature.',
    })
  }

  function busy(name: string): ServiceError {
    return new ServiceError(`${code}_BUSY`, `${MAX_WAITING} callers already wait for ${noun} "${name}" to restart`, {
      [noun]: name,
      max: MAX_WAITING,
      hint: 'Call again in a moment.',
    })
  }
}
