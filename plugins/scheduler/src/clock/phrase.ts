// plugins/scheduler/src/clock/phrase.ts: schedules in plain English, as triggers (S1). Pure.
//   F1  Strict: every word must have its place. What could be meant in two ways is refused, with what to write instead; nothing is guessed.
//   F2  What is understood becomes a cron expression, an interval or one instant, and is shown back as such before it is kept.
import { UsageError } from '@pryx/sdk'
import type { Trigger } from '../task.ts'
import { nextAfter } from './trigger.ts'
import { readZone } from './zone.ts'

const MINUTE_MS = 60_000
const UNITS: Readonly<Record<string, number>> = { second: 1_000, minute: MINUTE_MS, hour: 60 * MINUTE_MS }
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const MONTHS = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november'],
  'december',
]
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth']
const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven']
const EXAMPLES = [
  ...[
    'every weekday at 9am',
    'every day at 18:30',
    'every monday and thursday at 8am',
    'every 15 minutes',
    'every 2 hours',
  ],
  ...['every month on the 1st', 'every month on the last day at 17:00', 'every month on the first monday at 9am'],
  ...[
    'every year on 24 december at 9am',
    'in 2 hours',
    'tomorrow at 9am',
    'on friday at 14:00',
    'on 2027-01-31 at noon',
  ],
  ...['every 30 minutes between 9am and 5pm on weekdays', 'every hour', '30 8 * * 1-5'],
]

/** @param now Epoch ms, for phrases that count from it. @param timeZone IANA: whose wall clock is meant. */
export interface PhraseSetting {
  now: number
  timeZone: string
}

/**
 * The trigger a phrase means. A time zone at its end (`every day at 9am Europe/Berlin`) wins over the setting's.
 *
 * @throws TASK_PHRASE, with `suggestions` in its details, apart by ` | `.
 */
export function parsePhrase(text: string, setting: PhraseSetting): Trigger {
  const { words, timeZone } = read(text, setting.timeZone)
  const clean = words.join(' ')
  if (isCron(text.trim())) return { kind: 'cron', expression: text.trim(), timeZone: setting.timeZone }
  const reader = createReader(words, text)
  const trigger = schedule(reader, { ...setting, timeZone })
  if (!reader.done()) throw reader.refuse(`“${reader.rest()}” has no place in it`, closest(clean))
  return trigger
}

type Reader = ReturnType<typeof createReader>
type Time = { hour: number; minute: number }
/** Fields of a cron expression without the time of day. */
type Dates = { day?: string; month?: string; weekday?: string }

function schedule(reader: Reader, setting: PhraseSetting): Trigger {
  if (reader.take('in')) return inAWhile(reader, setting)
  if (reader.take('every') || reader.take('each')) return repeated(reader, setting.timeZone)
  if (reader.take('hourly')) return cron('0 * * * *', setting.timeZone)
  if (reader.take('daily')) return atTimes(reader, {}, setting.timeZone)
  if (reader.take('weekly')) return weekly(reader, setting.timeZone)
  if (reader.take('monthly')) return monthly(reader, setting.timeZone)
  if (reader.take('yearly')) return yearly(reader, setting.timeZone)
  if (reader.peek()?.endsWith('s') && dayOf(reader.peek()!) !== undefined) return onDays(reader, setting.timeZone)
  return single(reader, setting)
}

/** `in 2 hours`, `in 3 days`: days and weeks keep the hour of the wall clock. */
function inAWhile(reader: Reader, setting: PhraseSetting): Trigger {
  const n = count(reader)
  const unit = reader.next('a unit: seconds, minutes, hours, days or weeks').replace(/s$/, '')
  if (UNITS[unit] !== undefined) return { kind: 'once', at: setting.now + n * UNITS[unit] }
  if (unit !== 'day' && unit !== 'week')
    throw reader.refuse(`“${unit}” is no unit to count in`, ['in 2 hours', 'in 3 days', 'on 2027-01-31 at noon'])
  const wall = wallClock(setting.now, setting.timeZone)
  const day = new Date(Date.UTC(wall.year, wall.month, wall.day + n * (unit === 'week' ? 7 : 1)))
  const time = reader.take('at') ? timeOfDay(reader) : wall
  return once(reader, day, time, setting)
}

