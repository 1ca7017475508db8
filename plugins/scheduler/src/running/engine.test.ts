import { expect, test, vi } from 'vitest'
import { createHandClock, createMemorySql, settled, startLife } from '../scheduler-testing.ts'
import type { TaskSpec } from '../service.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const everyMinute: TaskSpec = { name: 'sweep', trigger: { kind: 'interval', everyMs: MINUTE } }

async function setUp(options: Parameters<typeof startLife>[2] = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock, options)
  return { sql, clock, life, notes: life.as('notes') }
}

test('S1: a due task is announced to its owner, whose report ends the run', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ ...everyMinute, action: { kind: 'event', payload: { room: 7 } } })

  clock.move(MINUTE)
  await life.run()
  const [due] = life.of('task.due')
  await notes.complete(due!.runId as string, { ok: true, result: { swept: 3 }, log: 'all clean' })

  expect(due).toMatchObject({ owner: 'notes', occurrence: START + MINUTE, count: 1, attempt: 1, payload: { room: 7 } })
  const [run] = await notes.history(task.id)
  expect(run).toMatchObject({ status: 'ok', result: { swept: 3 }, log: 'all clean', finishedAt: START + MINUTE })
  expect(life.told.map((each) => each.name)).toEqual(['task.created', 'task.started', 'task.due', 'task.finished'])
})

test('S1: a once task runs once and is done', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ name: 'call', trigger: { kind: 'once', at: START + 5_000 } })

  clock.move(6_000)
  await life.run()
  clock.move(MINUTE)
  await life.run()

  expect(life.of('task.due')).toHaveLength(1)
  expect(await notes.get(task.id)).toMatchObject({ state: 'done', nextDue: undefined })
})

test('S1: a trigger that will never come is refused when it is made', async () => {
  const { notes } = await setUp()

  await expect(notes.create({ name: 'x', trigger: { kind: 'once', at: START - 1 } })).rejects.toMatchObject({
    code: 'TASK_NEVER',
  })
  await expect(notes.create({ name: 'x', trigger: { kind: 'cron', expression: '0 0 31 2 *' } })).rejects.toMatchObject({
    code: 'TASK_NEVER',
  })
})

test('S1: a cron task without a zone keeps the zone it was made in', async () => {
  const { notes } = await setUp()

  const task = await notes.create({ name: 'x', trigger: { kind: 'cron', expression: '0 9 * * *' } })

  expect(task.trigger).toMatchObject({ timeZone: 'Europe/Berlin' })
  expect(task.nextDue).toBe(Date.UTC(2026, 0, 1, 8))
})

test('S8: one timer waits at most a second, so a clock that jumps is noticed; nothing due costs no more than that', async () => {
  const { clock, life, notes } = await setUp()
  await notes.create(everyMinute)

  expect(await life.run()).toBe(1_000)
  clock.move(MINUTE - 400)
  expect(await life.run()).toBe(400)
  expect(clock.timers.size).toBe(1)
})

test('S8: the timer drives the turns, and a disk that fails does not stop it', async () => {
  const { sql, clock, life, notes } = await setUp()
  await notes.create(everyMinute)
  sql.failBatch(1, 'before')
  clock.move(MINUTE)

  await fire(clock)
  expect(life.warnings).toHaveLength(1)
  await fire(clock)

  expect(life.of('task.due')).toHaveLength(1)
})

test('N1: while nothing is due the timer ticks without touching the disk; a new task is seen at once', async () => {
  const { sql, clock, life, notes } = await setUp()
  await notes.create(everyMinute)
  await fire(clock)
  const reads = vi.spyOn(sql, 'all')

  for (let i = 0; i < 20; i++) {
    clock.move(1_000)
    await fire(clock)
  }
  expect(reads).not.toHaveBeenCalled()

  await notes.create({ name: 'soon', trigger: { kind: 'once', at: clock.now() + 1_500 } })
  await fire(clock)
  clock.move(1_500)
  await fire(clock)
  expect(life.of('task.due')).toMatchObject([{ name: 'soon' }])
})

