import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../contract/index.ts'
import { createBacklog } from './backlog.ts'

const LIMITS = { ...DEFAULT_LIMITS, queue: 8, queueBytes: 800 }

test('K3: one caller has a quarter of the queue, the rest stays free for others and for the host', () => {
  const backlog = createBacklog('store', LIMITS)
  backlog.add('greedy', 10)
  backlog.add('greedy', 10)

  expect(backlog.refusal('greedy')).toMatchObject({ code: 'SANDBOX_QUEUE_FULL', details: { used: 2, max: 2 } })
  expect(backlog.refusal('modest')).toBeUndefined()
  expect(backlog.refusal('host')).toBeUndefined()
})

test('K3: a caller whose calls are answered has its whole share again, and nothing is kept of it', () => {
  const backlog = createBacklog('store', LIMITS)
  for (let round = 0; round < 1_000; round++) {
    const caller = `caller-${round}`
    backlog.add(caller, 200)
    expect(backlog.refusal(caller)).toMatchObject({ details: { limit: 'queueBytes' } })
    backlog.remove(caller, 200)
    expect(backlog.refusal(caller)).toBeUndefined()
  }

  expect(backlog.callers).toBe(0)
})
