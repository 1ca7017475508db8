import { describe, expect, test, vi } from 'vitest'
import { createHandClock, createMemorySql, settled, startLife } from '../scheduler-testing.ts'
import type { TaskSpec } from '../service.ts'

const START = Date.UTC(2026, 0, 1)
const job: TaskSpec = { name: 'job', trigger: { kind: 'manual' } }
const wide: TaskSpec = { ...job, overlap: { kind: 'allow', max: 20 }, backlog: 500 }

async function setUp(options: Parameters<typeof startLife>[2] = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock, options)
  return { sql, clock, life, notes: life.as('notes') }
}

test('S1: runEach queues a run for each input in one transaction, and none if there is no room for all', async () => {
  const { sql, life, notes } = await setUp()
  const task = await notes.create({ ...wide, overlap: { kind: 'allow', max: 500 }, backlog: 60 })
  const commits = vi.spyOn(sql, 'batch')

  const ids = await notes.runEach(
    task.id,
    Array.from({ length: 50 }, (_, n) => ({ n })),
  )
  expect(commits).toHaveBeenCalledTimes(1)
  await expect(notes.runEach(task.id, Array(11).fill(0))).rejects.toMatchObject({ code: 'TASK_LIMIT' })
  await life.run()

  expect(new Set(ids).size).toBe(50)
  expect(life.of('task.due').map(({ runId, input }) => [runId, input])).toEqual(ids.map((id, n) => [id, { n }]))
})

test('S1: a run that starts brings its input, however long', async () => {
  const { life, notes } = await setUp()
  const task = await notes.create({ ...wide })
  const inputs = ['short', 'x'.repeat(20_000), null]

  await notes.runEach(task.id, inputs)
  await life.run()

  expect(life.of('task.due').map(({ input }) => input)).toEqual(inputs)
})

test('S13: a long queue of one task hides nobody: what stands behind it and has room starts in the same turn', async () => {
  const { clock, life, notes } = await setUp({ settings: { maxRunning: 10 } })
  const queue = await notes.create({ ...job, name: 'queue', backlog: 500 })
  const others = await Promise.all(['a', 'b'].map((owner) => life.as(owner).create({ ...job, name: owner })))
  await notes.runEach(queue.id, Array(450).fill(0))
  clock.move(1)
  for (const { owner, id } of others) await life.as(owner).runEach(id, [0])

  await life.engine.turn()

  const running = (await life.store.running()).map(({ taskId }) => taskId)
  expect(running.sort()).toEqual([queue.id, ...others.map(({ id }) => id)].sort())
})

test('S13: a queue longer than the window that nobody stands behind costs one look a turn, and its ends one transaction with the next look', async () => {
  const { sql, life } = await setUp({ settings: { maxRunning: 100 } })
  const host = life.as('host')
  const task = await host.create({
    ...{ ...job, action: { kind: 'emit', name: 'beat' } },
    ...{ overlap: { kind: 'allow', max: 100 }, backlog: 1_000 },
  })
  await host.runEach(task.id, Array(700).fill(0))
  const trips = vi.spyOn(sql, 'batch')

  for (let turn = 0; turn < 3; turn++) await life.engine.turn()
  await settled()

  const looks = trips.mock.calls.filter(([statements]) =>
    statements.some(({ sql }) => sql.includes('WITH RECURSIVE busy')),
  )
  const ends = trips.mock.calls.filter(([statements]) =>
    statements.some(({ sql }) => sql.includes("SET status = 'ok'")),
  )
  const runs = await life.store.sql.all<{ n: number }>(`SELECT COUNT(*) n FROM runs WHERE status = 'ok'`)
  expect(looks.length).toBeLessThanOrEqual(runs[0]!.n / 100 + 4)
  for (const end of ends) expect(looks).toContain(end)
})

test('S13: within a task the oldest starts first, and one that waits for its next try holds its place', async () => {
  const { clock, life, notes } = await setUp()
  const retry = { attempts: 1, backoffMs: 5_000 }
  const task = await notes.create({ ...job, backlog: 100, retry })
  const [first, second] = (await notes.runEach(task.id, [1, 2])) as [string, string]
  await life.run()

  await notes.complete(first, { ok: false, error: 'no' })
  await life.run()
  expect(await life.store.running()).toEqual([])
  clock.move(5_000)
  await life.run()
  await notes.complete(first, { ok: true })
  await life.run()

  expect(life.of('task.due').map(({ runId }) => runId)).toEqual([first, first, second])
})

test('S8: ends that are told together are one commit, counted once each, whatever else was told of the same run', async () => {
  const { sql, life, notes } = await setUp()
  const task = await notes.create(wide)
  const ids = await notes.runEach(task.id, Array(20).fill(0))
  await life.run()
  const commits = vi.spyOn(sql, 'batch')

  const recorded = await Promise.all([...ids, ...ids].map((id) => notes.complete(id, { ok: true, result: 1 })))

  expect(recorded.filter(Boolean)).toHaveLength(20)
  expect(commits.mock.calls.length).toBeLessThanOrEqual(2)
  expect(life.of('task.finished')).toHaveLength(20)
  expect((await life.as('host').days({ days: 1 })).map(({ ok }) => ok)).toEqual([20])
  expect((await notes.history(task.id)).map(({ status, result }) => [status, result])).toEqual(
    Array(20).fill(['ok', 1]),
  )
})