function repeated(reader: Reader, zone: string): Trigger {
  if (reader.take('other') || reader.take('second') || reader.take('third'))
    throw reader.refuse('“every other” has no fixed beginning', [
      'every 48 hours',
      'every monday at 9am',
      'every 2 hours',
    ])
  const unit = reader.peek()?.replace(/s$/, '') ?? ''
  const n = /^\d+$/.test(unit) || NUMBERS.includes(unit) ? count(reader) : 1
  if (reader.take('second', 'seconds')) return everySome(n, 'second', reader, zone)
  if (reader.take('minute', 'minutes')) return everySome(n, 'minute', reader, zone)
  if (reader.take('hour', 'hours')) return everySome(n, 'hour', reader, zone)
  if (n !== 1)
    throw reader.refuse('only seconds, minutes and hours can be counted from one run to the next', [
      ...(reader.take('day', 'days') ? [`every ${n * 24} hours`, 'every day at 9am'] : []),
      ...['every monday at 9am', 'every month on the 1st'],
    ])
  if (reader.take('day')) return atTimes(reader, {}, zone)
  if (reader.take('weekday', 'weekdays')) return atTimes(reader, { weekday: '1-5' }, zone)
  if (reader.take('weekend', 'weekends')) return atTimes(reader, { weekday: '0,6' }, zone)
  if (reader.take('week')) return weekly(reader, zone)
  if (reader.take('month')) return monthly(reader, zone)
  if (reader.take('year')) return yearly(reader, zone)
  if (MONTHS.some((month) => reader.peek() === month || reader.peek() === month.slice(0, 3)))
    return yearly(reader, zone)
  if (ordinalOf(reader.peek() ?? '') !== undefined) return dayOfAMonth(reader, zone)
  return onDays(reader, zone)
}

/** `every 15 minutes [between 9am and 5pm] [on weekdays]`: a cron expression where the clock's round allows it, else an interval. */
function everySome(n: number, unit: 'second' | 'minute' | 'hour', reader: Reader, zone: string): Trigger {
  if (n < 1) throw reader.refuse('it must be at least 1', EXAMPLES.slice(3, 5))
  const hours = reader.take('between', 'from') ? hourRange(reader) : undefined
  const dates = reader.take('on') ? days(reader) : undefined
  const round = unit === 'hour' ? 24 : 60
  const step = n === 1 ? '*' : `*/${n}`
  if (round % n === 0 && n < round) {
    const weekday = dates ?? '*'
    if (unit === 'hour')
      return cron(`0 ${hours === undefined ? step : `${hours}${n === 1 ? '' : `/${n}`}`} * * ${weekday}`, zone)
    return cron(`${unit === 'second' ? `${step} *` : step} ${hours ?? '*'} * * ${weekday}`, zone)
  }
  if (hours === undefined && dates === undefined) return { kind: 'interval', everyMs: n * UNITS[unit]! }
  throw reader.refuse(`${n} ${unit}s do not fit into the clock’s round, so they cannot be bound to hours or days`, [
    ...(unit === 'hour'
      ? ['every 2 hours on weekdays', `every ${n} hours`]
      : ['every 15 minutes on weekdays', `every ${n} minutes`]),
  ])
}

/** `9am and 5pm`: from the first on, before the second. */
function hourRange(reader: Reader): string {
  const from = timeOfDay(reader)
  if (!reader.take('and', 'to', 'until')) throw reader.refuse('the end of the hours is missing', [EXAMPLES[13]!])
  const to = timeOfDay(reader)
  if (from.minute !== 0 || to.minute !== 0 || from.hour >= to.hour)
    throw reader.refuse('the hours must be full ones, the first before the second', [EXAMPLES[13]!])
  return to.hour - 1 === from.hour ? `${from.hour}` : `${from.hour}-${to.hour - 1}`
}

function weekly(reader: Reader, zone: string): Trigger {
  if (!reader.take('on'))
    throw reader.refuse('which day of the week?', ['every monday at 9am', 'weekly on friday at 17:00'])
  return onDays(reader, zone)
}

function onDays(reader: Reader, zone: string): Trigger {
  return atTimes(reader, { weekday: days(reader) }, zone)
}

/** `monday`, `mon, wed and fri`, `monday to friday`, `weekdays`. */
function days(reader: Reader): string {
  if (reader.take('weekday', 'weekdays')) return '1-5'
  if (reader.take('weekend', 'weekends')) return '0,6'
  const found: string[] = []
  do {
    const from = dayOf(reader.next('a day of the week'))
    if (from === undefined) throw reader.refuse('that is no day of the week', closest(reader.text))
    if (reader.take('to', 'through', 'until')) {
      const to = dayOf(reader.next('a day of the week'))
      if (to === undefined) throw reader.refuse('that is no day of the week', closest(reader.text))
      for (let day = from; ; day = (day + 1) % 7) {
        found.push(String(day))
        if (day === to) break
      }
    } else found.push(String(from))
  } while (reader.take('and', ',') && dayOf(reader.peek() ?? '') !== undefined)
  return [...new Set(found)].sort().join(',')
}

