import { PryxError } from '@pryx/sdk'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePhrase } from './phrase.ts'
import { preview } from './trigger.ts'
import { instantText, wordsFor } from './words.ts'

const NOW = Date.parse('2026-11-18T10:20:00Z') // a Wednesday, 11:20 in Berlin
const setting = { now: NOW, timeZone: 'Europe/Berlin' }
const cron = (expression: string, timeZone = 'Europe/Berlin') => ({ kind: 'cron', expression, timeZone })
const once = (text: string) => ({ kind: 'once', at: Date.parse(text) })

const REPEATED: [phrase: string, expression: string][] = [
  ['every weekday at 9am', '0 9 * * 1-5'],
  ['Every Weekday at 9 am.', '0 9 * * 1-5'],
  ['every day at 18:30', '30 18 * * *'],
  ['daily at noon', '0 12 * * *'],
  ['every day', '0 0 * * *'],
  ['every day at 9am and 5pm', '0 9,17 * * *'],
  ['every weekend at 10:15', '15 10 * * 0,6'],
  ['every monday and thursday at 8am', '0 8 * * 1,4'],
  ['every mon, wed, and fri at 8am', '0 8 * * 1,3,5'],
  ['every friday to monday at 8am', '0 8 * * 0,1,5,6'],
  ['fridays at 17:00', '0 17 * * 5'],
  ['weekly on friday at midnight', '0 0 * * 5'],
  ['every 15 minutes', '*/15 * * * *'],
  ['every minute', '* * * * *'],
  ['every 10 seconds', '*/10 * * * * *'],
  ['every hour', '0 * * * *'],
  ['hourly', '0 * * * *'],
  ['every 2 hours', '0 */2 * * *'],
  ['every two hours', '0 */2 * * *'],
  ['every 2 hours between 8am and 6pm', '0 8-17/2 * * *'],
  ['every 30 minutes between 9am and 5pm on weekdays', '*/30 9-16 * * 1-5'],
  ['every month on the 1st', '0 0 1 * *'],
  ['every month on the 1st and 15th at 6:00', '0 6 1,15 * *'],
  ['every month on the last day at 17:00', '0 17 L * *'],
  ['every month on the first monday at 9am', '0 9 * * 1#1'],
  ['monthly on the last friday at 4pm', '0 16 * * 5#L'],
  ['every 1st of the month at 9am', '0 9 1 * *'],
  ['every year on 24 december at 9am', '0 9 24 12 *'],
  ['every december 24th at 9am', '0 9 24 12 *'],
  ['30 8 * * 1-5', '30 8 * * 1-5'],
  ['@daily', '@daily'],
]

test.each(REPEATED)('S1: “%s” is %s', (phrase, expression) => {
  const trigger = parsePhrase(phrase, setting)

  expect(trigger).toEqual(cron(expression))
  expect(preview(trigger, NOW, 5)).toHaveLength(5)
})

test.each([
  ['in 2 hours', once('2026-11-18T12:20:00Z')],
  ['in a minute', once('2026-11-18T10:21:00Z')],
  ['in 3 days', once('2026-11-21T10:20:00Z')],
  ['tomorrow at 9am', once('2026-11-19T08:00:00Z')],
  ['today at 15:00', once('2026-11-18T14:00:00Z')],
  ['at 9am', once('2026-11-19T08:00:00Z')],
  ['at noon', once('2026-11-18T11:00:00Z')],
  ['on friday at 14:00', once('2026-11-20T13:00:00Z')],
  ['on wednesday at 14:00', once('2026-11-25T13:00:00Z')],
  ['on 2027-01-31 at noon', once('2027-01-31T11:00:00Z')],
  ['on 31 january 2027 at noon', once('2027-01-31T11:00:00Z')],
  ['every 13 hours', { kind: 'interval', everyMs: 13 * 3_600_000 }],
  ['every 45 minutes', { kind: 'interval', everyMs: 45 * 60_000 }],
  ['every day at 9am Asia/Tokyo', cron('0 9 * * *', 'Asia/Tokyo')],
])('S1: “%s” is what it says, in its zone', (phrase, trigger) => {
  expect(parsePhrase(phrase, setting)).toEqual(trigger)
})

