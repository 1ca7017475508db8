// src/scheduler.ts: what this plugin uses of the scheduler's contract (service `scheduler` 1.0.0).
import { defineEvents, defineService, z } from '@pryx/sdk'

export interface Scheduler {
  /** Makes the task of that name, or brings it up to date; one that is unchanged is left as it is. */
  createOrUpdate(task: { name: string; trigger: { kind: 'interval'; everyMs: number } }): Promise<{ id: string }>
  /** We listen from now on: what fell due meanwhile is announced again. */
  attend(): Promise<void>
  /** How a run ended. */
  complete(
    runId: string,
    outcome: { ok: boolean; result?: unknown; error?: string; attempt?: number },
  ): Promise<boolean>
}
export const Scheduler = defineService<Scheduler>('scheduler', '1.0.0')

export const taskEvents = defineEvents('task', {
  due: z.looseObject({ taskId: z.string(), runId: z.string(), attempt: z.number() }),
})
