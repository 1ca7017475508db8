// packages/kernel/src/events/drop-reports.ts: tells of dropped events: the first at once, then one report a second at most, none forgotten.
import type { Release } from '../contract/index.ts'
import type { Clock } from '../powers.ts'

const REPORT_MS = 1_000 // between two reports

export function createDropReports(clock: Clock, report: (count: number) => void) {
  let count = 0
  let pending: Release | undefined
  return {
    add(more: number): void {
      count += more
      if (pending === undefined) flush()
    },
    close(): void {
      void pending?.()
      if (count > 0) report(count)
      count = 0
    },
  }

  function flush(): void {
    if (count === 0) {
      pending = undefined
      return
    }
    const told = count
    count = 0
    pending = clock.after(REPORT_MS, flush) // before the report, which may itself be an event that is dropped
    report(told)
  }
}
