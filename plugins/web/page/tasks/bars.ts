// plugins/web/page/tasks/bars.ts: where the steps of a run lie in time. Pure.
import type { StepLog } from '@pryx/plugin-scheduler/service'

export interface Bar {
  step: StepLog
  /** How many steps it is within. */
  depth: number
  /** Percent of the whole; absent for a step that never began. */
  left?: number
  width?: number
  tookMs?: number
}

/** @param now Where a step that goes on ends for now, epoch ms. */
export function barsOf(steps: readonly StepLog[], now: number): { bars: Bar[]; wholeMs: number } {
  const begun = steps.flatMap(({ startedAt }) => (startedAt === undefined ? [] : startedAt))
  const start = begun.length === 0 ? now : Math.min(...begun)
  const end = Math.max(start + 1, ...steps.map((step) => endOf(step, now)))
  const wholeMs = end - start
  const bars = steps.map((step): Bar => {
    const depth = step.path.split('/').length - 1
    if (step.startedAt === undefined) return { step, depth }
    const tookMs = Math.max(0, endOf(step, now) - step.startedAt)
    return { step, depth, left: ((step.startedAt - start) / wholeMs) * 100, width: (tookMs / wholeMs) * 100, tookMs }
  })
  return { bars, wholeMs }
}

function endOf({ status, startedAt, finishedAt }: StepLog, now: number): number {
  if (finishedAt !== undefined) return finishedAt
  return status === 'started' || status === 'waiting' || status === 'ambiguous' ? now : (startedAt ?? 0)
}
