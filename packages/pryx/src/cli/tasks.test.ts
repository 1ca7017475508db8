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

test('S11 L1 S3 S6: pryx tasks tries out, follows, repeats, compares and answers runs, shows templates and notices', {
  timeout: 120_000,
}, async () => {
  await using project = createProject()
  project.write('pryx.json', { plugins: { scheduler: { source: SCHEDULER } } })
  project.write(
    'ask.yaml',
    [
      'steps:',
      '  - id: twice',
      '    set: ${input.n * 2}',
      '  - id: ask',
      '    wait: { approval: "Send it?" }',
      '  - id: tell',
      '    do: { kind: emit, name: sent, payload: "${steps.twice.output}" }',
      'output: ${steps.twice.output}',
    ].join('\n'),
  )
  await project.up('--consent', 'declared')
  await project.run('tasks', 'add', 'ask', 'manual', '--flow', 'ask.yaml', '--yes')

  const dry = await project.run('tasks', 'dry', 'ask', '--input', '{"n":4}')
  expect(dry.stdout).toMatch(/^ok/)
  expect(dry.stdout).toMatch(/tell .*would/s)
  const { value: first } = await project.json('tasks', 'run', 'ask', '--input', '{"n":4}')
  const { id } = first as { id: string }
  const followed = project.begin('tasks', 'watch', id)
  await expect.poll(followed.stderr, { timeout: 20_000 }).toContain(`pryx tasks stop ${id}`)
  await expect
    .poll(async () => (await project.run('tasks', 'answer', id, 'ask', 'yes')).stdout, {
      timeout: 20_000,
      interval: 500,
    })
    .toContain('It goes on')
  const seen = await followed.ended
  expect(seen.code).toBe(0)
  expect(seen.stdout).toMatch(/twice.*ask.*tell.*8/s)

  const { value: again } = await project.json('tasks', 'replay', id)
  expect(again).toMatchObject({ status: 'ok', result: 8 })
  expect((await project.run('tasks', 'diff', id, (again as { id: string }).id)).stdout).toBe('They are the same.\n')
  expect((await project.run('tasks', 'answer', id, 'ask', 'perhaps')).stderr).toContain('yes or no')

  expect((await project.run('tasks', 'notices')).stdout).toContain('Send it?')
  expect((await project.run('tasks', 'templates')).stdout).toMatch(/log-monitor.*--set path=/s)
  const untold = await project.run('tasks', 'use', 'log-monitor', 'logs')
  expect([untold.code, untold.stderr]).toEqual([1, expect.stringContaining('path')])
  expect(
    (
      await project.run(
        'tasks',
        'use',
        'data-sync',
        'sync',
        '--set',
        'from=https://a.test/x',
        '--set',
        'to=https://b.test/x',
      )
    ).code,
  ).toBe(0)
  expect((await project.run('tasks', 'webhook', 'sync')).stderr).toContain('not started by a webhook')
})
