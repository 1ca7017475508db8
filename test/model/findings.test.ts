// test/model/findings.test.ts: what the compositions found and the kernel has learnt, one short history each (K2 K4 K5 K8).
import { expect, test } from 'vitest'
import { play, type Step } from './history.ts'
import type { World } from './world.ts'

test('K2: a plugin that is removed while a reload waits for its turn stays removed', async () => {
  await expectNothing(step('reload', 'a', false), step('disk', false), step('remove', 'a'))
})

test('K2: a plugin that is removed in the moment it crashes is not started again', async () => {
  await expectNothing(step('remove', 'a'), step('crash', 'a', 'isolate'), rested('clock', 1_100))
})

test('K2: a plugin that is switched off in the moment its process is lost stays off', async () => {
  await expectNothing(step('disable', 'b'), step('crash', 'b', 'neighbour'), rested('clock', 20_000))
})

test('K5: what the user takes back right after allowing it for ever stays taken back', async () => {
  await expectNothing(
    rested('callLab', 'c', 'act', 'two'),
    step('answer', 0, 'allow', 'forever'),
    step('revoke', 'c', 1),
  )
})

test('K4 K5: a call whose yes is still being written ends as the permission is taken back', async () => {
  await expectNothing(
    step('disk', true),
    rested('callLab', 'a', 'act', 'two'),
    step('answer', 11, 'allow', 'forever'),
    rested('reload', 'b', false), // time for the yes to reach the disk, which is slow
    step('revoke', 'a', 8),
  )
})

test('K5: a call is refused as the no is given, however slow the disk', async () => {
  await expectNothing(
    step('callLab', 'b', 'act', '*'),
    step('disk', true),
    step('answer', 0, 'allow', 'once'),
    rested('finish', 0),
    step('crash', 'c', 'isolate'),
    rested('answer', 3, 'deny', 'session'),
    step('revoke', 'b', 0),
    rested('install', 'a'),
  )
})

test('K4: a grant for once overrules an older no for the whole call it lets through', async () => {
  const once = { mode: 'allow', duration: 'once' }
  await expectNothing(
    rested('revoke', 'a', 0),
    rested('grant', 'a', 0, once),
    rested('callLab', 'a', 'hang', 'one'),
    rested('revoke', 'b', 0),
    rested('finish', 0),
  )
})

test('K4: what is granted to a plugin that is removed before the grant is written is not there when it is installed again', async () => {
  await expectNothing(
    step('grant', 'c', 0, { mode: 'allow', duration: 'once' }),
    step('disk', true),
    rested('remove', 'c'),
    step('callLab', 'a', 'act', 'one'),
    step('install', 'c'),
  )
})

test('K2: a plugin that is removed as its reload crashes leaves no guest behind', async () => {
  await expectNothing(
    step('reload', 'a', false),
    step('callService', 'c', 'a', 'answer'),
    rested('answer', 0, 'allow', 'once'),
    step('revoke', 'a', 0),
    step('tick'),
    step('remove', 'a'),
    step('crash', 'a', 'isolate'),
  )
})

test('K2: what a plugin asked of others is called off as it ends, and nothing of that is said to it any more, though it is its own guard', async () => {
  await expectNothing(
    step('callTool', 'a', 'b', 'answer'),
    rested('disk', false),
    step('remove', 'a'),
    step('install', 'a'),
    step('reload', 'a', false),
    step('callLab', 'a', 'act', 'one'),
  )
})

test('K4: calls of another plugin’s service or tool end with their permission, whatever they wait for', async () => {
  for (const call of ['callService', 'callTool'] as const)
    for (const behaviour of ['hang', 'stream', 'act'])
      for (const permission of [2, 3])
        await expectNothing(rested(call, 'a', 'b', behaviour), rested('revoke', 'a', permission), step('tick'))
})

test('K4 K5: a call that waits for the user ends when time brings back an older no', async () => {
  const until = 1767225600050
  await expectNothing(
    step('revoke', 'b', 0),
    step('grant', 'b', 0, { mode: 'ask', duration: { until } }),
    rested('callLab', 'b', 'act', 'one'),
    rested('clock', 60),
  )
})

test('K4: streams, functions and effects of a call end with its permission, also under a driver that does not listen', async () => {
  for (const method of ['hang', 'rude', 'stream', 'take', 'watch', 'pester'])
    await expectNothing(
      rested('callLab', 'a', method, 'one'),
      rested('tick'),
      rested('revoke', 'a', 0),
      step('tick'),
      rested('finish', 0),
      rested('tick'),
    )
})

test('K4 K8: an act that began and was cut short by a revoke has an entry of its own, however many there are', async () => {
  const acts = Array.from({ length: 8 }, () => step('callLab', 'a', 'hang', 'one'))
  await expectNothing(...acts, rested('revoke', 'a', 0))
})

async function expectNothing(...history: Step[]): Promise<void> {
  expect(await play(history), JSON.stringify(history)).toEqual([])
}

function step(does: keyof World, ...args: unknown[]): Step {
  return { does, with: args, rest: false }
}

/** A step after which all that is due happens. */
function rested(does: keyof World, ...args: unknown[]): Step {
  return { ...step(does, ...args), rest: true }
}
