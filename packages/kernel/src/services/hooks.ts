// packages/kernel/src/services/hooks.ts: points where plugins may change a value or veto what is about to happen (K6).
//   H1  Listeners run one after another: plugins in start order, each plugin's in the order it registered them.
//   H2  A veto ends the run with its reason and the plugin's name; later listeners are not asked.
//   H3  A listener that fails, is late or answers nonsense vetoes a `closed` hook; an `open` one goes on without it and reports.
//   H4  Each listener has the hook's whole time. A caller that cancels ends the run.
import { type PluginId, PryxError, type Release, ServiceError } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import { withDeadline } from './deadline.ts'

const MAX_REASON = 1_024 // characters of a veto's reason

export interface HookPowers {
  clock: Clock
  /** Place of `plugin` in the start order; lower runs first. Default: as plugins first register. */
  rank?(plugin: PluginId): number
  /** A listener of an `open` hook failed. Must not throw. */
  onHookFailed?(failure: { hook: string; plugin: PluginId; error: unknown }): void
}

export interface HookListener {
  readonly name: string
  readonly plugin: PluginId
  /** Answers a `HookAnswer`; it comes from a guest and is judged as unknown. */
  invoke(value: unknown, info: { from: string; trace: string; signal: AbortSignal }): Promise<unknown>
}

export interface HookRun {
  name: string
  value: unknown
  failure: 'closed' | 'open'
  /** ms, for each listener (H4). */
  timeoutMs: number
  from: string
  trace: string
  signal?: AbortSignal
  /** Checks a value a listener left; throwing makes that listener one that failed. */
  check?(value: unknown): unknown
}

export interface Hooks {
  register(listener: HookListener): Release
  /** Answers the value the listeners leave. @throws HOOK_VETOED, HOOK_FAILED, the abort reason of `signal`. */
  run(run: HookRun): Promise<unknown>
  /** Listeners of `name` in the order they run. */
  list(name: string): HookListener[]
}

export function createHooks(powers: HookPowers): Hooks {
  const listeners = new Map<string, Set<HookListener>>()
  const firstSeen = new Map<PluginId, number>()
  const rank = powers.rank ?? ((plugin: PluginId) => firstSeen.get(plugin) ?? 0)
  return { register, run, list }

  function register(listener: HookListener): Release {
    if (!firstSeen.has(listener.plugin)) firstSeen.set(listener.plugin, firstSeen.size) // kept: a restart keeps its place
    const own = { ...listener }
    const set = listeners.get(listener.name) ?? new Set()
    listeners.set(listener.name, set.add(own))
    return () => {
      set.delete(own)
      if (set.size === 0 && listeners.get(own.name) === set) listeners.delete(own.name)
    }
  }

  function list(name: string): HookListener[] {
    return [...(listeners.get(name) ?? [])].sort((a, b) => rank(a.plugin) - rank(b.plugin)) // H1: sort is stable
  }

  async function run(hook: HookRun): Promise<unknown> {
    let value = hook.value
    for (const listener of list(hook.name)) {
      try {
        value = await ask(listener, hook, value)
      } catch (error) {
        if (PryxError.is(error, 'HOOK_VETOED')) throw error // H2
        hook.signal?.throwIfAborted()
        if (hook.failure === 'closed') throw failed(listener, error) // H3
        powers.onHookFailed?.({ hook: hook.name, plugin: listener.plugin, error })
      }
    }
    return value
  }

  async function ask(listener: HookListener, hook: HookRun, value: unknown): Promise<unknown> {
    const { timeoutMs, from, trace, signal } = hook
    const late = (): Error => tooLate(listener, timeoutMs)
    const answer = await withDeadline(powers.clock, { timeoutMs, signal, late }, (inner) =>
      listener.invoke(value, { from, trace, signal: inner }).catch(disarm),
    )
    const given = readAnswer(answer, listener)
    if (given === undefined) return value
    if ('veto' in given) throw vetoed(listener, given.veto)
    return hook.check ? hook.check(given.value) : given.value
  }
}

/** A guest's own error may claim to be a veto; only an answer is one. */
function disarm(error: unknown): never {
  throw new Error(error instanceof Error ? error.message : String(error), { cause: error })
}

function readAnswer(
  answer: unknown,
  { name, plugin }: HookListener,
): { value: unknown } | { veto: string } | undefined {
  if (answer === undefined || answer === null) return undefined
  if (typeof answer === 'object' && 'veto' in answer && typeof answer.veto === 'string') return { veto: answer.veto }
  if (typeof answer === 'object' && 'value' in answer) return { value: answer.value }
  throw new ServiceError('HOOK_ANSWER', `plugin ${plugin} answered hook ${name} with something that is no answer`, {
    hook: name,
    plugin,
    hint: 'Answer nothing, { value } or { veto: "the reason" }.',
  })
}

function vetoed({ name, plugin }: HookListener, reason: string): ServiceError {
  const text = reason.slice(0, MAX_REASON)
  return new ServiceError('HOOK_VETOED', `plugin ${plugin} stopped this (${name}): ${text}`, {
    hook: name,
    plugin,
    reason: text,
    hint: `Do what the reason asks for, or change the settings of plugin ${plugin}.`,
  })
}

function failed({ name, plugin }: HookListener, cause: unknown): ServiceError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ServiceError('HOOK_FAILED', `plugin ${plugin} could not judge this (${name}), so it is stopped: ${why}`, {
    hook: name,
    plugin,
    cause,
    hint: `Repair or remove plugin ${plugin}. A hook that fails open would go on without it.`,
  })
}

function tooLate({ name, plugin }: HookListener, timeoutMs: number): ServiceError {
  return new ServiceError('HOOK_TIMEOUT', `plugin ${plugin} did not answer hook ${name} within ${timeoutMs} ms`, {
    hook: name,
    plugin,
    timeoutMs,
  })
}
