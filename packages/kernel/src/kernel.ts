// packages/kernel/src/kernel.ts: the kernel, wired from powers. It starts plugins, moves events, answers "may they?", holds the wall, swaps code.
//   N1  A capability is reached through the gate and no other way.
//   N2  No plugin's failure rejects or delays an operation on another.
//   N3  Everything it starts belongs to its scope: `stop` ends all of it.
import { type AdminHost, createAdminCapability } from './admin/capability.ts'
import { pluginStatus, pluginUsage } from './admin/status.ts'
import { type Audit, type AuditSink, openAudit } from './audit/audit.ts'
import type { Hash } from './audit/chain.ts'
import {
  type Capability,
  createScope,
  type EventToken,
  effectiveLimits,
  type HostStatus,
  type Ledger,
  LifecycleError,
  type Limits,
  type Permission,
  PermissionError,
  type PluginId,
  type PluginPlace,
  type PluginStatus,
  type Release,
  type ServiceToken,
  shortName,
  UsageError,
} from './contract/index.ts'
import { createBus, type Handler } from './events/bus.ts'
import { createEnforcer } from './ledger/enforce.ts'
import { createLogs } from './lifecycle/logs.ts'
import type { PluginPackage } from './lifecycle/package.ts'
import { createRoster, type Roster } from './lifecycle/roster.ts'
import { createUnit, type Unit } from './lifecycle/unit.ts'
import { createWiring } from './lifecycle/wiring.ts'
import { type Approvals, createApprovals } from './permissions/approvals.ts'
import { type Authority, type ConsentPrompt, createAuthority } from './permissions/authority.ts'
import { createGate } from './permissions/gate.ts'
import { covers, createGrammars } from './permissions/grammar.ts'
import { type GrantStore, openGrants } from './permissions/grants.ts'
import type { Clock, Ids } from './powers.ts'
import { createPool } from './sandbox/pool.ts'
import type { Debugging, Sandboxes } from './sandbox/sandbox.ts'
import { createHooks } from './services/hooks.ts'
import { hostFace } from './services/host-face.ts'
import { createServices } from './services/registry.ts'
import { createTools, type ToolInfo } from './services/tools.ts'
import { createTracer, type Traces } from './trace/tracer.ts'

/** What the kernel's core is handed; `createKernel` in node/ makes the real ones. */
export interface KernelPowers {
  clock: Clock
  ids: Ids
  sandboxes: Sandboxes
  grants: GrantStore
  audit: AuditSink
  /** SHA-256 of UTF-8 text, hex. */
  hash: Hash
  /** Monotonic ms with fractions, the same in all processes of this machine. Default: the clock. */
  ticks?(): number
}

export interface KernelCoreOptions {
  version: string
  capabilities: readonly Capability[]
  /** The user's working folder, absolute and real. */
  workspace: string
  /** A plugin's private folder, absolute; made by the host. */
  dataOf(plugin: PluginId): string
  /** Asked once per plugin whose permissions are not all decided, before its code runs. Without it they are asked at first use. */
  consent?: ConsentPrompt | undefined
  /** Limits above or below the defaults, for all plugins. */
  limits?: Partial<Limits> | undefined
  standby?: 'always' | 'auto' | 'never' | undefined
  /** Rest after which a plugin that starts at first use is put to sleep again, ms; 0 for never. Default 5 min. */
  hibernateAfterMs?: number | undefined
  /** Resident memory at which a sandbox process is replaced, bytes. */
  maxProcessBytes?: number | undefined
  /** Reads a plugin's package again from where it came; without it a reload takes the code in memory. */
  reopen?(pkg: PluginPackage, plugin: PluginId): Promise<PluginPackage>
  /** Facts of the host that only it knows, for the kernel's own service. */
  host(): Pick<HostStatus, 'node' | 'pid' | 'startedAt' | 'rssBytes'> & { url?: string | undefined }
}

export interface InstallOptions {
  /** Name within this host. Default: the package's short name. */
  id?: PluginId
  config?: unknown
  /** `false`: known, and not started until enabled. */
  enabled?: boolean
  /** `own`: a sandbox process of its own. Default `shared`. */
  isolation?: 'shared' | 'own'
  limits?: Partial<Limits>
  /** A debugger may attach to it. For development: it gets a process of its own, and time-outs wait while it stands at a breakpoint. */
  inspect?: boolean
}

