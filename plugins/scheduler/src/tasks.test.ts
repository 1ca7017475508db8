import { expect, test } from 'vitest'
import { createHandClock, createMemorySql, settled, startLife } from './scheduler-testing.ts'
import type { TaskSpec } from './service.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const everyMinute: TaskSpec = { name: 'sweep', trigger: { kind: 'interval', everyMs: MINUTE }, overlap: 'queue' }
const ORPHANED = 'its plugin was removed'

async function setUp() {
  const clock = createHandClock(START)
  const life = await startLife(createMemorySql(), clock)
  const removed = async (plugin: string, from = 'kernel') => {
    await life.happens('plugin.removed', { plugin }, from)
    await life.engine.alone(async () => {}) // what the fact has set going is over
    await settled()
  }
  return { clock, life, removed, notes: life.as('notes'), host: life.as('host') }
}

test('S8: the tasks of a removed plugin stand still, and the ledger says why for each occurrence', async () => {
  const { clock, life, removed, notes, host } = await setUp()
  const task = await notes.create(everyMinute)
  const other = await life.as('memory').create(everyMinute)
  clock.move(2 * MINUTE)
  await life.run() // one run works
  clock.move(MINUTE) // and an occurrence has passed that nobody has claimed yet

  await removed('notes')
  clock.move(5 * MINUTE)
  await life.run()

  expect(await host.get(task.id)).toMatchObject({ state: 'paused', problem: ORPHANED, nextDue: undefined })
  expect(await host.get(other.id)).toMatchObject({ state: 'active' })
  expect(await host.history(task.id)).toMatchObject([
    { status: 'skipped', occurrence: START + 3 * MINUTE, error: ORPHANED },
    { status: 'cancelled', error: ORPHANED },
  ])
  const ledger = await host.ledger(task.id, START + 1, START + 8 * MINUTE)
  expect(ledger).toMatchObject({ balanced: true })
  expect(life.of('task.due').filter(({ owner }) => owner === 'notes')).toHaveLength(1)
})

test('S8: a plugin that is back gets its tasks back by asking for them; what the user had paused stays so', async () => {
  const { clock, life, removed, notes } = await setUp()
  const task = await notes.create(everyMinute)
  const resting = await notes.create({ ...everyMinute, name: 'rest' })
  await notes.pause(resting.id)

  await removed('notes')
  await life.as('host').update(task.id, { tags: ['kept'] })
  const back = await notes.createOrUpdate(everyMinute)
  clock.move(MINUTE)
  await life.run()

  expect(back).toMatchObject({ id: task.id, state: 'active', problem: undefined })
  expect(life.of('task.due')).toMatchObject([{ owner: 'notes' }])
  expect(await notes.createOrUpdate({ ...everyMinute, name: 'rest' })).toMatchObject({ state: 'paused' })
})

test('S8: what a manager scheduled for a tool to do goes on without the manager', async () => {
  const { clock, life, removed, host } = await setUp()
  const task = await life.as('web').create({ ...everyMinute, action: { kind: 'tool', name: 'backup.run' } })

  await removed('web')
  clock.move(MINUTE)
  await life.run()

  expect(await host.history(task.id)).toMatchObject([{ status: 'ok' }])
})

test('K6: only the kernel says that a plugin was removed', async () => {
  const { removed, notes } = await setUp()
  const task = await notes.create(everyMinute)

  await removed('notes', 'memory')

  expect(await notes.get(task.id)).toMatchObject({ state: 'active' })
})

test('S8: a plugin with more tasks than are changed at once leaves none of them standing', async () => {
  const { life, removed, notes } = await setUp()
  for (let i = 0; i < 101; i++) await notes.create({ ...everyMinute, name: `sweep ${i}` })

  await removed('notes')
  await expect
    .poll(async () => (await life.store.tasks('notes', 200)).every(({ state }) => state === 'paused'))
    .toBe(true)
})
