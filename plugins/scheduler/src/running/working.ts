// plugins/scheduler/src/running/working.ts: the runs this instance works on itself: all but those of `event` tasks.
//   W1  A run is worked on once; the signal it is handed aborts when the run is over for whatever reason.
//   W2  How it ended is recorded as soon as the disk lets it be: a full disk delays a report, it does not lose it.

import type { Ports } from '../ports.ts'
import type { OpenRun } from '../store/rows.ts'
import type { Completion, Task } from '../task.ts'
import type { Notes } from '../workflow/journal.ts'
import { messageOf } from './failure.ts'

const AGAIN_MS = 1_000
const MAX_TRIES = 86_400 // a day

/** How work ended, and its step log where that is written together with the end. */
export interface Worked extends Completion {
  notes?: Notes | undefined
}

/** Does what a task's action says, to its end or until the signal aborts. */
export type Work = (task: Task, run: OpenRun, signal: AbortSignal) => Promise<Worked>

export interface Working {
  has(runId: string): boolean
  /** It is being worked on, or its end is still to be recorded. */
  knows(runId: string): boolean
  readonly ids: ReadonlySet<string>
  /** Works on a run; `report` gets its end, whatever it is. */
  launch(task: Task, run: OpenRun, report: (completion: Worked) => Promise<unknown>): void
  /** Tells the work to stop. */
  abort(runId: string, reason: string): void
}

export function createWorking(work: Work, { clock, warn }: Pick<Ports, 'clock' | 'warn'>): Working {
  const active = new Map<string, AbortController>()
  const recording = new Set<string>()
  return {
    has: (runId) => active.has(runId),
    knows: (runId) => active.has(runId) || recording.has(runId),
    get ids() {
      return new Set(active.keys())
    },
    launch(task, run, report) {
      if (active.has(run.id)) return // W1
      const controller = new AbortController()
      active.set(run.id, controller)
      void Promise.resolve()
        .then(() => work(task, run, controller.signal))
        .catch((error): Worked => ({ ok: false, error: messageOf(error) }))
        .then((completion) => {
          if (active.get(run.id) === controller) active.delete(run.id)
          return record(run.id, () => report({ ...completion, attempt: run.attempt }))
        })
    },
    abort(runId, reason) {
      const controller = active.get(runId)
      active.delete(runId)
      controller?.abort(new Error(reason))
    },
  }

  /** W2 */
  async function record(runId: string, report: () => Promise<unknown>): Promise<void> {
    recording.add(runId)
    try {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        try {
          return void (await report())
        } catch (error) {
          warn(`the end of run ${runId} could not be recorded; it is tried again`, error)
          await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve))
        }
      }
    } finally {
      recording.delete(runId)
    }
  }
}
