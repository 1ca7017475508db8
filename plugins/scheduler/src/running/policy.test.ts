import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Waiting } from '../store/outlook.ts'
import { chooseStarts } from './choose.ts'
import { retryDelay } from './retry.ts'

const retry = {
  attempts: 20,
  backoffMs: 60_000,
  factor: 2,
  growth: 'exponential' as const,
  maxDelayMs: 86_400_000,
  jitter: 0,
}

test('S9: three retries, exponential from a minute, wait 1, 2 and 4 minutes; linear and listed pauses, and a greatest one', () => {
  const delays = (policy: object) =>
    [1, 2, 3, 4].map((attempt) => retryDelay({ ...retry, ...policy }, attempt, 0.5) / 60_000)

  expect(delays({})).toEqual([1, 2, 4, 8])
  expect(delays({ growth: 'linear' })).toEqual([1, 2, 3, 4])
  expect(delays({ sequenceMs: [5_000 * 60, 60_000] })).toEqual([5, 1, 1, 1])
  expect(delays({ maxDelayMs: 180_000 })).toEqual([1, 2, 3, 3])
})

test('S9: R1: jitter stays within its share, and never beyond the greatest pause', () => {
  const policy = fc.record({
    attempts: fc.constant(20),
    backoffMs: fc.integer({ min: 0, max: 86_400_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    growth: fc.constantFrom('exponential' as const, 'linear' as const),
    maxDelayMs: fc.integer({ min: 0, max: 86_400_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(
      policy,
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (policy, attempt, random) => {
        const plain = retryDelay({ ...policy, jitter: 0 }, attempt, random)
        const shaken = retryDelay(policy, attempt, random)

        expect(shaken).toBeLessThanOrEqual(policy.maxDelayMs)
        expect(shaken).toBeGreaterThanOrEqual(Math.floor(plain * (1 - policy.jitter)))
        expect(shaken).toBeLessThanOrEqual(Math.ceil(plain * (1 + policy.jitter)))
      },
    ),
  )
})

const waiting = (owner: string, more: { priority?: number; startAt?: number; group?: string } = {}): Waiting =>
  ({
    run: { id: `${owner}${Math.random()}`, priority: more.priority ?? 0, startAt: more.startAt ?? 0 },
    task: { owner, group: more.group },
  }) as unknown as Waiting

test('S13: the higher priority first, within one the owner with least in progress: a thousand of one hold up no other', () => {
  const many = Array.from({ length: 1_000 }, () => waiting('busy'))
  const urgent = waiting('slow', { priority: 2 })
  const room = { maxRunning: 6, groupLimits: {}, running: [{ owner: 'busy', group: undefined }] }

  const owners = chooseStarts([...many, waiting('other'), waiting('other'), urgent], room, 0).map(
    ({ task }) => task.owner,
  )

  expect(owners).toEqual(['slow', 'other', 'busy', 'other', 'busy'])
})

test('S13: what waits long rises, so that no stream of urgent runs starves it', () => {
  const old = waiting('old', { startAt: 0 })
  const room = { maxRunning: 1, groupLimits: {}, running: [] }

  const now = 10 * 60_000
  const urgent = waiting('new', { priority: 2, startAt: now })

  expect(chooseStarts([old, urgent], room, now)[0]).toBe(old)
  expect(chooseStarts([old, urgent], room, 1_000)[0]).toBe(urgent)
})

test('S13: C1: never more than there is room for, in all and in a group; nobody who could start is left out', () => {
  const run = fc.record({
    owner: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: 0, max: 2 }),
    group: fc.constantFrom('g', undefined),
  })
  fc.assert(
    fc.property(
      fc.array(run, { maxLength: 60 }),
      fc.array(run, { maxLength: 10 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 5 }),
      (queue, running, maxRunning, limit) => {
        const room = { maxRunning, groupLimits: { g: limit }, running }
        const all = queue.map(({ owner, priority, group }) => waiting(owner, { priority, ...(group && { group }) }))

        const chosen = chooseStarts(all, room, 0)

        const grouped = (each: readonly { group?: string | undefined }[]) =>
          each.filter(({ group }) => group === 'g').length
        const free = Math.max(0, maxRunning - running.length)
        const roomInGroup = Math.max(0, limit - grouped(running))
        const possible = all.length - Math.max(0, grouped(queue) - roomInGroup)
        expect(new Set(chosen).size).toBe(chosen.length)
        expect(chosen.length).toBe(Math.min(free, possible))
        expect(grouped(chosen.map(({ task }) => task))).toBeLessThanOrEqual(roomInGroup)
      },
    ),
  )
})
