// plugins/web/page/history.ts: what each plugin used over the last minutes, from looks at the host's counters. Pure.
//   H1  A rate is of the time between two looks; a counter that went back (a plugin or the host began anew) counts as nothing used.
//   H2  Where nobody looked for a while there is a gap, not a line.
//   H3  Pictures tell of plugins only. While ledgers come, which also tell of overhead and total, pictures are left out.
import type { Ledger, PluginUsage } from '@pryx/sdk'

export const KEPT_MS = 300_000
const GAP_MS = 10_000 // looks are 2 s apart
const LEDGERS_MS = 5_000
const LEAST_MS = 500 // over less, a single turn looks like a storm
const LEAST_SHOWN_MS = 60_000

/** A moment at which counters were read; as a `Ledger`, or as much of one as is known. */
export interface Look {
  /** Epoch ms. */
  at: number
  plugins: readonly Counters[]
  overhead?: Ledger['overhead']
  total?: Ledger['total']
}

type Counters = PluginUsage & { plugin: string }

export interface Rates {
  /** Share of one processor, 0 to 1. */
  cpu: number
  /** Bytes held now. */
  memory: number
  /** Each per second. */
  calls: number
  bytes: number
  events: number
}

export type Metric = keyof Rates

/** What was used between two looks. */
export interface Tick {
  /** Epoch ms of the second look. */
  at: number
  plugins: Readonly<Record<string, Rates>>
  overhead?: Rates
  total?: Rates
}

export interface History {
  last: Look | undefined
  /** Oldest first; one without any plugin is a gap. */
  ticks: readonly Tick[]
}

export const emptyHistory: History = { last: undefined, ticks: [] }

export function remember(history: History, look: Look): History {
  const { last, ticks } = history
  if (last === undefined) return { last: look, ticks }
  const passedMs = look.at - last.at
  const poorer = look.total === undefined && last.total !== undefined
  if (passedMs < -GAP_MS) return { last: look, ticks: [] } // the clock was set back
  if (passedMs <= 0 || (poorer && passedMs < LEDGERS_MS)) return history // H3
  if (passedMs < LEAST_MS) return poorer || last.total !== undefined ? history : { last: look, ticks }
  const tick = passedMs > GAP_MS ? { at: look.at, plugins: {} } : tickOf(look, last) // H2
  return { last: look, ticks: [...ticks.filter(({ at }) => look.at - at < KEPT_MS), tick] }
}

/** The time a plot spans, epoch ms: from the first tick, but at least a minute. */
export function spanOf({ ticks, last }: History): { from: number; to: number } {
  const to = last?.at ?? 0
  return { from: Math.min(ticks[0]?.at ?? to, to - LEAST_SHOWN_MS), to }
}

/** The names of the `n` that used most of it over all ticks, most first. */
export function heaviest({ ticks }: History, metric: Metric, n: number): string[] {
  const sums = new Map<string, number>()
  for (const { plugins } of ticks)
    for (const [name, rates] of Object.entries(plugins)) sums.set(name, (sums.get(name) ?? 0) + rates[metric])
  return [...sums]
    .sort(([a, x], [b, y]) => y - x || a.localeCompare(b))
    .slice(0, n)
    .map(([name]) => name)
}

/** Gives each name a place from 0 on, and keeps the places of those that had one: colours do not jump. */
export function placesOf(before: ReadonlyMap<string, number>, names: readonly string[]): Map<string, number> {
  const places = new Map([...before].filter(([name]) => names.includes(name)))
  const taken = new Set(places.values())
  let free = 0
  for (const name of names) {
    if (places.has(name)) continue
    while (taken.has(free)) free++
    places.set(name, free)
    taken.add(free)
  }
  return places
}

function tickOf(now: Look, before: Look): Tick {
  const seconds = (now.at - before.at) / 1_000
  const earlier = new Map(before.plugins.map((row) => [row.plugin, row]))
  return {
    at: now.at,
    plugins: Object.fromEntries(
      now.plugins.map((row) => [row.plugin, pluginRates(row, earlier.get(row.plugin), seconds)]),
    ),
    ...(now.overhead && before.overhead && { overhead: plainRates(now.overhead, before.overhead, seconds) }),
    ...(now.total &&
      before.total && { total: { ...plainRates(now.total, before.total, seconds), memory: now.total.rssBytes } }),
  }
}

function pluginRates(now: Counters, before: Counters | undefined, seconds: number): Rates {
  const { calls, served, events, eventsIn } = before ?? now // one that is new has no rate yet
  return {
    ...plainRates(now, before ?? now, seconds),
    memory: now.heapBytes,
    calls: rate(now.calls + now.served, calls + served, seconds),
    events: rate(now.events + now.eventsIn, events + eventsIn, seconds),
  }
}

type Plain = Pick<PluginUsage, 'cpuMs' | 'bytesIn' | 'bytesOut'>

function plainRates(now: Plain, before: Plain, seconds: number): Rates {
  return {
    cpu: rate(now.cpuMs, before.cpuMs, seconds) / 1_000,
    memory: 0,
    calls: 0,
    bytes: rate(now.bytesIn + now.bytesOut, before.bytesIn + before.bytesOut, seconds),
    events: 0,
  }
}

/** H1 */
function rate(now: number, before: number, seconds: number): number {
  return Math.max(0, now - before) / seconds
}
