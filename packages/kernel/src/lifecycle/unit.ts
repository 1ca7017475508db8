// packages/kernel/src/lifecycle/unit.ts: one plugin, through all its lives (K2, K7).
//   U1  At most one session is current. Routes (services, tools, hooks) always lead to the current one.
//   U2  Whatever the way a session ends, its scope is released before the next one is current.
//   U3  A swap either ends with the new code current or leaves the old session as it was.
//   U4  Operations that change the stage run one after another.
//   U5  While a plugin is between two lives its callers wait; when it stays down they are told why.
//   U6  A plugin sleeps only when nothing runs and nothing is held for it. What it offers stays reachable: a call wakes it.
//   U7  Once it is stopped nothing of it is left, predecessors that were still ending included.
//   U8  A unit that is closed starts nothing any more, whatever was asked before and waits for its turn.
//   U9  A hook its manifest names is its to judge from the first start on: whoever runs the hook waits for it, and is stopped if it is down.
import {
  type ErrorJson,
  errorFromJson,
  LifecycleError,
  type Limits,
  type LogLevel,
  type Permission,
  type PluginPlace,
  PryxError,
  type Scope,
} from '../contract/index.ts'
import type { Subscriber } from '../events/subscriber.ts'
import { type Account, openAccount } from '../ledger/account.ts'
import { createBudget, type PluginBudget } from '../ledger/budget.ts'
import type { Caller } from '../permissions/judge.ts'
import type { Clock, Ids } from '../powers.ts'
import type { Guest, GuestEnd, GuestEvents, GuestSpec } from '../sandbox/sandbox.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { InvokeKind, InvokeOptions, LostCall } from './calls-in.ts'
import type { InstancePorts } from './instance.ts'
import type { PluginPackage } from './package.ts'
import { type Offer, openSession, type Session } from './session.ts'
import { createSupervisor } from './supervisor.ts'

const GRACE_MS = 2_000 // for a plugin to end by itself
const DRAIN_MS = 1_000 // for work in progress before a swap
const HANDOVER_MS = 2_000

/** Where a plugin stands. `idle`: starts at first use. `backoff`: failed, and will be tried again. `failed`: stays down. */
export type Stage =
  | 'disabled'
  | 'waiting'
  | 'idle'
  | 'starting'
  | 'active'
  | 'reloading'
  | 'backoff'
  | 'stopped'
  | 'failed'

export interface UnitOptions {
  id: string
  limits: Limits
  place: PluginPlace
  config(): unknown
  /** A process of its own from the start. */
  own: boolean
  /** A debugger may attach: it gets a process of its own, and code that names its sources. */
  inspect?: boolean | undefined
  group: string
  scope: Scope
  clock: Clock
  tracer: Tracer
  ids: Ids
  subscriber: Subscriber
  launch(spec: GuestSpec, events: GuestEvents, place: { group: string; own: boolean }): Promise<Guest>
  declared(pkg: PluginPackage): readonly Permission[]
  ports(caller: Caller): Pick<InstancePorts, 'call' | 'use' | 'tool' | 'tools' | 'askedMs' | 'hook' | 'emit'>
  mayHear(caller: Caller, pattern: string): void
  /** Makes an offer reachable; the release takes it away. Throws if its name is taken or was not declared. */
  expose(unit: Unit, offer: Offer): () => void
  /** Callers of the unit's services wait until the release is called. */
  hold(unit: Unit): () => void
  onStage(unit: Unit): void
  onFailed(unit: Unit, fact: UnitFailure): void
  /** `place`: file, line and column of the author's sources. */
  onLog(unit: Unit, level: LogLevel, text: string, place?: string): void
}

export interface UnitFailure {
  code: string
  message: string
  stack?: string | undefined
  failures: number
  /** ms until the next try; undefined: it stays down. */
  retryMs: number | undefined
}

