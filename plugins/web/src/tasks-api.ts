// plugins/web/src/tasks-api.ts: the routes below `/api/tasks`: the scheduler's own answers, its own judgement, its own words.
//   W1  What is wrong in a task is the scheduler's to say: a body passes as it is, but for its size and shape.
//   W2  A bulk action tells what became of each task; one that is refused stops no other.

import type { Scheduler } from '@pryx/plugin-scheduler/service'
import { PryxError } from '@pryx/sdk'
import type { Hono } from 'hono/tiny'
import { z } from 'zod'
import { bodyOf, check } from './input.ts'
import type { Tasks } from './tasks.ts'

const MAX_BULK = 100 // tasks a request
const DAY_MS = 86_400_000

const id = z.string().min(1).max(64)
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const searchQuery = z.object({
  text: z.string().max(128).optional(),
  tag: z.string().min(1).max(32).optional(),
  state: z.enum(['active', 'paused', 'done', 'broken', 'running', 'failing']).optional(),
  sort: z.enum(['name', 'state', 'next', 'last', 'cost', 'success']).optional(),
  down: flag.optional(),
  offset: z.coerce.number().int().min(0).max(1_000_000).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
})
const daysQuery = z.object({ days: z.coerce.number().int().min(1).max(366).default(30), id: id.exactOptional() })
const spec = z.record(z.string(), z.unknown())
const action = z.enum(['pause', 'resume', 'run'])
const bulkBody = z.strictObject({
  ids: z.array(id).min(1).max(MAX_BULK),
  action: z.enum(['pause', 'resume', 'run', 'remove']),
})
const templateBody = z.strictObject({ name: z.string().min(1).max(128), parameters: spec })
const answerBody = z.union([
  z.strictObject({ approved: z.boolean(), note: z.string().max(1_000).exactOptional() }),
  z.strictObject({ again: z.literal(true) }),
  z.strictObject({ output: z.unknown() }),
])
const stepPath = z.string().min(1).max(1_024)

/** What became of one task of many. */
export interface BulkResult {
  id: string
  ok: boolean
  message?: string
}

