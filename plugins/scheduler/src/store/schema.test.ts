import { expect, test } from 'vitest'
import { createHandClock, createMemorySql, startLife } from '../scheduler-testing.ts'
import { SCHEMA_VERSION } from './schema.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000

/** A data folder as the first version left it, with a task, its runs, and no number of a version. */
const FIRST_VERSION = `
CREATE TABLE tasks (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL,
  next_due INTEGER, problem TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (owner, name)
) STRICT;
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
  occurrence INTEGER NOT NULL, since INTEGER NOT NULL, count INTEGER NOT NULL, exact INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  recoveries INTEGER NOT NULL DEFAULT 0, recovers TEXT, start_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, deadline INTEGER,
  session TEXT, result TEXT, error TEXT, log TEXT
) STRICT;
INSERT INTO tasks VALUES ('t1', 'notes', 'sweep', '{"trigger":{"kind":"interval","everyMs":${MINUTE},"anchor":${START}},"action":{"kind":"event"},
  "misfire":{"kind":"run-once"},"overlap":"skip","timeoutMs":600000,"retry":{"attempts":0,"backoffMs":60000,"factor":2}}', 'active',
  ${START + MINUTE}, NULL, ${START}, ${START});
INSERT INTO runs (id, task, status, source, occurrence, since, count, exact, start_at) VALUES ('r1', 't1', 'ok', 'schedule', ${START}, ${START}, 1, 1, ${START});
`

test('S8 S12: tables of the first version become those of today; tasks, history and books go on', async () => {
  const sql = createMemorySql()
  await sql.exec(FIRST_VERSION)
  const clock = createHandClock(START + MINUTE)

  const life = await startLife(sql, clock)
  await life.run()

  expect(await life.as('notes').history('t1')).toMatchObject([{ status: 'running' }, { id: 'r1', status: 'ok' }])
  expect(await life.as('notes').ledger('t1', START + 1, clock.now())).toMatchObject({
    expected: 1,
    ran: 1,
    balanced: true,
  })
  expect(
    await life
      .as('notes')
      .createOrUpdate({ name: 'sweep', trigger: { kind: 'interval', everyMs: MINUTE, anchor: START } }),
  ).toMatchObject({ id: 't1' })
  await expect(startLife(sql, clock)).resolves.toBeDefined() // a second start changes nothing
})

test('S8: tables of a newer scheduler are left alone, and that is said', async () => {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  await startLife(sql, clock)
  await sql.batch([{ sql: `UPDATE scheduler_meta SET value = ? WHERE key = 'version'`, params: [SCHEMA_VERSION + 1] }])

  await expect(startLife(sql, clock)).rejects.toMatchObject({ code: 'TASK_STORE_NEWER' })
})

test('S8: a database restored from days ago: what it does not know of is caught up by the policy, and the gap is told', async () => {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock)
  const task = await life.as('notes').create({ name: 't', trigger: { kind: 'interval', everyMs: MINUTE } })
  life.kill()
  clock.move(3 * 86_400_000 + 45_000)

  const next = await startLife(sql, clock) // its rows end three days ago, as a backup's would
  await next.run()

  expect(next.of('task.gap')).toHaveLength(1)
  expect(await next.as('notes').history(task.id)).toMatchObject([{ status: 'running', count: 3 * 1_440 }])
  expect(await next.as('notes').ledger(task.id, 0, clock.now())).toMatchObject({
    balanced: true,
    merged: 3 * 1_440 - 1,
  })
})

test('S8: a second scheduler on the same tables takes nothing twice', async () => {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const one = await startLife(sql, clock)
  const two = await startLife(sql, clock)
  const task = await one
    .as('notes')
    .create({ name: 't', trigger: { kind: 'interval', everyMs: MINUTE }, overlap: 'queue' })
  for (let i = 0; i < 5; i++) {
    clock.move(MINUTE)
    await Promise.all([one.engine.turn(), two.engine.turn()])
  }

  expect((await one.as('notes').history(task.id)).reduce((sum, { count }) => sum + count, 0)).toBe(5)
  expect(await two.as('notes').ledger(task.id, 0, clock.now())).toMatchObject({ expected: 5, balanced: true })
})
