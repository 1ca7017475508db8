// packages/kernel/src/services/registry.ts: requests between plugins, by the name and version of a service (K6).
//   R1 to R4 of routes.ts hold here too.
//   R5  A consumer only ever reaches a provider whose version is in its range; it is judged again on each call.
//   R6  What a provider did not name as a method is never asked of it.
import semver from 'semver'
import { DEFAULT_LIMITS, type PluginId, type Release, ServiceError } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import { withDeadline } from './deadline.ts'
import { nearest } from './nearest.ts'
import { createRoutes, type Routed } from './routes.ts'

/** One call as the provider gets it. */
export interface Invocation {
  readonly from: string
  readonly method: string
  readonly args: unknown
  readonly trace: string
  /** Aborts when the caller cancels or, for a provider that does not keep time itself, when the time is up. */
  readonly signal: AbortSignal | undefined
  /** ms the call may take; 0 means as long as the signal lives. */
  readonly timeoutMs: number
}

export interface Provider extends Routed {
  /** It ends each call itself: in time, on cancel, and when it goes away. Saves a timer and a signal per call. */
  readonly keepsTime?: boolean
  /** Semver of the contract it keeps. */
  readonly version: string
  readonly methods: readonly string[]
  invoke(call: Invocation): Promise<unknown>
}

export interface ServiceCall {
  /** A plugin id, `kernel` or `host`. */
  from: string
  service: string
  /** Semver range of the contract the caller was written against. */
  range: string
  method: string
  args: unknown
  trace: string
  signal?: AbortSignal | undefined
  /** ms, default 10 s; 0 means as long as the signal lives. */
  timeoutMs?: number
}

export interface WaitOptions {
  timeoutMs: number
  signal?: AbortSignal | undefined
}

export interface Services {
  /** @throws SERVICE_TAKEN naming the holder. */
  register(provider: Provider): Release
  /** @throws SERVICE_MISSING, or SERVICE_VERSION if what is there does not fit `range`. */
  resolve(name: string, range: string): Provider
  /** As `resolve`, but waits for a provider that fits. Rejects as `resolve` would throw when the time is up. */
  whenAvailable(name: string, range: string, options: WaitOptions): Promise<Provider>
  /**
   * Calls a method. Waits while the service is held.
   *
   * @throws SERVICE_MISSING, SERVICE_VERSION, SERVICE_METHOD, SERVICE_TIMEOUT, SERVICE_GONE, SERVICE_BUSY, the abort
   *   reason of `signal`, or what the provider answers.
   */
  call(call: ServiceCall): Promise<unknown>
  /** Makes callers wait until released: its plugin reloads, restarts or is being started for them. */
  hold(name: string): Release
  list(): Provider[]
}

/** Every call asks this of the few pairs there are; semver's own answer takes longer than the rest of the call. */
const satisfied = new Map<string, boolean>()
const MAX_SATISFIED = 1_000

function satisfies(version: string, range: string): boolean {
  const key = `${version} ${range}`
  let answer = satisfied.get(key)
  if (answer === undefined) {
    if (satisfied.size >= MAX_SATISFIED) satisfied.clear()
    answer = semver.satisfies(version, range)
    satisfied.set(key, answer)
  }
  return answer
}

export function createServices({ clock }: { clock: Clock }): Services {
  const routes = createRoutes<Provider>(clock, 'service')
  return {
    register: routes.register,
    resolve,
    whenAvailable,
    call,
    hold: routes.hold,
    list: routes.list,
  }

  function resolve(name: string, range: string): Provider {
    return fitting(name, range, routes.get(name))
  }

  function fitting(name: string, range: string, provider: Provider | undefined): Provider {
    if (provider === undefined) throw missing(name, range)
    if (!satisfies(provider.version, range)) throw unfit(provider, range) // R5
    return provider
  }

  function call({ service, range, method, args, from, trace, signal, timeoutMs = DEFAULT_LIMITS.callMs }: ServiceCall) {
    const holder = routes.get(service)
    if (holder?.keepsTime === true && !routes.isHeld(service)) return invoke(holder, signal)
    return routes.run({ name: service, timeoutMs, signal }, invoke)

    /** Not async: each promise around another costs as much as a tenth of the call. */
    function invoke(entry: Provider | undefined, inner: AbortSignal | undefined): Promise<unknown> {
      try {
        const provider = fitting(service, range, entry)
        if (!provider.methods.includes(method)) throw noMethod(provider, method) // R6
        return provider.invoke({ from, method, args, trace, signal: inner, timeoutMs })
      } catch (error) {
        return Promise.reject(error)
      }
    }
  }

  function whenAvailable(name: string, range: string, { timeoutMs, signal }: WaitOptions): Promise<Provider> {
    const found = fits(name, range)
    if (found) return Promise.resolve(found)
    let stop: Release = () => {}
    const late = (): Error => refusal(name, range)
    return withDeadline<Provider>(clock, { timeoutMs, signal, late }, (inner) => {
      return new Promise((resolve) => {
        stop = routes.watch(() => {
          const provider = fits(name, range)
          if (provider && !inner.aborted) resolve(provider)
        })
      })
    }).finally(() => stop())
  }

  function fits(name: string, range: string): Provider | undefined {
    const provider = routes.get(name)
    return provider && semver.satisfies(provider.version, range) ? provider : undefined
  }

  function refusal(name: string, range: string): Error {
    const provider = routes.get(name)
    return provider ? unfit(provider, range) : missing(name, range)
  }

  function missing(name: string, range: string): ServiceError {
    const names = routes.list().map((provider) => provider.name)
    const meant = nearest(name, names)
    return new ServiceError('SERVICE_MISSING', `no plugin provides service "${name}" (${range})`, {
      service: name,
      range,
      hint: meant ? `There is "${meant}"; was that meant?` : 'Install and start a plugin that provides it.',
    })
  }
}

function unfit({ name, version, plugin }: Provider, range: string): ServiceError {
  return new ServiceError('SERVICE_VERSION', `service "${name}" is there in version ${version}, wanted is ${range}`, {
    service: name,
    range,
    found: version,
    plugin,
    hint: `Update plugin ${plugin as PluginId}, or the plugin that asks, so that both speak one version.`,
  })
}

function noMethod({ name, version, methods }: Provider, method: string): ServiceError {
  const meant = nearest(method, methods)
  const there = methods.length > 0 ? methods.join(', ') : 'none'
  return new ServiceError('SERVICE_METHOD', `service "${name}" ${version} has no method "${method}"; it has ${there}`, {
    service: name,
    method,
    hint: meant ? `Call "${meant}".` : 'Call one of its methods.',
  })
}