test('S5: pause stops a task at once and skips what waits; resume counts from now', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ ...everyMinute, overlap: 'queue' })
  clock.move(MINUTE)
  await life.run()
  clock.move(MINUTE)
  await life.run() // waits behind the first

  await notes.pause(task.id)
  clock.move(5 * MINUTE + 1)
  await life.run()
  const resumed = await notes.resume(task.id)

  expect(life.of('task.due')).toHaveLength(1)
  expect((await notes.history(task.id)).map((run) => run.status)).toEqual(['skipped', 'running'])
  expect(resumed.nextDue).toBe(START + 8 * MINUTE)
})

test('S8: after downtime one run stands for all that was missed, or it is recorded as missed, or the newest are made up', async () => {
  const rows = async (misfire: TaskSpec['misfire']) => {
    const { clock, life, notes } = await setUp()
    const task = await notes.create({ ...everyMinute, misfire })
    clock.move(5 * MINUTE + 40_000) // beyond the grace of the newest
    await life.run()
    return (await notes.history(task.id)).map((run) => [run.status, run.count]).reverse()
  }

  expect(await rows('run-once')).toEqual([['running', 5]])
  expect(await rows('skip')).toEqual([['missed', 5]])
  expect(await rows({ kind: 'run-all', limit: 2 })).toEqual([
    ['missed', 3],
    ['running', 1],
    ['queued', 1],
  ])
})

test('S1: a task never runs beside itself: the occurrence is skipped, and a row of skips stays one row', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)

  for (let i = 0; i < 5; i++) {
    clock.move(MINUTE)
    await life.run()
  }

  const history = await notes.history(task.id)
  expect(history.map((run) => [run.status, run.count])).toEqual([
    ['skipped', 4],
    ['running', 1],
  ])
  expect(life.of('task.missed')).toHaveLength(4)
})

test('S8: a failing task is tried again with growing pauses, then recorded as failed', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({
    name: 'fetch',
    trigger: { kind: 'once', at: START + 1_000 },
    retry: { attempts: 3, backoffMs: MINUTE },
  })
  const starts: number[] = []
  clock.move(1_000)

  for (let i = 0; i < 500 && (await notes.history(task.id))[0]?.status !== 'failed'; i++) {
    await life.run()
    for (const run of await life.store.running()) {
      starts.push(clock.now() - START)
      await notes.complete(run.id, { ok: false, error: 'host is down', attempt: run.attempt })
    }
    clock.move(1_000)
  }

  expect(starts).toEqual([1_000, 61_000, 181_000, 421_000]) // 1, 2 and 4 minutes
  expect((await notes.history(task.id))[0]).toMatchObject({ status: 'failed', attempt: 4, error: 'host is down' })
  expect(life.of('task.finished')).toHaveLength(1)
})

test('S8: a run without a report fails at its time-out, and a late report is refused', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ ...everyMinute, timeoutMs: 5_000 })
  clock.move(MINUTE)
  await life.run()
  const runId = life.of('task.due')[0]!.runId as string

  clock.move(5_000)
  await life.run()

  expect(await notes.complete(runId, { ok: true })).toBe(false)
  expect((await notes.history(task.id))[0]).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('time-out'),
  })
})

test('S8: a run in progress at a kill is marked interrupted at the next start and made up for', async () => {
  const { sql, clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)
  clock.move(MINUTE)
  await life.run()
  life.kill()

  clock.move(1_000)
  const next = await startLife(sql, clock)
  await next.run()

  const history = await next.as('notes').history(task.id)
  expect(history.map((run) => [run.status, run.source, run.count])).toEqual([
    ['running', 'recovery', 0],
    ['interrupted', 'schedule', 1],
  ])
  expect(history[0]?.recovers).toBe(history[1]?.id)
  expect(next.of('task.due')).toMatchObject([{ occurrence: START + MINUTE }])
})

test('S8: a run that ends the scheduler again and again is not made up for for ever', async () => {
  const { sql, clock, life, notes } = await setUp()
  const task = await notes.create({ name: 'bomb', trigger: { kind: 'once', at: START + 1_000 } })
  clock.move(1_000)
  let last = life
  for (let i = 0; i < 8; i++) {
    await last.run()
    last.kill()
    last = await startLife(sql, clock)
  }

  const history = await last.as('notes').history(task.id)
  expect(history.map((run) => run.status)).toEqual(['interrupted', 'interrupted', 'interrupted', 'interrupted'])
})

