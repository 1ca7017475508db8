import { beforeEach, expect, test } from 'vitest'
import { createHandClock, createMemorySql, type Life, reportAll, startLife } from '../scheduler-testing.ts'
import type { Scheduler, TaskSpec } from '../service.ts'

const START = Date.UTC(2026, 0, 5, 8)
const MINUTE = 60_000

let clock: ReturnType<typeof createHandClock>
let life: Life
let host: Scheduler

beforeEach(async () => {
  clock = createHandClock(START)
  life = await startLife(createMemorySql(), clock)
  host = life.as('host')
})

test('S14: tasks are found by text, tag and state, in any order, a page at a time', async () => {
  for (const [name, tags] of [
    ['Backup', ['nightly']],
    ['digest', ['mail', 'nightly']],
    ['sweep', ['100%']],
    ['zip', undefined],
  ] as const)
    await host.create({ name, trigger: { kind: 'manual' }, ...(tags && { tags: [...tags] }) })
  await host.pause((await named('zip')).id)

  expect(await names({})).toEqual(['Backup', 'digest', 'sweep', 'zip'])
  expect(await names({ sort: 'name', down: true, limit: 2, offset: 1 })).toEqual(['sweep', 'digest'])
  expect(await names({ text: 'BACK' })).toEqual(['Backup'])
  expect(await names({ text: 'night' })).toEqual(['Backup', 'digest'])
  expect(await names({ text: '0%' })).toEqual(['sweep'])
  expect(await names({ text: '%' })).toEqual(['sweep'])
  expect(await names({ tag: 'mail' })).toEqual(['digest'])
  expect(await names({ state: 'paused' })).toEqual(['zip'])
  expect(await host.search({ limit: 1 })).toMatchObject({ total: 4, tasks: [{ task: { name: 'Backup' } }] })
  expect(await host.tally()).toMatchObject({
    total: 4,
    states: { active: 3, paused: 1, done: 0, broken: 0 },
    tags: [
      { tag: 'nightly', tasks: 2 },
      { tag: '100%', tasks: 1 },
      { tag: 'mail', tasks: 1 },
    ],
  })
})

test('S14: success, last run and the next one order tasks; those without come last either way', async () => {
  const good = await host.create(every('good', 10))
  const bad = await host.create({ ...every('bad', 20), onFailure: [] })
  await host.create({ name: 'never', trigger: { kind: 'manual' } })
  clock.move(20 * MINUTE)
  await life.run()
  await reportAll(life, good, true)
  await reportAll(life, bad, false)
  await life.run()

  expect(await names({ sort: 'success' })).toEqual(['bad', 'good', 'never'])
  expect(await names({ sort: 'success', down: true })).toEqual(['good', 'bad', 'never'])
  expect(await names({ sort: 'next' })).toEqual(['good', 'bad', 'never'])
  expect((await names({ sort: 'last', down: true })).at(-1)).toBe('never')
  expect(await names({ state: 'failing' })).toEqual(['bad'])
  expect((await host.search({ text: 'bad' })).tasks[0]).toMatchObject({
    ok: 0,
    failed: 1,
    failures: 1,
    lastRun: { status: 'failed' },
  })
})

test('S14 K4: a plugin finds, counts and watches its own tasks only', async () => {
  await life.as('notes').create(every('mine', 1))
  await life.as('mail').create(every('theirs', 1))
  clock.move(MINUTE)
  await life.run()

  const notes = life.as('notes')

  expect((await notes.search()).tasks.map(({ task }) => task.name)).toEqual(['mine'])
  expect(await notes.tally()).toMatchObject({ total: 1, running: 1 })
  expect((await notes.live()).map(({ task }) => task.name)).toEqual(['mine'])
  await expect(notes.search({ owner: 'mail' })).rejects.toMatchObject({ code: 'TASK_REFUSED' })
  expect((await host.live()).map(({ task }) => task.name).sort()).toEqual(['mine', 'theirs'])
})

