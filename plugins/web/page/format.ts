// plugins/web/page/format.ts: numbers, times and triggers in words.
import type { Trigger } from '@pryx/plugin-scheduler/service'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** `48.2 MB`; decimal units, as task managers use. */
export function bytes(n: number): string {
  if (n < 1_000) return `${n} B`
  if (n < 1_000_000) return `${Math.round(n / 1_000)} kB`
  if (n < 1_000_000_000) return `${(n / 1_000_000).toFixed(n < 10_000_000 ? 1 : 0)} MB`
  return `${(n / 1_000_000_000).toFixed(2)} GB`
}

/** A share of one processor. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

export function count(n: number): string {
  return n.toLocaleString('en', { notation: n >= 100_000 ? 'compact' : 'standard' })
}

/** The two largest units: `3 h 12 min`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const parts: string[] = []
  let rest = ms
  for (const [name, size] of UNITS) {
    const n = Math.floor(rest / size)
    rest -= n * size
    if (n > 0 && parts.length < 2) parts.push(`${n} ${name}`)
    else if (parts.length > 0) break
  }
  return parts.join(' ')
}

/** `in 5 min`, `2 h ago`, `now`; the largest unit only. */
export function relative(at: number, now: number): string {
  const ms = Math.abs(at - now)
  if (ms < 1_500) return 'now'
  const text = span(ms).split(' ').slice(0, 2).join(' ')
  return at > now ? `in ${text}` : `${text} ago`
}

/** As `relative`, for what has happened: a clock that ticks late never puts it in the future. */
export function ago(at: number, now: number): string {
  return relative(Math.min(at, now), now)
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
}

export function fullTime(at: number): string {
  return new Date(at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium', hour12: false })
}

export function triggerText(trigger: Trigger): string {
  if (trigger.kind === 'interval') return `every ${span(trigger.everyMs)}`
  if (trigger.kind === 'once') return `once, ${fullTime(trigger.at)}`
  if (trigger.kind === 'cron')
    return trigger.timeZone === undefined ? trigger.expression : `${trigger.expression} · ${trigger.timeZone}`
  return PUSHED[trigger.kind](trigger as never)
}

/** Triggers that time does not decide. */
const PUSHED: {
  [K in Exclude<Trigger['kind'], 'cron' | 'interval' | 'once'>]: (trigger: Extract<Trigger, { kind: K }>) => string
} = {
  event: ({ pattern }) => `at ${pattern}`,
  file: ({ path }) => `when ${path} changes`,
  webhook: () => 'by webhook',
  state: ({ fact, is, than }) => `when ${fact} is ${is} ${than}`,
  predicate: ({ expression }) => `when ${expression}`,
  manual: () => 'by hand',
}

/** One line of JSON for a list. */
export function oneLine(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return String(value ?? '')
  return Object.entries(value)
    .map(([key, item]) => `${key}=${typeof item === 'string' ? item : JSON.stringify(item)}`)
    .join('  ')
}

/** `0.08 ms`, `31.6 ms`, `2.41 s`: how long a part of a request took. */
export function took(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  if (ms === 0) return '0 ms'
  return `${ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : 2)} ms`
}

/** `0.4`, `12`, `1,204`; so many a second. */
export function rate(n: number): string {
  return n >= 10 || n === 0 ? count(Math.round(n)) : n.toFixed(1)
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`
}