export interface Kernel extends AsyncDisposable {
  readonly version: string
  /**
   * Takes a plugin in: consent first, then it starts as soon as what it requires is there. Resolves once it is active,
   * waiting, or failed; `status` says which.
   *
   * @throws PLUGIN_TAKEN, MANIFEST_ENGINE, PERMISSION_UNKNOWN
   */
  install(pkg: PluginPackage, options?: InstallOptions): Promise<PluginId>
  /** Takes several in at once, in dependency order; one that cannot be taken in is reported and stops no other. */
  installAll(
    plugins: readonly { pkg: PluginPackage; options?: InstallOptions }[],
  ): Promise<PromiseSettledResult<PluginId>[]>
  remove(plugin: PluginId): Promise<void>
  enable(plugin: PluginId): Promise<void>
  disable(plugin: PluginId): Promise<void>
  /** Swaps in `pkg`, or else the code now on disk. Wider permissions wait for consent while the old version runs. */
  reload(plugin: PluginId, pkg?: PluginPackage): Promise<void>
  plugins(): PluginStatus[]
  status(plugin: PluginId): PluginStatus
  host(): HostStatus
  /** Who used what, plugins and overhead (K8). */
  ledger(): Ledger
  /** A service of a plugin, by its token; waits for a plugin that is starting. @throws SERVICE_MISSING, SERVICE_VERSION */
  use<T extends object>(token: ServiceToken<T>, options?: { timeoutMs?: number }): Promise<T>
  /** Publishes as `host`. */
  emit<P>(event: EventToken<P> | string, payload: P): void
  on<P>(event: EventToken<P>, handler: Handler<P>): Release
  on(pattern: string, handler: Handler<unknown>): Release
  readonly tools: {
    list(): ToolInfo[]
    call(name: string, input: unknown, options?: { signal?: AbortSignal }): Promise<unknown>
  }
  readonly permissions: Authority
  readonly approvals: Approvals
  readonly audit: Audit
  /** Where the time of requests goes, recorded while somebody looks. */
  readonly traces: Traces
  /** The last log lines of a plugin, oldest first. */
  logs(plugin: PluginId): readonly { at: number; level: string; text: string; place?: string }[]
  /**
   * Attaches a debugger to a running plugin, in place of the one before. Text is JSON of the Chrome DevTools protocol.
   *
   * @param onClosed The plugin's instance has ended, or another debugger has come.
   * @throws INSPECT_OFF unless it was installed with `inspect`; PLUGIN_DOWN
   */
  inspect(plugin: PluginId, onMessage: (text: string) => void, onClosed: () => void): Debugging
  /** The package that is running, or would. */
  package(plugin: PluginId): PluginPackage
  /** Resolves when the standby process is ready. */
  settled(): Promise<void>
  /** Ends plugins in reverse order, then everything else. */
  stop(): Promise<void>
}

const HIBERNATE_AFTER_MS = 300_000
const MAX_PROCESS_BYTES = 1_024 * 1_048_576

