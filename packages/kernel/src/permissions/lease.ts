// packages/kernel/src/permissions/lease.ts: one call's hold on its permissions and on what it opened (K4).
//   L1  A lease ends once, with one reason. What waits on it rejects with that reason at once, whatever the driver does.
//   L2  What it keeps (effects, streams) is released newest first when it ends, and it lives as long as it keeps something.
//   L3  What it was lent (the caller's streams and functions) is given back when it closes, and does not keep it open.
//   L4  It ends with its caller's scope, its caller's signal, its time limit, or the loss of a permission it stands on.
import { CapabilityError, LifecycleError, type Permission, type PryxError, type Release } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Caller } from './judge.ts'

export interface Lease {
  readonly caller: Caller
  /** What it stands on. */
  readonly permissions: readonly Permission[]
  /** Why it ended; undefined while it lives. */
  readonly ended: PryxError | undefined
  /** It lives no more: it has ended, or its call is answered and nothing is kept. */
  readonly closed: boolean
  /** Why what it keeps is released: the reason it ended for, or that its caller has. */
  readonly reason: PryxError
  /** Aborts as the lease ends. Made when first asked for: most drivers of quick calls never look. */
  readonly signal: AbortSignal
  /** Adds a permission. `once`: granted for this call alone, so nothing but a deny takes it back. */
  standOn(permission: Permission, how: { once: boolean; expiresAt: number }): void
  isOnce(permission: Permission): boolean
  /** The user is being asked for it: a deny ends the lease as if it stood on it already. Answers how to say that the question is over. */
  waitFor(permission: Permission): Release
  /** Has `onExpiry` called at `at`, epoch ms: what it stands on or waits for may be lost by time then. */
  lookAgain(at: number): void
  /** Permissions the user is being asked for. */
  readonly awaited: Iterable<Permission>
  /** Sets the time limit, ms from now; 0 lifts it. */
  limit(ms: number): void
  /** Stops the time limit until `work` has settled: the user's time is not the plugin's. */
  untimed<T>(work: Promise<T>): Promise<T>
  /** Owns what outlives the call. @throws the reason if the lease has ended. */
  keep(acquire: () => Release): Release
  /** Calls `giveBack` as the lease closes, at once if it has. Answers how to give back early. */
  lend(giveBack: Release): Release
  /** Settles as `work` does, or rejects as the lease ends. */
  race<T>(work: PromiseLike<T>): Promise<T>
  end(reason: PryxError): void
  /** The call is answered: no time limit any more, and the lease ends quietly once it keeps nothing. */
  answered(): void
}

export interface LeaseOptions {
  clock: Clock
  what: string
  signal?: AbortSignal | undefined
  /** Called when the time of something the user said is over. */
  onExpiry: (lease: Lease) => void
  onEnd: (lease: Lease) => void
}