test('K7: a successor that adopts the session leaves event runs going and takes their report', async () => {
  const { sql, clock, life, notes } = await setUp({ session: 'one' })
  const task = await notes.create(everyMinute)
  clock.move(MINUTE)
  await life.run()

  const next = await startLife(sql, clock, { session: 'one' })
  await life.engine.end()
  const recorded = await next.as('notes').complete(life.of('task.due')[0]!.runId as string, { ok: true })

  expect(recorded).toBe(true)
  expect((await next.as('notes').history(task.id)).map((run) => run.status)).toEqual(['ok'])
})

test('K7: two instances on one store never claim an occurrence twice', async () => {
  const { sql, clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)
  const other = await startLife(sql, clock)
  clock.move(MINUTE)

  await Promise.all([life.engine.turn(), other.engine.turn()])
  await settled()

  expect(await notes.history(task.id)).toHaveLength(1)
  expect(life.of('task.due').length + other.of('task.due').length).toBe(1)
})

test('S8: an owner that comes back is told of its open runs again, with the same key', async () => {
  const { clock, life, notes } = await setUp()
  await notes.create(everyMinute)
  await life.as('other').create(everyMinute)
  clock.move(MINUTE)
  await life.run()

  await notes.attend()
  await settled()

  const due = life.of('task.due').filter((each) => each.owner === 'notes')
  expect(due).toHaveLength(2)
  expect(due[0]!.key).toBe(due[1]!.key)
  expect(life.of('task.due')).toHaveLength(3)
})

test('S1: createOrUpdate leaves an unchanged task alone, paused or not, and changes the same task otherwise', async () => {
  const { clock, notes, life } = await setUp()
  const first = await notes.createOrUpdate(everyMinute)
  await notes.pause(first.id)
  clock.move(30_000)

  const again = await notes.createOrUpdate(everyMinute)
  const changed = await notes.createOrUpdate({ ...everyMinute, trigger: { kind: 'interval', everyMs: 2 * MINUTE } })

  expect(again).toMatchObject({ id: first.id, state: 'paused' })
  expect(changed).toMatchObject({ id: first.id, state: 'paused' })
  expect(await notes.list()).toHaveLength(1)
  expect((await notes.resume(first.id)).nextDue).toBe(START + 2 * MINUTE)
  expect(life.of('task.created')).toHaveLength(1)
})

test('S1: runNow adds a run and leaves the schedule as it is', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)
  clock.move(10_000)

  const run = await notes.runNow(task.id)
  await life.run()

  expect(run).toMatchObject({ status: 'queued', source: 'manual', count: 0 })
  expect((await notes.get(task.id)).nextDue).toBe(START + MINUTE)
  expect(life.of('task.due')).toMatchObject([{ runId: run.id }])
})

test('K4: a plugin can neither see, change nor report on the tasks of another; a manager can', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)
  clock.move(MINUTE)
  await life.run()
  const stranger = life.as('stranger')
  const runId = life.of('task.due')[0]!.runId as string

  for (const attempt of [
    () => stranger.get(task.id),
    () => stranger.update(task.id, { name: 'mine' }),
    () => stranger.pause(task.id),
    () => stranger.remove(task.id),
    () => stranger.runNow(task.id),
    () => stranger.history(task.id),
    () => stranger.run(runId),
    () => stranger.complete(runId, { ok: true }),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: 'TASK_UNKNOWN' })
  expect(await stranger.list()).toEqual([])
  await expect(stranger.list({ owner: '*' })).rejects.toMatchObject({ code: 'TASK_REFUSED' })

  expect(await life.as('web').list({ owner: '*' })).toHaveLength(1)
  expect(await life.as('host').pause(task.id)).toMatchObject({ state: 'paused', owner: 'notes' })
})

