// Simulated years of tasks in zones of all kinds: sleeps, pauses, restarts, clocks that are set; and then the books. By default some months
// around what makes each zone special; `test:deep` adds ten years in every tenth zone there is.
import { expect, test } from 'vitest'
import { createHandClock, createMemorySql, type Life, reportAll, startLife } from '../scheduler-testing.ts'
import type { Task, TaskSpec } from '../task.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 1, 1)
const TEN_YEARS = 3_652
type World = [zone: string, from: string, days: number]
const SPECIAL: World[] = [
  ['Australia/Lord_Howe', '2026-02-01', 400], // half an hour
  ['Antarctica/Troll', '2026-02-01', 200], // two hours
  ['America/Havana', '2026-02-01', 200], // at midnight
  ['Pacific/Apia', '2011-09-01', 200], // left out 30 December 2011
  ['Pacific/Kwajalein', '1993-06-01', 200], // left out 21 August 1993
]
const EVERY_TENTH = Intl.supportedValuesOf('timeZone').filter((_, i) => i % 10 === 0)
const WORLDS: World[] = process.env.PRYX_DEEP
  ? [...SPECIAL, ...EVERY_TENTH.map((zone): World => [zone, '2026-02-01', TEN_YEARS])]
  : SPECIAL
const EXPRESSIONS = ['30 2 * * *', '0 */6 * * *', '15 1-3 * * 1-5', '0 0 1,15 * *']
const POLICIES: Partial<TaskSpec>[] = [
  {},
  { misfire: 'skip' },
  { misfire: { kind: 'run-all', limit: 2 }, overlap: 'queue' },
  { overlap: 'cancel-old' },
  { overlap: { kind: 'allow', max: 3 } },
]

test.each(WORLDS)(
  'S8: the books of %s from %s for %d days balance, whatever the machine went through',
  { timeout: 900_000 },
  async (zone, from, days) => {
    const start = Date.parse(from)
    const random = createRandom(zone)
    const sql = createMemorySql()
    const clock = createHandClock(start)
    let life = await startLife(sql, clock)
    const specs = EXPRESSIONS.map(
      (expression, i): TaskSpec => ({
        ...POLICIES[i % POLICIES.length],
        name: expression,
        trigger: { kind: 'cron', expression, timeZone: zone },
        timeoutMs: 2 * HOUR,
      }),
    )
    const tasks: Task[] = []
    for (const spec of specs) tasks.push(await life.as('owner').create(spec))

    while (clock.now() < start + days * DAY) {
      const dice = random()
      clock.move(Math.floor(dice < 0.7 ? HOUR * (1 + random() * 8) : dice < 0.9 ? DAY * random() : 5 * DAY * random())) // awake, asleep, away
      if (random() < 0.02) clock.move(-Math.floor(HOUR * random())) // the clock is set back a little
      life = await live(life)
    }

    for (const task of tasks) {
      const since = start + random() * days * DAY * 0.5
      const whole = await life.as('owner').ledger(task.id, 0, clock.now())
      const part = await life.as('owner').ledger(task.id, since, since + random() * days * DAY * 0.5)
      expect(whole).toMatchObject({ balanced: true, exact: true })
      expect(whole.expected).toBe(whole.ran + whole.merged + whole.skipped + whole.missed + whole.waiting)
      expect(part).toMatchObject({ balanced: true, exact: true })
      expect(whole.expected).toBeGreaterThan(days / 31)
      expect(whole.reasons.every(({ reason }) => reason.length > 0)).toBe(true)
    }

    async function live(life: Life): Promise<Life> {
      const owner = life.as('owner')
      const task = tasks[Math.floor(random() * tasks.length)]!
      const dice = random()
      if (dice < 0.04) await owner.pause(task.id)
      else if (dice < 0.12) await owner.resume(task.id)
      else if (dice < 0.14) {
        life.kill()
        return startLife(sql, clock)
      } else if (dice < 0.16) await owner.runNow(task.id)
      await life.run()
      for (const each of tasks) if (random() < 0.8) await reportAll(life, each, random() < 0.9)
      return life
    }
  },
)

test('S8: the ledger counts what one run stood for, and what a pause swallowed, each with its reason', async () => {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock)
  const owner = life.as('owner')
  const task = await owner.create({ name: 't', trigger: { kind: 'interval', everyMs: HOUR }, timeoutMs: 4 * HOUR })

  clock.move(5 * HOUR + 40_000)
  await life.run()
  await reportAll(life, task, true)
  clock.move(2 * HOUR)
  await life.run()
  clock.move(HOUR)
  await life.run()

  expect(await owner.ledger(task.id, START, clock.now())).toMatchObject({
    ...{ expected: 8, ran: 2, merged: 5, skipped: 1, missed: 0, waiting: 0, balanced: true, exact: true },
    reasons: expect.arrayContaining([
      { fate: 'merged', reason: 'one run stood for several', count: 5 },
      { fate: 'skipped', reason: 'the run before was not over', count: 1 },
    ]),
  })
  expect(await owner.ledger(task.id, START + 2 * HOUR, START + 4 * HOUR)).toMatchObject({
    expected: 3,
    merged: 3,
    balanced: true,
  })
})

test('S8: rows that are not kept any more are folded, and the window into them still balances', async () => {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock)
  const owner = life.as('owner')
  const task = await owner.create({ name: 't', trigger: { kind: 'interval', everyMs: HOUR } })
  for (let i = 0; i < 300; i++) {
    clock.move(HOUR)
    await life.run()
    if (i % 50 !== 7) await reportAll(life, task, true)
  }

  const [rows] = await life.store.sql.all<{ runs: number; spans: number }>(
    'SELECT (SELECT COUNT(*) FROM runs) runs, (SELECT COUNT(*) FROM spans) spans',
  )
  expect(rows!.runs).toBeLessThan(160)
  expect(rows!.spans).toBeLessThan(30)
  expect(await owner.ledger(task.id, START + 20.5 * HOUR, START + 90.5 * HOUR)).toMatchObject({
    expected: 70,
    balanced: true,
  })
  expect(await owner.ledger(task.id, 0, clock.now())).toMatchObject({ expected: 300, balanced: true })
})

/** The same numbers for the same seed. */
function createRandom(seed: string): () => number {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7)
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
