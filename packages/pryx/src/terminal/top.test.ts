import type { Ledger, PluginUsage } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import { styleFor } from './style.ts'
import { topRows, topText } from './top.ts'

const style = styleFor({}, { NO_COLOR: '1' })

test('K8: rates are of the time between two looks, and the order is the one asked for', () => {
  const before = ledger(1_000, { a: { cpuMs: 100, calls: 10 }, b: { cpuMs: 50, heapBytes: 5_000_000 } })
  const now = ledger(3_000, { a: { cpuMs: 1_100, calls: 30 }, b: { cpuMs: 60, heapBytes: 9_000_000 } })

  const rows = topRows(now, before, 'cpu')

  expect(rows.map(({ name }) => name)).toEqual(['a', 'b', 'overhead', 'total'])
  expect(rows[0]).toMatchObject({ cpuPercent: 50, callsPerSecond: 10 })
  expect(topRows(now, before, 'heap')[0]).toMatchObject({ name: 'b', heapBytes: 9_000_000 })
  expect(topRows(now, before, 'name').map(({ name }) => name)).toEqual(['a', 'b', 'overhead', 'total'])
})

test('K8: a plugin that is new or started anew has no negative rate; what does not fit is counted', () => {
  const before = ledger(0, { a: { cpuMs: 900 } })
  const now = ledger(1_000, { a: { cpuMs: 5 }, b: {}, c: {}, d: {} })
  const rows = topRows(now, before, 'cpu')

  expect(rows.every(({ cpuPercent }) => cpuPercent >= 0)).toBe(true)
  expect(topText(rows, 'cpu', style, 6).split('\n')).toHaveLength(6)
  expect(topText(rows, 'cpu', style, 6)).toMatch(/2 more$/)
})

function ledger(at: number, plugins: Record<string, Partial<PluginUsage>>): Ledger {
  const none = {
    cpuMs: 0,
    heapBytes: 0,
    turns: 0,
    calls: 0,
    served: 0,
    bytesIn: 0,
    bytesOut: 0,
    events: 0,
    eventsIn: 0,
    eventsDropped: 0,
  }
  return {
    at,
    plugins: Object.entries(plugins).map(([plugin, usage]) => ({ plugin, process: 'sandbox-1', ...none, ...usage })),
    removed: { cpuMs: 0, bytesIn: 0, bytesOut: 0 },
    overhead: { cpuMs: 0, startMs: 0, threadMs: 0, helpersMs: 0, bytesIn: 0, bytesOut: 0 },
    total: { cpuMs: 0, bytesIn: 0, bytesOut: 0, rssBytes: 0 },
  }
}
