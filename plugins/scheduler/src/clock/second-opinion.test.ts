// Differential: croner, which calculates, against cron-parser, which does not know it is asked. Where clocks change the two differ by
// design (Vixie's rules against others), so those days are left to the vectors; everywhere else they must agree to the second.
import { CronExpressionParser } from 'cron-parser'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextAfter } from './trigger.ts'

const DAY_MS = 86_400_000
const ZONES = Intl.supportedValuesOf('timeZone')
const YEARS = { min: Date.UTC(2024, 0, 1), max: Date.UTC(2032, 0, 1) }

const field = (min: number, max: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: fc.integer({ min, max }).map(String) },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 2, max: Math.max(2, Math.floor((max - min) / 2)) }).map((n) => `*/${n}`),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    },
    {
      weight: 1,
      arbitrary: fc
        .uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 4 })
        .map((all) => all.sort((a, b) => a - b).join(',')),
    },
  )

const expression = fc
  .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
  .map((fields) => fields.join(' '))

test('S1: a second cron library gives the same times in every zone, but for days on which clocks change', () => {
  let compared = 0
  fc.assert(
    fc.property(expression, fc.constantFrom(...ZONES), fc.integer(YEARS), (expression, timeZone, after) => {
      const ours = nextAfter({ kind: 'cron', expression, timeZone }, after)
      const theirs = secondOpinion(expression, timeZone, after)
      if (theirs === undefined && (ours === undefined || ours > after + 4 * 366 * DAY_MS)) return
      if (changesNear(timeZone, Math.min(ours ?? after, theirs ?? after)) || changesNear(timeZone, after)) return
      compared++
      expect([expression, timeZone, after, ours]).toEqual([expression, timeZone, after, theirs])
    }),
    { numRuns: process.env.PRYX_DEEP ? 100_000 : 500 },
  )
  expect(compared).toBeGreaterThan(300)
})

function secondOpinion(expression: string, tz: string, after: number): number | undefined {
  try {
    return CronExpressionParser.parse(expression, { tz, currentDate: new Date(after) })
      .next()
      .getTime()
  } catch {
    return undefined // it looks only so far ahead
  }
}

function changesNear(timeZone: string, at: number): boolean {
  return (
    offset(timeZone, at - 2 * DAY_MS) !== offset(timeZone, at) ||
    offset(timeZone, at) !== offset(timeZone, at + 2 * DAY_MS)
  )
}

function offset(timeZone: string, at: number): string {
  return new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')!.value
}
