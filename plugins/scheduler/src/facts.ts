// plugins/scheduler/src/facts.ts: tells what happened, after it is on disk. A listener that fails or is slow never holds up the scheduler.
import type { EventToken } from '@pryx/sdk'
import { taskEvents } from './events.ts'
import type { PlannedRun } from './plan.ts'
import type { Ports } from './ports.ts'
import { type OpenRun, publicRun } from './rows.ts'
import type { Run, Task } from './task.ts'

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
      })
    },
    started: (task: Task, run: OpenRun) => tell(taskEvents.started, { task: brief(task), run: publicRun(run) }),
    finished(task: Task, run: OpenRun) {
      const { result: _result, log: _log, ...rest } = publicRun(run)
      tell(taskEvents.finished, { task: brief(task), run: rest })
    },
    missed(task: Task, run: PlannedRun) {
      if (run.status === 'queued') return
      const { status, count, since, occurrence, reason = '' } = run
      tell(taskEvents.missed, { task: brief(task), status, count, since, occurrence, reason })
    },
  }

  function tell<P>(event: EventToken<P>, payload: P): void {
    Promise.resolve()
      .then(() => emit(event, payload))
      .catch((error) => warn(`${event.name} could not be told`, error))
  }
}

function brief({ id, name, owner }: Task) {
  return { id, name, owner }
}
