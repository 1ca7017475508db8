// packages/kernel/src/permissions/judge.ts: decide.ts with a memory, so that the hot path is one look-up (K4).
//   M1  A remembered verdict is used only at the revision of the grants it was made at, and before time can change it.
//   M2  The memory of one caller is bounded, and goes with the caller.
import { type Permission, type PluginId, type PluginPlace, PryxError, type Scope } from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import { type Decision, decide } from './decide.ts'
import { covers, type Grammars, normalPermission } from './grammar.ts'
import type { Where } from './grant.ts'
import type { Grants } from './grants.ts'

const MAX_REMEMBERED = 512 // verdicts of one caller

/** One instance of a plugin, as it asks for things. */
export interface Caller {
  readonly plugin: PluginId
  /** What its manifest declares, as written there or in normal form. */
  readonly declared: readonly Permission[]
  readonly place: PluginPlace
  /** Owns what its calls open; closed, nothing can be called. */
  readonly scope: Scope
  /** Default time limit of a call, ms. */
  readonly callMs: number
  readonly instance: string
}

export type Judge = (caller: Caller, permission: Permission) => Decision

export interface JudgeOptions {
  grammars: Grammars
  grants: Pick<Grants, 'revision' | 'list'>
  clock: Pick<Clock, 'now'>
  where: Where
}

/** A judge of permissions in normal form. */
export function createJudge({ grammars, grants, clock, where }: JudgeOptions): Judge {
  const memories = new WeakMap<Caller, Memory>()
  return (caller, permission) => {
    const memory = memoryOf(caller)
    const now = clock.now()
    const known = memory.verdicts.get(permission)
    if (known !== undefined && now < known.until) return known
    const decision = decide(permission, {
      declared: memory.declared,
      grants: grants.list(caller.plugin),
      where,
      now,
      covers: (granted, wanted) => covers(grammars, granted, wanted),
    })
    if (memory.verdicts.size >= MAX_REMEMBERED) memory.verdicts.clear() // M2
    memory.verdicts.set(permission, decision)
    return decision
  }

  function memoryOf(caller: Caller): Memory {
    let memory = memories.get(caller)
    if (memory === undefined) {
      memory = { declared: normalDeclared(caller), verdicts: new Map(), revision: grants.revision }
      memories.set(caller, memory)
    }
    if (memory.revision === grants.revision) return memory
    memory.verdicts.clear() // M1
    memory.revision = grants.revision
    return memory
  }

  /** A permission this host cannot read allows nothing: it is left out. */
  function normalDeclared({ declared, place }: Caller): Permission[] {
    return declared.flatMap((permission) => {
      try {
        return [normalPermission(grammars, permission, place)]
      } catch (error) {
        if (PryxError.is(error)) return []
        throw error
      }
    })
  }
}

interface Memory {
  readonly declared: readonly Permission[]
  readonly verdicts: Map<Permission, Decision>
  revision: number
}
