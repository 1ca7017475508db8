// packages/kernel/src/lifecycle/roster.ts: which plugin starts when: at once, after what it requires, or at first use (K2).
//   O1  A plugin starts only when every service it requires can be had; until then it waits, and says for what.
//   O2  A plugin that is started lazily is started once, by whichever trigger comes first; events that came first wait for it.
//   O4  A plugin that starts at first use goes back to sleep after a time of rest; calls and its events wake it (unit.ts, U6).
//   O3  Plugins that do not depend on each other start side by side; none waits for another's failure.
import semver from 'semver'
import {
  type Capability,
  LifecycleError,
  type Manifest,
  ManifestError,
  type Release,
  type Scope,
} from '../contract/index.ts'
import type { Bus } from '../events/bus.ts'
import type { Clock } from '../powers.ts'
import { cycleError, startOrder } from '../services/dependencies.ts'
import type { Services } from '../services/registry.ts'
import type { Unit } from './unit.ts'

const EARLY_EVENTS = 256 // that may wait for a plugin's first start

export interface Roster {
  /** @throws MANIFEST_ENGINE if the plugin is not made for this kernel. */
  checkEngine(manifest: Manifest, folder: string): void
  /** Starts the plugin, or lets it wait; resolves when it has started, failed, or waits. */
  admit(unit: Unit): Promise<void>
  admitAll(units: readonly Unit[]): Promise<void>
  /** A plugin became active: those that waited for its services start. */
  served(unit: Unit): void
  /** Starts the plugin that would provide a service or tool, if it sleeps; resolves when it is up or has failed. */
  awaken(kind: 'service' | 'tool', name: string): Promise<void>
  /** A plugin that provides this service is being started at its first use: who asks meanwhile waits for it. */
  isComing(service: string): boolean
  /** Plugins that would start at first use. */
  sleeping(): Unit[]
  /** Forgets the triggers of a plugin that is no longer lazily startable. */
  forget(unit: Unit): void
}

export interface RosterOptions {
  units: ReadonlyMap<string, Unit>
  services: Services
  capabilities: ReadonlyMap<string, Capability>
  bus: Bus
  clock: Clock
  scope: Scope
  engine: string
  /** ms of rest; 0 for never. */
  hibernateAfterMs: number
}

