import { expect, test } from 'vitest'
import {
  createHandClock,
  createMemorySql,
  type LifeOptions,
  reportAll,
  settled,
  startLife,
} from '../scheduler-testing.ts'
import type { TaskSpec } from '../task.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const everyMinute: TaskSpec = { name: 'sweep', trigger: { kind: 'interval', everyMs: MINUTE } }

async function setUp(options: LifeOptions = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock, options)
  return { sql, clock, life, notes: life.as('notes'), web: life.as('web') }
}

const statuses = (runs: { status: string }[]) => runs.map(({ status }) => status)

test('S1: cancel-old ends the run before and tells its owner to stop', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ ...everyMinute, overlap: 'cancel-old' })

  for (let i = 0; i < 3; i++) {
    clock.move(MINUTE)
    await life.run()
  }

  expect(statuses(await notes.history(task.id))).toEqual(['running', 'cancelled', 'cancelled'])
  expect(life.of('task.cancelled')).toHaveLength(2)
  expect(await notes.ledger(task.id, START, clock.now())).toMatchObject({ expected: 3, ran: 3, balanced: true })
})

test('S1: allow n runs so many side by side and lets the others wait', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({ ...everyMinute, overlap: { kind: 'allow', max: 2 } })

  for (let i = 0; i < 4; i++) {
    clock.move(MINUTE)
    await life.run()
  }

  expect(statuses(await notes.history(task.id))).toEqual(['queued', 'queued', 'running', 'running'])
})

test('S13: tasks of a group run at most so many at a time', async () => {
  const { clock, life, notes } = await setUp({ settings: { groupLimits: { disk: 1 } } })
  for (let i = 0; i < 3; i++) await notes.create({ ...everyMinute, name: `t${i}`, group: 'disk' })
  clock.move(MINUTE)

  await life.run()

  expect(life.of('task.due')).toHaveLength(1)
})

test('S9: after the last attempt: notify, pause after so many, run another task with what failed', async () => {
  const { clock, life, notes, web } = await setUp()
  await notes.create({ name: 'rescue', trigger: { kind: 'manual' } })
  const task = await notes.create({
    ...everyMinute,
    onFailure: [
      { kind: 'notify', text: 'look at the disk' },
      { kind: 'task', name: 'rescue' },
      { kind: 'pause', after: 2 },
    ],
  })
  for (let i = 0; i < 3; i++) {
    clock.move(MINUTE)
    await life.run()
    await reportAll(life, task, false)
  }
  await life.run()

  expect(await notes.get(task.id)).toMatchObject({ state: 'paused', problem: '2 failed runs in a row' })
  expect((await web.notices()).filter(({ kind }) => kind !== 'late').map(({ kind, text }) => [kind, text])).toEqual([
    ['failed', 'look at the disk'],
    ['failed', 'look at the disk'],
  ])
  expect(life.of('task.due').filter(({ name }) => name === 'rescue')[0]).toMatchObject({
    input: { failed: { task: 'sweep', error: 'failed without a reason' } },
  })
})

test('S9 S3: a fallback that is not there is told; without a step a failure is marked and no more', async () => {
  const { clock, life, notes, web } = await setUp()
  const lost = await notes.create({ ...everyMinute, name: 'lost', onFailure: [{ kind: 'task', name: 'nobody' }] })
  const quiet = await notes.create({ ...everyMinute, name: 'quiet', onFailure: [] })
  clock.move(MINUTE)
  await life.run()
  await reportAll(life, lost, false)
  await reportAll(life, quiet, false)
  await life.run()

  expect((await notes.history(quiet.id)).map(({ status }) => status)).toEqual(['failed'])
  expect((await web.notices()).map(({ title, text }) => [title, text])).toEqual([
    ['lost: nothing took its place', 'It failed, and the task “nobody” that shall run then is not there.'],
  ])
})

test('S3 S9: an escalation comes again until somebody acknowledges it', async () => {
  const { clock, life, notes, web } = await setUp()
  await notes.create({
    ...everyMinute,
    trigger: { kind: 'once', at: START + MINUTE },
    onFailure: [{ kind: 'escalate', everyMs: 15 * MINUTE, times: 5 }],
  })
  clock.move(MINUTE)
  await life.run()
  await notes.complete(life.of('task.due')[0]!.runId as string, { ok: false })
  await life.run()
  for (let i = 0; i < 2; i++) {
    clock.move(15 * MINUTE)
    await life.run()
  }
  expect(life.of('notice.raised')).toHaveLength(3)

  expect(life.of('notice.raised').map(({ left }) => left)).toEqual([5, 4, 3]) // coming again is no repetition
  const [notice] = await web.notices()
  await expect(notes.acknowledge(notice!.id)).rejects.toMatchObject({ code: 'TASK_REFUSED' })
  expect(await life.as('telegram').acknowledge(notice!.id)).toBe(true)
  clock.move(HOUR)
  await life.run()

  expect(await web.acknowledge(notice!.id)).toBe(false)
  expect(life.of('notice.raised')).toHaveLength(3)
  expect((await web.notices())[0]).toMatchObject({ acknowledgedBy: 'telegram', escalates: false })
})