test('S1: days are counted on the wall clock: “in 1 day” before a clock change keeps the hour, a time in the gap is the first after it', () => {
  const before = { now: Date.parse('2026-03-28T08:00:00Z'), timeZone: 'Europe/Berlin' }

  expect(parsePhrase('in 1 day', before)).toEqual(once('2026-03-29T07:00:00Z'))
  expect(parsePhrase('tomorrow at 2:30', before)).toEqual(once('2026-03-29T01:00:00Z'))
})

test.each([
  ['every day at 9', '9am'],
  ['every other day', 'every 48 hours'],
  ['every 2 days', 'every 48 hours'],
  ['every week', 'every monday at 9am'],
  ['every month', 'every month on the 1st'],
  ['tomorrow', 'tomorrow at 9am'],
  ['every day at 9am and 5:30pm', 'every day at 9:00'],
  ['next friday at 9am', 'on friday at 9am'],
  ['on 24 december at 9am', 'every year on 24 december at 9am'],
  ['every 45 minutes on weekdays', 'every 15 minutes on weekdays'],
  ['today at 9am', 'tomorrow at 9:00'],
  ['every blue moon', 'every'],
  ['soon', 'every'],
  ['every day at 9am please', 'every day'],
  ['on 2027-02-30 at noon', 'on 2027-01-31 at noon'],
  ['every month on the 32nd', 'every month on the last day'],
  ['', 'every'],
])('S1: “%s” could be meant in more ways, or in none: refused, with what to write instead', (phrase, suggestion) => {
  const refused = attempt(phrase)

  expect(refused.code).toBe('TASK_PHRASE')
  expect(refused.details.suggestions).toContain(suggestion)
})

test('S1: every suggestion is itself a schedule', () => {
  const words = [
    'every',
    'other',
    'day',
    'week',
    'month',
    'at',
    '9',
    'on',
    'the',
    '45',
    'minutes',
    'weekdays',
    'tomorrow',
    'next',
    'friday',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 6 }), (parts) => {
      const phrase = parts.join(' ')
      let error: PryxError | undefined
      try {
        parsePhrase(phrase, setting)
      } catch (thrown) {
        error = thrown as PryxError
      }
      const whole = String(error?.details.suggestions ?? '')
        .split(' | ')
        .filter((each) => each.includes(' ') && !each.startsWith(phrase))
      for (const suggestion of whole) expect(() => parsePhrase(suggestion, setting), suggestion).not.toThrow()
    }),
    { numRuns: process.env.PRYX_DEEP ? 20_000 : 500 },
  )
})

test('S1: no text makes it throw anything but a refusal', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      try {
        parsePhrase(text, setting)
      } catch (error) {
        expect(PryxError.is(error)).toBe(true)
      }
    }),
    { numRuns: process.env.PRYX_DEEP ? 50_000 : 1_000 },
  )
})

test('S1: what was understood is shown back in words and by the wall clock', () => {
  expect(wordsFor(parsePhrase('every weekday at 9am', setting), 'UTC')).toBe(
    'At 09:00, Monday through Friday (Europe/Berlin)',
  )
  expect(wordsFor({ kind: 'interval', everyMs: 13 * 3_600_000 }, 'UTC')).toBe('Every 13 hours of real time')
  expect(instantText(Date.parse('2026-03-29T01:00:00Z'), 'Europe/Berlin')).toBe('2026-03-29 03:00 CEST')
})

function attempt(phrase: string): PryxError {
  try {
    parsePhrase(phrase, setting)
  } catch (error) {
    return error as PryxError
  }
  throw new Error(`“${phrase}” was taken`)
}
