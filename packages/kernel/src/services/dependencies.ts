// packages/kernel/src/services/dependencies.ts: in which order plugins start, from what they require and provide (K2). Pure.
//   O1  Every plugin given is in exactly one of `order`, `waiting` and `cycles`.
//   O2  In `order` a plugin comes after the providers of all it requires, and after those of what it uses where it can;
//       apart from that the given order stays.
//   O3  A cycle is named whole, once: a, b, c, a.
import semver from 'semver'
import { LifecycleError, type PluginId } from '../contract/index.ts'

export interface PluginNeeds {
  readonly plugin: PluginId
  /** Service → semver range. */
  readonly requires: Readonly<Record<string, string>>
  readonly optional?: Readonly<Record<string, string>>
  /** Service → version. Of two providers of one service the first counts. */
  readonly provides: Readonly<Record<string, string>>
}

/** A plugin that cannot start yet, and what it waits for. */
export interface Waiting {
  plugin: PluginId
  service: string
  range: string
  code: 'SERVICE_MISSING' | 'SERVICE_VERSION' | 'PLUGIN_WAITING' | 'PLUGIN_CYCLE'
  /** One sentence for the user. */
  reason: string
}

export interface StartOrder {
  order: PluginId[]
  waiting: Waiting[]
  /** Each as the path around, its first plugin again at the end. */
  cycles: PluginId[][]
}

interface Offer {
  /** Undefined: the host's own. */
  plugin: PluginId | undefined
  version: string
}

/**
 * Plans the start.
 *
 * @param available Services that are there already, with their versions: capabilities of the host, running plugins'.
 */
export function startOrder(
  plugins: readonly PluginNeeds[],
  available: Readonly<Record<string, string>> = {},
): StartOrder {
  const offers = collectOffers(plugins, available)
  const requires = new Map(plugins.map((needs) => [needs.plugin, providersOf(needs.requires, offers)]))
  const knots = findKnots(
    plugins.map(({ plugin }) => plugin),
    requires,
  )
  const cycles = knots.map((knot) => pathAround(knot, requires))
  const tied = new Set(cycles.flat())
  const waiting = findWaiting(
    plugins.filter(({ plugin }) => !tied.has(plugin)),
    offers,
    tied,
  )
  const out = new Set([...tied, ...waiting.map(({ plugin }) => plugin)])
  const ready = plugins.filter(({ plugin }) => !out.has(plugin))
  return { order: sort(ready, offers), waiting, cycles }
}

/** The error that tells an author or user of one cycle. */
export function cycleError(cycle: readonly PluginId[]): LifecycleError {
  const path = cycle.join(' → ')
  return new LifecycleError('PLUGIN_CYCLE', `plugins require each other in a circle: ${path}`, {
    plugin: cycle[0],
    path,
    hint: 'Move one of these services from `requires` to `optional`, or into a plugin of its own.',
  })
}

function collectOffers(
  plugins: readonly PluginNeeds[],
  available: Readonly<Record<string, string>>,
): Map<string, Offer> {
  const offers = new Map<string, Offer>()
  for (const [service, version] of Object.entries(available)) offers.set(service, { plugin: undefined, version })
  for (const { plugin, provides } of plugins) {
    for (const [service, version] of Object.entries(provides)) {
      if (!offers.has(service)) offers.set(service, { plugin, version })
    }
  }
  return offers
}

function providersOf(wanted: Readonly<Record<string, string>> | undefined, offers: Map<string, Offer>): PluginId[] {
  return Object.keys(wanted ?? {}).flatMap((service) => offers.get(service)?.plugin ?? [])
}