test('S3: quiet hours hold back what is no error until they end; rules choose by kind and tag', async () => {
  const { clock, life, web } = await setUp({
    settings: { timeZone: 'UTC', notices: [{ kinds: ['message'], tag: 'loud', quiet: ['22:00', '07:00'] }] },
  })
  const say = (name: string, level: 'info' | 'error', tags: string[]): TaskSpec => ({
    name,
    tags,
    trigger: { kind: 'once', at: START + 1_000 },
    action: { kind: 'notify', text: `${name}!`, level },
  })
  const told = () => life.of('notice.raised').map(({ title, text }) => [title, text])
  await web.create(say('held', 'info', ['loud']))
  await web.create(say('urgent', 'error', ['loud']))
  await web.create(say('unwanted', 'error', []))
  clock.move(1_000) // one second past midnight
  for (let i = 0; i < 4; i++) await life.run()
  expect(told()).toEqual([['urgent', 'urgent!']]) // under the name of its task

  clock.move(7 * HOUR - 1_000)
  await life.run()

  expect(told()).toEqual([
    ['urgent', 'urgent!'],
    ['held', 'held!'],
  ])
})

test('S3: a notice that was on disk when all ended is told by the next life, with the same id', async () => {
  const { sql, clock, life, notes } = await setUp()
  await notes.create({ ...everyMinute, trigger: { kind: 'once', at: START + MINUTE } })
  clock.move(MINUTE)
  await life.run()
  await notes.complete(life.of('task.due')[0]!.runId as string, { ok: false })
  life.kill()

  const next = await startLife(sql, clock)
  await next.run()
  await next.run()

  expect(next.of('notice.raised')).toHaveLength(1)
})

test('S4: marks at 50, 75 and 90 % are told once each; at the line the run is stopped, the task paused, and no run starts', async () => {
  const { clock, life, notes, web } = await setUp()
  const task = await notes.create({ ...everyMinute, budget: { perMonthUsd: 1 } })
  clock.move(MINUTE)
  await life.run()
  const runId = life.of('task.due')[0]!.runId as string
  const call = (costUsd: number) =>
    notes.progress(runId, { usage: { calls: 1, inputTokens: 100, outputTokens: 10, costUsd } })

  const answers = []
  for (const cost of [0.3, 0.25, 0.25, 0.15, 0.2]) answers.push((await call(cost)).go)
  clock.move(5 * MINUTE)
  await life.run()

  expect(answers).toEqual([true, true, true, true, false])
  expect((await web.notices()).map(({ title }) => title).reverse()).toEqual([
    'sweep: 50 % of a budget is used',
    'sweep: 75 % of a budget is used',
    'sweep: 90 % of a budget is used',
    'sweep is over budget and paused',
  ])
  expect(await notes.run(runId)).toMatchObject({
    status: 'cancelled',
    usage: { calls: 5, costUsd: expect.closeTo(1.15) },
  })
  expect(await notes.get(task.id)).toMatchObject({
    state: 'paused',
    problem: expect.stringContaining('$1.15 of $1.00'),
  })
  expect(await notes.spending(task.id)).toMatchObject({
    month: { calls: 5 },
    budgets: [{ scope: 'month', limitUsd: 1 }],
  })

  await notes.resume(task.id)
  clock.move(MINUTE)
  await life.run()
  expect((await notes.history(task.id))[0]).toMatchObject({
    status: 'skipped',
    error: expect.stringContaining('over budget'),
  })
  expect(await notes.ledger(task.id, START, clock.now())).toMatchObject({ balanced: true })

  await notes.update(task.id, { budget: { perMonthUsd: 2 } })
  clock.move(MINUTE)
  await life.run()
  expect((await notes.history(task.id))[0]).toMatchObject({ status: 'running' })
})

test('S4: an unknown price is unknown: it is counted apart and said, never taken for nothing', async () => {
  const { clock, life, web } = await setUp({
    prompt: async () => ({ text: 'done', usage: { calls: 2, inputTokens: 50, outputTokens: 5 } }),
  })
  const task = await web.create({
    ...everyMinute,
    action: { kind: 'prompt', text: 'think of ${task.name}' },
    budget: { perRunUsd: 1, maxUnpriced: 1 },
  })
  clock.move(MINUTE)
  await life.run()
  await settled()
  await life.run()

  const [run] = await web.history(task.id)
  expect(run).toMatchObject({ usage: { calls: 2, costUsd: 0, unpriced: 2 } })
  expect((await web.notices()).map(({ text }) => text).join()).toContain('at least $0.00')
})

