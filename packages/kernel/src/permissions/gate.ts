// packages/kernel/src/permissions/gate.ts: the one way to a privileged act (K4, K8).
//   guest → input valid? → which permissions? → declared? → granted? → (ask) → driver → audit
//   T1  A driver runs only while every permission its input needs is allowed; what it opens ends with the first one lost.
//   T2  Losing a permission rejects the call at once with PERMISSION_REVOKED, whatever the driver does.
//   T3  Every act that began leaves one entry in the audit log, however it ended; refusals at least a count.
//   T4  Calls to other plugins (services, tools) stand on their permission as calls to drivers do: T1 to T3 hold for them.
import type { Audit } from '../audit/audit.ts'
import type { AuditFact, Outcome } from '../audit/chain.ts'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  type CapabilityMethod,
  type Permission,
  type PluginId,
  type PryxError,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { Approvals } from './approvals.ts'
import { createAsking } from './asking.ts'
import { foreignError } from './foreign.ts'
import { covers, createGrammars, type Grammars, joinPermission } from './grammar.ts'
import { type Grant, holdsIn } from './grant.ts'
import type { GrantChange, Grants } from './grants.ts'
import { readInput } from './input.ts'
import { type Caller, createJudge } from './judge.ts'
import { type Lease, openLease } from './lease.ts'
import { lend, refuseLent } from './lend.ts'
import { outcomeOf, outcomeOfBegun, refused, withRefused } from './refusal.ts'
import { cancelStreams, leaseStreams } from './stream.ts'
import { createTally } from './tally.ts'

export interface GateRequest {
  readonly capability: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly trace: string
  /** Aborts when the caller cancels. */
  readonly signal?: AbortSignal | undefined
}

/** One use of another plugin. */
export interface PassRequest {
  readonly permission: Permission
  /** For the audit log: `service.call`, `tool.call`. */
  readonly act: string
  /** What of it: `notes.save`. */
  readonly detail: string
  readonly args: unknown
  readonly trace: string
  readonly signal: AbortSignal
}

/** Gets the arguments with what the caller lent bound to the call, and hears by the signal when it is over. */
export type Work = (args: unknown, signal: AbortSignal) => Promise<unknown>

