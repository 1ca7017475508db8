// packages/kernel/src/permissions/tally.ts: writes to the audit log what may come thousands of times a second, without filling the disk (K8).
//   R1  The first of its kind is written at once; repeats within the window are one further entry with their count.
//   R2  A plugin has at most `MAX_KINDS` kinds in a window; what goes beyond is counted together.
import type { AuditFact } from '../audit/chain.ts'
import type { PluginId } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const MAX_KINDS = 32

export interface Tally {
  /** Writes `fact`, or counts it as one more of `kind`. */
  write(kind: string, fact: AuditFact): void
  /** Writes what was counted and not yet written: the host is stopping. */
  flush(): void
}

interface Counted {
  fact: AuditFact
  repeated: number
}

export function createTally(append: (fact: AuditFact) => void, clock: Clock, windowMs: number): Tally {
  const windows = new Map<PluginId, Map<string, Counted>>()
  return {
    write(kind, fact) {
      const kinds = windows.get(fact.plugin) ?? openWindow(fact.plugin)
      const known = kinds.get(kind) ?? (kinds.size < MAX_KINDS ? undefined : kinds.get('')) // R2
      if (known) known.repeated++
      else if (kinds.size < MAX_KINDS) begin(kinds, kind, fact)
      else begin(kinds, '', { ...fact, access: [], detail: { note: 'further kinds are counted together' } })
    },
    flush() {
      for (const plugin of [...windows.keys()]) close(plugin)
    },
  }

  function begin(kinds: Map<string, Counted>, kind: string, fact: AuditFact): void {
    kinds.set(kind, { fact, repeated: 0 })
    append(fact) // R1
  }

  function openWindow(plugin: PluginId): Map<string, Counted> {
    const kinds = new Map<string, Counted>()
    windows.set(plugin, kinds)
    clock.after(windowMs, () => close(plugin))
    return kinds
  }

  function close(plugin: PluginId): void {
    const kinds = windows.get(plugin)
    windows.delete(plugin)
    for (const { fact, repeated } of kinds?.values() ?? [])
      if (repeated > 0) append({ ...fact, detail: { repeated, withinMs: windowMs } })
  }
}