/** Opens the kernel on the powers it is handed. */
export async function openKernel(powers: KernelPowers, options: KernelCoreOptions): Promise<Kernel> {
  const { clock, ids } = powers
  const scope = createScope('kernel')
  const units = new Map<PluginId, Unit>()
  const capabilities = new Map<string, Capability>(
    [createAdminCapability(adminHost()), ...options.capabilities].map((one) => [one.name, one]),
  )
  const grammars = createGrammars(capabilities.values())
  const grants = await openGrants({
    store: powers.grants,
    clock,
    ids,
    covers: (granted, wanted) => covers(grammars, granted, wanted),
  })
  const audit = await openAudit({
    sink: powers.audit,
    clock,
    hash: powers.hash,
    onTrouble: (cause) => logged('kernel', 'error', `the audit log cannot be written: ${String(cause)}`),
  })
  const logs = createLogs(clock)
  const bus = createBus({
    clock,
    allowed: (plugin, name) => mayReceive(plugin, name),
    onDropped: ({ plugin, pattern, count }) => fact('plugin.dropped', { plugin, pattern, count }),
    onListenerError: (error, event, plugin) =>
      logged(plugin ?? 'kernel', 'error', `${event.name}: ${error instanceof Error ? error.message : String(error)}`),
  })
  const fact = (name: string, data: unknown): void => void bus.emit('kernel', name, data)
  const approvals = createApprovals({
    clock,
    ids,
    onNeeded: (approval) => fact('approval.needed', approval),
    onResolved: (approval, { answer, by }) =>
      fact('approval.resolved', {
        id: approval.id,
        plugin: approval.plugin,
        permission: approval.permission,
        answer,
        by,
      }),
  })
  const tracer = createTracer({ clock, ticks: powers.ticks ?? clock.now, onSwitch: (on) => pool.trace(on) })
  const gate = createGate({
    tracer,
    capabilities: capabilities.values(),
    grants,
    approvals,
    audit,
    clock,
    workspace: options.workspace,
  })
  const authority = createAuthority({
    grants,
    grammars,
    approvals,
    clock,
    workspace: options.workspace,
    prompt: options.consent,
  })
  scope.effect(() =>
    grants.watch(({ kind, grant }) => {
      if (kind !== 'used')
        fact(`permission.${kind}`, {
          plugin: grant.plugin,
          permission: grant.permission,
          mode: grant.mode,
          by: grant.by,
        })
    }),
  )
  const pool = createPool({
    sandboxes: powers.sandboxes,
    clock,
    scope,
    standby: options.standby ?? 'auto',
    maxProcessBytes: options.maxProcessBytes ?? MAX_PROCESS_BYTES,
    onReplaced: (replaced) => fact('sandbox.replaced', replaced),
  })
  const enforcer = createEnforcer(clock, scope, (unit, { text, ...told }) => {
    fact('plugin.budget', { plugin: unit.id, budget: told.part, used: told.used, max: told.max, action: told.action })
    if (told.action !== 'released') logged(unit.id, 'warn', `${told.action === 'slowed' ? 'slowed' : 'ended'}: ${text}`)
  })
  const removed = { cpuMs: 0, bytesIn: 0, bytesOut: 0 }
  const services = createServices({ clock })
  const hooks = createHooks({
    clock,
    rank: (plugin) => [...units.keys()].indexOf(plugin),
    onHookFailed: ({ plugin, hook, error }) => logged(plugin, 'warn', `hook ${hook} was skipped: ${String(error)}`),
  })
  const tools = createTools({ clock, hooks })
  const roster: Roster = createRoster({
    units,
    services,
    capabilities,
    bus,
    clock,
    scope,
    engine: options.version,
    hibernateAfterMs: options.hibernateAfterMs ?? HIBERNATE_AFTER_MS,
  })
  const wiring = createWiring({ roster, capabilities, gate, bus, services, hooks, tools, approvals })

  const kernel: Kernel = {
    version: options.version,
    install,
    installAll,
    remove,
    async enable(id) {
      const unit = find(id)
      if (!(await authority.settle(id, unit.pkg.manifest, unit.gone))) throw notGranted(id)
      await roster.admit(unit)
    },
    async disable(id) {
      await find(id).stop('disabled', 'it was switched off')
    },
    reload,
    plugins: () => [...units.values()].map(statusOf),
    status: (id) => statusOf(find(id)),
    host,
    ledger,
    use,
    emit: (event, payload) => void bus.emit('host', typeof event === 'string' ? event : event.name, payload),
    on: bus.on,
    tools: {
      list: () => tools.list(),
      call: (name, input, { signal } = {}) =>
        wiring.callTool({ name, input, from: 'host', trace: ids.next('trace'), signal, timeoutMs: HOST_CALL_MS }),
    },
    permissions: authority,
    approvals,
    audit,
    traces: tracer,
    logs: logs.of,
    inspect,
    package: (id) => find(id).pkg,
    settled: pool.settled,
    stop,
    [Symbol.asyncDispose]: stop,
  }
  return kernel

  // ── plugins ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async function install(pkg: PluginPackage, choice: InstallOptions = {}): Promise<PluginId> {
    const unit = await takeIn(pkg, choice)
    if (unit.stage !== 'disabled') await roster.admit(unit)
    return unit.id
  }

  async function installAll(
    plugins: readonly { pkg: PluginPackage; options?: InstallOptions }[],
  ): Promise<PromiseSettledResult<PluginId>[]> {
    const taken = await Promise.allSettled(plugins.map(({ pkg, options: choice }) => takeIn(pkg, choice ?? {})))
    const present = taken.flatMap((result) =>
      result.status === 'fulfilled' && result.value.stage !== 'disabled' ? [result.value] : [],
    )
    await roster.admitAll(present)
    return taken.map((result) =>
      result.status === 'fulfilled' ? { status: 'fulfilled', value: result.value.id } : result,
    )
  }

  /** Makes the unit and settles its permissions; starts nothing. */
  async function takeIn(pkg: PluginPackage, choice: InstallOptions): Promise<Unit> {
    const id = choice.id ?? shortName(pkg.manifest.name)
    checkId(id)
    if (units.has(id))
      throw new UsageError('PLUGIN_TAKEN', `there is already a plugin "${id}"`, {
        plugin: id,
        hint: 'Install it under another id.',
      })
    roster.checkEngine(pkg.manifest, pkg.folder)
    const place: PluginPlace = {
      plugin: id,
      workspace: options.workspace,
      data: options.dataOf(id),
      package: pkg.folder,
    }
    const declared = authority.declared(pkg.manifest, place)
    const unit = makeUnit(id, pkg, choice, place)
    units.set(id, unit)
    enforcer.watch(unit)
    authority.know(id, declared, place)
    if (choice.enabled === false) unit.rest('disabled', 'it is switched off')
    else if (!(await authority.settle(id, pkg.manifest, unit.gone)))
      unit.rest('disabled', 'its permissions were not granted')
    return unit
  }

  function makeUnit(id: PluginId, pkg: PluginPackage, choice: InstallOptions, place: PluginPlace): Unit {
    const limits = effectiveLimits({ ...options.limits, ...choice.limits }, pkg.manifest.limits)
    return createUnit(
      {
        id,
        limits,
        place,
        config: () => choice.config ?? {},
        own: choice.isolation === 'own',
        inspect: choice.inspect,
        group: 'shared',
        scope,
        clock,
        ids,
        tracer,
        subscriber: bus.subscriber(id, limits),
        launch: pool.start,
        declared: (from) => authority.declared(from.manifest, { ...place, package: from.folder }),
        ...wiring.of(id),
        onStage: staged,
        onFailed: (unit, failure) => {
          logged(unit.id, 'error', failure.stack ? `${failure.message}\n${failure.stack}` : failure.message)
          fact('plugin.failed', { plugin: unit.id, ...failure, final: failure.retryMs === undefined })
        },
        onLog: (unit, level, text, place) => logged(unit.id, level, text, place),
      },
      pkg,
    )
  }

  async function remove(id: PluginId): Promise<void> {
    const unit = find(id)
    roster.forget(unit)
    await unit.close('it was removed')
    units.delete(id)
    enforcer.forget(unit)
    removed.cpuMs += unit.account.cpuMs
    removed.bytesIn += unit.account.bytesIn
    removed.bytesOut += unit.account.bytesOut
    logs.forget(id)
    fact('plugin.removed', { plugin: id }) // whatever else fails now, it does not come back
    await authority.forget(id)
  }

  async function reload(id: PluginId, pkg?: PluginPackage): Promise<void> {
    const unit = find(id)
    const next = pkg ?? (await options.reopen?.(unit.pkg, id)) ?? unit.pkg
    roster.checkEngine(next.manifest, next.folder)
    const place: PluginPlace = {
      plugin: id,
      workspace: options.workspace,
      data: options.dataOf(id),
      package: next.folder,
    }
    await authority.widen(id, unit.pkg.manifest, next.manifest, place, unit.gone)
    await unit.swap(next).catch((cause: unknown) => {
      if (unit.pkg !== next && !unit.gone.aborted)
        authority.know(id, authority.declared(unit.pkg.manifest, place), place) // the old one goes on
      throw cause
    })
  }

  function find(id: PluginId): Unit {
    const unit = units.get(id)
    if (unit === undefined) {
      throw new UsageError('PLUGIN_UNKNOWN', `there is no plugin "${id}"`, {
        plugin: id,
        hint: `There are: ${[...units.keys()].join(', ') || 'none'}.`,
      })
    }
    return unit
  }

  function staged(unit: Unit): void {
    fact('plugin.stage', {
      plugin: unit.id,
      stage: unit.stage,
      ...(unit.reason !== undefined && { reason: unit.reason }),
    })
    if (unit.stage === 'active') roster.served(unit)
  }

  function logged(plugin: PluginId, level: 'debug' | 'info' | 'warn' | 'error', text: string, place?: string): void {
    if (logs.add(plugin, level, text, place)) fact('plugin.log', { plugin, level, text, ...(place && { place }) })
  }

  function mayReceive(plugin: PluginId, name: string): boolean {
    const caller = units.get(plugin)?.caller
    return caller !== undefined && gate.allows(caller, `events:on:${name}` as Permission)
  }

  // ── what the host sees ───────────────────────────────────────────────────────────────────────────────────────────

  function statusOf(unit: Unit): PluginStatus {
    return pluginStatus(unit, authority)
  }

  function host(): HostStatus {
    const { url, ...facts } = options.host()
    const processes = pool.processes().map((process) => ({
      id: process.name,
      pid: process.pid,
      rssBytes: process.residentBytes(),
      plugins: [...units.values()]
        .filter((unit) => unit.session?.instance.guest.process === process.name)
        .map((unit) => unit.id),
    }))
    return { version: options.version, ...facts, ...(url !== undefined && { url }), processes }
  }

  function inspect(id: PluginId, onMessage: (text: string) => void, onClosed: () => void): Debugging {
    const { session, stage } = find(id)
    if (session === undefined)
      throw new LifecycleError('PLUGIN_DOWN', `${id} is ${stage}`, { plugin: id, state: stage })
    const debugging = session.instance.guest.debug(onMessage, onClosed)
    if (debugging) return debugging
    throw new UsageError('INSPECT_OFF', `${id} was not started for a debugger`, {
      plugin: id,
      hint: 'Start it with `pryx dev --inspect`.',
    })
  }

  function ledger(): Ledger {
    const { cpuMs, bytesIn, bytesOut, overhead } = pool.account()
    const { startMs, threadMs, helpersMs } = overhead
    const rssBytes = pool.processes().reduce((sum, process) => sum + process.residentBytes(), 0)
    return {
      at: clock.now(),
      plugins: [...units.values()].map((unit) => ({
        plugin: unit.id,
        process: unit.session?.instance.guest.process ?? '',
        ...pluginUsage(unit),
      })),
      removed: { ...removed },
      overhead: { ...overhead, cpuMs: startMs + threadMs + helpersMs },
      total: { cpuMs, bytesIn, bytesOut, rssBytes },
    }
  }

  async function use<T extends object>(
    token: ServiceToken<T>,
    { timeoutMs = HOST_CALL_MS }: { timeoutMs?: number } = {},
  ): Promise<T> {
    await roster.awaken('service', token.name)
    await services.whenAvailable(token.name, `^${token.version}`, { timeoutMs: Math.min(timeoutMs, HOST_WAIT_MS) })
    return hostFace(token, (method, args, signal) =>
      services.call({
        from: 'host',
        service: token.name,
        range: `^${token.version}`,
        method,
        args,
        trace: tracer.on ? ids.next('trace') : '',
        signal,
        timeoutMs,
      }),
    )
  }

  function adminHost(): AdminHost {
    return {
      plugins: () => kernel.plugins(),
      host,
      ledger,
      traces: () => tracer,
      approvals: () => approvals,
      audit: () => audit,
      authority: () => authority,
      setEnabled: (id, enabled) => (enabled ? kernel.enable(id) : kernel.disable(id)),
      reload: (id) => kernel.reload(id),
    }
  }

  async function stop(): Promise<void> {
    const running = [...units.values()].reverse()
    await Promise.allSettled(running.map((unit) => unit.close('the host is stopping')))
    await scope[Symbol.asyncDispose]() // N3
    await Promise.allSettled(options.capabilities.map((capability) => capability[Symbol.asyncDispose]?.()))
    gate.flush()
    await audit[Symbol.asyncDispose]()
  }
}

const PLUGIN_ID = /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]{0,63}$/i
const RESERVED = new Set(['kernel', 'host', 'consent', 'timeout', 'withdrawn']) // names the kernel signs events and answers with

function notGranted(plugin: PluginId): PermissionError {
  return new PermissionError('PERMISSION_DENIED', `${plugin} was not switched on: its permissions were not granted`, {
    plugin,
    hint: `\`pryx permissions list ${plugin}\` shows what it asks for.`,
  })
}

function checkId(id: PluginId): void {
  if (PLUGIN_ID.test(id) && !RESERVED.has(id)) return
  throw new UsageError('PLUGIN_ID', `"${id.slice(0, 80)}" cannot be the id of a plugin`, {
    found: id.slice(0, 80),
    hint: 'Use letters, digits, dots and dashes; kernel and host are taken.',
  })
}

const HOST_CALL_MS = 30_000 // a host's call into a plugin, unless it says otherwise
const HOST_WAIT_MS = 10_000 // for a service that is not there yet
