// packages/kernel/src/permissions/gate.ts: the one way to a privileged act (K4, K8).
//   guest → input valid? → which permissions? → declared? → granted? → (ask) → driver → audit
//   T1  A driver runs only while every permission its input needs is allowed; what it opens ends with the first one lost.
//   T2  Losing a permission rejects the call at once with PERMISSION_REVOKED, whatever the driver does.
//   T3  Every call that reaches a capability leaves one entry in the audit log; refusals at least a count.
//   T4  A lasting answer of the user is recorded once, however many calls waited for it.
import type { Audit } from '../audit/audit.ts'
import type { AuditFact, Outcome } from '../audit/chain.ts'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  type CapabilityMethod,
  type Permission,
  PermissionError,
  type PluginId,
  type PryxError,
  stackless,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { ApprovalAnswer, Approvals } from './approvals.ts'
import { foreignError } from './foreign.ts'
import { consentTo, createGrammars, type Grammars, joinPermission } from './grammar.ts'
import type { GrantScope, Where } from './grant.ts'
import type { GrantChange, Grants } from './grants.ts'
import { readInput } from './input.ts'
import { type Caller, createJudge } from './judge.ts'
import { type Lease, openLease } from './lease.ts'
import { createRefusals } from './refusals.ts'
import { cancelStreams, leaseStreams } from './stream.ts'

export interface GateRequest {
  readonly capability: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly trace: string
  /** Aborts when the caller cancels. */
  readonly signal?: AbortSignal | undefined
}

