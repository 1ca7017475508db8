// packages/pryx/src/terminal/top.ts: the ledger as a table, what was used between two looks beside what was used in all. Pure.
import type { Ledger, PluginUsage } from '@pryx/kernel/contract'
import { bytes, type Style, safe, table } from './style.ts'

/** What one row used over the last interval, and stands at. */
export interface TopRow {
  /** A plugin's id, or `overhead`, `total`. */
  name: string
  process: string
  /** Processor time in all, ms, and of it lately, in percent of one processor. */
  cpuMs: number
  cpuPercent: number
  heapBytes: number
  callsPerSecond: number
  bytesInPerSecond: number
  bytesOutPerSecond: number
  eventsPerSecond: number
  eventsDropped: number
}

export type SortKey = 'cpu' | 'heap' | 'calls' | 'in' | 'out' | 'events' | 'name'

const ORDER: Record<SortKey, (a: TopRow, b: TopRow) => number> = {
  cpu: (a, b) => b.cpuPercent - a.cpuPercent || b.cpuMs - a.cpuMs,
  heap: (a, b) => b.heapBytes - a.heapBytes,
  calls: (a, b) => b.callsPerSecond - a.callsPerSecond,
  in: (a, b) => b.bytesInPerSecond - a.bytesInPerSecond,
  out: (a, b) => b.bytesOutPerSecond - a.bytesOutPerSecond,
  events: (a, b) => b.eventsPerSecond - a.eventsPerSecond,
  name: (a, b) => a.name.localeCompare(b.name),
}

/** Plugins in the order asked for, then overhead and total. `before` an earlier ledger of the same host. */
export function topRows(now: Ledger, before: Ledger, sort: SortKey): TopRow[] {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000)
  const earlier = new Map(before.plugins.map((row) => [row.plugin, row]))
  const plugins = now.plugins.map((row) => {
    const was = earlier.get(row.plugin)
    const rate = (of: (usage: PluginUsage) => number) => Math.max(0, of(row) - (was ? of(was) : 0)) / seconds
    return {
      name: row.plugin,
      process: row.process,
      cpuMs: row.cpuMs,
      cpuPercent: rate(({ cpuMs }) => cpuMs) / 10,
      heapBytes: row.heapBytes,
      callsPerSecond: rate(({ calls, served }) => calls + served),
      bytesInPerSecond: rate(({ bytesIn }) => bytesIn),
      bytesOutPerSecond: rate(({ bytesOut }) => bytesOut),
      eventsPerSecond: rate(({ events, eventsIn }) => events + eventsIn),
      eventsDropped: row.eventsDropped,
    }
  })
  plugins.sort((a, b) => ORDER[sort](a, b) || a.name.localeCompare(b.name))
  return [...plugins, plainRow('overhead', now.overhead, before.overhead, seconds), totalRow(now, before, seconds)]
}

function totalRow(now: Ledger, before: Ledger, seconds: number): TopRow {
  return { ...plainRow('total', now.total, before.total, seconds), heapBytes: now.total.rssBytes }
}

interface Plain {
  cpuMs: number
  bytesIn: number
  bytesOut: number
}

function plainRow(name: string, now: Plain, before: Plain, seconds: number): TopRow {
  const rate = (key: keyof Plain) => Math.max(0, now[key] - before[key]) / seconds
  return {
    name,
    process: '',
    cpuMs: now.cpuMs,
    cpuPercent: rate('cpuMs') / 10,
    heapBytes: 0,
    callsPerSecond: 0,
    bytesInPerSecond: rate('bytesIn'),
    bytesOutPerSecond: rate('bytesOut'),
    eventsPerSecond: 0,
    eventsDropped: 0,
  }
}

/** @param height Lines there is room for; what does not fit is counted in one line. */
export function topText(
  rows: readonly TopRow[],
  sort: SortKey,
  style: Style,
  height = Number.POSITIVE_INFINITY,
): string {
  const plugins = rows.slice(0, -2)
  const room = Math.max(1, height - 4) // head, overhead, total, and what was left out
  const shown = plugins.slice(0, room)
  const head = HEADS.map(([text, key]) => (key === sort ? style.bold(text) : style.dim(text)))
  const lines = [
    head,
    ...shown.map((row) => cells(row, style)),
    ...rows.slice(-2).map((row) => cells(row, style).map(style.dim)),
  ]
  const left = plugins.length - shown.length
  return `${table(lines)}${left > 0 ? `\n${style.dim(`${left} more`)}` : ''}`
}

const HEADS: readonly (readonly [string, SortKey | undefined])[] = [
  ['PLUGIN', 'name'],
  ['CPU', 'cpu'],
  ['CPU ms', undefined],
  ['HEAP', 'heap'],
  ['CALLS/s', 'calls'],
  ['IN/s', 'in'],
  ['OUT/s', 'out'],
  ['EVENTS/s', 'events'],
  ['DROPPED', undefined],
  ['PROCESS', undefined],
]

function cells(row: TopRow, style: Style): string[] {
  const isPlugin = row.name !== 'overhead' && row.name !== 'total'
  const some = (value: number, text: string) => (isPlugin || value > 0 ? text : '')
  return [
    isPlugin ? style.bold(safe(row.name)) : row.name,
    `${row.cpuPercent.toFixed(1)} %`,
    String(Math.round(row.cpuMs)),
    row.heapBytes > 0 ? bytes(row.heapBytes) : '',
    some(row.callsPerSecond, rateText(row.callsPerSecond)),
    bytes(row.bytesInPerSecond),
    bytes(row.bytesOutPerSecond),
    some(row.eventsPerSecond, rateText(row.eventsPerSecond)),
    some(row.eventsDropped, row.eventsDropped > 0 ? style.yellow(String(row.eventsDropped)) : '0'),
    row.process,
  ]
}

function rateText(rate: number): string {
  return rate >= 100 ? String(Math.round(rate)) : rate.toFixed(1)
}
