// plugins/scheduler/src/running/facts.ts: tells what happened, after it is on disk. A listener that fails or is slow never holds up the scheduler.
import type { EventToken } from '@pryx/sdk'
import { noticeEvents, taskEvents } from '../events.ts'
import type { Ports } from '../ports.ts'
import type { OpenRun } from '../store/rows.ts'
import type { Run, Task } from '../task.ts'
import type { PlannedRun } from './plan.ts'

/** What is left out of facts: written so, as taking fields away one by one costs several times as much. */
const INTERNAL = { seq: undefined, session: undefined, recoveries: undefined, priority: undefined, epoch: undefined }
const LONG = { result: undefined, log: undefined, input: undefined }

export type Facts = ReturnType<typeof createFacts>

export function createFacts({ emit, warn }: Pick<Ports, 'emit' | 'warn'>) {
  return {
    created: (task: Task) => tell(taskEvents.created, { task: brief(task) }),
    removed: (task: Task) => tell(taskEvents.removed, { task: brief(task) }),
    updated: (task: Task) =>
      tell(taskEvents.updated, {
        task: brief(task),
        state: task.state,
        ...(task.nextDue !== undefined && { nextDue: task.nextDue }),
      }),
    due(task: Task, run: Run) {
      if (task.action.kind !== 'event') return
      tell(taskEvents.due, {
        ...{ runId: run.id, key: `${run.id}:${run.attempt}`, taskId: task.id, name: task.name, owner: task.owner },
        ...{ occurrence: run.occurrence, count: run.count, attempt: run.attempt, deadline: run.deadline ?? 0 },
        payload: task.action.payload,
        ...(run.input !== undefined && { input: run.input }),
      })
    },
    started: (task: Task, run: OpenRun) =>
      tell(taskEvents.started, { task: brief(task), run: { ...run, ...INTERNAL } }),
    progressed: (task: Task, runId: string, progress: NonNullable<Run['progress']>) =>
      tell(taskEvents.progressed, { task: brief(task), runId, progress }),
    cancelled: (task: Task, runId: string, reason: string) =>
      tell(taskEvents.cancelled, { task: brief(task), runId, reason }),
    finished(task: Task, run: OpenRun) {
      tell(taskEvents.finished, { task: brief(task), run: { ...run, ...INTERNAL, ...LONG } })
    },
    missed(task: Task, run: PlannedRun) {
      if (run.status === 'queued') return
      const { status, count, since, occurrence, reason = '' } = run
      tell(taskEvents.missed, { task: brief(task), status, count, since, occurrence, reason })
    },
    late: (task: Pick<Task, 'id' | 'name' | 'owner'>, runId: string | undefined, since: number, reason: string) =>
      tell(taskEvents.late, { task: brief(task), ...(runId !== undefined && { runId }), since, reason }),
    gap: (since: number, until: number) => tell(taskEvents.gap, { since, until, ms: until - since }),
    acknowledged: (id: string, by: string) => tell(noticeEvents.acknowledged, { id, by }),
  }

  function tell<P>(event: EventToken<P>, payload: P): void {
    void emit(event, payload).catch((error) => warn(`${event.name} could not be told`, error))
  }
}

function brief({ id, name, owner }: Pick<Task, 'id' | 'name' | 'owner'>) {
  return { id, name, owner }
}
