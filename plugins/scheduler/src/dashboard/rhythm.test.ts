import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Run } from '../task.ts'
import { rhythmOf } from './rhythm.ts'

const START = Date.UTC(2026, 0, 1)

test('S14: a run far beyond what is usual stands out, in words; those around the middle do not', () => {
  const runs = [ran('slow', 90_000), ...Array.from({ length: 20 }, (_, i) => ran(`r${i}`, 10_000 + (i % 5) * 200))]

  const { durationMs, unusual } = rhythmOf(runs)

  expect(durationMs).toMatchObject({ middle: 10_400 })
  expect(unusual).toEqual([{ run: 'slow', at: START, kind: 'slow', text: 'took 90 s, usually about 10 s' }])
})

test('S14: one that was suspiciously quick and one that cost too much are told as well', () => {
  const usual = Array.from({ length: 12 }, (_, i) => ran(`r${i}`, 60_000, 0.1))

  const { unusual } = rhythmOf([ran('quick', 40, 0.1), ran('dear', 60_000, 2), ...usual])

  expect(unusual).toMatchObject([
    { run: 'quick', kind: 'fast', text: 'took only 40 ms, usually about 60 s' },
    { run: 'dear', kind: 'costly', text: 'cost $2.00, usually about $0.1000' },
  ])
})

test('S14: what was missed stands out however little is known; nothing else does below eight good runs', () => {
  const missed = { ...ran('gone', 0), status: 'missed' as const, count: 3, error: 'the machine slept' }

  const rhythm = rhythmOf([missed, ran('a', 1), ran('b', 100_000), ran('c', 5_000_000)])

  expect(rhythm.durationMs).toBeUndefined()
  expect(rhythm.unusual).toMatchObject([
    { run: 'gone', kind: 'missed', text: '3 times were missed: the machine slept' },
  ])
})

test('S14: a task that always takes the same has no unusual run, whatever it takes and costs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e8 }), fc.double({ min: 0, max: 1e3, noNaN: true }), (ms, usd) => {
      expect(rhythmOf(Array.from({ length: 30 }, (_, i) => ran(`r${i}`, ms, usd))).unusual).toEqual([])
    }),
  )
})

function ran(id: string, ms: number, costUsd?: number) {
  const usage = { calls: 1, inputTokens: 0, outputTokens: 0, unpriced: 0 }
  return {
    ...{ id, status: 'ok' as Run['status'], occurrence: START, startedAt: START, finishedAt: START + ms, count: 1 },
    ...{ error: undefined as string | undefined, usage: costUsd === undefined ? undefined : { ...usage, costUsd } },
  }
}
