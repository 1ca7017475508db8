// test/packages/src/croner.ts: next runs over changes of the clock, and a job that really fires.
import { Cron } from 'croner'
import { pluginOf } from './work.ts'

export interface Plan {
  expression: string
  timezone: string
  /** ISO 8601. */
  from: string
  count: number
}

export function work(plans: Plan[]): string[][] {
  return plans.map(({ expression, timezone, from, count }) =>
    new Cron(expression, { timezone, paused: true }).nextRuns(count, new Date(from)).map((date) => date.toISOString()),
  )
}

export default pluginOf(async (plans: Plan[]) => {
  const fired = await new Promise<string>((resolve) => {
    new Cron('* * * * * *', { maxRuns: 1 }, () => resolve('fired'))
  })
  return { runs: work(plans), fired }
})