/** `on the 1st`, `on the 1st and 15th`, `on the last day`, `on the first monday`. */
function monthly(reader: Reader, zone: string): Trigger {
  if (!reader.take('on')) throw reader.refuse('on which day of the month?', ['every month on the 1st', EXAMPLES[6]!])
  return dayOfAMonth(reader, zone)
}

function dayOfAMonth(reader: Reader, zone: string): Trigger {
  const dates = daysOfMonth(reader)
  if (reader.take('of')) {
    reader.take('every', 'each', 'the')
    if (!reader.take('month'))
      throw reader.refuse('of every month, or of which?', ['every month on the 1st', EXAMPLES[8]!])
  }
  return atTimes(reader, dates, zone)
}

function daysOfMonth(reader: Reader): Dates {
  reader.take('the')
  if (reader.take('last')) {
    if (reader.take('day')) return { day: 'L' }
    const day = dayOf(reader.next('day, or a day of the week'))
    if (day === undefined)
      throw reader.refuse('the last what?', [EXAMPLES[6]!, 'every month on the last friday at 17:00'])
    return { weekday: `${day}#L` }
  }
  const found: number[] = []
  do {
    reader.take('the')
    const n = ordinalOf(reader.next('a day of the month, such as 1st'))
    if (n === undefined) throw reader.refuse('that is no day of the month', ['every month on the 1st', EXAMPLES[7]!])
    const day = found.length === 0 ? dayOf(reader.peek() ?? '') : undefined
    if (day !== undefined && n <= 5) {
      reader.next('a day of the week')
      return { weekday: `${day}#${n}` }
    }
    found.push(n)
  } while (reader.take('and', ','))
  if (found.some((day) => day > 31))
    throw reader.refuse('a month has at most 31 days', ['every month on the 28th', EXAMPLES[6]!])
  return { day: [...new Set(found)].sort((a, b) => a - b).join(',') }
}

function yearly(reader: Reader, zone: string): Trigger {
  reader.take('on')
  const { day, month } = dayAndMonth(reader)
  return atTimes(reader, { day: String(day), month: String(month + 1) }, zone)
}

/** `24 december`, `december 24th`. */
function dayAndMonth(reader: Reader): { day: number; month: number } {
  reader.take('the')
  const first = reader.next('a date, such as 24 december')
  reader.take('of')
  const second = reader.next('a date, such as 24 december')
  const [day, month] =
    monthOf(first) === undefined ? [numberOf(first), monthOf(second)] : [numberOf(second), monthOf(first)]
  if (day === undefined || month === undefined || day < 1 || day > daysIn(month))
    throw reader.refuse('that is no date', [EXAMPLES[8]!, 'on 2027-01-31 at noon'])
  return { day, month }
}

/** Ends a schedule by days with its times: none is midnight, shown back as such. */
function atTimes(reader: Reader, { day = '*', month = '*', weekday = '*' }: Dates, zone: string): Trigger {
  const times: Time[] = []
  if (reader.take('at'))
    do times.push(timeOfDay(reader))
    while (reader.take('and', ','))
  if (times.length === 0) times.push({ hour: 0, minute: 0 })
  const minutes = new Set(times.map((time) => time.minute))
  if (minutes.size > 1)
    throw reader.refuse(
      'times with different minutes need a task each',
      times.map((time) => `every day at ${clockText(time)}`),
    )
  const hours = [...new Set(times.map((time) => time.hour))].sort((a, b) => a - b)
  return cron(`${[...minutes][0]} ${hours.join(',')} ${day} ${month} ${weekday}`, zone)
}

/** One instant: `tomorrow at 9am`, `on friday at 14:00`, `at noon`, `on 2027-01-31 at 9:00`. */
function single(reader: Reader, setting: PhraseSetting): Trigger {
  const wall = wallClock(setting.now, setting.timeZone)
  const today = new Date(Date.UTC(wall.year, wall.month, wall.day))
  if (reader.take('at')) return nextTime(reader, today, timeOfDay(reader), setting)
  const day = dayMeant(reader, today)
  if (!reader.take('at'))
    throw reader.refuse('at what time?', [`${reader.text.trim()} at 9am`, `${reader.text.trim()} at noon`])
  return once(reader, day, timeOfDay(reader), setting)
}

