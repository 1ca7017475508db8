import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { sampleEvents } from './events.ts'
import { taskEvents } from './scheduler.ts'

/** A scheduler that the test rings. */
function createScheduler() {
  const tasks: unknown[] = []
  const ended: unknown[] = []
  return {
    tasks,
    ended,
    methods: {
      createOrUpdate: async (task: object) => ({ ...task, id: `task-${tasks.push(task)}` }),
      attend: async () => {},
      complete: async (runId: string, outcome: object) => ended.push({ runId, ...outcome }) > 0,
    },
  }
}

test('when the task is due it reminds, and reports how the run ended', async () => {
  const { methods, tasks, ended } = createScheduler()
  const config = { cron: '30 8 * * *', text: 'Drink water' }
  await using pryx = await createHarness({ folder: '.', grant: 'declared', config, fake: { scheduler: methods } })
  expect(tasks).toEqual([{ name: 'sample', trigger: { kind: 'cron', expression: '30 8 * * *' } }])

  pryx.emit(taskEvents.due, { taskId: 'task-1', runId: 'run-1', attempt: 1 })

  expect(await pryx.seen(sampleEvents.reminded)).toEqual({ text: 'Drink water' })
  await expect.poll(() => ended).toEqual([{ runId: 'run-1', ok: true, result: 'Drink water', attempt: 1 }])
})

test('tasks of others leave it alone', async () => {
  const { methods, ended } = createScheduler()
  await using pryx = await createHarness({ folder: '.', grant: 'declared', fake: { scheduler: methods } })

  pryx.emit(taskEvents.due, { taskId: 'task-of-another', runId: 'run-1', attempt: 1 })
  pryx.emit(taskEvents.due, { taskId: 'task-1', runId: 'run-2', attempt: 1 })

  await expect.poll(() => ended).toMatchObject([{ runId: 'run-2' }])
})
