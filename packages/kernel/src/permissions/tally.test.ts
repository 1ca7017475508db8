// packages/kernel/src/permissions/tally.test.ts: what comes often is written once and counted, and nothing of it is lost (K8).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AuditFact } from '../audit/chain.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createTally } from './tally.ts'

test('K8: of a flood the log has the first at once, and the rest of the window as one entry', async () => {
  const { tally, written, clock } = setup()
  for (let n = 0; n < 1_000; n++) tally.write('a', factOf('p', 'a'))
  expect(written).toHaveLength(1)
  await clock.advance(1_000)
  expect(written).toHaveLength(2)
  expect(written[1]).toMatchObject({ detail: { repeated: 999, withinMs: 1_000 } })
})

test('K8: kinds without end are counted together', async () => {
  const { tally, written, clock } = setup()
  for (let n = 0; n < 1_000; n++) tally.write(`k${n}`, factOf('p', `k${n}`))
  await clock.advance(1_000)
  expect(written).toHaveLength(34) // 32 kinds, the first of the rest, and the count of the rest
  expect(countOf(written)).toBe(1_000)
})

test('K8: whatever comes, its sum in the log is what came, also when the host stops in between', () => {
  const step = fc.oneof(
    fc.record({ plugin: fc.constantFrom('p', 'q'), kind: fc.nat(50) }),
    fc.constant('tick' as const),
  )
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const { tally, written, clock } = setup()
      for (const one of steps) {
        if (one === 'tick') await clock.advance(600)
        else tally.write(String(one.kind), factOf(one.plugin, String(one.kind)))
      }
      tally.flush()
      expect(countOf(written)).toBe(steps.filter((one) => one !== 'tick').length)
    }),
  )
})

function setup() {
  const clock = createFakeClock()
  const written: AuditFact[] = []
  return { clock, written, tally: createTally((fact) => written.push(fact), clock, 1_000) }
}

function factOf(plugin: string, what: string): AuditFact {
  return { plugin, act: 'event.emitted', access: [`events:emit:${what}`], outcome: 'allowed', trace: '' }
}

function countOf(written: readonly AuditFact[]): number {
  return written.reduce((sum, { detail }) => sum + ((detail as { repeated?: number })?.repeated ?? 1), 0)
}