test('L1: what works now is told with its step, and with what such runs usually take', async () => {
  const task = await host.create(every('long', 10))
  clock.move(10 * MINUTE)
  await life.run()
  clock.move(4_000)
  await reportAll(life, task, true)
  clock.move(10 * MINUTE - 4_000)
  await life.run()
  const [now] = await host.live()
  await host.progress(now!.run.id, { progress: { step: 'copying', done: 3, total: 4 } })

  expect(await host.live()).toMatchObject([
    {
      task: { name: 'long' },
      run: { status: 'running', progress: { step: 'copying', done: 3, total: 4 } },
      typicalMs: 4_000,
    },
  ])
})

test.each([
  [{ name: '', trigger: { kind: 'manual' } }, 'name'],
  [{ name: 'x', trigger: { kind: 'phrase', text: 'every day at 9' } }, 'trigger.text'],
  [{ name: 'x', trigger: { kind: 'cron', expression: '61 * * * *' } }, 'trigger.expression'],
  [{ name: 'x', trigger: { kind: 'once', at: START - 1 } }, 'trigger'],
  [{ name: 'x', trigger: { kind: 'predicate', expression: 'facts.' } }, 'trigger.expression'],
  [{ name: 'x', trigger: { kind: 'manual' }, action: { kind: 'prompt', text: '' } }, 'action.text'],
  [
    { name: 'x', trigger: { kind: 'manual' }, action: { kind: 'workflow', flow: 'steps: [{ id: a, call: b }]' } },
    'action.flow',
  ],
  [{ name: 'x', trigger: { kind: 'manual' }, retry: { attempts: 99 } }, 'retry.attempts'],
  [{ name: 'there', trigger: { kind: 'manual' } }, 'name'],
])('S14: what is wrong in %j is told at %s, and nothing is kept', async (spec, path) => {
  await host.create({ name: 'there', trigger: { kind: 'manual' } })

  const { problems } = await host.check(spec)

  expect(problems.map((problem) => problem.path)).toEqual([path])
  expect((await host.tally()).total).toBe(1)
})

test('S14: a task that is right is told with its plan; its own name is no obstacle to a change of it', async () => {
  const task = await host.create(every('there', 5))

  const checked = await host.check(
    { name: 'there', trigger: { kind: 'phrase', text: 'every weekday at 9am' } },
    task.id,
  )

  expect(checked).toMatchObject({ problems: [], plan: { expression: '0 9 * * 1-5', nextText: expect.any(Array) } })
  expect(checked.plan?.next).toHaveLength(5)
})

test('S14: whatever else is wrong, it is told when a task would run, or why that cannot be said', async () => {
  const action = { kind: 'notify', text: '' }

  const right = await host.check({ name: '', trigger: { kind: 'phrase', text: 'every weekday at 9am' }, action })
  const wrong = await host.check({ name: 'x', trigger: { kind: 'phrase', text: 'every day at 9' }, action })

  expect(right.problems).toEqual([
    { path: 'name', message: 'This must not be empty.' },
    { path: 'action.text', message: 'This must not be empty.' },
  ])
  expect(right.plan?.next).toHaveLength(5)
  expect(wrong.problems.map(({ path }) => path)).toEqual(['action.text', 'trigger.text'])
})

test('S14: figures of days that are over are summed once, and today is always added', async () => {
  const task = await host.create(every('daily', 24 * 60))
  for (let day = 0; day < 3; day++) {
    clock.move(24 * 60 * MINUTE)
    await life.run()
    await reportAll(life, task, day !== 1)
    await life.run()
    expect((await host.search()).tasks[0]).toMatchObject(
      [
        { ok: 1, failed: 0 },
        { ok: 1, failed: 1 },
        { ok: 2, failed: 1 },
      ][day]!,
    )
  }

  const all = await host.days({ days: 7 })

  expect(all).toEqual(await host.days({ id: task.id, days: 7 }))
  expect(all.map(({ ok, failed }) => [ok, failed])).toEqual([
    [1, 0],
    [0, 1],
    [1, 0],
  ])
})

function every(name: string, minutes: number): TaskSpec {
  return { name, trigger: { kind: 'interval', everyMs: minutes * MINUTE } }
}

async function names(query: Parameters<Scheduler['search']>[0]): Promise<string[]> {
  return (await host.search(query)).tasks.map(({ task }) => task.name)
}

async function named(text: string) {
  return (await host.search({ text })).tasks[0]!.task
}
