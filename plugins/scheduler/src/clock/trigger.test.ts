import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settleTrigger } from './settle.ts'
import { dueUntil, MAX_COUNTED, nextAfter, preview } from './trigger.ts'

const at = (text: string) => Date.parse(text)
const iso = (instants: number[]) => instants.map((instant) => new Date(instant).toISOString().replace(':00.000Z', 'Z'))
const cron = (expression: string, timeZone: string) => ({ kind: 'cron' as const, expression, timeZone })

/** Gap: the fixed time is missing. Repeat: it comes twice. Verified by hand against the zones' rules. */
const VECTORS: [name: string, expression: string, zone: string, after: string, expected: string[]][] = [
  ['Berlin spring gap', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
  [
    'Berlin autumn repeat',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-10-24T12:00Z',
    ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
  ],
  [
    'New York spring gap',
    '30 2 * * *',
    'America/New_York',
    '2026-03-07T12:00Z',
    ['2026-03-08T07:00Z', '2026-03-09T06:30Z'],
  ],
  [
    'New York autumn repeat',
    '30 1 * * *',
    'America/New_York',
    '2026-10-31T12:00Z',
    ['2026-11-01T05:30Z', '2026-11-02T06:30Z'],
  ],
  [
    'Lord Howe half-hour gap',
    '15 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-03T00:00Z',
    ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
  ],
  [
    'Lord Howe half-hour repeat',
    '45 1 * * *',
    'Australia/Lord_Howe',
    '2026-04-04T00:00Z',
    ['2026-04-04T14:45Z', '2026-04-05T15:15Z'],
  ],
  [
    'half-hourly keeps real time in Berlin autumn',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-10-25T00:00Z',
    ['2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z'],
  ],
  [
    'Havana repeat just after midnight',
    '30 0 * * *',
    'America/Havana',
    '2026-10-31T12:00Z',
    ['2026-11-01T04:30Z', '2026-11-02T05:30Z'],
  ],
  [
    'Cairo gap at midnight',
    '0 0 * * *',
    'Africa/Cairo',
    '2026-04-23T12:00Z',
    ['2026-04-23T22:00Z', '2026-04-24T21:00Z'],
  ],
  [
    'Chatham gap at a quarter to',
    '0 3 * * *',
    'Pacific/Chatham',
    '2026-09-25T20:00Z',
    ['2026-09-26T14:00Z', '2026-09-27T13:15Z'],
  ],
  [
    'two-hour gap at Troll',
    '30 2 * * *',
    'Antarctica/Troll',
    '2026-03-28T12:00Z',
    ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
  ],
  [
    'two-hour repeat at Troll',
    '30 2 * * *',
    'Antarctica/Troll',
    '2026-10-24T12:00Z',
    ['2026-10-25T00:30Z', '2026-10-26T02:30Z'],
  ],
  [
    'half-hourly through two hours that come twice',
    '*/30 * * * *',
    'Antarctica/Troll',
    '2026-10-25T00:00Z',
    ['2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z', '2026-10-25T02:30Z'],
  ],
  [
    'the day that Kwajalein left out',
    '0 9 * * *',
    'Pacific/Kwajalein',
    '1993-08-20T12:00Z',
    ['1993-08-20T21:00Z', '1993-08-21T21:00Z'],
  ],
  [
    'the day that Apia left out',
    '0 12 * * *',
    'Pacific/Apia',
    '2011-12-29T00:00Z',
    ['2011-12-29T22:00Z', '2011-12-30T22:00Z'],
  ],
  ['the year that had no such day', '0 12 30 12 *', 'Pacific/Apia', '2011-06-01T00:00Z', ['2012-12-29T22:00Z']],
  [
    'listed hours in a repeat',
    '0 1-2 * * *',
    'Europe/Berlin',
    '2026-10-24T22:30Z',
    ['2026-10-24T23:00Z', '2026-10-25T00:00Z', '2026-10-26T00:00Z'],
  ],
  [
    'Dublin, whose winter is the exception',
    '30 1 * * *',
    'Europe/Dublin',
    '2026-10-24T12:00Z',
    ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
  ],
  [
    'Casablanca in Ramadan',
    '30 2 * * *',
    'Africa/Casablanca',
    '2026-02-14T12:00Z',
    ['2026-02-15T01:30Z', '2026-02-16T02:30Z'],
  ],
  [
    'hourly through a gap',
    '0 * * * *',
    'America/New_York',
    '2026-03-08T05:30Z',
    ['2026-03-08T06:00Z', '2026-03-08T07:00Z', '2026-03-08T08:00Z'],
  ],
  [
    'day of month or weekday',
    '0 0 13 * 5',
    'UTC',
    '2026-11-01T00:00Z',
    ['2026-11-06T00:00Z', '2026-11-13T00:00Z', '2026-11-20T00:00Z'],
  ],
  ['7 is Sunday', '0 0 * * 7', 'UTC', '2026-11-16T00:00Z', ['2026-11-22T00:00Z']],
  ['29 February across a century', '0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', ['2104-02-29T00:00Z']],
  ['leap day', '0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
]

test.each(VECTORS)('S1: cron is right across clock changes: %s', (_name, expression, zone, after, expected) => {
  expect(iso(preview(cron(expression, zone), at(after), expected.length))).toEqual(expected)
})

test('S1: a daily job runs on every day of a year in every time zone, at least 22 and at most 26 hours apart', () => {
  const zones = Intl.supportedValuesOf('timeZone')
  const sample = zones.filter((_, i) => i % (process.env.PRYX_DEEP ? 1 : 20) === 0)
  for (const zone of sample) {
    const days = preview(cron('30 2 * * *', zone), at('2026-01-01T00:00Z'), 365)
    const gaps = days.slice(1).map((day, i) => (day - days[i]!) / 3_600_000)
    expect([zone, Math.min(...gaps) >= 22, Math.max(...gaps) <= 26, days.length]).toEqual([zone, true, true, 365])
  }
})

test('S1: an interval is counted from its anchor in real time and does not drift', () => {
  const trigger = { kind: 'interval' as const, everyMs: 13 * 3_600_000, anchor: at('2026-01-01T00:00Z') }

  expect(iso(preview(trigger, at('2026-01-02T03:00Z'), 2))).toEqual(['2026-01-02T15:00Z', '2026-01-03T04:00Z'])
})

test('S1: what cannot be read is refused with the reason', () => {
  const settle = (expression: string, zone: string) => () => settleTrigger(cron(expression, zone), 0, 'UTC')

  expect(settle('61 * * * *', 'UTC')).toThrowError(expect.objectContaining({ code: 'TASK_INVALID' }))
  expect(settle('tomorrow', 'UTC')).toThrowError(expect.objectContaining({ code: 'TASK_INVALID' }))
  expect(settle('0 9 * * *', 'Mars/Olympus')).toThrowError(expect.objectContaining({ code: 'TASK_INVALID' }))
})

test('S1: 31 February never comes', () => {
  expect(nextAfter(cron('0 0 31 2 *', 'UTC'), 0)).toBeUndefined()
})

test('S8: after a month a task of every second is counted in bounded work, and its newest occurrences are known', () => {
  const now = at('2026-02-01T00:00Z')

  const due = dueUntil(cron('* * * * * *', 'UTC'), at('2026-01-01T00:00Z'), now, 3)

  expect(due).toMatchObject({ count: MAX_COUNTED, exact: false, last: now, next: now + 1_000 })
  expect(due.newest).toEqual([now - 2_000, now - 1_000, now])
})

test('S1: T1: walking with nextAfter and counting with dueUntil agree, for cron and intervals', () => {
  const trigger = fc.oneof(
    fc
      .constantFrom('*/5 * * * * *', '*/7 * * * *', '0 */3 * * *', '15,45 1-3 * * *')
      .map((e) => cron(e, 'Australia/Lord_Howe')),
    fc.record({
      kind: fc.constant('interval' as const),
      everyMs: fc.integer({ min: 1_000, max: 1e7 }),
      anchor: fc.constant(0),
    }),
  )
  const start = fc.integer({ min: at('2026-01-01T00:00Z'), max: at('2026-12-31T00:00Z') })
  fc.assert(
    fc.property(trigger, start, fc.integer({ min: 0, max: 60 }), (trigger, after, steps) => {
      const walk = [nextAfter(trigger, after)!]
      for (let i = 0; i < steps; i++) walk.push(nextAfter(trigger, walk.at(-1)!)!)

      const due = dueUntil(trigger, walk[0]!, walk.at(-1)!, 5)

      expect(due).toMatchObject({ count: walk.length, last: walk.at(-1), newest: walk.slice(-5), exact: true })
      expect(due.next).toBe(nextAfter(trigger, walk.at(-1)!))
    }),
    { numRuns: process.env.PRYX_DEEP ? 500 : 60 },
  )
})