test('K4: only managers may schedule a tool, since it runs with the permissions of the scheduler', async () => {
  const callTool = vi.fn(async () => ({ degrees: 21 }))
  const { clock, life, notes } = await setUp({ callTool })
  const spec: TaskSpec = { ...everyMinute, action: { kind: 'tool', name: 'weather.now', input: { city: 'Lisbon' } } }

  await expect(notes.create(spec)).rejects.toMatchObject({ code: 'TASK_REFUSED' })
  const task = await life.as('web').create(spec)
  clock.move(MINUTE)
  await life.run()
  await life.run()

  expect(callTool).toHaveBeenCalledExactlyOnceWith('weather.now', { city: 'Lisbon' }, expect.any(AbortSignal))
  expect((await life.as('web').history(task.id))[0]).toMatchObject({ status: 'ok', result: { degrees: 21 } })
})

test('S8: a tool that fails or never answers harms neither the scheduler nor other tasks', async () => {
  const callTool = async (name: string) =>
    name === 'hangs' ? new Promise(() => {}) : Promise.reject(new Error('boom'))
  const { clock, life } = await setUp({ callTool })
  const web = life.as('web')
  const tool = (name: string): TaskSpec => ({ ...everyMinute, name, timeoutMs: 5_000, action: { kind: 'tool', name } })
  const [hangs, fails, fine] = [
    await web.create(tool('hangs')),
    await web.create(tool('fails')),
    await web.create(everyMinute),
  ]

  clock.move(MINUTE)
  await life.run()
  clock.move(5_000)
  await life.run()

  expect((await web.history(hangs.id))[0]).toMatchObject({ status: 'failed' })
  expect((await web.history(fails.id))[0]).toMatchObject({ status: 'failed', error: 'boom' })
  expect((await web.history(fine.id))[0]).toMatchObject({ status: 'running' })
})

test('S8: a task whose stored trigger cannot be computed is stopped alone, and says why', async () => {
  const { sql, clock, life, notes } = await setUp()
  const bad = await notes.create({ name: 'bad', trigger: { kind: 'cron', expression: '* * * * *' } })
  await notes.create(everyMinute)
  await sql.batch([
    { sql: `UPDATE tasks SET spec = replace(spec, '* * * * *', 'rubbish') WHERE id = ?`, params: [bad.id] },
  ])

  clock.move(MINUTE)
  await life.run()

  expect(await notes.get(bad.id)).toMatchObject({ state: 'broken', problem: expect.stringContaining('cannot be read') })
  expect(life.of('task.due')).toHaveLength(1)
})

test('S2: the last 100 ended runs of a task are kept', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)

  for (let i = 0; i < 130; i++) {
    clock.move(MINUTE)
    await life.run()
    for (const run of await life.store.running()) await notes.complete(run.id, { ok: true })
  }

  const history = await notes.history(task.id)
  expect(history).toHaveLength(100)
  expect(history[0]!.occurrence).toBe(START + 130 * MINUTE)
})

test('S8: 250 tasks due at once start in bounded turns, with no more runs in progress than allowed', async () => {
  const { clock, life, notes } = await setUp({ settings: { maxRunning: 20 } })
  for (let i = 0; i < 250; i++) await notes.create({ ...everyMinute, name: `t${i}` })
  clock.move(MINUTE)

  let most = 0
  for (let i = 0; i < 30; i++) {
    await life.run()
    const running = await life.store.running()
    most = Math.max(most, running.length)
    for (const run of running) await notes.complete(run.id, { ok: true })
  }

  expect(most).toBe(20)
  expect(life.of('task.finished')).toHaveLength(250)
})

test('S2: oversized results and errors are cut before they reach the disk', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create(everyMinute)
  clock.move(MINUTE)
  await life.run()

  await notes.complete(life.of('task.due')[0]!.runId as string, {
    ok: true,
    result: 'x'.repeat(70_000),
    log: 'y'.repeat(70_000),
  })

  const [listed] = await notes.history(task.id)
  const run = await notes.run(listed!.id)
  expect(listed!.log).toHaveLength(2_000)
  expect(run.result).toMatch(/not kept/)
  expect(run.log).toHaveLength(65_536)
})

/** Runs what the clockwork set its timer for. */
async function fire(clock: ReturnType<typeof createHandClock>): Promise<void> {
  const [timer] = clock.timers
  clock.timers.delete(timer!)
  timer!.fn()
  await new Promise((resolve) => setImmediate(resolve))
}