export interface Unit {
  readonly id: string
  readonly pkg: PluginPackage
  readonly stage: Stage
  /** Why it stands there, for people; undefined when all is well. */
  readonly reason: string | undefined
  readonly failures: number
  readonly session: Session | undefined
  /** Who it is at the gate: its current session, or the last while it sleeps. */
  readonly caller: Caller | undefined
  readonly offers: ReadonlyMap<string, Offer>
  readonly quarantined: boolean
  /** Aborts as it is closed (U8): what the user says of it from then on is about another. */
  readonly gone: AbortSignal
  readonly limits: Limits
  readonly subscriber: Subscriber
  readonly account: Readonly<Account>
  readonly budget: PluginBudget
  /** Says where it stands without starting it. */
  rest(stage: 'disabled' | 'waiting' | 'idle', reason?: string): void
  /** Starts it if it is not up; resolves when it is active, has failed, or will be tried again. */
  start(): Promise<void>
  /** Ends it: `disabled` and `stopped` differ in whose will it is. */
  stop(stage: 'disabled' | 'stopped', reason: string): Promise<void>
  /** True while it could sleep: nothing runs for it, nothing is held for it, no event waits. */
  readonly atRest: boolean
  /** Takes its isolate away and keeps its state, if it is at rest (U6). The next call or `start` brings it back. */
  sleep(): Promise<boolean>
  /** Ends it for good (U8). */
  close(reason: string): Promise<void>
  /** Puts new code in place of the running one, handing state over. Rejects and changes nothing if it does not come up. */
  swap(pkg: PluginPackage): Promise<void>
  /** Ends the running instance as if it had ended so by itself: it is tried again, or stays down. */
  end(why: GuestEnd): void
  /** Calls into the current session, waiting for it if the plugin is between two lives. */
  invoke(kind: InvokeKind, name: string, method: string, args: unknown, options: InvokeOptions): Promise<unknown>
  /** The session calls go to, once the plugin is up. @throws PLUGIN_DOWN if it stays down; the reason of `signal` */
  present(signal: AbortSignal): Promise<Session>
}

