// plugins/scheduler/src/dashboard/sums.ts: sums over days that are over. They are made once a day, when a dashboard first asks; what is read
// after that is one row of a task, and one of a day.
//   U1  Sums hold days before today only; today is read from where it is written, so a figure is never old.
//   U2  They are made in one transaction with the day they are good for; a crash leaves the old ones, which are then made anew.
//   U3  A run that began before midnight and ended after it counts for the day it ended on, so days that are over do not change.
//   U4  On a full disk they stay as they are: the user must see their tasks to make room.
import { PryxError } from '@pryx/sdk'
import { periodOf } from '../money/usage.ts'
import type { Store } from '../store/store.ts'

const DAY_MS = 86_400_000
/** Success is counted over so many days, today among them. */
export const RATED_DAYS = 30
const KEPT_DAYS = 366

const FIRST = '0000-00-00'

/** Brings the sums up to yesterday. @returns Today, in the scheduler's zone. */
export async function bringUpToDate(store: Store, now: number, timeZone: string): Promise<string> {
  const day = (ago: number) => periodOf(now - ago * DAY_MS, timeZone, 'day')
  const today = day(0)
  const [known] = await store.sql.all<{ value: string }>(`SELECT value FROM scheduler_meta WHERE key = 'summed'`)
  if (known?.value === `${today} ${timeZone}`) return today
  try {
    await makeSums(store, day, today, timeZone)
  } catch (error) {
    if (!PryxError.is(error, 'STORAGE_FULL')) throw error // U4
  }
  return today
}

async function makeSums(store: Store, day: (ago: number) => string, today: string, timeZone: string): Promise<void> {
  const { value: last } = (await store.sql.all<{ value: string | null }>('SELECT MAX(day) value FROM day_sums'))[0]!
  await store.commit([
    { sql: 'DELETE FROM rates' },
    {
      sql: 'INSERT INTO rates SELECT task, SUM(ok), SUM(failed) FROM daily WHERE day >= ? AND day < ? GROUP BY task',
      params: [day(RATED_DAYS - 1), today],
    },
    {
      sql: `INSERT INTO day_sums SELECT day, SUM(ok), SUM(failed), SUM(other), SUM(ms), SUM(cost_usd) FROM daily
            WHERE day > ? AND day >= ? AND day < ? GROUP BY day`,
      params: [last ?? FIRST, day(KEPT_DAYS), today],
    },
    { sql: 'DELETE FROM day_sums WHERE day < ? OR day >= ?', params: [day(KEPT_DAYS), today] },
    {
      sql: `INSERT INTO scheduler_meta (key, value) VALUES ('summed', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      params: [`${today} ${timeZone}`],
    },
  ]) // U2
}
