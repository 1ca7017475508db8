// plugins/scheduler/src/clock/words.ts: a trigger in plain words, for whoever is about to keep it (S1). Pure.
import cronstrue from 'cronstrue'
import type { Trigger } from '../task.ts'

/** One line, such as “At 09:00 AM, Monday through Friday (Europe/Berlin)”. */
export function wordsFor(trigger: Trigger, timeZone: string): string {
  switch (trigger.kind) {
    case 'cron':
      return `${cronWords(trigger.expression)} (${trigger.timeZone ?? timeZone})`
    case 'interval':
      return `Every ${span(trigger.everyMs)} of real time`
    case 'once':
      return `Once, on ${instantText(trigger.at, timeZone)} (${timeZone})`
    default:
      return pushedWords(trigger)
  }
}

function pushedWords(trigger: Exclude<Trigger, { kind: 'cron' | 'interval' | 'once' }>): string {
  switch (trigger.kind) {
    case 'event':
      return `At each event ${trigger.pattern}${trigger.where === undefined ? '' : ` where ${trigger.where}`}`
    case 'file':
      return `When ${trigger.path} changes (${trigger.on.join(', ')})`
    case 'webhook':
      return 'When its signed webhook is called'
    case 'state':
      return `When ${trigger.fact} is ${trigger.is} ${trigger.than}${trigger.forMs === 0 ? '' : ` for ${span(trigger.forMs)}`}`
    case 'predicate':
      return `When ${trigger.expression} becomes true, looked at every ${span(trigger.everyMs)}`
    case 'manual':
      return 'Only when somebody starts it'
  }
}

/** The wall clock of a zone: `2026-03-29 09:00 GMT+2`. */
export function instantText(at: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23', timeZoneName: 'short' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  } as Intl.DateTimeFormatOptions).formatToParts(at)
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
  const seconds = of('second') === '00' ? '' : `:${of('second')}`
  return `${of('year')}-${of('month')}-${of('day')} ${of('hour')}:${of('minute')}${seconds} ${of('timeZoneName')}`
}

/** `90 minutes`, `13 hours`: the largest unit that says it without a rest. */
export function span(ms: number): string {
  const units: [string, number][] = [
    ...([
      ['day', 86_400_000],
      ['hour', 3_600_000],
      ['minute', 60_000],
      ['second', 1_000],
    ] as [string, number][]),
    ['ms', 1],
  ]
  const [name, size] = units.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  const n = ms / size
  return name === 'ms' ? `${n} ms` : n === 1 ? name : `${n} ${name}s`
}

function cronWords(expression: string): string {
  try {
    return cronstrue.toString(expression, { use24HourTimeFormat: true })
  } catch {
    return `By the expression ${expression}` // croner knows signs that this library does not
  }
}