/** @param changed Told after something was changed, so that every page sees it. */
export function addTaskRoutes(api: Hono, tasks: Tasks, changed: () => void): void {
  const ask = () => tasks.scheduler()
  const done = <T>(answer: T): T => {
    tasks.changed()
    changed()
    return answer
  }

  api.get('/tasks', async (c) => c.json(await (await ask()).search(check(searchQuery, c.req.query(), 'the query'))))
  api.get('/tasks/tally', async (c) => c.json(await (await ask()).tally()))
  api.get('/tasks/live', async (c) => c.json({ live: await (await ask()).live(200) }))
  api.get('/tasks/templates', async (c) => c.json({ templates: await (await ask()).templates() }))
  api.get('/tasks/spending', async (c) =>
    c.json(await (await ask()).spending(check(id.optional(), c.req.query('id'), 'id'))),
  )
  api.get('/tasks/days', async (c) =>
    c.json({ days: await (await ask()).days(check(daysQuery, c.req.query(), 'the query')) }),
  )
  api.get('/tasks/export', async (c) => {
    const format = check(z.enum(['json', 'yaml']).default('json'), c.req.query('format'), 'format')
    return file(await (await ask()).exportTasks({ format }), `pryx-tasks.${format}`)
  })
  api.get('/tasks/runs/:run', async (c) => {
    const [scheduler, runId] = [await ask(), c.req.param('run')]
    const [run, steps] = await Promise.all([scheduler.run(runId), scheduler.steps(runId)])
    return c.json({ run, steps })
  })
  api.get('/tasks/runs/:run/output', async (c) => {
    const path = check(stepPath, c.req.query('path'), 'path')
    return c.json({ output: await (await ask()).stepOutput(c.req.param('run'), path) })
  })
  api.get('/tasks/runs/:run/compare/:other', async (c) =>
    c.json({ differences: await (await ask()).compare(c.req.param('run'), c.req.param('other')) }),
  )
  api.get('/tasks/:id', async (c) => c.json(await taskOf(await ask(), c.req.param('id'))))
  api.get('/tasks/:id/history', async (c) => c.json({ runs: await (await ask()).history(c.req.param('id')) }))
  api.get('/tasks/:id/history.csv', async (c) =>
    file(await (await ask()).historyCsv(c.req.param('id')), `task-${c.req.param('id').replace(/[^\w-]/g, '')}.csv`),
  )
  api.get('/tasks/:id/outline', async (c) => c.json({ steps: await (await ask()).outline(c.req.param('id')) }))
  api.get('/tasks/:id/rhythm', async (c) => c.json(await (await ask()).rhythm(c.req.param('id'))))
  api.get('/tasks/:id/webhook', async (c) => c.json(await (await ask()).webhook(c.req.param('id'))))
  api.get('/tasks/:id/ledger', async (c) => {
    const { days } = check(daysQuery, c.req.query(), 'the query')
    const now = Date.now()
    return c.json(await (await ask()).ledger(c.req.param('id'), now - days * DAY_MS, now))
  })

  api.post('/tasks', async (c) => c.json(done(await (await ask()).create((await bodyOf(c, spec)) as never)))) // W1
  api.post('/tasks/check', async (c) => {
    const { task, id: known } = await bodyOf(c, z.strictObject({ task: spec, id: id.optional() }))
    return c.json(await (await ask()).check(task, known))
  })
  api.post('/tasks/bulk', async (c) => {
    const { ids, action } = await bodyOf(c, bulkBody)
    return c.json({ results: done(await bulk(await ask(), ids, action)) })
  })
  api.post('/tasks/import', async (c) => {
    const { text } = await bodyOf(c, z.strictObject({ text: z.string().min(1).max(900_000) }))
    return c.json(done(await (await ask()).importTasks(text)))
  })
  api.post('/tasks/templates/:template', async (c) => {
    const { name, parameters } = await bodyOf(c, templateBody)
    return c.json(done(await (await ask()).fromTemplate(c.req.param('template'), name, parameters)))
  })
  api.post('/tasks/runs/:run/stop', async (c) => c.json({ stopped: await (await ask()).cancel(c.req.param('run')) }))
  api.post('/tasks/runs/:run/replay', async (c) => c.json(done(await (await ask()).replay(c.req.param('run')))))
  api.post('/tasks/runs/:run/answer', async (c) => {
    const { path, answer } = await bodyOf(c, z.strictObject({ path: stepPath, answer: answerBody }))
    return c.json({ taken: await (await ask()).answer(c.req.param('run'), path, answer) })
  })
  api.post('/tasks/:id/update', async (c) =>
    c.json(done(await (await ask()).update(c.req.param('id'), (await bodyOf(c, spec)) as never))),
  )
  api.post('/tasks/:id/dry', async (c) => c.json(done(await (await ask()).dryRun(c.req.param('id')))))
  api.post('/tasks/:id/:action', async (c) => {
    const wanted = check(action, c.req.param('action'), 'action')
    const scheduler = await ask()
    const answer =
      wanted === 'run' ? await scheduler.runNow(c.req.param('id')) : await scheduler[wanted](c.req.param('id'))
    return c.json(done(answer))
  })
}

async function taskOf(scheduler: Scheduler, id: string) {
  const task = await scheduler.get(id)
  const [plan, spending] = await Promise.all([
    scheduler.plan(task.trigger).catch(() => undefined), // a trigger that cannot be computed any more has none
    scheduler.spending(id),
  ])
  return { task, plan, spending }
}

async function bulk(
  scheduler: Scheduler,
  ids: readonly string[],
  action: z.infer<typeof bulkBody>['action'],
): Promise<BulkResult[]> {
  const method = action === 'run' ? 'runNow' : action
  return Promise.all(
    ids.map((id) =>
      scheduler[method](id).then(
        () => ({ id, ok: true }),
        (error: unknown) => {
          if (!PryxError.is(error) || !error.code.startsWith('TASK_')) throw error
          return { id, ok: false, message: error.message } // W2
        },
      ),
    ),
  )
}

function file(text: string, name: string): Response {
  return new Response(text, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`, // saved, never shown as a page
    },
  })
}