test('S8: when the disk fails under ends that were told together, each teller hears of it, and telling again counts once', async () => {
  const { sql, life, notes } = await setUp()
  const task = await notes.create(wide)
  const ids = await notes.runEach(task.id, Array(5).fill(0))
  await life.run()

  for (const when of ['before', 'after'] as const) {
    sql.failBatch(1, when)
    const told = await Promise.allSettled(ids.map((id) => notes.complete(id, { ok: true })))
    expect(told.map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
  }
  await Promise.all(ids.map((id) => notes.complete(id, { ok: true })))

  expect((await notes.history(task.id)).map(({ status }) => status)).toEqual(Array(5).fill('ok'))
  expect((await life.as('host').days({ days: 1 })).map(({ ok }) => ok)).toEqual([5])
})

test('S8 S11: deeds that end together leave their step logs with their ends; a failed one among them is judged for itself', async () => {
  const { life } = await setUp({
    callTool: async (_name, input) => {
      if ((input as { n: number }).n === 3) throw new Error('three is too many')
      return input
    },
  })
  const host = life.as('host')
  const action = { kind: 'tool' as const, name: 'count', input: { n: '${input}' } }
  const task = await host.create({ ...wide, action })

  const ids = await host.runEach(task.id, [1, 2, 3, 4])
  await life.run()
  await settled()
  await life.run()

  const runs = await Promise.all(ids.map((id) => host.run(id)))
  expect(runs.map(({ status }) => status)).toEqual(['ok', 'ok', 'failed', 'ok'])
  const logs = await Promise.all(ids.map((id) => host.steps(id)))
  expect(logs.map(([step]) => [step?.path, step?.status])).toEqual([
    ['do', 'ok'],
    ['do', 'ok'],
    ['do', 'failed'],
    ['do', 'ok'],
  ])
  expect(logs[0]?.[0]).toMatchObject({
    input: { input: { n: 1 } },
    output: { n: 1 },
    sources: [{ expression: 'input' }],
  })
})

test('S2: of a queue of thousands the last 100 runs are kept, and the books need none of the others', async () => {
  const { life, notes } = await setUp({ settings: { maxRunning: 1_000 } })
  const task = await notes.create({ ...wide, overlap: { kind: 'allow', max: 1_000 }, backlog: 5_000 })
  for (let round = 0; round < 3; round++) {
    const ids = await notes.runEach(task.id, Array(800).fill(0))
    await life.run()
    await Promise.all(ids.map((id) => notes.complete(id, { ok: true })))
    await life.run()
  }

  const [{ n }] = (await life.store.sql.all('SELECT COUNT(*) n FROM runs')) as [{ n: number }]

  expect(n).toBeLessThanOrEqual(120)
  expect(life.of('task.finished')).toHaveLength(2_400)
})

describe.each(['before', 'after'] as const)('a commit that starts runs and fails %s it was on disk', (when) => {
  test('S8: each run is begun once, and none waits for its time-out', async () => {
    let calls = 0
    const { sql, clock, life, notes } = await setUp({ callTool: async () => ++calls })
    const web = life.as('web')
    const tool = await web.create({ ...wide, name: 'tool', action: { kind: 'tool', name: 'count' } })
    const event = await notes.create({ ...wide, name: 'event' })
    await web.runEach(tool.id, [1, 2])
    await notes.runEach(event.id, ['x'])

    sql.failBatch(2, when) // the first looks
    await expect(life.run()).rejects.toThrow('power cut')
    clock.move(1_000)
    for (let turn = 0; turn < 3; turn++) await life.run()

    expect(calls).toBe(2)
    expect(life.of('task.due').map(({ input }) => input)).toEqual(['x'])
    expect((await life.store.running()).map(({ taskId }) => taskId)).toEqual([event.id])
  })

  test('S8: work whose end could not be recorded meanwhile is not begun again', async () => {
    let calls = 0
    const first = Promise.withResolvers<void>()
    const callTool = () => (++calls === 1 ? first.promise : Promise.resolve())
    const { sql, clock, life } = await setUp({ callTool })
    const web = life.as('web')
    const tool = await web.create({ ...wide, overlap: 'queue', action: { kind: 'tool', name: 'count' } })
    await web.runEach(tool.id, [1, 2])
    await life.run()

    sql.failBatch(1, when) // the end of the first and the start of the second are one commit
    first.resolve()
    await settled()
    expect(life.warnings).toHaveLength(2) // the turn, and the report
    for (let turn = 0; turn < 3; turn++) {
      clock.move(1_000)
      await life.run()
      for (const { fn } of [...clock.timers]) fn() // it reports again
      await settled()
    }

    expect(calls).toBe(2)
    expect(await life.store.running()).toEqual([])
  })
})