test('S4: days and months are those of the user, whatever UTC says', async () => {
  const { clock, life, notes } = await setUp({ settings: { timeZone: 'America/New_York' } })
  const task = await notes.create({ name: 'late', trigger: { kind: 'once', at: START + 4 * HOUR } })
  clock.move(4 * HOUR) // 1 January in Berlin, still 31 December in New York
  await life.run()
  await notes.complete(life.of('task.due')[0]!.runId as string, {
    ok: true,
    usage: { calls: 1, inputTokens: 1, outputTokens: 1, costUsd: 0.5, unpriced: 0 },
  })

  expect((await notes.spending(task.id)).month.costUsd).toBe(0.5)
  clock.move(2 * HOUR)
  expect(await notes.spending(task.id)).toMatchObject({ month: { costUsd: 0 }, ever: { costUsd: 0.5 } })
})

test('S8: the clock set back a little repeats nothing; set back by years, the tasks are counted anew and the gap is told', async () => {
  const { clock, life, notes } = await setUp()
  const task = await notes.create({
    name: 'hourly',
    trigger: { kind: 'cron', expression: '0 * * * *', timeZone: 'UTC' },
  })
  clock.move(HOUR)
  await life.run()
  await notes.complete(life.of('task.due')[0]!.runId as string, { ok: true })

  clock.move(-30 * MINUTE)
  await life.run()
  clock.move(35 * MINUTE)
  await life.run()
  expect(life.of('task.due')).toHaveLength(1)

  clock.move(365 * 24 * HOUR)
  await life.run()
  for (const run of await life.store.running()) await notes.complete(run.id, { ok: true })
  clock.move(-365 * 24 * HOUR)
  await life.run()

  expect((await notes.get(task.id)).nextDue).toBe(START + 2 * HOUR)
  expect(life.of('task.gap').map(({ ms }) => Math.sign(ms as number))).toContain(-1)
  expect(await notes.ledger(task.id, 0, START + 400 * 24 * HOUR)).toMatchObject({ balanced: true })
})

test('S8: after a sleep what was missed starts with the first look, and the gap is told', async () => {
  const { clock, life, notes } = await setUp()
  await notes.create(everyMinute)
  await life.run()

  clock.move(8 * HOUR)
  const [timer] = [...clock.timers]
  expect(timer!.ms).toBeLessThanOrEqual(1_000) // the timer’s clock stood still: it fires within a second of waking
  timer!.fn()
  await settled()
  await life.run()

  expect(life.of('task.due')).toHaveLength(1)
  expect(life.of('task.gap')).toMatchObject([{ ms: 8 * HOUR }])
})

test('S8: a run that cannot start and a task without success raise the alarm, once', async () => {
  const { clock, life, notes, web } = await setUp({ settings: { maxRunning: 1 } })
  await notes.create({ ...everyMinute, name: 'hog', timeoutMs: HOUR })
  await notes.create({ name: 'starved', trigger: { kind: 'once', at: START + MINUTE } })
  await notes.create({ name: 'silent', trigger: { kind: 'cron', expression: '0 0 1 1 *' }, expectWithinMs: 5 * MINUTE })
  for (let i = 0; i < 10; i++) {
    clock.move(MINUTE)
    await life.run()
  }

  expect(
    (await web.notices())
      .filter(({ kind }) => kind === 'late')
      .map(({ title }) => title)
      .sort(),
  ).toEqual(['silent is late', 'starved is late'])
  expect(life.of('task.late')).toHaveLength(2)
})

test('S2 S14: overview and days show every task with its last run, and the runs of each day', async () => {
  const { clock, life, notes, web } = await setUp({ settings: { timeZone: 'UTC' } })
  const task = await notes.create(everyMinute)
  for (let i = 0; i < 4; i++) {
    clock.move(MINUTE)
    await life.run()
    for (const run of await life.store.running()) {
      clock.move(1_000)
      await notes.complete(run.id, { ok: i !== 2, result: { n: i, text: '=1+1, "quoted"' } })
    }
  }

  expect(await web.overview()).toMatchObject([
    { task: { id: task.id, name: 'sweep' }, action: 'event', lastRun: { status: 'ok' } },
  ])
  expect(await web.days({ days: 3 })).toEqual([
    { day: '2026-01-01', ok: 3, failed: 1, other: 0, ms: 4_000, costUsd: 0 },
  ])
  const csv = await notes.historyCsv(task.id)
  expect(csv.split('\r\n')).toHaveLength(6)
  expect(csv).toContain('"{""n"":3,""text"":""=1+1, \\""quoted\\""""}"')
})