export function createRoster(options: RosterOptions): Roster {
  const { units, services, capabilities, bus, clock, scope, engine, hibernateAfterMs } = options
  const triggers = new Map<Unit, Release[]>()
  /** Who would provide a service or tool if it were awake, by `kind:name`. */
  const sleepers = new Map<string, Set<Unit>>()
  /** How much a plugin had done when it was last seen to have done more, and when that was. */
  const seen = new Map<Unit, { work: number; at: number }>()
  const starting = new Set<Promise<void>>()
  if (hibernateAfterMs > 0) watchForRest()
  return { checkEngine, admit, admitAll, served, awaken, isComing, sleeping, forget }

  function checkEngine({ engine: range, name }: Manifest, folder: string): void {
    if (semver.satisfies(engine, range, { includePrerelease: true })) return
    throw new ManifestError('MANIFEST_ENGINE', `${name} needs Pryx ${range}; this is ${engine}`, {
      file: `${folder}/package.json`,
      path: 'pryx.engine',
      found: range,
      expected: `a range that allows ${engine}`,
      hint: 'Install a version of the plugin made for this Pryx, or update Pryx.',
    })
  }

  async function admit(unit: Unit): Promise<void> {
    const { activation } = unit.pkg.manifest
    if (!activation.includes('startup')) return sleep(unit)
    const missing = await unmet(unit)
    if (missing !== undefined) return unit.rest('waiting', missing) // O1
    await unit.start()
  }

  async function admitAll(all: readonly Unit[]): Promise<void> {
    const plan = startOrder(all.map(needsOf), available())
    for (const cycle of plan.cycles) refuseCycle(cycle)
    const reasons = new Map(plan.waiting.map((entry) => [entry.plugin, entry.reason]))
    for (const [plugin, reason] of reasons) units.get(plugin)?.rest('waiting', reason)
    const ready = plan.order.flatMap((id) => units.get(id) ?? [])
    for (const unit of ready) unit.rest('waiting', 'for its turn')
    for (const unit of ready) track(admit(unit)) // O3
    while (starting.size > 0) await Promise.allSettled(starting) // a start may set others free
  }

  function refuseCycle(cycle: readonly string[]): void {
    const { message } = cycleError(cycle)
    for (const id of cycle) units.get(id)?.rest('waiting', message)
  }

  function track(work: Promise<void>): void {
    const one = work.catch(() => {}).finally(() => starting.delete(one))
    starting.add(one)
  }

  function served(unit: Unit): void {
    forget(unit)
    const provided = unit.pkg.manifest.provides
    for (const other of units.values()) {
      if (
        other.stage !== 'waiting' ||
        !Object.keys(other.pkg.manifest.requires).some((name) => Object.hasOwn(provided, name))
      )
        continue
      track(admit(other))
    }
  }

  /** What a plugin still waits for, in words; starts sleepers that could provide it. */
  async function unmet(unit: Unit): Promise<string | undefined> {
    for (const [name, range] of Object.entries(unit.pkg.manifest.requires)) {
      if (capabilities.has(name)) continue
      await awaken('service', name)
      try {
        services.resolve(name, range)
      } catch (error) {
        return `it needs the service ${name} ${range}: ${error instanceof LifecycleError ? error.code : (error as Error).message}`
      }
    }
    return undefined
  }

  /** O2 */
  function sleep(unit: Unit): void {
    unit.rest('idle')
    const patterns = eventsOf(unit.pkg.manifest)
    unit.subscriber.expect(patterns, EARLY_EVENTS) // O2
    listenFor(unit, patterns)
  }

  function listenFor(unit: Unit, patterns: Iterable<string>): void {
    const { manifest } = unit.pkg
    for (const key of offersOf(manifest)) sleepers.set(key, (sleepers.get(key) ?? new Set()).add(unit))
    triggers.set(
      unit,
      [...new Set(patterns)].map((pattern) =>
        bus.on(pattern, (_payload, { from }) => from !== unit.id && track(start(unit))),
      ),
    )
  }

  async function start(unit: Unit): Promise<void> {
    if (unit.stage !== 'idle') return // an event that comes while it falls asleep is its own to take
    forget(unit)
    await unit.start()
  }

  async function awaken(kind: 'service' | 'tool', name: string): Promise<void> {
    const able = sleepers.get(`${kind}:${name}`)
    if (able) for (const unit of [...able]) await start(unit)
  }

  function isComing(service: string): boolean {
    return [...units.values()].some(
      ({ stage, pkg: { manifest } }) =>
        stage === 'starting' && Object.hasOwn(manifest.provides, service) && !manifest.activation.includes('startup'),
    )
  }

  function sleeping(): Unit[] {
    return [...units.values()].filter(({ stage }) => stage === 'idle')
  }

  function forget(unit: Unit): void {
    for (const release of triggers.get(unit) ?? []) void release()
    triggers.delete(unit)
    seen.delete(unit)
    for (const key of offersOf(unit.pkg.manifest)) sleepers.get(key)?.delete(unit)
  }

  // ── going back to sleep (O4) ─────────────────────────────────────────────────────────────────────────────────────

  function watchForRest(): void {
    let stop: Release = () => {}
    scope.effect(() => () => stop())
    const look = () => {
      for (const unit of units.values()) if (hasRested(unit)) track(hibernate(unit))
      if (!scope.closed) stop = clock.after(hibernateAfterMs / 4, look)
    }
    stop = clock.after(hibernateAfterMs / 4, look)
  }

  function hasRested(unit: Unit): boolean {
    const { activation, hibernate } = unit.pkg.manifest
    if (activation.includes('startup') || !hibernate || unit.stage !== 'active') return false
    const work = unit.account.turns + unit.account.messagesIn
    const last = seen.get(unit)
    if (last === undefined || last.work !== work) {
      seen.set(unit, { work, at: clock.now() })
      return false
    }
    return clock.now() - last.at >= hibernateAfterMs && unit.atRest
  }

  async function hibernate(unit: Unit): Promise<void> {
    seen.delete(unit)
    const heard = unit.subscriber.stats().subscriptions.map(({ pattern }) => pattern)
    listenFor(unit, [...eventsOf(unit.pkg.manifest), ...heard]) // before it sleeps: no event falls between
    if (!(await unit.sleep())) forget(unit)
  }

  function available(): Record<string, string> {
    const versions: Record<string, string> = {}
    for (const { name, version } of capabilities.values()) versions[name] = version
    for (const { name, version } of services.list()) versions[name] = version
    return versions
  }
}

function needsOf(unit: Unit) {
  const { requires, optional, provides } = unit.pkg.manifest
  return { plugin: unit.id, requires, optional, provides }
}

function eventsOf({ activation }: Manifest): string[] {
  return activation.flatMap((entry) => (entry.startsWith('event:') ? [entry.slice('event:'.length)] : []))
}

function offersOf({ provides, tools }: Manifest): string[] {
  return [...Object.keys(provides).map((name) => `service:${name}`), ...tools.map(({ name }) => `tool:${name}`)]
}
