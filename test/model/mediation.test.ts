// test/model/mediation.test.ts: thousands of random compositions of everything at once find no way past the gate, and nothing that outlives its permission (K2 K4 K5 K6 K8).
//   A finding prints its seed and the shortest history that shows it: `PRYX_SEED=… PRYX_PATH=… vitest run test/model` plays it again.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { histories, play } from './history.ts'

const DEEP = process.env.PRYX_DEEP !== undefined
const QUICK_MS = 15_000
const COMPOSITIONS = 100_000
const { PRYX_SEED, PRYX_PATH } = process.env

test('K4 K8: no composition acts without declared, granted and audited, nor holds on after a revoke', {
  timeout: 3_600_000,
}, async () => {
  let played = 0
  const startedAt = performance.now()
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const findings = await play(history)
      played++
      expect(findings).toEqual([])
    }),
    {
      numRuns: COMPOSITIONS,
      ...(DEEP ? {} : { interruptAfterTimeLimit: QUICK_MS }),
      ...(PRYX_SEED === undefined ? {} : { seed: Number(PRYX_SEED) }),
      ...(PRYX_PATH === undefined ? {} : { path: PRYX_PATH }),
    },
  )
  const perMinute = Math.round((played / (performance.now() - startedAt)) * 60_000)
  console.log(`${played} compositions, ${perMinute} a minute`)
  if (PRYX_PATH === undefined) expect(played).toBeGreaterThan(DEEP ? COMPOSITIONS - 1 : 100)
})