function nextTime(reader: Reader, today: Date, time: Time, setting: PhraseSetting): Trigger {
  if (reader.take('today')) return once(reader, today, time, setting)
  const tomorrow = new Date(today.getTime() + 86_400_000)
  if (reader.take('tomorrow')) return once(reader, tomorrow, time, setting)
  const at = instant(today, time, setting.timeZone)
  return at > setting.now ? { kind: 'once', at } : once(reader, tomorrow, time, setting)
}

function dayMeant(reader: Reader, today: Date): Date {
  const ahead = (days: number) => new Date(today.getTime() + days * 86_400_000)
  if (reader.take('today')) return today
  if (reader.take('tomorrow')) return ahead(1)
  reader.take('on')
  const next = reader.take('next')
  const word = reader.peek() ?? ''
  const iso = /^(\d{4})-(\d\d)-(\d\d)$/.exec(word)
  if (iso !== null && !next) {
    reader.next('a date')
    return dateOf(reader, Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]))
  }
  const day = dayOf(word)
  if (day !== undefined) {
    reader.next('a day')
    const days = (day - today.getUTCDay() + 7) % 7 || 7
    if (next && days < 7 && today.getUTCDay() !== 0 && day > today.getUTCDay())
      throw reader.refuse('“next” may mean this week or the next', [
        `on ${DAYS[day]} at 9am`,
        `on ${isoDay(ahead(days + 7))} at 9am`,
      ])
    return ahead(days)
  }
  if (/^\d/.test(word) || monthOf(word) !== undefined) {
    const { day, month } = dayAndMonth(reader)
    const year = /^\d{4}$/.test(reader.peek() ?? '') ? Number(reader.next('a year')) : undefined
    if (year === undefined)
      throw reader.refuse('of which year?', [
        `on ${isoDay(dateOf(reader, today.getUTCFullYear(), month, day))} at 9am`,
        `every year on ${day} ${MONTHS[month]} at 9am`,
      ])
    return dateOf(reader, year, month, day)
  }
  throw reader.refuse('it does not begin like a schedule', closest(reader.text))
}

function dateOf(reader: Reader, year: number, month: number, day: number): Date {
  const date = new Date(Date.UTC(year, month, day))
  if (date.getUTCMonth() === month && date.getUTCDate() === day) return date
  throw reader.refuse('there is no such date', ['on 2027-01-31 at noon'])
}

function once(reader: Reader, day: Date, time: Time, setting: PhraseSetting): Trigger {
  const at = instant(day, time, setting.timeZone)
  if (at > setting.now) return { kind: 'once', at }
  throw reader.refuse('that time has passed', [`tomorrow at ${clockText(time)}`, 'in 2 hours'])
}

/** The wall clock's day and time in a zone as an instant, by the same rules as cron: a time in a gap is the first valid one after it. */
function instant(day: Date, { hour, minute }: Time, timeZone: string): number {
  const expression = `0 ${minute} ${hour} ${day.getUTCDate()} ${day.getUTCMonth() + 1} * ${day.getUTCFullYear()}`
  return nextAfter({ kind: 'cron', expression, timeZone }, day.getTime() - 2 * 86_400_000) ?? Number.NaN
}

function timeOfDay(reader: Reader): Time {
  const word = reader.next('a time, such as 9am or 17:30')
  if (word === 'noon' || word === 'midday') return { hour: 12, minute: 0 }
  if (word === 'midnight') return { hour: 0, minute: 0 }
  const [, hourText, minuteText, half = reader.take('am') ? 'am' : reader.take('pm') ? 'pm' : undefined] =
    /^(\d{1,2})(?::(\d\d))?(am|pm)?$/.exec(word) ?? []
  if (hourText === undefined)
    throw reader.refuse(`“${word}” is no time of day`, ['every day at 9am', 'every day at 17:30'])
  const hour = Number(hourText)
  const minute = Number(minuteText ?? 0)
  if (half === undefined && minuteText === undefined)
    throw reader.refuse(`“${word}”: in the morning or in the evening?`, [
      `${hour % 12 || 12}am`,
      `${hour % 12 || 12}pm`,
      `${hour}:00`,
    ])
  if (minute > 59 || hour > 23 || (half !== undefined && (hour < 1 || hour > 12)))
    throw reader.refuse(`“${word}” is no time of day`, ['every day at 9am', 'every day at 17:30'])
  return { hour: half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0), minute }
}

