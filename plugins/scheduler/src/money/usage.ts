// plugins/scheduler/src/money/usage.ts: what model calls used, and what they may use (S4). Pure.
//   U1  Unknown is unknown: one call without a price makes the sum a lower bound (`unpriced` > 0), never a free one.
import { z } from 'zod'

const amount = z.number().min(0).max(1e12)

/** Sums over model calls. `costUsd` counts the calls whose price is known; `unpriced` are those whose is not. */
export const usageSchema = z.strictObject({
  calls: z.number().int().min(0).default(0),
  inputTokens: amount.default(0),
  outputTokens: amount.default(0),
  costUsd: amount.default(0),
  unpriced: z.number().int().min(0).default(0),
})
export type Usage = z.output<typeof usageSchema>

export const NO_USAGE: Usage = Object.freeze({ calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, unpriced: 0 })

/** In US dollars. `ask`: over it, the task waits for the user (`resume`, or a higher budget); `pause` is the same without the question. */
export const budgetSchema = z.strictObject({
  perRunUsd: amount.optional(),
  /** Over all runs of the task since it was made or `resetBudget` was called. */
  perTaskUsd: amount.optional(),
  perMonthUsd: amount.optional(),
  over: z.enum(['ask', 'pause']).default('ask'),
  /** How many calls without a known price a run may make. Default: none is refused. */
  maxUnpriced: z.number().int().min(0).optional(),
})
export type Budget = z.output<typeof budgetSchema>

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    calls: a.calls + b.calls,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    costUsd: a.costUsd + b.costUsd,
    unpriced: a.unpriced + b.unpriced,
  }
}

/** `2026-11` or `2026-11-22`: the user's month or day an instant falls into. */
export function periodOf(at: number, timeZone: string, period: 'month' | 'day'): string {
  const parts = Object.fromEntries(
    calendarOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  return period === 'month' ? `${parts.year}-${parts.month}` : `${parts.year}-${parts.month}-${parts.day}`
}

/** Making one costs a hundred times as much as asking it. */
let calendar: { timeZone: string; format: Intl.DateTimeFormat } | undefined

function calendarOf(timeZone: string): Intl.DateTimeFormat {
  if (calendar?.timeZone !== timeZone) {
    const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
    calendar = { timeZone, format }
  }
  return calendar.format
}