export interface Gate {
  /**
   * Calls a method of a capability for `caller`.
   *
   * @throws CAPABILITY_UNKNOWN, CAPABILITY_INPUT, CAPABILITY_TIMEOUT, CAPABILITY_CANCELLED; PERMISSION_UNDECLARED, PERMISSION_DENIED,
   *   PERMISSION_REVOKED; APPROVAL_TOO_MANY; PLUGIN_STOPPED; what the driver throws, with the platform's code.
   */
  call(caller: Caller, request: GateRequest): Promise<unknown>
  /** Resolves if `caller` may use `permission` (a service, hook or tool), asking the user if need be; else rejects as `call` does. */
  require(caller: Caller, permission: Permission, trace: string): Promise<void>
  /** Says at once, without asking. A grant for once is spent by a yes. For events. */
  allows(caller: Caller, permission: Permission): boolean
  /** What permissions mean on this host. */
  readonly grammars: Grammars
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

type Method = CapabilityMethod<readonly unknown[]>

export function createGate({ capabilities, grants, approvals, audit, clock, tracer, ...where }: GateOptions): Gate {
  const drivers = new Map([...capabilities].map((capability) => [capability.name, capability]))
  const grammars = createGrammars(drivers.values())
  const judge = createJudge({ grammars, grants, clock, where })
  const writeRefusal = createRefusals((fact) => audit.append(fact), clock)
  const leases = new Map<PluginId, Set<Lease>>()
  const written = new WeakSet<PryxError>() // refusals that are in the log already
  const recorded = new WeakMap<ApprovalAnswer, Promise<void>>()
  grants.watch(grantChanged)
  return { call, require: requirePermission, allows, grammars }

  async function call(caller: Caller, request: GateRequest): Promise<unknown> {
    const act = `${request.capability}.${request.method}`
    const startedAt = clock.now()
    let lease: Lease | undefined
    let detail: unknown
    try {
      const method = findMethod(drivers, request, act)
      const input = readInput(method.input, request.args, act)
      const held = open(caller, act, request.signal)
      lease = held
      const { plugin } = caller
      await timed('gate', act, plugin, request.trace, () => authorizeInput(held, request, method, input))
      detail = redacted(method, input)
      const result = await timed('driver', act, plugin, request.trace, () => run(held, request, method, input))
      write('allowed')
      return result
    } catch (error) {
      const told = foreignError(error, act, request.args)
      lease?.end(told)
      write(outcomeOf(told), told)
      throw told
    } finally {
      lease?.answered()
    }

    function write(outcome: Outcome, error?: PryxError): void {
      if (error && written.has(error)) return
      const access = withRefused(lease?.permissions ?? [], error)
      const fact: AuditFact = {
        plugin: caller.plugin,
        act,
        access,
        outcome,
        ms: clock.now() - startedAt,
        trace: request.trace,
      }
      if (error && (outcome === 'denied' || access.length === 0)) writeRefusal(fact, error.code)
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
    const working = Promise.resolve(method.run(input, call))
    working.then(
      (late) => lease.ended && cancelStreams(late, lease.ended),
      () => {},
    )
    const result = await lease.race(working) // T2
    if (lease.ended) throw lease.ended
    return leaseStreams(result, lease)
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
    if (verdict.kind === 'ask') return lease.untimed(ask(lease, permission, verdict.declared, trace))
    const once = verdict.grant.duration === 'once'
    lease.standOn(permission, { once, expiresAt: verdict.until })
    return once ? grants.consume(verdict.grant.id) : undefined
  }

  async function ask(lease: Lease, permission: Permission, declared: Permission, trace: string): Promise<void> {
    const { caller } = lease
    const { text, risk } = consentTo(grammars, permission)
    const question = { plugin: caller.plugin, permission, declared, sentence: text, risk, trace }
    const answer = await approvals.ask({ ...question, signal: lease.signal })
    await recordOnce(question, answer)
    if (answer.answer === 'deny') throw refused(caller.plugin, permission, 'PERMISSION_DENIED', answer.by)
    const now = judge(caller, permission) // it may have been denied elsewhere meanwhile
    if (now.kind === 'deny') throw refused(caller.plugin, permission, now.code)
    const lasting = now.kind === 'allow' && now.grant.duration !== 'once'
    lease.standOn(permission, { once: !lasting, expiresAt: lasting ? now.until : Number.POSITIVE_INFINITY })
  }

  /** Audits an answer and, if it is to last, makes it a grant (T4). */
  function recordOnce(
    question: { plugin: PluginId; permission: Permission; trace: string },
    answer: ApprovalAnswer,
  ): Promise<void> {
    const done = recorded.get(answer) ?? record()
    recorded.set(answer, done)
    return done

    async function record(): Promise<void> {
      const { plugin, permission, trace } = question
      const { by, duration } = answer
      const outcome = answer.answer === 'allow' ? 'allowed' : 'denied'
      audit.append({ plugin, act: 'approval.answered', access: [permission], outcome, detail: { by, duration }, trace })
      if (duration === 'once') return
      const scope = scopeOf(answer.scope ?? 'workspace', where)
      await grants.add({
        plugin,
        permission: answer.permission ?? permission,
        mode: answer.answer,
        duration,
        scope,
        by,
      })
    }
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

  function allows(caller: Caller, permission: Permission): boolean {
    const verdict = caller.scope.closed ? undefined : judge(caller, permission)
    if (verdict?.kind === 'allow') {
      if (verdict.grant.duration === 'once') grants.consume(verdict.grant.id).catch(() => {}) // spent in memory, which is what counts here
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

  function open(caller: Caller, what: string, signal: AbortSignal | undefined): Lease {
    const lease = openLease(caller, {
      clock,
      what,
      signal,
      onExpiry: recheck,
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
    if (kind !== 'used') for (const lease of [...(leases.get(plugin) ?? [])]) recheck(lease)
  }

  /** Ends a lease that has lost something it stands on (T1, T2). */
  function recheck(lease: Lease): void {
    const lost = lease.permissions.find((permission) => {
      const { kind } = judge(lease.caller, permission)
      return kind === 'deny' || (kind === 'ask' && !lease.isOnce(permission))
    })
    if (lost !== undefined) lease.end(refused(lease.caller.plugin, lost, 'PERMISSION_REVOKED'))
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

/** What the call stood on and, if it was refused, the permission that was missing. */
function withRefused(permissions: readonly Permission[], error: PryxError | undefined): readonly Permission[] {
  const missing = error?.details.access
  return typeof missing === 'string' && !permissions.includes(missing) ? [...permissions, missing] : permissions
}

function redacted(method: Method, input: readonly unknown[]): unknown {
  try {
    return method.redact?.(input)
  } catch {
    return 'unreadable'
  }
}

function scopeOf(kind: GrantScope['kind'], where: Where): GrantScope {
  if (kind === 'host') return { kind }
  const key = where[kind]
  return key === undefined ? { kind: 'workspace', key: where.workspace } : { kind, key }
}

const OUTCOMES: Readonly<Record<string, Outcome>> = { CAPABILITY_CANCELLED: 'cancelled', PLUGIN_STOPPED: 'cancelled' }

function outcomeOf({ code }: PryxError): Outcome {
  return OUTCOMES[code] ?? (code.startsWith('PERMISSION_') || code.startsWith('APPROVAL_') ? 'denied' : 'failed')
}

const REFUSALS = {
  PERMISSION_UNDECLARED: {
    says: 'its manifest does not declare it',
    hint: 'Add it to "permissions" in the plugin’s package.json.',
  },
  PERMISSION_DENIED: { says: 'the user said no', hint: 'Allow it with `pryx permissions grant`.' },
  PERMISSION_REVOKED: {
    says: 'the user has taken it back, or its time is over',
    hint: 'Allow it again with `pryx permissions grant`.',
  },
}

function refused(plugin: PluginId, permission: Permission, code: keyof typeof REFUSALS, by?: string): PermissionError {
  const { says, hint } = REFUSALS[code]
  const reason = by === 'timeout' ? 'nobody answered in time' : says
  const details = { plugin, access: permission, hint, ...(by && { by }) }
  return stackless(() => new PermissionError(code, `${plugin} may not use ${permission}: ${reason}`, details))
}