function count(reader: Reader): number {
  const word = reader.next('a number')
  const n = word === 'a' || word === 'an' ? 1 : numberOf(word)
  if (n !== undefined && n >= 1 && n <= 100_000) return n
  throw reader.refuse(`“${word}” is no number to count with`, ['in 2 hours', 'every 15 minutes'])
}

function createReader(words: readonly string[], text: string) {
  let at = 0
  const refuse = (reason: string, suggestions: readonly string[]) =>
    new UsageError('TASK_PHRASE', `“${text.slice(0, 100)}” is not a schedule: ${reason}`, {
      found: text.slice(0, 100),
      suggestions: suggestions.join(' | '),
      hint: `Try: ${suggestions.map((each) => `“${each}”`).join(', ')}.`,
    })
  return {
    text,
    refuse,
    done: () => at === words.length,
    rest: () => words.slice(at).join(' '),
    peek: () => words[at],
    /** Goes past the next word if it is one of these. */
    take(...wanted: string[]): boolean {
      if (!wanted.includes(words[at] ?? '')) return false
      at++
      return true
    },
    next(what: string): string {
      const word = words[at]
      if (word === undefined) throw refuse(`it ends where ${what} should be`, closest(text))
      at++
      return word
    },
  }
}

/** Words in lower case, and the zone named at the end, if one is. */
function read(text: string, fallback: string): { words: string[]; timeZone: string } {
  const raw = text.trim().replace(/\.$/, '').replaceAll(',', ' , ').split(/\s+/)
  const last = raw.at(-1) ?? ''
  const zoned = last === 'UTC' || /^[A-Z][A-Za-z_]+\/[A-Za-z_+\-/0-9]+$/.test(last)
  const words = (zoned ? raw.slice(0, -1) : raw).map((word) => word.toLowerCase())
  // `9 am` and `9am` alike; a comma before `and` says nothing
  return {
    words: words.filter((word, i) => !(word === ',' && words[i + 1] === 'and')),
    timeZone: zoned ? readZone(last) : fallback,
  }
}

export function isCron(text: string): boolean {
  return (
    /^@(yearly|annually|monthly|weekly|daily|hourly)$/.test(text) || /^(\S*[\d*]\S*\s+){2}(\S+\s+){2,4}\S+$/.test(text)
  )
}

/** The examples that share most words with `text`. */
function closest(text: string): string[] {
  const words = new Set(text.toLowerCase().split(/\W+/))
  const score = (example: string) => example.split(/\W+/).filter((word) => words.has(word)).length
  return [...EXAMPLES].sort((a, b) => score(b) - score(a)).slice(0, 3)
}

function wallClock(now: number, timeZone: string): Time & { year: number; month: number; day: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    ...{
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    },
  } as Intl.DateTimeFormatOptions).formatToParts(now)
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  return { year: of('year'), month: of('month') - 1, day: of('day'), hour: of('hour'), minute: of('minute') }
}

function cron(expression: string, timeZone: string): Trigger {
  return { kind: 'cron', expression, timeZone }
}

function dayOf(word: string): number | undefined {
  const at = DAYS.findIndex((day) => [day, `${day}s`, day.slice(0, 3), day.slice(0, 4)].includes(word))
  return at === -1 ? undefined : at
}

function monthOf(word: string): number | undefined {
  const at = MONTHS.findIndex((month) => month === word || month.slice(0, 3) === word)
  return at === -1 ? undefined : at
}

function ordinalOf(word: string): number | undefined {
  const named = ORDINALS.indexOf(word)
  return named !== -1 ? named + 1 : /^\d{1,2}(st|nd|rd|th)$/.test(word) ? Number.parseInt(word, 10) : undefined
}

function numberOf(word: string): number | undefined {
  const named = NUMBERS.indexOf(word)
  if (named !== -1) return named
  return /^\d+(st|nd|rd|th)?$/.test(word) ? Number.parseInt(word, 10) : undefined
}

function daysIn(month: number): number {
  return new Date(Date.UTC(2028, month + 1, 0)).getUTCDate() // a leap year: 29 February is a date
}

function clockText({ hour, minute }: Time): string {
  return `${hour}:${String(minute).padStart(2, '0')}`
}

function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10)
}
