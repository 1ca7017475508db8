import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFakeClock } from '../powers-testing.ts'
import { createRate } from './rate.ts'

test('K3: however requests come, no stretch of time sees more than the rate and its burst', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ wait: fc.nat(3_000), requests: fc.nat(80) }), { maxLength: 30 }),
      async (steps) => {
        const clock = createFakeClock()
        const rate = createRate(10, clock, () => {})
        const passed: number[] = []
        for (const { wait, requests } of steps) {
          await clock.advance(wait)
          for (let i = 0; i < requests; i++) if (rate.take()) passed.push(clock.now())
        }

        passed.forEach((from, i) => {
          const last = passed.findLastIndex((at) => at <= from + 5_000)
          expect(last - i + 1).toBeLessThanOrEqual(10 * (5 + 2) + 1)
        })
      },
    ),
    { numRuns: 50 },
  )
})

test('K3: what was refused is counted and told once a second', async () => {
  const clock = createFakeClock()
  const told: number[] = []
  const rate = createRate(10, clock, (count) => told.push(count))

  for (let i = 0; i < 50; i++) rate.take()
  await clock.advance(1_000)

  expect(told).toEqual([30])
})
