// packages/sdk/src/capabilities/system.ts: the token of system. Each kind of fact needs `system:KIND`.
import { defineService } from '@pryx/kernel/contract'

export interface SystemFacts {
  /** `percent` of all processors since the last call of any plugin, 0 to 100. `load` over 1, 5 and 15 min. */
  cpu: { percent: number; cores: number; load: [number, number, number] }
  /** Bytes. `free` is what programs can have without swapping. */
  memory: { total: number; free: number; percentUsed: number }
  /** Bytes of the disk that holds the workspace. */
  disk: { total: number; free: number; percentUsed: number }
  os: { platform: string; release: string; arch: string }
  /** `now` epoch ms; `zone` IANA. */
  time: { now: number; zone: string; uptimeMs: number }
  /** Undefined without one. */
  battery: { percent: number; charging: boolean } | undefined
}

/** Facts about the machine; none of them names it or its user. */
export interface System {
  facts<K extends keyof SystemFacts>(kind: K): Promise<SystemFacts[K]>
}

export const System = defineService<System>('system', '1.0.0')
