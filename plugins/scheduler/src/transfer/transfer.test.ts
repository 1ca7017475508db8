import { expect, test } from 'vitest'
import { createHandClock, createMemorySql, settled, startLife } from '../scheduler-testing.ts'
import type { TaskSpec } from '../task.ts'

const START = Date.UTC(2026, 0, 1)
const SPECS: TaskSpec[] = [
  {
    name: 'b',
    trigger: { kind: 'phrase', text: 'every weekday at 9am' },
    action: { kind: 'notify', text: 'good morning' },
    tags: ['x'],
  },
  {
    name: 'a',
    trigger: { kind: 'interval', everyMs: 60_000 },
    retry: { attempts: 3, jitter: 0.1 },
    budget: { perMonthUsd: 3 },
  },
  {
    name: 'flow',
    trigger: { kind: 'webhook' },
    action: { kind: 'workflow', flow: 'steps:\n  - id: one\n    set: 1 # kept as it was written\n' },
  },
]

async function setUp() {
  const life = await startLife(createMemorySql(), createHandClock(START))
  return { life, web: life.as('web') }
}

test.each(['json', 'yaml'] as const)(
  'S12: export, wipe, import, export gives the same bytes, as %s',
  async (format) => {
    const first = await setUp()
    for (const spec of SPECS) await first.web.create(spec)
    await first.life
      .as('notes')
      .create({ name: 'mine', trigger: { kind: 'cron', expression: '0 0 * * *', timeZone: 'Asia/Tokyo' } })
    const paused = await first.web.create({ name: 'paused', trigger: { kind: 'manual' } })
    await first.web.pause(paused.id)
    const before = await first.web.exportTasks({ format })

    const second = await setUp()
    const result = await second.web.importTasks(before)

    expect(result.created.sort()).toEqual(['a', 'b', 'flow', 'mine', 'paused'])
    expect(await second.web.exportTasks({ format })).toBe(before)
    expect(await second.web.importTasks(before)).toMatchObject({
      created: [],
      updated: [],
      unchanged: expect.arrayContaining(['a']),
    })
    expect(await second.life.as('notes').list()).toMatchObject([{ name: 'mine' }])
  },
)

test('S12: an older document is read; a newer or wrong one is refused with every place, and nothing is changed', async () => {
  const { web } = await setUp()
  const old = JSON.stringify({
    version: '1.0',
    tasks: [{ name: 'x', trigger: { kind: 'cron', expression: '0 9 * * *', timeZone: 'UTC' }, overlap: 'queue' }],
  })
  const wrong = JSON.stringify({
    pryx: 'tasks',
    version: '2.0',
    tasks: [
      { owner: 'web', task: { name: 'fine', trigger: { kind: 'manual' } } },
      { owner: 'web', task: { name: '', trigger: { kind: 'whenever' } } },
    ],
  })
  const late = JSON.stringify({
    pryx: 'tasks',
    version: '2.0',
    tasks: [
      { owner: 'web', task: { name: 'fine', trigger: { kind: 'manual' } } },
      { owner: 'web', task: { name: 'bad', trigger: { kind: 'phrase', text: 'soon' } } },
    ],
  })

  expect(await web.importTasks(old)).toMatchObject({ created: ['x'] })
  await expect(web.importTasks('version: "3.0"\ntasks: []')).rejects.toMatchObject({
    code: 'TASK_DOCUMENT',
    message: expect.stringContaining('3.0'),
  })
  await expect(web.importTasks(wrong)).rejects.toMatchObject({
    code: 'TASK_DOCUMENT',
    message: expect.stringContaining('tasks.1.task'),
  })
  await expect(web.importTasks(late)).rejects.toMatchObject({ code: 'TASK_PHRASE' })
  await expect(web.importTasks('{"a":')).rejects.toMatchObject({ code: 'TASK_DOCUMENT' })
  expect((await web.list()).map(({ name }) => name)).toEqual(['x'])
})

test('K4 S12: a plugin exports and imports its own tasks only', async () => {
  const { life, web } = await setUp()
  await web.create(SPECS[0]!)
  const document = await web.exportTasks()

  expect(await life.as('notes').exportTasks()).not.toContain('good morning')
  await expect(life.as('notes').importTasks(document)).rejects.toMatchObject({ code: 'TASK_REFUSED' })
})

test('S6: every template makes a task of plain parameters, says what it needs, and works on real input', async () => {
  const page = new Map<string, string>([
    ['https://quotes.test/ibm', '{"quote":{"price":99.5}}'],
    ['https://a.test/x', 'new'],
    ['https://b.test/x', 'old'],
  ])
  let broken = true
  const calls: string[] = []
  const life = await startLife(createMemorySql(), createHandClock(START), {
    prompt: async ({ text }) => {
      calls.push(`prompt ${text.slice(0, 11)}`)
      broken = false
      return { text: 'mended' }
    },
    async callTool(name, input) {
      const { url, method, command, body } = input as Record<string, string>
      calls.push(`${name} ${method ?? command} ${url ?? ''}`.trim())
      if (name === 'http.request' && method === 'PUT') page.set(url!, body!)
      if (name === 'http.request')
        return {
          status: 200,
          body: page.get(url!),
          json: url!.includes('quotes') ? JSON.parse(page.get(url!)!) : undefined,
        }
      return command === 'tail'
        ? { exitCode: 0, stdout: 'fine\nERROR disk full\n' }
        : { exitCode: broken ? 1 : 0, stdout: '', stderr: '1 test failed' }
    },
  })
  const web = life.as('web')
  const make = async (id: string, parameters: Record<string, unknown>, input?: unknown) => {
    const task = await web.fromTemplate(id, id, parameters)
    const run = await web.runNow(task.id, input)
    for (let i = 0; i < 30; i++) {
      await life.engine.turn()
      await settled()
    }
    return web.run(run.id)
  }

  expect((await web.templates()).map(({ id }) => id)).toEqual([
    'stock-monitor',
    'log-monitor',
    'test-runner',
    'continuous-debug',
    'data-sync',
  ])
  for (const view of await web.templates())
    expect([view.permissions.length > 0, view.estimatedCost.length > 0]).toEqual([true, true])
  expect(
    await make('stock-monitor', { url: 'https://quotes.test/ibm', price: 'quote.quote.price', below: 100 }),
  ).toMatchObject({ status: 'ok', result: { price: 99.5, outside: true } })
  expect(await make('log-monitor', { path: 'app.log' })).toMatchObject({ status: 'ok' })
  expect(await make('test-runner', {})).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('1 test failed'),
  })
  expect(await make('continuous-debug', { when: 'every day at 7am' })).toMatchObject({ status: 'ok' })
  expect(await make('data-sync', { from: 'https://a.test/x', to: 'https://b.test/x' })).toMatchObject({
    status: 'ok',
    result: { changed: true },
  })
  expect(page.get('https://b.test/x')).toBe('new')
  expect(calls.filter((call) => call.startsWith('prompt'))).toEqual(['prompt These tests'])
  expect((await web.notices()).map(({ title }) => title)).toEqual(
    expect.arrayContaining(['A price left its range', 'app.log: ERROR']),
  )
  await expect(web.fromTemplate('stock-monitor', 'x', {})).rejects.toMatchObject({ code: 'TASK_INVALID' })
})
