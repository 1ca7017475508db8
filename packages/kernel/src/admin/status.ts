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
    tools: [...unit.offers.values()].flatMap((offer) => (offer.kind === 'tool' ? [offer.name] : [])),
    services: [...unit.offers.values()].flatMap((offer) =>
      offer.kind === 'service' ? [`${offer.name}@${offer.version}`] : [],
    ),
    limits: unit.limits,
    budget: unit.budget.standing(),
  }
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
