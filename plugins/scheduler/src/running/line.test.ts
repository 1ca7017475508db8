import { expect, test, vi } from 'vitest'
import { createHandClock, createMemorySql, settled, startLife } from '../scheduler-testing.ts'
import type { TaskSpec } from '../service.ts'
import * as db from '../store/statements.ts'

const START = Date.UTC(2026, 0, 1)
const job: TaskSpec = { name: 'job', trigger: { kind: 'manual' }, overlap: { kind: 'allow', max: 20 }, backlog: 500 }
const ENDS = "SET status = 'ok'"
const STARTS = "SET status = 'running'"

async function setUp(options: Parameters<typeof startLife>[2] = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock, options)
  return { sql, clock, life, host: life.as('host') }
}

/** A task with runs that wait, and how many of them `startLine` starts after `change`. */
async function startedAfter(
  change: (world: Awaited<ReturnType<typeof setUp>> & { id: string }) => Promise<unknown> | undefined,
  most = 50,
): Promise<number> {
  const world = await setUp()
  const { id } = await world.host.create(job)
  await world.host.runEach(id, Array(30).fill(0))
  const { line } = await world.life.store.look(START, 500)
  await change({ ...world, id })
  const [result] = await world.life.store.exchange([db.startLine(line!, 'life', START, most, 25)])
  return result!.rows!.length
}

test('S13: where one task alone has runs that wait, the ends of some and the starts of others are one transaction', async () => {
  const { sql, life, host } = await setUp()
  const task = await host.create({ ...job, action: { kind: 'emit', name: 'beat' } })
  await host.runEach(task.id, Array(200).fill(0))
  const trips = vi.spyOn(sql, 'batch')

  for (let turn = 0; turn < 12; turn++) {
    await life.engine.turn()
    await settled()
  }

  const texts = trips.mock.calls.map(([statements]) => statements.map((each) => each.sql).join(';'))
  const runs = await life.store.sql.all<{ status: string; n: number }>('SELECT status, COUNT(*) n FROM runs GROUP BY 1')
  expect(runs.map(({ status }) => status)).toEqual(['ok'])
  expect(new Set(life.flows.map(({ payload }) => payload.key)).size).toBe(200)
  expect(life.flows).toHaveLength(200)
  expect(life.of('task.finished')).toHaveLength(200)
  expect(texts.filter((text) => text.includes(STARTS) && !text.includes(ENDS))).toHaveLength(1) // the first
})

test('S13: starts without a choice keep to what the task and all tasks together have room for, and to the order of the line', async () => {
  expect(await startedAfter(async () => {})).toBe(20)
  expect(await startedAfter(async () => {}, 7)).toBe(7)
  expect(await startedAfter(({ life, id }) => life.store.commit([running(id, 15)]))).toBe(5)
  expect(await startedAfter(({ life, id }) => life.store.commit([running(id, 15)]), 16)).toBe(1)
  expect(await startedAfter(({ life, id }) => life.store.commit([running(id, 20)]))).toBe(0)
})

test('S13: where there is something to choose or the task has changed, nothing starts without a look', async () => {
  const changes: Parameters<typeof startedAfter>[0][] = [
    async ({ life }) => {
      const other = await life.as('other').create({ ...job, name: 'other' })
      await life.as('other').runEach(other.id, [0])
    },
    ({ life, id }) =>
      life.store.commit([{ sql: 'UPDATE runs SET priority = 0 WHERE task = ? AND seq = 3', params: [id] }]),
    ({ life }) => life.store.commit([{ sql: 'UPDATE runs SET start_at = start_at + 1 WHERE seq = 3' }]),
    ({ host, id }) => host.update(id, { timeoutMs: 5_000 }),
    ({ host, id }) => host.update(id, { name: 'renamed' }),
    ({ host, id }) => host.pause(id),
    ({ host, id }) => host.remove(id),
  ]
  for (const change of changes) expect(await startedAfter(change)).toBe(0)
})

test('S13: a task with a group or a budget has its runs weighed, each time', async () => {
  for (const special of [{ group: 'g' }, { budget: { perTaskUsd: 1 } }]) {
    const { sql, life, host } = await setUp()
    const task = await host.create({ ...job, ...special, action: { kind: 'emit', name: 'beat' } })
    await host.runEach(task.id, Array(60).fill(0))
    const trips = vi.spyOn(sql, 'batch')

    for (let turn = 0; turn < 8; turn++) {
      await life.engine.turn()
      await settled()
    }

    expect(life.of('task.finished')).toHaveLength(60)
    const texts = trips.mock.calls.map(([statements]) => statements.map((each) => each.sql).join(';'))
    expect(texts.filter((text) => text.includes(STARTS) && text.includes(ENDS))).toEqual([])
  }
})

test('S11: what a deed did after its run was stopped stands in the step log, and the run stays stopped', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  const { promise: answer, resolve: give } = Promise.withResolvers<unknown>()
  const callTool = async () => {
    ask()
    return answer
  }
  const { life, host } = await setUp({ callTool })
  const task = await host.create({ ...job, action: { kind: 'tool', name: 'slow' } })
  const [id] = (await host.runEach(task.id, [0])) as [string]
  await life.run()
  await asked

  await life.store.commit([db.cancelRun(id, 'by another instance', START)])
  give('done all the same')
  await settled()
  await life.run()

  expect(await host.run(id)).toMatchObject({ status: 'cancelled' })
  expect(await host.steps(id)).toMatchObject([{ path: 'do', status: 'ok', output: 'done all the same' }])
  expect(life.of('task.finished')).toEqual([])
})

test('J2: the output of a single deed is whole however long, and goes with its run', async () => {
  const long = 'x'.repeat(300_000)
  const { life, host } = await setUp({ callTool: async () => long })
  const task = await host.create({ ...job, action: { kind: 'tool', name: 'fetch' } })
  const [id] = (await host.runEach(task.id, [0])) as [string]
  await life.run()
  await settled()
  await life.run()
  expect(await host.stepOutput(id, 'do')).toBe(long)

  await host.remove(task.id)

  expect(await life.store.sql.all('SELECT ref FROM pieces')).toEqual([])
})

/** As if so many more were at work. */
function running(task: string, n: number): db.Statement {
  return {
    sql: `INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at)
          SELECT 'at-work-' || key, ?1, 'running', 'manual', 0, 0, 0, 1, 0 FROM json_each(?2)`,
    params: [task, JSON.stringify(Array(n).fill(0))],
  }
}