export interface Gate {
  /**
   * Calls a method of a capability for `caller`.
   *
   * @throws CAPABILITY_UNKNOWN, CAPABILITY_INPUT, CAPABILITY_TIMEOUT, CAPABILITY_CANCELLED; PERMISSION_UNDECLARED, PERMISSION_DENIED,
   *   PERMISSION_REVOKED; APPROVAL_TOO_MANY; PLUGIN_STOPPED; what the driver throws, with the platform's code.
   */
  call(caller: Caller, request: GateRequest): Promise<unknown>
  /**
   * Has another plugin do something for `caller` (a service, a tool) while `permission` is allowed, asking the user if need be.
   *
   * @throws as `call` does; what `work` throws.
   */
  pass(caller: Caller, request: PassRequest, work: Work): Promise<unknown>
  /** Has `caller` asked something (a hook) while `permission` is allowed; undefined if it is not now: nobody is asked. */
  hold<T>(
    caller: Caller,
    permission: Permission,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> | undefined
  /** Resolves if `caller` may use `permission` (an event), asking the user if need be; else rejects as `call` does. */
  require(caller: Caller, permission: Permission, trace: string): Promise<void>
  /** Returns if `permission` is allowed or may be asked for at its first use. @throws PERMISSION_UNDECLARED, PERMISSION_DENIED, PLUGIN_STOPPED */
  refuseDenied(caller: Caller, permission: Permission, trace: string): void
  /** True if `permission` is allowed (a grant for once is spent), false if the user is to be asked: by `require`. @throws as `refuseDenied` */
  admits(caller: Caller, permission: Permission, trace: string): boolean
  /** Says at once, without asking. A grant for once is spent by a yes. For events. */
  allows(caller: Caller, permission: Permission): boolean
  /** Writes down an act that needs no lease (T3): each first one, and how many more there were within a minute. */
  used(caller: Caller, act: 'event.emitted' | 'event.subscribed', permission: Permission, trace: string): void
  /** True unless `permission` is granted now, whether the caller lives or not. Asks nobody, spends and writes nothing. */
  lacks(caller: Caller, permission: Permission): boolean
  /** What permissions mean on this host. */
  readonly grammars: Grammars
  /** Writes down what was only counted so far: the host is stopping. */
  flush(): void
}

export interface GateOptions {
  capabilities: Iterable<Capability>
  grants: Grants
  approvals: Approvals
  audit: Pick<Audit, 'append' | 'drained'>
  clock: Clock
  /** Told of each call's decision and work, while it is on. */
  tracer?: Tracer
  /** The user's working folder, the key of workspace grants. */
  workspace: string
  /** Keys of network and integration grants that hold here. */
  network?: string
  integration?: string
}

const REFUSALS_MS = 1_000 // in which equal refusals are one entry
const USES_MS = 60_000 // in which equal events are

type Method = CapabilityMethod<readonly unknown[]>

export function createGate({ capabilities, grants, approvals, audit, clock, tracer, ...where }: GateOptions): Gate {
  const drivers = new Map([...capabilities].map((capability) => [capability.name, capability]))
  const grammars = createGrammars(drivers.values())
  const judge = createJudge({ grammars, grants, clock, where })
  const refusals = createTally((fact) => audit.append(fact), clock, REFUSALS_MS)
  const uses = createTally((fact) => audit.append(fact), clock, USES_MS)
  const leases = new Map<PluginId, Set<Lease>>()
  const written = new WeakSet<PryxError>() // refusals that are in the log already
  const ask = createAsking({ approvals, grants, audit, judge, grammars, where })
  grants.watch(grantChanged)
  return { call, pass, hold, require: requirePermission, refuseDenied, admits, allows, used, lacks, grammars, flush }

  function writeRefusal(fact: AuditFact, code: string): void {
    refusals.write(`${code} ${fact.act} ${fact.access.join(' ')}`, { ...fact, detail: { code } })
  }

  function used(
    caller: Caller,
    act: 'event.emitted' | 'event.subscribed',
    permission: Permission,
    trace: string,
  ): void {
    uses.write(permission, { plugin: caller.plugin, act, access: [permission], outcome: 'allowed', trace })
  }

  function flush(): void {
    refusals.flush()
    uses.flush()
  }

  function call(caller: Caller, request: GateRequest): Promise<unknown> {
    const act = `${request.capability}.${request.method}`
    return mediate(caller, { ...request, act }, async (doing) => {
      const method = findMethod(drivers, request, act)
      const valid = readInput(method.input, request.args, act)
      const lease = doing.open()
      const input = lend(valid, lease)
      const { plugin } = caller
      await timed('gate', act, plugin, request.trace, () => authorizeInput(lease, request, method, input))
      doing.begin(redacted(method, input))
      return timed('driver', act, plugin, request.trace, () => run(lease, request, method, input))
    })
  }

  function pass(caller: Caller, request: PassRequest, work: Work): Promise<unknown> {
    return mediate(caller, request, async (doing) => {
      refuseEarly(caller, request)
      const lease = doing.open()
      const args = lend(request.args, lease)
      const waiting = authorize(lease, request.permission, request.trace)
      if (waiting) await lease.race(waiting)
      const room = audit.drained()
      if (room) await inTime(lease, room)
      if (lease.ended) throw lease.ended
      lease.limit(0) // who answers keeps the time
      doing.begin(request.detail)
      return leased(lease, work(args, lease.signal))
    })
  }

  /** Before anything is opened for the call: a flood of what may not be done must cost little. Who has ended is told so instead. */
  function refuseEarly(caller: Caller, { permission, signal }: PassRequest): void {
    if (caller.scope.closed || signal.aborted) return
    const verdict = judge(caller, permission)
    if (verdict.kind === 'deny') throw refused(caller.plugin, permission, verdict.code)
  }

  /** Runs `body` under a lease that ends with it, and tells the log how it went (T3). */
  async function mediate(
    caller: Caller,
    request: { act: string; trace: string; args: unknown; signal?: AbortSignal | undefined },
    body: (doing: { open(): Lease; begin(detail: unknown): void }) => Promise<unknown>,
  ): Promise<unknown> {
    const { act, trace, args, signal } = request
    const startedAt = clock.now()
    let lease: Lease | undefined
    let begun = false
    let detail: unknown
    try {
      const result = await body({ open: openOwn, begin })
      write('allowed')
      return result
    } catch (error) {
      const told = foreignError(error, act, args)
      lease?.end(told)
      if (lease === undefined) refuseLent(args)
      write(begun ? outcomeOfBegun(told) : outcomeOf(told), told)
      throw told
    } finally {
      lease?.answered()
    }

    function openOwn(): Lease {
      lease = open(caller, act, signal)
      return lease
    }

    function begin(what: unknown): void {
      begun = true
      detail = what
    }

    function write(outcome: Outcome, error?: PryxError): void {
      if (error && !begun && written.has(error)) return
      const own = lease?.permissions ?? []
      const access = begun ? own : withRefused(own, error)
      const fact: AuditFact = { plugin: caller.plugin, act, access, outcome, ms: clock.now() - startedAt, trace }
      if (error && !begun && (outcome === 'denied' || access.length === 0)) writeRefusal(fact, error.code)
      else if (error || detail !== undefined) audit.append({ ...fact, detail: { code: error?.code, input: detail } })
      else audit.append(fact)
    }
  }

  function timed<T>(
    kind: 'gate' | 'driver',
    act: string,
    plugin: PluginId,
    trace: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const span = tracer?.on ? tracer.begin(kind, trace, act, plugin) : undefined
    if (span === undefined) return work()
    const done = work()
    done.then(
      () => tracer?.end(span),
      (error: unknown) => tracer?.end(span, error),
    )
    return done
  }

  /** Stands the lease on every permission the input needs (T1). */
  async function authorizeInput(
    lease: Lease,
    { capability, trace }: GateRequest,
    method: Method,
    input: readonly unknown[],
  ): Promise<void> {
    const found = method.access(input, lease.caller.place)
    const rests = Array.isArray(found)
      ? (found as readonly string[])
      : await inTime(lease, found as Promise<readonly string[]>)
    for (const rest of rests) {
      const waiting = authorize(lease, joinPermission(capability, rest), trace)
      if (waiting) await lease.race(waiting)
    }
    const room = audit.drained()
    if (room) await inTime(lease, room)
  }

  async function run(lease: Lease, request: GateRequest, method: Method, input: readonly unknown[]): Promise<unknown> {
    const { caller } = lease
    if (lease.ended) throw lease.ended
    lease.limit(limitOf(method, caller))
    const call: CapabilityCall = {
      plugin: caller.plugin,
      place: caller.place,
      trace: request.trace,
      get signal() {
        return lease.signal
      },
      effect: (acquire) => lease.keep(acquire),
      check: (rest) => check(lease, joinPermission(request.capability, rest), request),
    }
    return leased(lease, Promise.resolve(method.run(input, call)))
  }

  /** What `working` answers while the lease lives (T2); the streams of an answer that nobody takes any more are ended. */
  async function leased(lease: Lease, working: Promise<unknown>): Promise<unknown> {
    let taken = false
    working.then(
      (late) => !taken && lease.ended && cancelStreams(late, lease.ended),
      () => {},
    )
    const result = await lease.race(working)
    taken = true
    if (lease.ended === undefined) return leaseStreams(result, lease)
    cancelStreams(result, lease.ended)
    throw lease.ended
  }

  /** A further permission, wanted while the driver runs. A refusal is written here: the driver may go on without. */
  async function check(
    lease: Lease,
    permission: Permission,
    { capability, method, trace }: GateRequest,
  ): Promise<void> {
    try {
      if (lease.ended) throw lease.ended
      const waiting = authorize(lease, permission, trace)
      if (waiting) await lease.race(waiting)
    } catch (error) {
      const act = `${capability}.${method}`
      const told = foreignError(error, act, [])
      if (outcomeOf(told) !== 'denied' || written.has(told)) throw told
      written.add(told)
      writeRefusal({ plugin: lease.caller.plugin, act, access: [permission], outcome: 'denied', trace }, told.code)
      throw told
    }
  }

  /** Undefined at once if `permission` is granted; else settles when the user has answered. */
  function authorize(lease: Lease, permission: Permission, trace: string): Promise<void> | undefined {
    const { caller } = lease
    const verdict = judge(caller, permission)
    if (verdict.kind === 'deny') throw refused(caller.plugin, permission, verdict.code)
    if (verdict.kind === 'ask') return lease.untimed(ask(lease, permission, verdict, trace))
    const once = verdict.grant.duration === 'once'
    lease.standOn(permission, { once, expiresAt: verdict.until })
    return once ? grants.consume(verdict.grant.id) : undefined
  }

  async function requirePermission(caller: Caller, permission: Permission, trace: string): Promise<void> {
    const verdict = judge(caller, permission)
    if (verdict.kind === 'allow' && verdict.grant.duration !== 'once' && !caller.scope.closed) return
    const act = 'permission.required'
    if (verdict.kind === 'deny') {
      writeRefusal({ plugin: caller.plugin, act, access: [permission], outcome: 'denied', trace }, verdict.code)
      throw refused(caller.plugin, permission, verdict.code)
    }
    let lease: Lease | undefined
    try {
      lease = open(caller, act, undefined)
      const waiting = authorize(lease, permission, trace)
      if (waiting) await lease.race(waiting)
    } catch (error) {
      const told = foreignError(error, act, [])
      lease?.end(told)
      writeRefusal({ plugin: caller.plugin, act, access: [permission], outcome: outcomeOf(told), trace }, told.code)
      throw told
    } finally {
      lease?.answered()
    }
  }

  function hold<T>(
    caller: Caller,
    permission: Permission,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> | undefined {
    if (!allows(caller, permission, 'keep')) return undefined
    return held()

    async function held(): Promise<T> {
      const lease = open(caller, permission, signal)
      try {
        await authorize(lease, permission, '')
        return await lease.race(work(lease.signal))
      } finally {
        lease.answered()
      }
    }
  }

  function refuseDenied(caller: Caller, permission: Permission, trace: string): void {
    const verdict = judge(caller, permission)
    if (verdict.kind !== 'deny') return
    const act = 'permission.required'
    writeRefusal({ plugin: caller.plugin, act, access: [permission], outcome: 'denied', trace }, verdict.code)
    throw refused(caller.plugin, permission, verdict.code)
  }

  function admits(caller: Caller, permission: Permission, trace: string): boolean {
    if (caller.scope.closed) return false
    const verdict = judge(caller, permission)
    if (verdict.kind === 'allow') spend(verdict.grant)
    else refuseDenied(caller, permission, trace)
    return verdict.kind === 'allow'
  }

  /** In memory at once, which is what counts here. */
  function spend({ id, duration }: Grant): void {
    if (duration === 'once') grants.consume(id).catch(() => {})
  }

  function allows(caller: Caller, permission: Permission, once: 'spend' | 'keep' = 'spend'): boolean {
    const verdict = caller.scope.closed ? undefined : judge(caller, permission)
    if (verdict?.kind === 'allow') {
      if (once === 'spend') spend(verdict.grant)
      return true
    }
    const code = verdict?.kind === 'deny' ? verdict.code : 'PERMISSION_NOT_GRANTED'
    writeRefusal(
      {
        plugin: caller.plugin,
        act: 'permission.required',
        access: [permission],
        outcome: 'denied',
        trace: caller.instance,
      },
      code,
    )
    return false
  }

  function lacks(caller: Caller, permission: Permission): boolean {
    return judge(caller, permission).kind !== 'allow'
  }

  function open(caller: Caller, what: string, signal: AbortSignal | undefined): Lease {
    const lease = openLease(caller, {
      clock,
      what,
      signal,
      onExpiry: (lease) => recheck(lease),
      onEnd: (lease) => void leases.get(caller.plugin)?.delete(lease),
    })
    const own = leases.get(caller.plugin) ?? new Set()
    leases.set(caller.plugin, own.add(lease))
    return lease
  }

  function grantChanged({ kind, grant }: GrantChange): void {
    const { id, plugin, permission, mode, duration, scope, by } = grant
    const outcome = mode === 'allow' ? 'allowed' : 'denied'
    audit.append({
      plugin,
      act: `permission.${kind}`,
      access: [permission],
      outcome,
      detail: { id, mode, duration, scope, by },
      trace: id,
    })
    if (kind !== 'used') for (const lease of [...(leases.get(plugin) ?? [])]) recheck(lease, grant)
  }

  /** What was allowed for one call alone is lost by a newer no, not by an older one that it overruled. */
  function denies(said: Grant | undefined, permission: Permission): boolean {
    if (said?.mode !== 'deny' || !holdsIn(said.scope, where)) return false
    return covers(grammars, said.permission, permission) || covers(grammars, permission, said.permission)
  }

  /** Ends a lease that has lost something it stands on (T1, T2). @param changed What was said just now; undefined: time alone has passed */
  function recheck(lease: Lease, changed?: Grant): void {
    const lost =
      lease.permissions.find((permission) =>
        lease.isOnce(permission) ? denies(changed, permission) : judge(lease.caller, permission).kind !== 'allow',
      ) ?? [...lease.awaited].find((permission) => judge(lease.caller, permission).kind === 'deny')
    if (lost !== undefined) return lease.end(refused(lease.caller.plugin, lost, 'PERMISSION_REVOKED'))
    for (const permission of lease.awaited) lease.lookAgain(judge(lease.caller, permission).until)
  }
}

function findMethod(
  drivers: ReadonlyMap<string, Capability>,
  { capability, method }: GateRequest,
  act: string,
): Method {
  const methods = drivers.get(capability)?.methods
  if (methods !== undefined && Object.hasOwn(methods, method)) return methods[method] as unknown as Method // its schema guards its input
  throw new CapabilityError('CAPABILITY_UNKNOWN', `this host has no ${act.slice(0, 80)}`, {
    found: act,
    expected: methods ? Object.keys(methods).join(', ') : [...drivers.keys()].join(', '),
    hint: methods ? `"${capability}" has other methods.` : 'Ask the host to offer this capability.',
  })
}

function limitOf(method: Method, caller: Caller): number {
  return method.timeoutMs ?? caller.callMs
}

/** Waits within the caller's usual time. */
function inTime<T>(lease: Lease, work: Promise<T>): Promise<T> {
  lease.limit(lease.caller.callMs)
  return lease.race(work)
}

function redacted(method: Method, input: readonly unknown[]): unknown {
  try {
    return method.redact?.(input)
  } catch {
    return 'unreadable'
  }
}
