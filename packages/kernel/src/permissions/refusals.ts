// packages/kernel/src/permissions/refusals.ts: writes refusals to the audit log without letting a flood fill the disk (K8).
//   R1  The first refusal of its kind is written at once; repeats within a second are one further entry with their count.
//   R2  A plugin has at most `MAX_KINDS` kinds in a second; what goes beyond is counted together.

import type { AuditFact } from '../audit/chain.ts'
import type { PluginId } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const WINDOW_MS = 1_000
const MAX_KINDS = 32

/** Writes `fact`, a refusal with the error code `code`, or counts it. */
export type WriteRefusal = (fact: AuditFact, code: string) => void

export function createRefusals(append: (fact: AuditFact) => void, clock: Clock): WriteRefusal {
  const windows = new Map<PluginId, Map<string, { fact: AuditFact; repeated: number }>>()
  return (fact, code) => {
    const kinds = windows.get(fact.plugin) ?? openWindow(fact.plugin)
    const own = `${code} ${fact.act} ${fact.access.join(' ')}`
    const kind = kinds.has(own) || kinds.size < MAX_KINDS ? own : 'more' // R2
    const known = kinds.get(kind)
    if (known) return void known.repeated++
    const written =
      kind === own
        ? fact
        : { ...fact, access: [], detail: { code, note: 'further kinds of refusals are counted together' } }
    kinds.set(kind, { fact: written, repeated: 0 })
    append(kind === own ? { ...fact, detail: { code } } : written) // R1
  }

  function openWindow(plugin: PluginId) {
    const kinds = new Map<string, { fact: AuditFact; repeated: number }>()
    windows.set(plugin, kinds)
    clock.after(WINDOW_MS, () => {
      windows.delete(plugin)
      for (const { fact, repeated } of kinds.values())
        if (repeated > 0) append({ ...fact, detail: { repeated, withinMs: WINDOW_MS } })
    })
    return kinds
  }
}