/** @throws PLUGIN_STOPPED if the caller has ended; CAPABILITY_CANCELLED if its signal has aborted. */
export function openLease(caller: Caller, { clock, what, signal, onExpiry, onEnd }: LeaseOptions): Lease {
  if (caller.scope.closed) throw stopped(caller)
  if (signal?.aborted) throw cancelled(what)
  const permissions: Permission[] = []
  const once = new Set<Permission>()
  const awaited = new Set<Permission>()
  const kept = new Set<Release>()
  const lent = new Set<Release>()
  const rejects = new Set<(reason: PryxError) => void>()
  const timers: Release[] = []
  let controller: AbortController | undefined
  let stopLimit: Release | undefined
  let limitMs = 0
  let leftMs = 0 // of the limit; less than it after a pause
  let limitedAt = 0
  let pauses = 0
  let ended: PryxError | undefined
  let closed = false
  let isAnswered = false
  const leaveScope = caller.scope.effect(() => () => void (closed || end(stopped(caller)))) // L4
  const onAbort = () => end(cancelled(what))
  signal?.addEventListener('abort', onAbort, { once: true })

  const lease: Lease = {
    caller,
    permissions,
    awaited,
    get closed() {
      return closed
    },
    get ended() {
      return ended
    },
    get reason() {
      return ended ?? stopped(caller)
    },
    get signal() {
      if (controller === undefined) {
        controller = new AbortController()
        if (ended) controller.abort(ended)
      }
      return controller.signal
    },
    standOn(permission, how) {
      if (!permissions.includes(permission)) permissions.push(permission)
      if (how.once) once.add(permission)
      else lookAgain(how.expiresAt)
    },
    isOnce: (permission) => once.has(permission),
    lookAgain,
    waitFor(permission) {
      awaited.add(permission)
      return () => void awaited.delete(permission)
    },
    limit(ms) {
      void stopLimit?.()
      limitMs = ms
      leftMs = ms
      startLimit()
    },
    async untimed(work) {
      if (++pauses === 1 && stopLimit) {
        void stopLimit()
        leftMs = Math.max(1, leftMs - (clock.now() - limitedAt))
      }
      try {
        return await work
      } finally {
        if (--pauses === 0) startLimit()
      }
    },
    keep(acquire) {
      if (ended || closed) throw lease.reason
      const release = caller.scope.effect(() => {
        const letGo = acquire()
        return () => {
          kept.delete(release)
          if (kept.size === 0 && isAnswered) close()
          return letGo()
        }
      })
      kept.add(release)
      return release
    },
    lend(giveBack) {
      const once: Release = () => (lent.delete(once) ? giveBack() : undefined)
      lent.add(once)
      if (closed) quietly(once)
      return once
    },
    race: (work) =>
      new Promise((resolve, reject) => {
        if (ended) reject(ended)
        else rejects.add(reject)
        const done = () => rejects.delete(reject)
        work.then(
          (value) => void (done() && resolve(value)),
          (error) => void (done() && reject(error)),
        )
      }),
    end,
    answered() {
      isAnswered = true
      lease.limit(0)
      if (kept.size === 0) close()
    },
  }
  return lease

  function startLimit(): void {
    limitedAt = clock.now()
    stopLimit = leftMs > 0 && pauses === 0 && !closed ? clock.after(leftMs, () => end(late(what, limitMs))) : undefined
  }

  function lookAgain(at: number): void {
    if (at !== Number.POSITIVE_INFINITY && !closed) timers.push(clock.after(at - clock.now(), () => onExpiry(lease)))
  }

  function end(reason: PryxError): void {
    if (ended || closed) return // L1
    ended = reason
    const waiting = [...rejects]
    rejects.clear()
    for (const reject of waiting) reject(reason)
    controller?.abort(reason)
    for (const release of [...kept].reverse()) quietly(release) // L2
    close()
  }

  function close(): void {
    if (closed) return
    closed = true
    void stopLimit?.()
    for (const stop of timers) void stop()
    signal?.removeEventListener('abort', onAbort)
    for (const giveBack of [...lent].reverse()) quietly(giveBack) // L3
    void leaveScope()
    onEnd(lease)
  }
}

/** A release that fails must not stop the others; the driver's own error has nobody to go to here. */
function quietly(release: Release): void {
  try {
    Promise.resolve(release()).catch(() => {})
  } catch {}
}

function stopped({ plugin, instance }: Caller): LifecycleError {
  return new LifecycleError('PLUGIN_STOPPED', `${plugin} has ended`, { plugin, state: 'stopped', instance })
}

function cancelled(what: string): CapabilityError {
  return new CapabilityError('CAPABILITY_CANCELLED', `${what} was cancelled by its caller`)
}

function late(what: string, ms: number): CapabilityError {
  return new CapabilityError('CAPABILITY_TIMEOUT', `${what} took longer than ${ms} ms`, {
    max: ms,
    hint: 'Try again, ask for less at once, or have the host raise limits.callMs.',
  })
}
