// packages/kernel/src/admin/status.ts: a plugin as people see it.
import type { PluginStage, PluginStatus, PluginUsage } from '../contract/index.ts'
import type { Stage, Unit } from '../lifecycle/unit.ts'
import type { Authority } from '../permissions/authority.ts'

const STAGES: Record<Stage, PluginStage> = {
  disabled: 'disabled',
  waiting: 'waiting',
  idle: 'waiting',
  starting: 'starting',
  active: 'active',
  reloading: 'active',
  backoff: 'starting',
  stopped: 'stopped',
  failed: 'failed',
}

/** Everything about one plugin, as plain data. */
export function pluginStatus(unit: Unit, authority: Authority): PluginStatus {
  const { manifest } = unit.pkg
  const events = unit.subscriber.stats()
  const reason = unit.reason ?? (unit.stage === 'idle' ? 'it starts at first use' : unit.budget.reason())
  return {
    id: unit.id,
    name: manifest.name,
    version: manifest.version,
    description: manifest.description,
    stage: STAGES[unit.stage],
    ...(reason !== undefined && { reason }),
    ...(unit.stage === 'idle' && { asleep: true }),
    permissions: authority.list(unit.id),
    usage: pluginUsage(unit),
    queue: {
      queued: events.queued,
      inFlight: events.inFlight + (unit.session?.instance.waiting ?? 0),
      dropped: events.dropped,
    },
    process: unit.session?.instance.guest.process ?? '',
    failures: unit.failures,
    ...offersOf(unit),
    limits: unit.limits,
    budget: unit.budget.standing(),
  }
}

/** What it provides; of a plugin that sleeps, what it would once it is asked. */
function offersOf({ stage, offers, pkg: { manifest } }: Unit): Pick<PluginStatus, 'tools' | 'services'> {
  const [tools, services] = [new Set<string>(), new Set<string>()]
  for (const { kind, name, version } of offers.values()) {
    if (kind === 'tool') tools.add(name)
    if (kind === 'service') services.add(`${name}@${version}`)
  }
  if (stage !== 'idle') return { tools: [...tools], services: [...services] }
  for (const { name } of manifest.tools) tools.add(name)
  for (const [name, version] of Object.entries(manifest.provides)) services.add(`${name}@${version}`)
  return { tools: [...tools], services: [...services] }
}

/** Its row of the ledger. */
export function pluginUsage(unit: Unit): PluginUsage {
  const { cpuMs, turns, calls, served, bytesIn, bytesOut, eventsOut } = unit.account
  const { delivered, dropped } = unit.subscriber.stats()
  return {
    cpuMs: Math.round(cpuMs * 100) / 100,
    heapBytes: unit.session ? unit.account.heapBytes : 0,
    turns,
    calls,
    served,
    bytesIn,
    bytesOut,
    events: eventsOut,
    eventsIn: delivered,
    eventsDropped: dropped,
  }
}
