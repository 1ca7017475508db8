import { expect, test } from 'vitest'
import type { TraceRecord } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createTracer, summaryOf, type Tracer } from './tracer.ts'

function setUp() {
  const clock = createFakeClock()
  const switches: boolean[] = []
  const tracer = createTracer({ clock, ticks: clock.now, onSwitch: (on) => switches.push(on) })
  return { clock, tracer, switches }
}

function tree({ spans }: TraceRecord, parent = 0): unknown[] {
  return spans
    .filter((span) => span.parent === parent)
    .map(({ id, kind, name, plugin }) => [`${kind} ${name} ${plugin}`, ...tree({ spans } as TraceRecord, id)])
}

test('N5: nothing is recorded while nobody looks, and looking once looks on for a while', async () => {
  const { clock, tracer, switches } = setUp()
  expect(tracer.on).toBe(false)

  tracer.recent(10)
  expect(tracer.on).toBe(true)
  await clock.advance(31_000)
  const release = tracer.watch(() => {})
  void release()

  expect(switches).toEqual([true, false, true, false])
  expect(clock.pending).toBe(0)
})

test('N5: nested calls are a tree: host, service, gate, driver', async () => {
  const { clock, tracer } = setUp()
  const told: TraceRecord[] = []
  tracer.watch((trace) => told.push(trace))

  const outer = tracer.begin('call', 't1', 'notes.save', 'notes', 'host')!
  await clock.advance(5)
  const asked = tracer.begin('request', 't1', 'store.put', 'notes')!
  const inner = tracer.begin('call', 't1', 'store.put', 'store', 'notes')!
  const write = tracer.begin('request', 't1', 'storage.set', 'store')!
  const gate = tracer.begin('gate', 't1', 'storage.set', 'store')!
  await clock.advance(1)
  tracer.end(gate)
  const driver = tracer.begin('driver', 't1', 'storage.set', 'store')!
  await clock.advance(3)
  for (const span of [driver, write, inner, asked, outer]) tracer.end(span)
  tracer.turn(outer, 'notes', clock.now() - 8, 2)
  await clock.advance(200)

  expect(told).toHaveLength(1)
  expect(told[0]).toMatchObject({ trace: 't1', name: 'notes.save', plugin: 'notes', ms: 9, left: 0 })
  expect(tree(told[0]!)).toEqual([
    [
      'call notes.save notes',
      [
        'request store.put notes',
        [
          'call store.put store',
          ['request storage.set store', ['gate storage.set store'], ['driver storage.set store']],
        ],
      ],
      ['queue notes.save notes'],
      ['turn notes.save notes'],
    ],
  ])
  expect(told[0]!.spans.find(({ kind }) => kind === 'driver')).toMatchObject({ startMs: 6, ms: 3 })
  expect(told[0]!.spans.find(({ kind }) => kind === 'queue')).toMatchObject({ startMs: 0, ms: 1 })
  expect(tracer.find('t1')).toEqual(told[0])
})

test('N5: requests of one plugin made at once each keep their own children', async () => {
  const { clock, tracer } = setUp()
  const told: TraceRecord[] = []
  tracer.watch((trace) => told.push(trace))

  const asked = ['a.one', 'b.two', 'a.one'].map((name) => tracer.begin('request', 't', name, 'asker')!)
  const calls = ['a.one', 'a.one', 'b.two'].map((name) => tracer.begin('call', 't', name, 'worker', 'asker')!)
  for (const span of [...calls, ...asked]) tracer.end(span)
  await clock.advance(200)

  expect(told[0]!.spans.filter(({ kind }) => kind === 'call').map(({ parent }) => parent)).toEqual([1, 3, 2])
})

test('N5: a failure is kept with its code; spans and traces past the bounds are counted or left out', async () => {
  const { clock, tracer } = setUp()
  tracer.recent(1)
  const root = tracer.begin('call', 'many', 'x.y', 'p', 'host')!
  for (let i = 0; i < 300; i++) {
    const span = tracer.begin('request', 'many', 'net.fetch', 'p')
    if (span) tracer.end(span)
  }
  tracer.end(root, Object.assign(new Error('no'), { code: 'NOT_OURS' }))
  for (let i = 0; i < 1_100; i++) endless(tracer, i)
  await clock.advance(200)

  const [trace] = tracer.recent(1)
  expect(trace).toMatchObject({ trace: 'many', left: 45, error: 'ERROR' })
  expect(trace!.spans).toHaveLength(256)
})

test('N5: only traces that are long enough, or of one plugin, where asked for', async () => {
  const { clock, tracer } = setUp()
  tracer.recent(1)
  for (const [trace, plugin, ms] of [
    ['a', 'p', 5],
    ['b', 'q', 50],
    ['c', 'p', 500],
  ] as const) {
    const span = tracer.begin('call', trace, 'x.y', plugin, 'host')!
    await clock.advance(ms)
    tracer.end(span)
  }
  await clock.advance(200)

  expect(tracer.recent(10, { minMs: 40 }).map(({ trace }) => trace)).toEqual(['b', 'c'])
  expect(tracer.recent(10, { plugin: 'p' }).map(({ trace }) => trace)).toEqual(['a', 'c'])
  expect(tracer.recent(10, { except: 'p' }).map(({ trace }) => trace)).toEqual(['b'])
  expect(tracer.recent(1).map(({ trace }) => trace)).toEqual(['c'])
})

test('N5: a summary says how long each kind of work took, and how many parts there were, also those left out', () => {
  const span = { parent: 0, name: 'x.y', plugin: 'p', startMs: 0 }

  const summary = summaryOf({
    trace: 'a',
    at: 1,
    name: 'x.y',
    plugin: 'p',
    ms: 9,
    left: 3,
    spans: [
      { ...span, id: 1, kind: 'call', ms: 9 },
      { ...span, id: 2, kind: 'turn', ms: 1.1 },
      { ...span, id: 3, kind: 'turn', ms: 2.2 },
      { ...span, id: 4, kind: 'driver', ms: 5, error: 'NET_FAILED' },
    ],
  })

  expect(summary).toEqual({
    trace: 'a',
    at: 1,
    name: 'x.y',
    plugin: 'p',
    ms: 9,
    parts: { queue: 0, turn: 3.3, gate: 0, driver: 5 },
    spans: 7,
  })
})

function endless(tracer: Tracer, i: number): void {
  tracer.begin('call', `open-${i}`, 'x.y', 'p', 'host')
}
