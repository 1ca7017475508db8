// plugins/web/page/tasks/days.ts: figures of days as charts want them: one for each day, gaps where nothing ran. Pure.
import type { Day } from '@pryx/plugin-scheduler/service'

const DAY_MS = 86_400_000

export interface Filled {
  /** `2026-11-22` */
  day: string
  /** Its noon, epoch ms, so that no zone moves it to another day. */
  at: number
  runs: number
  /** 0 to 1; null where no run ended well or failed. */
  success: number | null
  averageMs: number | null
  costUsd: number
}

/** The last `count` days up to `now` or the newest there is, oldest first. */
export function everyDay(days: readonly Day[], count: number, now: number): Filled[] {
  const known = new Map(days.map((day) => [day.day, day]))
  const newest = Math.max(noonOf(new Date(now).toISOString().slice(0, 10)), ...days.map(({ day }) => noonOf(day)))
  return Array.from({ length: count }, (_, i) => {
    const at = newest - (count - 1 - i) * DAY_MS
    const day = new Date(at).toISOString().slice(0, 10)
    return { day, at, ...figuresOf(known.get(day)) }
  })
}

function figuresOf(day: Day | undefined): Omit<Filled, 'day' | 'at'> {
  if (day === undefined) return { runs: 0, success: null, averageMs: null, costUsd: 0 }
  const { ok, failed, other, ms, costUsd } = day
  const runs = ok + failed + other
  return {
    runs,
    success: ok + failed === 0 ? null : ok / (ok + failed),
    averageMs: runs === 0 ? null : ms / runs,
    costUsd,
  }
}

function noonOf(day: string): number {
  return Date.parse(`${day}T12:00:00Z`)
}