/** Groups of plugins that all reach one another through `requires` (Tarjan's strongly connected components). */
function findKnots(
  plugins: readonly PluginId[],
  requires: ReadonlyMap<PluginId, readonly PluginId[]>,
): Set<PluginId>[] {
  const index = new Map<PluginId, number>()
  const low = new Map<PluginId, number>()
  const stack: PluginId[] = []
  const onStack = new Set<PluginId>()
  const knots: Set<PluginId>[] = []
  for (const plugin of plugins) if (!index.has(plugin)) visit(plugin)
  return knots

  function visit(plugin: PluginId): void {
    index.set(plugin, index.size)
    low.set(plugin, index.get(plugin)!)
    stack.push(plugin)
    onStack.add(plugin)
    for (const next of requires.get(plugin) ?? []) {
      if (!index.has(next)) visit(next)
      if (onStack.has(next)) low.set(plugin, Math.min(low.get(plugin)!, low.get(next)!))
    }
    if (low.get(plugin) === index.get(plugin)) close(plugin)
  }

  function close(root: PluginId): void {
    const knot = new Set(stack.splice(stack.indexOf(root)))
    for (const plugin of knot) onStack.delete(plugin)
    if (knot.size > 1 || requires.get(root)?.includes(root)) knots.push(knot)
  }
}

/** One path around within `knot`: following requirements that stay inside must meet itself (O3). */
function pathAround(knot: ReadonlySet<PluginId>, requires: ReadonlyMap<PluginId, readonly PluginId[]>): PluginId[] {
  const path: PluginId[] = []
  let plugin = [...knot][0]!
  while (!path.includes(plugin)) {
    path.push(plugin)
    plugin = requires.get(plugin)!.find((next) => knot.has(next))!
  }
  return [...path.slice(path.indexOf(plugin)), plugin]
}

/** Plugins whose requirements cannot be met, those that wait for them included. */
function findWaiting(
  plugins: readonly PluginNeeds[],
  offers: Map<string, Offer>,
  tied: ReadonlySet<PluginId>,
): Waiting[] {
  const waiting = new Map<PluginId, Waiting>()
  for (let before = -1; before < waiting.size; ) {
    before = waiting.size
    for (const needs of plugins) {
      if (waiting.has(needs.plugin)) continue
      const lack = firstLack(needs, offers, tied, waiting)
      if (lack) waiting.set(needs.plugin, lack)
    }
  }
  return plugins.flatMap(({ plugin }) => waiting.get(plugin) ?? [])
}

function firstLack(
  { plugin, requires }: PluginNeeds,
  offers: Map<string, Offer>,
  tied: ReadonlySet<PluginId>,
  waiting: ReadonlyMap<PluginId, Waiting>,
): Waiting | undefined {
  for (const [service, range] of Object.entries(requires)) {
    const [code, why] = judge(offers.get(service), range, tied, waiting) ?? []
    if (code) return { plugin, service, range, code, reason: `${plugin} needs service ${service} ${range}; ${why}` }
  }
  return undefined
}

function judge(
  offer: Offer | undefined,
  range: string,
  tied: ReadonlySet<PluginId>,
  waiting: ReadonlyMap<PluginId, Waiting>,
): [Waiting['code'], string] | undefined {
  if (offer === undefined) return ['SERVICE_MISSING', 'nothing provides it']
  const { plugin = 'the host', version } = offer
  if (!semver.satisfies(version, range)) return ['SERVICE_VERSION', `${plugin} provides ${version}`]
  if (tied.has(plugin)) return ['PLUGIN_CYCLE', `its provider ${plugin} is part of a circle`]
  if (waiting.has(plugin)) return ['PLUGIN_WAITING', `its provider ${plugin} waits itself`]
  return undefined
}

/** Always the first plugin that may start; only if none may, the first that would have liked an optional service earlier (O2). */
function sort(plugins: readonly PluginNeeds[], offers: Map<string, Offer>): PluginId[] {
  const left = new Map(plugins.map((needs) => [needs.plugin, needs]))
  const order: PluginId[] = []
  while (left.size > 0) {
    const before = left.size
    for (const needs of left.values()) if (isReady(needs.requires) && isReady(needs.optional)) take(needs)
    if (left.size === before) take([...left.values()].find((needs) => isReady(needs.requires))!) // a circle of optional ones
  }
  return order

  function take({ plugin }: PluginNeeds): void {
    left.delete(plugin)
    order.push(plugin)
  }

  function isReady(wanted: Readonly<Record<string, string>> | undefined): boolean {
    return providersOf(wanted, offers).every((provider) => !left.has(provider))
  }
}
