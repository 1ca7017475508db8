import { expect, test } from 'vitest'
import { createScope } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createSupervisor } from './supervisor.ts'

function failing(scope = createScope('test')) {
  const clock = createFakeClock()
  const starts: number[] = []
  const told: (number | undefined)[] = []
  let broken = true
  const began = clock.now()
  const supervisor = createSupervisor(
    {
      async start() {
        starts.push(clock.now() - began)
        if (broken) throw new Error('no')
      },
      restart: (attempt) => void attempt(),
      failed: (_cause, _failures, delayMs) => told.push(delayMs),
    },
    scope,
    clock,
  )
  return { supervisor, starts, told, pass: clock.advance, scope, mend: () => (broken = false) }
}

test('K2: a plugin that always fails is tried after 1, 2, 4 and 8 s, then stays down', async () => {
  const { supervisor, starts, told, pass } = failing()

  await supervisor.start()
  await pass(60_000)

  expect(starts).toEqual([0, 1_000, 3_000, 7_000, 15_000])
  expect(told).toEqual([1_000, 2_000, 4_000, 8_000, undefined])
})

test('K2: a minute of health forgives earlier failures', async () => {
  const { supervisor, told, pass, mend } = failing()
  await supervisor.start()
  await pass(1_000)
  mend()
  await pass(2_000)

  await pass(61_000)
  supervisor.crashed(new Error('once more'))

  expect(told).toEqual([1_000, 2_000, 1_000])
})

test('K2: losing the process through a neighbour counts as no failure', async () => {
  const { supervisor, mend } = failing()
  mend()
  await supervisor.start()

  await supervisor.displaced()
  await supervisor.displaced()

  expect(supervisor.failures).toBe(0)
})

test('K2: a pending restart dies with its scope', async () => {
  const { supervisor, starts, pass, scope } = failing()
  await supervisor.start()

  await scope[Symbol.asyncDispose]()
  await pass(20_000)

  expect(starts).toEqual([0])
})
