import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createProject } from './bin-testing.ts'

const SCHEDULER = fileURLToPath(new URL('../../../../plugins/scheduler', import.meta.url))

test('S14: pryx tasks plans, makes, runs, pauses, accounts for, exports and takes in tasks', {
  timeout: 120_000,
}, async () => {
  await using project = createProject()
  project.write('pryx.json', { plugins: { scheduler: { source: SCHEDULER } } })
  await project.up('--consent', 'declared')

  const plan = await project.run('tasks', 'plan', 'every weekday at 9am', '--zone', 'Europe/Berlin')
  expect(plan.stdout).toContain('0 9 * * 1-5  At 09:00, Monday through Friday (Europe/Berlin)')
  expect(plan.stdout.trim().split('\n')).toHaveLength(6)
  const refused = await project.run('tasks', 'plan', 'every day at 9')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('9am')])

  expect(
    await project.json('tasks', 'add', 'morning', 'every day at 9am', '--say', 'Good morning', '--yes'),
  ).toMatchObject({ code: 0, value: { name: 'morning', state: 'active' } })
  expect((await project.run('tasks', 'add', 'evening', 'every day at 9pm', '--say', 'Good evening')).code).toBe(1) // nobody there to say yes
  expect((await project.run('tasks', 'run', 'morning')).code).toBe(0)
  await expect
    .poll(async () => (await project.json('tasks', 'history', 'morning')).value, { timeout: 20_000, interval: 500 })
    .toMatchObject([{ status: 'ok', source: 'manual' }])
  expect((await project.run('tasks')).stdout).toMatch(/active +morning host +\d{4}-\d\d-\d\d/)
  expect((await project.run('tasks', 'ledger', 'morning')).stdout).toContain('every occurrence is accounted for')
  expect((await project.run('tasks', 'history', 'morning', '--csv')).stdout).toMatch(/^run,status,source/)

  project.write('tasks.json', (await project.run('tasks', 'export')).stdout)
  expect((await project.run('tasks', 'remove', 'morning')).code).toBe(0)
  expect(await project.json('tasks', 'import', project.path('tasks.json'))).toMatchObject({
    code: 0,
    value: { created: ['morning'] },
  })
  expect((await project.run('tasks', 'export')).stdout).toBe(readFileSync(project.path('tasks.json'), 'utf8'))
  expect(await project.json('tasks', 'pause', 'morning')).toMatchObject({ code: 0, value: { state: 'paused' } })
  expect((await project.run('tasks', 'show', 'nonsense')).stderr).toContain('morning')
})
