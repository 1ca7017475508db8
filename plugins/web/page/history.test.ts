import type { Ledger } from '@pryx/sdk'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyHistory, type History, heaviest, KEPT_MS, type Look, placesOf, remember, spanOf } from './history.ts'

test('K8: a rate is of the time between two looks, of plugins, overhead and total', () => {
  const { ticks } = seen(look(1_000, { a: 100 }, true), look(3_000, { a: 1_100, b: 0 }, true))

  expect(ticks).toHaveLength(1)
  expect(ticks[0]!.plugins.a).toEqual({ cpu: 0.5, memory: 5_000, calls: 1_000, bytes: 1_000, events: 1_000 })
  expect(ticks[0]!.plugins.b).toMatchObject({ cpu: 0, calls: 0 }) // new: it has no rate yet
  expect(ticks[0]!.overhead).toMatchObject({ cpu: 0.05 })
  expect(ticks[0]!.total).toMatchObject({ cpu: 0.5, memory: 9_000 })
})

test('K8: while ledgers come pictures are left out; a ledger right after a picture takes its place without a tick', () => {
  const { ticks, last } = seen(
    look(0, { a: 0 }),
    look(2_000, { a: 20 }),
    look(2_010, { a: 500 }, true),
    look(3_000, { a: 510 }),
    look(4_010, { a: 520 }, true),
  )

  expect(ticks.map(({ at }) => at)).toEqual([2_000, 4_010])
  expect(ticks[1]!.plugins.a!.cpu).toBeCloseTo(0.01)
  expect(last!.total).toBeDefined()
})

test('K8: where nobody looked there is a gap, and what is older than five minutes is forgotten', () => {
  const gap = seen(look(0, { a: 0 }), look(2_000, { a: 1 }), look(60_000, { a: 2 }), look(62_000, { a: 3 }))
  let long: History = emptyHistory
  for (let at = 0; at <= 2 * KEPT_MS; at += 2_000) long = remember(long, look(at, { a: at }))

  expect(gap.ticks.map(({ plugins }) => Object.keys(plugins))).toEqual([['a'], [], ['a']])
  expect(long.ticks.length).toBeLessThanOrEqual(KEPT_MS / 2_000)
  expect(spanOf(long).to - spanOf(long).from).toBeLessThan(KEPT_MS)
  expect(spanOf(gap)).toEqual({ from: 2_000, to: 62_000 })
})

test('K8: no order of looks, and no counter that goes back, gives a rate below nothing', () => {
  const any = fc.record({ at: fc.integer({ min: 0, max: 100_000 }), a: fc.nat(1_000), full: fc.boolean() })
  fc.assert(
    fc.property(fc.array(any, { maxLength: 40 }), (looks) => {
      const { ticks } = seen(...looks.map(({ at, a, full }) => look(at, { a }, full)))
      const rates = ticks.flatMap(({ plugins, overhead, total }) => [...Object.values(plugins), overhead, total])
      for (const one of rates) for (const value of Object.values(one ?? {})) expect(value).toBeGreaterThanOrEqual(0)
      expect(ticks.every(({ at }, i) => i === 0 || at > ticks[i - 1]!.at)).toBe(true)
    }),
  )
})

test('K8: the heaviest are drawn, and whoever stays keeps its colour', () => {
  const history = seen(look(0, { a: 0, b: 0, c: 0 }), look(2_000, { a: 5, b: 90, c: 30 }))

  expect(heaviest(history, 'cpu', 2)).toEqual(['b', 'c'])
  const first = placesOf(new Map(), ['b', 'c'])
  expect([...placesOf(first, ['d', 'c', 'e'])].sort()).toEqual([
    ['c', 1],
    ['d', 0],
    ['e', 2],
  ])
})

function seen(...looks: Look[]): History {
  return looks.reduce(remember, emptyHistory)
}

/** All counters of a plugin stand at the same figure. */
function look(at: number, plugins: Record<string, number>, full = false): Look {
  const sum = Object.values(plugins).reduce((all, n) => all + n, 0)
  return {
    at,
    plugins: Object.entries(plugins).map(([plugin, n]) => ({
      plugin,
      cpuMs: n,
      heapBytes: 5_000,
      turns: n,
      calls: n,
      served: n,
      bytesIn: n,
      bytesOut: n,
      events: n,
      eventsIn: n,
      eventsDropped: 0,
    })),
    ...(full && { overhead: overhead(at / 20), total: { cpuMs: sum, bytesIn: sum, bytesOut: sum, rssBytes: 9_000 } }),
  }
}

function overhead(cpuMs: number): Ledger['overhead'] {
  return { cpuMs, startMs: 0, threadMs: 0, helpersMs: 0, bytesIn: 0, bytesOut: 0 }
}
