import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cycleError, type PluginNeeds, startOrder } from './dependencies.ts'

const RUNS = process.env.PRYX_DEEP ? 2_000 : 300

/** Plugin `p3` provides service `s3`; an edge [3, 1] means that p3 requires s1. */
function graph(
  size: number,
  edges: readonly (readonly [number, number])[],
  soft: readonly (readonly [number, number])[] = [],
) {
  return Array.from({ length: size }, (_, i): PluginNeeds => {
    const needs = (list: readonly (readonly [number, number])[]) =>
      Object.fromEntries(list.filter(([from]) => from === i).map(([, to]) => [`s${to}`, '^1.0.0']))
    return { plugin: `p${i}`, provides: { [`s${i}`]: '1.0.0' }, requires: needs(edges), optional: needs(soft) }
  })
}

const edge = fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 }))

test('K2: providers start before those that require them; apart from that the given order stays', () => {
  const plan = startOrder(
    graph(4, [
      [0, 2],
      [2, 3],
    ]),
  )

  expect(plan).toEqual({ order: ['p1', 'p3', 'p2', 'p0'], waiting: [], cycles: [] })
})

test('K2: a plugin whose service is missing or unfit waits and says why; so does who needs that plugin', () => {
  const [a, b, c] = graph(3, [[2, 1]])
  const plan = startOrder([{ ...a!, requires: { clock: '^1.0.0' } }, { ...b!, requires: { s0: '^2.0.0' } }, c!], {
    storage: '1.0.0',
  })

  expect(plan.order).toEqual([])
  expect(plan.waiting.map(({ plugin, code, reason }) => [plugin, code, reason])).toEqual([
    ['p0', 'SERVICE_MISSING', 'p0 needs service clock ^1.0.0; nothing provides it'],
    ['p1', 'SERVICE_VERSION', 'p1 needs service s0 ^2.0.0; p0 provides 1.0.0'],
    ['p2', 'PLUGIN_WAITING', 'p2 needs service s1 ^1.0.0; its provider p1 waits itself'],
  ])
})

test('K2: what the host offers needs no plugin', () => {
  const plan = startOrder([{ plugin: 'a', requires: { net: '^1.0.0' }, provides: {} }], { net: '1.4.0' })

  expect(plan.order).toEqual(['a'])
})

test('K2: a cycle is named whole, and only those who need it are held back', () => {
  const plan = startOrder(
    graph(5, [
      [0, 1],
      [1, 2],
      [2, 0],
      [3, 0],
    ]),
  )

  expect(plan.cycles).toEqual([['p0', 'p1', 'p2', 'p0']])
  expect(plan.order).toEqual(['p4'])
  expect(plan.waiting).toMatchObject([{ plugin: 'p3', code: 'PLUGIN_CYCLE' }])
  expect(cycleError(plan.cycles[0]!)).toMatchObject({
    code: 'PLUGIN_CYCLE',
    message: expect.stringContaining('p0 → p1 → p2 → p0'),
  })
})

test('K2: any graph without cycles is ordered whole, and optional wishes never stop it', () => {
  fc.assert(
    fc.property(
      fc.array(edge),
      fc.array(edge),
      fc.shuffledSubarray([...Array(12).keys()], { minLength: 12 }),
      (raw, soft, names) => {
        const downhill = raw.filter(([from, to]) => from > to).map(([from, to]) => [names[from]!, names[to]!] as const)
        const plan = startOrder(graph(12, downhill, soft))

        const place = new Map(plan.order.map((plugin, i) => [plugin, i]))
        expect(plan.order).toHaveLength(12)
        for (const [from, to] of downhill) expect(place.get(`p${from}`)).toBeGreaterThan(place.get(`p${to}`)!)
      },
    ),
    { numRuns: RUNS },
  )
})

test('K2: whatever the graph, each plugin lands in one list, cycles are real, and all on a cycle are held back', () => {
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 24 }), (edges) => {
      const { order, waiting, cycles } = startOrder(graph(12, edges))
      const has = (from: string, to: string) => edges.some(([a, b]) => `p${a}` === from && `p${b}` === to)

      const tied = cycles.flatMap((cycle) => cycle.slice(1))
      const all = [...order, ...waiting.map(({ plugin }) => plugin), ...tied]
      expect(all.toSorted()).toEqual([...Array(12).keys()].map((i) => `p${i}`).toSorted()) // O1
      for (const cycle of cycles) {
        expect(cycle[0]).toBe(cycle.at(-1))
        for (let i = 1; i < cycle.length; i++) expect(has(cycle[i - 1]!, cycle[i]!)).toBe(true)
      }
      for (const [from, to] of edges)
        if (order.includes(`p${from}`)) expect(order.indexOf(`p${to}`)).toBeLessThan(order.indexOf(`p${from}`))
      for (const { code } of waiting) expect(['PLUGIN_CYCLE', 'PLUGIN_WAITING']).toContain(code)
      if (waiting.length > 0) expect(cycles.length).toBeGreaterThan(0)
    }),
    { numRuns: RUNS },
  )
})