export function createUnit(options: UnitOptions, firstPackage: PluginPackage): Unit {
  const { id, clock, limits, inspect = false } = options
  const exposed = new Map<string, () => void>()
  const supervisor = createSupervisor({ start: launch, restart, failed }, options.scope, clock)
  let pkg = firstPackage
  let stage: Stage = 'stopped'
  let reason: string | undefined
  let session: Session | undefined
  let caller: Caller | undefined
  let state: unknown
  let quarantined = false
  const gone = new AbortController()
  let wasUp = false
  const lost: LostCall[] = []
  const account = openAccount()
  const retiring = new Set<Promise<void>>()
  let unhold = () => {}
  let turn: Promise<unknown> = Promise.resolve()
  let settled = Promise.withResolvers<void>()
  let epoch = 0 // goes up with each start and stop: a start that was overtaken gives up what it made

  const unit: Unit = {
    id,
    get pkg() {
      return pkg
    },
    get stage() {
      return stage
    },
    get reason() {
      return reason
    },
    get failures() {
      return supervisor.failures
    },
    get session() {
      return session
    },
    get caller() {
      return session?.caller ?? caller
    },
    get offers() {
      return session?.offers ?? new Map()
    },
    get quarantined() {
      return quarantined
    },
    gone: gone.signal,
    limits,
    subscriber: options.subscriber,
    account,
    budget: createBudget(limits.budget, clock.now()),
    rest: (next, why) => enter(next, why),
    start: () => inTurn(async () => (session && stage === 'active' ? undefined : unlessClosed(supervisor.start))),
    get atRest() {
      return isAtRest()
    },
    sleep: () => inTurn(sleep),
    stop: (next, why) => inTurn(() => stop(next, why)),
    close: (why) => {
      gone.abort(wasRemoved()) // U8, at once: what waits for its turn will see it
      return inTurn(() => stop('stopped', why))
    },
    swap: (next) => inTurn(() => unlessClosed(() => swap(next))),
    invoke,
    end(why) {
      if (session) void endSession(session, why)
    },
    present,
  }
  return unit

  function enter(next: Stage, why?: string): void {
    stage = next
    reason = why
    standGuard()
    if (next !== 'starting' && next !== 'reloading' && next !== 'backoff') {
      settled.resolve()
      settled = Promise.withResolvers()
    }
    options.onStage(unit)
  }

  /** U9: who asks a hook waits for a guard that is on its way, and is stopped by one that is down. */
  function standGuard(): void {
    const onTheWay = stage === 'starting' || stage === 'backoff' || stage === 'failed'
    if (gone.signal.aborted || !(onTheWay || (stage === 'idle' && !wasUp))) return
    for (const name of pkg.manifest.hooks) {
      const key = `hook:${name}`
      if (!exposed.has(key))
        exposed.set(key, options.expose(unit, { t: 'provide', kind: 'hook', name, version: '', methods: [] }))
    }
  }

  function unlessClosed(work: () => Promise<void>): Promise<void> {
    return gone.signal.aborted ? Promise.reject(wasRemoved()) : work()
  }

  function wasRemoved(): LifecycleError {
    return new LifecycleError('PLUGIN_STOPPED', `${id} was removed`, { plugin: id })
  }

  /** U4 */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  /** U4: a swap that is under way may have brought it up by then. */
  function restart(attempt: () => Promise<void>): void {
    const mine = epoch
    void inTurn(async () => (mine === epoch ? attempt() : undefined))
  }

  // ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async function launch(): Promise<void> {
    if (session !== undefined && stage === 'active') return // a swap that was under way has brought it up meanwhile
    const mine = ++epoch
    enter('starting')
    const opened = await open(pkg, false)
    try {
      if (mine !== epoch)
        throw new LifecycleError('PLUGIN_STOPPED', `${id} was stopped while it was starting`, { plugin: id })
      session = opened
      caller = opened.caller
      await opened.activate(startOf(pkg, state))
      if (opened.instance.ended || mine !== epoch)
        throw new LifecycleError('PLUGIN_ENDED', `${id} ended while it was starting`, { plugin: id })
      reconcile(opened)
    } catch (cause) {
      if (session === opened) session = undefined
      await opened.close(asReason(cause), 0)
      if (mine !== epoch) return
      throw cause
    }
    opened.attachment.settle()
    enter('active')
    resume()
  }

  async function open(from: PluginPackage, hold: boolean): Promise<Session> {
    const code = await ((inspect && from.inspectable?.()) || from.code())
    const { memoryMb, turnMs, activateMs, messageBytes } = limits
    const spec: GuestSpec = {
      plugin: id,
      code,
      schemas: needsSchemas(from, code),
      memoryMb,
      turnMs,
      activateMs,
      messageBytes,
      account,
      ...(inspect && { inspect }),
    }
    return openSession({
      plugin: id,
      caller: {
        plugin: id,
        declared: options.declared(from),
        place: { ...options.place, package: from.folder },
        callMs: limits.callMs,
        instance: options.ids.next(id),
      },
      limits,
      hold,
      subscriber: options.subscriber,
      clock,
      tracer: options.tracer,
      launch: (events) =>
        options.launch(spec, events, { group: options.group, own: options.own || inspect || quarantined }),
      ports: options.ports,
      mayHear: options.mayHear,
      onOffer: offered,
      onLog: (level, text, place) => options.onLog(unit, level, text, place && pkg.mapStack(place)),
      onCheckpoint: (next) => {
        state = next
      },
      onUncaught: uncaught,
      onEnded: ended,
    })
  }

  function startOf(from: PluginPackage, previous: unknown) {
    const { name, version, tools } = from.manifest
    return { name, version, tools, config: options.config(), previous }
  }

  /** Makes what the new session offers reachable and takes away what it no longer offers, in one step (U1). */
  function reconcile(next: Session): void {
    wasUp = true
    for (const key of [...exposed.keys()]) if (!next.offers.has(key)) conceal(key)
    for (const [key, offer] of next.offers) {
      conceal(key)
      exposed.set(key, options.expose(unit, offer))
    }
  }

  function conceal(key: string): void {
    exposed.get(key)?.()
    exposed.delete(key)
  }

  function offered(from: Session, offer: Offer, change: 'provide' | 'withdraw'): void {
    if (from !== session || stage !== 'active') return // reconciled when it becomes current
    const key = `${offer.kind}:${offer.name}`
    conceal(key)
    if (change === 'provide') exposed.set(key, options.expose(unit, offer))
  }

  /** Lets waiting callers through to the current session. */
  function resume(): void {
    unhold()
    unhold = () => {}
    for (const call of lost.splice(0)) call.settle(invoke(call.kind, call.name, call.method, call.args, call.options))
  }

  // ── failing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  function uncaught(from: Session, error: ErrorJson): void {
    const stack = error.stack ? pkg.mapStack(error.stack) : error.message
    options.onLog(unit, 'error', `uncaught: ${stack}`)
    if (from === session && stage === 'starting') void endSession(from, { ...end(error), processLost: false })
  }

  function end(error: ErrorJson): GuestEnd {
    return { code: error.code, message: error.message, strike: true, processLost: false }
  }

  function ended(from: Session, why: GuestEnd): void {
    if (from !== session) return void from.close(reasonOf(why), 0) // a swap's candidate: its activation rejects
    void endSession(from, why)
  }

  /** The current session is gone without being asked. */
  async function endSession(from: Session, why: GuestEnd): Promise<void> {
    const starting = stage === 'starting'
    const mine = epoch
    if (!starting) {
      session = undefined
      unhold()
      unhold = options.hold(unit) // U5
    }
    if (why.strike)
      quarantined ||= why.processLost || why.code === 'SANDBOX_TURN_TIMEOUT' || why.code === 'SANDBOX_MEMORY'
    const again = why.strike ? undefined : keepLost
    await from.close(reasonOf(why), 0, again).catch((error: unknown) => options.onLog(unit, 'warn', String(error)))
    if (starting || mine !== epoch) return // launch() rejects and the supervisor decides; or it was stopped meanwhile, and stays so
    if (why.strike) return supervisor.crashed(reasonOf(why))
    enter('starting', why.message)
    await inTurn(async () => (mine === epoch ? supervisor.displaced() : undefined))
  }

  /** Keeps a call the instance never saw for the next one. A lent function died with its instance. */
  function keepLost(call: LostCall): boolean {
    if (call.kind === 'fn') return false
    lost.push(call)
    return true
  }

  function failed(cause: unknown, failures: number, retryMs: number | undefined): void {
    const { code, message, stack } = describe(cause)
    enter(
      retryMs === undefined ? 'failed' : 'backoff',
      retryMs === undefined ? `${message} It failed ${failures} times and stays down.` : message,
    )
    if (retryMs === undefined) giveUp(asReason(cause), 'keep hooks')
    options.onFailed(unit, { code, message, stack, failures, retryMs })
  }

  /** @param hooks A guard that is down for good is still there to fail closed, until the user takes it away. */
  function giveUp(cause: PryxError, hooks: 'keep hooks' | 'drop hooks'): void {
    for (const key of [...exposed.keys()]) if (hooks === 'drop hooks' || !key.startsWith('hook:')) conceal(key)
    unhold()
    unhold = () => {}
    options.subscriber.close()
    for (const call of lost.splice(0)) call.settle(Promise.reject(cause))
  }

  function describe(cause: unknown): { code: string; message: string; stack?: string } {
    if (!PryxError.is(cause))
      return { code: 'PLUGIN_FAILED', message: cause instanceof Error ? cause.message : String(cause) }
    const [message = '', ...frames] = pkg.mapStack(cause.message).split('\n')
    const stack = frames.length > 0 ? frames.join('\n') : guestStack(cause.stack)
    return { code: cause.code, message, ...(stack && { stack }) }
  }

  /** A stack that leads into the plugin's bundle, in the author's positions; the kernel's own frames help nobody. */
  function guestStack(stack: string | undefined): string | undefined {
    return stack?.includes('/plugin.js:') ? pkg.mapStack(stack) : undefined
  }

  // ── stopping and swapping ────────────────────────────────────────────────────────────────────────────────────────

  async function stop(next: 'disabled' | 'stopped', why: string): Promise<void> {
    epoch++
    supervisor.cancel()
    const old = session
    session = undefined
    giveUp(new LifecycleError('PLUGIN_STOPPED', `${id} was stopped: ${why}`, { plugin: id }), 'drop hooks')
    if (old) {
      old.instance.guest.pace(0)
      const handed = await old.instance.handOver(HANDOVER_MS)
      if (handed.has) state = handed.state
      await old.close(new LifecycleError('PLUGIN_STOPPED', why, { plugin: id }), GRACE_MS)
    }
    await Promise.allSettled(retiring) // U7
    enter(next, next === 'disabled' ? why : undefined)
  }

  // ── sleeping (U6) ────────────────────────────────────────────────────────────────────────────────────────────────

  function isAtRest(): boolean {
    if (stage !== 'active' || session === undefined || session.scope.size > 0) return false
    const { queued, inFlight } = options.subscriber.stats()
    return queued + inFlight === 0 && session.instance.quiet
  }

  async function sleep(): Promise<boolean> {
    const old = session
    if (old === undefined || !isAtRest()) return false
    const handed = await old.instance.handOver(HANDOVER_MS)
    if (session !== old || !isAtRest()) return false // someone came meanwhile
    if (handed.has) state = handed.state
    caller = old.caller
    session = undefined
    old.attachment.detach() // before it unsubscribes: its mailboxes stay for the next one
    enter('idle', 'it sleeps until it is needed')
    await old.close(new LifecycleError('PLUGIN_ASLEEP', `${id} was put to sleep`, { plugin: id }), GRACE_MS)
    return true
  }

  /** Callers wait for it as for a restart, so that what it offers can change hands. The one who woke it comes first. */
  function wake(call: Omit<LostCall, 'settle'>): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>()
    lost.push({ ...call, settle: answer.resolve })
    unhold()
    unhold = options.hold(unit)
    unit.start().catch((cause: unknown) => giveUp(asReason(cause), 'keep hooks'))
    return answer.promise
  }

  async function swap(next: PluginPackage): Promise<void> {
    const old = session
    if (stage === 'disabled') {
      pkg = next // switched off means that nothing of it runs, new or old
      return
    }
    if (old === undefined || stage !== 'active') {
      await stop('stopped', 'reload')
      pkg = next
      return supervisor.start()
    }
    enter('reloading')
    old.instance.guest.pace(0)
    const candidate = await open(next, true).catch((cause: unknown) => backTo(old, cause))
    const release = options.hold(unit)
    try {
      await Promise.all([old.attachment.drain(DRAIN_MS), idle(old)])
      const handed = await old.instance.handOver(HANDOVER_MS)
      await candidate.activate(startOf(next, handed.has ? handed.state : state))
      session = candidate
      pkg = next
      reconcile(candidate)
      candidate.attachment.settle() // takes the mailboxes over from the old one
      if (handed.has) state = handed.state
    } catch (cause) {
      const alive = !old.instance.ended
      session = alive ? old : undefined
      if (alive) reconcile(old)
      release()
      await candidate.close(asReason(cause), 0)
      if (alive) old.attachment.resume()
      return backTo(old, cause) // U3
    }
    release()
    enter('active')
    resume() // the old one may have ended on the way and left callers waiting
    retire(old, new LifecycleError('PLUGIN_RELOADED', `${id} was reloaded`, { plugin: id }))
  }

  /** Lets the one before end by itself, beside its successor. */
  function retire(old: Session, why: PryxError): void {
    const ending = old
      .close(why, GRACE_MS)
      .catch((error: unknown) => options.onLog(unit, 'warn', String(error)))
      .finally(() => retiring.delete(ending))
    retiring.add(ending)
  }

  function backTo(old: Session, cause: unknown): never {
    if (session === old) enter('active')
    throw cause
  }

  /** Waits for calls in progress, at most DRAIN_MS. */
  async function idle(old: Session): Promise<void> {
    const until = clock.now() + DRAIN_MS
    while (old.instance.waiting > 0 && clock.now() < until) {
      const pause = Promise.withResolvers<void>()
      clock.after(5, pause.resolve)
      await pause.promise
    }
  }

  // ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

  function invoke(
    kind: InvokeKind,
    name: string,
    method: string,
    args: unknown,
    call: InvokeOptions,
  ): Promise<unknown> {
    const now = currentSession()
    if (now) return now.instance.invoke(kind, name, method, args, call)
    if (stage === 'idle') return wake({ kind, name, method, args, options: call })
    if (!isBetweenLives()) return Promise.reject(down())
    return betweenLives(call.signal).then(() => invoke(kind, name, method, args, call))
  }

  async function present(signal: AbortSignal): Promise<Session> {
    for (;;) {
      const now = currentSession()
      if (now) return now
      if (stage === 'idle') await unit.start()
      else if (!isBetweenLives()) throw down()
      else await betweenLives(signal)
    }
  }

  function currentSession(): Session | undefined {
    return stage === 'active' || stage === 'reloading' ? session : undefined
  }

  function isBetweenLives(): boolean {
    return stage === 'starting' || stage === 'backoff' || ((stage === 'active' || stage === 'reloading') && !session)
  }

  /** Waits for the plugin to be up or down for good, or for `signal`. */
  function betweenLives(signal: AbortSignal | undefined): Promise<void> {
    if (signal === undefined) return settled.promise
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      void settled.promise.then(() => {
        signal.removeEventListener('abort', abort)
        resolve()
      })
    })
  }

  function down(): LifecycleError {
    return new LifecycleError('PLUGIN_DOWN', `${id} is ${stage}${reason ? `: ${reason}` : ''}`, {
      plugin: id,
      state: stage,
    })
  }
}

function needsSchemas(pkg: PluginPackage, code: string): boolean {
  return (
    /from\s*["']zod["']/.test(code) ||
    pkg.manifest.tools.some((tool) => tool.handler !== undefined && tool.input !== undefined)
  )
}

function reasonOf(end: GuestEnd): PryxError {
  return new LifecycleError(end.code, end.message, { used: end.used, max: end.max })
}

function asReason(cause: unknown): PryxError {
  return PryxError.is(cause)
    ? cause
    : errorFromJson({ code: 'PLUGIN_FAILED', message: cause instanceof Error ? cause.message : String(cause) })
}
