import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createStorageCapability } from '../../packages/capabilities/src/index.ts'
import { createHarness } from '../../packages/sdk/src/testing/index.ts'
import { Scheduler } from '../../plugins/scheduler/src/service.ts'

const folder = fileURLToPath(new URL('../../plugins/scheduler', import.meta.url))

test('K3 S1 S10: in its own isolate, on the real storage, it plans a phrase and runs a workflow to its end', {
  timeout: 60_000,
}, async () => {
  await using pryx = await createHarness({
    folder,
    grant: ['storage', 'tools:*', 'events:emit:task.*', 'events:emit:notice.*', 'events:emit:flow.**', 'events:on:**'],
    capabilities: [createStorageCapability()],
  })
  const scheduler = await pryx.use(Scheduler)

  const plan = await scheduler.plan({ kind: 'phrase', text: 'every weekday at 9am', timeZone: 'Europe/Berlin' })
  const task = await scheduler.create({
    name: 'flow',
    trigger: { kind: 'manual' },
    action: {
      kind: 'workflow',
      flow: 'steps:\n  - id: one\n    set: ${input.n * 2}\n  - id: tell\n    do: { kind: emit, name: done, payload: "${steps.one.output}" }\noutput: ${steps.one.output + 1}\n',
    },
  })
  const run = await scheduler.runNow(task.id, { n: 20 })

  expect(plan).toMatchObject({ expression: '0 9 * * 1-5', timeZone: 'Europe/Berlin' })
  await expect.poll(async () => (await scheduler.run(run.id)).status, { timeout: 20_000 }).toBe('ok')
  expect(await scheduler.run(run.id)).toMatchObject({ result: 41 })
  expect((await scheduler.steps(run.id)).map(({ path, status, output }) => [path, status, output])).toEqual([
    ['one', 'ok', 40],
    ['tell', 'ok', null],
  ])
})
