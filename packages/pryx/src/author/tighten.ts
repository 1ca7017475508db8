// packages/pryx/src/author/tighten.ts: the least a plugin has really used, from the record of what it did.
import {
  type AuditRecord,
  type Capability,
  matchesPattern,
  type Permission,
  type PluginId,
  splitPermission,
} from '@pryx/kernel/contract'

export interface Tightened {
  /** Declared and never used in what was looked at. */
  unused: Permission[]
  /** Declared wider than was used, with what was. */
  narrower: { declared: Permission; used: Permission[] }[]
  /** What would have been enough, sorted. */
  least: Permission[]
  /** Calls it rests on. */
  calls: number
}

const SAID = /^(permission|approval)\./ // what the user said is no use the plugin made of it
const NOT_RECORDED = new Set(['events', 'hooks']) // events are too many to be recorded one by one

/** What a plugin was allowed and did. */
export interface Use {
  used: ReadonlySet<Permission>
  calls: number
}

/** Goes through a record of any length, entry by entry. */
export async function useIn(plugin: PluginId, records: Iterable<Entry> | AsyncIterable<Entry>): Promise<Use> {
  const used = new Set<Permission>()
  let calls = 0
  for await (const entry of records) {
    if (entry.plugin !== plugin || entry.outcome !== 'allowed' || entry.access.length === 0 || SAID.test(entry.act))
      continue
    for (const one of entry.access) used.add(one)
    calls++
  }
  return { used, calls }
}
type Entry = Pick<AuditRecord, 'plugin' | 'act' | 'access'> & { outcome: string }

/**
 * Compares what is declared with what was allowed and done.
 *
 * @param declared Permissions in normal form, as grants and records have them.
 */
export function tighten(
  declared: readonly Permission[],
  { used, calls }: Use,
  capabilities: readonly Capability[],
): Tightened {
  const judged = declared.map((one) => ({
    one,
    within: [...used].filter((access) => covers(one, access, capabilities)),
  }))
  const recorded = judged.filter(({ one }) => !NOT_RECORDED.has(splitPermission(one).capability))
  const kept = declared.filter((one) => NOT_RECORDED.has(splitPermission(one).capability))
  return {
    unused: recorded.filter(({ within }) => within.length === 0).map(({ one }) => one),
    narrower: recorded
      .filter(({ one, within }) => within.length > 0 && !within.includes(one))
      .map(({ one, within }) => ({ declared: one, used: within.sort() })),
    least: [...new Set([...recorded.flatMap(({ within }) => within), ...kept])].sort(),
    calls,
  }
}

function covers(granted: Permission, wanted: Permission, capabilities: readonly Capability[]): boolean {
  if (granted === wanted) return true
  const [a, b] = [splitPermission(granted), splitPermission(wanted)]
  if (a.capability !== b.capability) return false
  const driver = capabilities.find(({ name }) => name === a.capability)
  try {
    return driver ? driver.covers(a.rest, b.rest) : matchesPattern(a.rest, b.rest)
  } catch {
    return false
  }
}
