import { type Kernel, PermissionError, type PluginContext, type Release } from '@pryx/sdk'
import { expect, test, vi } from 'vitest'
import type { Heard } from './events.ts'
import { createInstalls } from './installs.ts'
import { asSnapshot, CAPACITY, createJournal } from './journal.ts'
import plugin from './plugin.ts'
import { createTasks } from './tasks.ts'

test('B5: the first paint has everything: host, plugins, questions, events and a place in the stream', async () => {
  await using bench = await setUp()
  bench.publish('alert.raised', { title: 'Disk errors' }, 'log-monitor')

  const state = await bench.get('/api/state')

  expect(state).toMatchObject({
    host: { version: '0.1.0' },
    plugins: [{ id: 'notes' }],
    approvals: [],
    events: [{ seq: 1, name: 'alert.raised', from: 'log-monitor', data: { title: 'Disk errors' } }],
  })
  expect(state.position).toMatch(/\.1$/)
  expect(state.tasks).toBeUndefined() // no scheduler: the page works without
})

test('B5: what happens while a page listens is in its stream at once', async () => {
  await using bench = await setUp()
  const stream = await bench.open('/api/events')

  bench.publish('approval.needed', { id: 'a1', plugin: 'notes' })

  expect(await stream.until('heard')).toMatchObject({ name: 'approval.needed', data: { id: 'a1' } })
})

test('B5: a page that was away gets exactly what it missed, in order', async () => {
  await using bench = await setUp()
  bench.publish('note.saved', 1)
  const { position } = await bench.get('/api/state')
  for (const n of [2, 3, 4]) bench.publish('note.saved', n)

  const stream = await bench.open('/api/events', position as string)

  expect(await stream.next('heard', 3)).toMatchObject([{ data: 2 }, { data: 3 }, { data: 4 }])
})

test('B5: a page that was away too long is told to load anew', async () => {
  await using bench = await setUp()
  for (let n = 0; n < CAPACITY + 10; n++) bench.publish('note.saved', n)

  const late = await bench.open('/api/events', `${bench.run()}.2`)
  const foreign = await bench.open('/api/events', 'another.2')

  expect(await late.until('reset')).toEqual({})
  expect(await foreign.until('reset')).toEqual({})
})

test('B5: an instance that follows goes on with the numbers, so that a page notices no reload', async () => {
  await using bench = await setUp()
  bench.publish('note.saved', 1)
  const state = bench.handOver()
  await using next = await setUp({ previous: state })

  next.publish('note.saved', 2)

  expect(((await next.get('/api/state')).events as Heard[]).map(({ seq, data }) => [seq, data])).toEqual([
    [1, 1],
    [2, 2],
  ])
})

test('B5: nobody watches, nothing is asked of the kernel', async () => {
  await using bench = await setUp()

  bench.publish('plugin.stage', { plugin: 'notes', stage: 'active' })
  await new Promise((resolve) => setImmediate(resolve))

  expect(bench.kernel.plugins).not.toHaveBeenCalled()
})

test('K5: an answer reaches the kernel; a late one says who was first', async () => {
  await using bench = await setUp()
  const choice = { answer: 'allow', duration: 'session' }

  const first = await bench.post('/api/approvals/a1', choice)
  bench.kernel.answer.mockRejectedValueOnce(
    new PermissionError('APPROVAL_RESOLVED', 'terminal has answered already: deny'),
  )
  const late = await bench.post('/api/approvals/a1', choice)

  expect(first.status).toBe(200)
  expect(bench.kernel.answer).toHaveBeenCalledWith('a1', choice)
  expect(late).toMatchObject({ status: 409, json: { error: { code: 'APPROVAL_RESOLVED' } } })
})

test('K4: switching a permission off revokes it, so that what it has started stops too', async () => {
  await using bench = await setUp()

  await bench.post('/api/plugins/notes/permission', { permission: 'storage', mode: 'deny' })
  await bench.post('/api/plugins/notes/permission', { permission: 'storage', mode: 'allow', duration: 'session' })

  expect(bench.kernel.revoke).toHaveBeenCalledWith('notes', 'storage')
  expect(bench.kernel.grant).toHaveBeenCalledWith('notes', 'storage', { mode: 'allow', duration: 'session' })
})

test.each([
  ['/api/approvals/a1', { answer: 'maybe', duration: 'once' }],
  ['/api/approvals/a1', 'allow'],
  ['/api/plugins/notes/permission', { permission: 'storage', mode: 'allow', extra: 1 }],
  ['/api/plugins/notes/enabled', { enabled: 'yes' }],
  ['/api/tasks/t1/explode', {}],
  ['/api/packages/plan', { spec: '' }],
  ['/api/packages/apply', { plan: 'plan-1', allow: 'all' }],
  ['/api/packages/tour/remove', {}],
])('B5: %s with %j is refused with a reason, and the kernel is not asked', async (path, body) => {
  await using bench = await setUp()

  const { status, json } = await bench.post(path, body)

  expect(status).toBe(400)
  expect(json.error).toMatchObject({ code: 'WEB_INPUT', message: expect.any(String), hint: expect.any(String) })
  for (const method of Object.values(bench.kernel)) expect(method).not.toHaveBeenCalled()
})

test('B5: an unknown address, a missing scheduler and a broken kernel each answer JSON that says so', async () => {
  await using bench = await setUp()
  bench.kernel.reload.mockRejectedValueOnce(new Error('<b>boom</b>'))

  const answers = [
    await bench.post('/api/nothing', {}),
    await bench.post('/api/tasks/t1/pause', {}),
    await bench.post('/api/plugins/notes/reload', {}),
    await bench.post('/api/packages/tour/rollback', {}),
  ]

  expect(answers.map(({ status, json }) => [status, json.error.code])).toEqual([
    [404, 'WEB_UNKNOWN'],
    [503, 'WEB_NO_SCHEDULER'],
    [500, 'WEB_FAILED'],
    [503, 'WEB_NO_INSTALLS'],
  ])
  for (const { type } of answers) expect(type).toMatch(/^application\/json/)
})

test('N5: slow requests of others are listed as asked for, and one that is gone is said to be gone', async () => {
  await using bench = await setUp()
  bench.kernel.trace.mockResolvedValueOnce({ trace: 'a', spans: [] } as never)

  const list = await bench.get('/api/traces?minMs=10&plugin=notes')
  const there = await bench.get('/api/traces/a')
  const gone = await bench.get('/api/traces/b')
  const wrong = await bench.get('/api/traces?minMs=soon')

  expect(list).toEqual({ traces: [] })
  expect(bench.kernel.traces.mock.calls).toEqual([[200, { minMs: 10, plugin: 'notes', others: true }]])
  expect(there).toEqual({ trace: 'a', spans: [] })
  expect([gone, wrong]).toMatchObject([{ error: { code: 'WEB_UNKNOWN' } }, { error: { code: 'WEB_INPUT' } }])
})

test('B5: what comes next is asked for once, and again only after an event about a task', async () => {
  const scheduler = { search: vi.fn(async () => ({ total: 1, tasks: [{ task: { id: 't1', name: 'sweep' } }] })) }
  const tasks = createTasks({ tryUse: async () => scheduler } as never, () => 0)

  await Promise.all([tasks.list(), tasks.list()])
  const before = scheduler.search.mock.calls.length
  tasks.changed()
  const rows = await tasks.list()

  expect([before, scheduler.search.mock.calls.length]).toEqual([1, 2])
  expect(rows).toEqual([{ id: 't1', name: 'sweep' }])
})

test('B5: a scheduler that goes away leaves the page without tasks, not without a picture', async () => {
  const search = vi.fn().mockRejectedValueOnce(new Error('gone')).mockResolvedValue({ total: 0, tasks: [] })
  const tasks = createTasks({ tryUse: async () => ({ search }) } as never, () => 0)

  expect(await tasks.list()).toBeUndefined()
  expect(await tasks.list()).toEqual([])
})

test('K10: an install goes on while the user thinks, and every page sees how it ended', async () => {
  const asked = Promise.withResolvers<void>()
  const plugins = {
    installed: async () => [{ id: 'tour', version: '1.0.0' }],
    window: async () => 'http://127.0.0.1:9/',
    planUpdate: async () => ({
      plan: 'plan-1',
      plugin: 'tour',
      name: 'pryx-plugin-tour',
      version: '1.1.0',
      before: '1.0.0',
    }),
    apply: vi.fn(() => asked.promise),
  }
  const installs = createInstalls(plugins as never, { now: () => 7 })
  await installs.plan({ plugin: 'tour' })

  const job = installs.apply('plan-1', ['storage'])
  const before = (await installs.shelf()).jobs
  asked.reject(new PermissionError('PERMISSION_DENIED', 'you said no', { hint: 'Nothing changed.' }))
  await vi.waitFor(async () => expect((await installs.shelf()).jobs[0]?.state).toBe('failed'))

  expect(plugins.apply).toHaveBeenCalledWith('plan-1', ['storage'])
  expect(job).toEqual({
    id: 'plan-1',
    plugin: 'tour',
    name: 'pryx-plugin-tour',
    version: '1.1.0',
    before: '1.0.0',
    at: 7,
    state: 'asking',
  })
  expect(before).toEqual([job])
  expect((await installs.shelf()).jobs).toEqual([
    { ...job, state: 'failed', error: { code: 'PERMISSION_DENIED', message: 'you said no', hint: 'Nothing changed.' } },
  ])
})

test('B5: the journal is bounded in number and in size, and its snapshot fits through the wall', () => {
  const journal = createJournal('r')
  for (let n = 0; n < 600; n++) journal.add({ name: 'note.saved', from: 'notes', at: n, data: 'x'.repeat(9_000) })

  const { events } = journal.after(undefined)
  const snapshot = journal.snapshot()

  expect(events).toHaveLength(CAPACITY)
  expect(events[0]).toMatchObject({ seq: 101, clipped: true })
  expect(JSON.stringify(snapshot).length).toBeLessThan(300_000)
  expect(snapshot.events.at(-1)?.seq).toBe(600)
  expect(asSnapshot({ run: 1 })).toBeUndefined()
})

test('B5: a payload that JSON cannot say does not stop the stream', () => {
  const journal = createJournal('r')

  journal.add({ name: 'note.saved', from: 'notes', at: 1, data: { bytes: 2n ** 60n } })
  journal.add({ name: 'note.saved', from: 'notes', at: 2, data: undefined })

  expect(JSON.parse(JSON.stringify(journal.after(undefined).events))).toMatchObject([
    { data: { bytes: '1152921504606846976' } },
    { seq: 2 },
  ])
})

type Handler = (data: unknown, info: { name: string; from: string; at: number; trace: string }) => unknown
type Answer = { status: number; type: string; json: { error: { code: string; message: string; hint?: string } } }

/** The plugin on a context that only pretends; open streams end with it. */
async function setUp({ previous }: { previous?: unknown } = {}) {
  const ended = new AbortController()
  const kernel = {
    plugins: vi.fn(async () => [{ id: 'notes' }]),
    host: vi.fn(async () => ({ version: '0.1.0', processes: [] })),
    ledger: vi.fn(async () => ({ at: 1, plugins: [] })),
    traces: vi.fn<Kernel['traces']>(async () => []),
    trace: vi.fn<Kernel['trace']>(async () => null),
    approvals: vi.fn(async () => []),
    auditTail: vi.fn(async () => []),
    auditVerify: vi.fn(async () => ({ whole: true, entries: 0 })),
    grant: vi.fn(async () => {}),
    revoke: vi.fn(async () => {}),
    setEnabled: vi.fn(async () => {}),
    reload: vi.fn(async () => {}),
    answer: vi.fn(async () => {}),
  } satisfies Record<keyof Kernel, unknown>
  let hear: Handler = () => {}
  let handle: (request: Request) => Response | Promise<Response> = () => new Response()
  const http = {
    async serve(_prefix: string, handler: typeof handle) {
      handle = handler
    },
    static: async () => {},
    url: async () => 'http://127.0.0.1:7799',
  }
  const ctx = {
    previous,
    signal: ended.signal,
    use: async ({ name }: { name: string }) => (name === 'http' ? http : kernel),
    tryUse: async () => undefined,
    provide: (): Release => () => {},
    emit: async () => {},
    checkpoint: () => {},
    events: {
      on(_pattern: string, handler: Handler): Release {
        hear = handler
        return () => {}
      },
    },
  }
  const active = await plugin.activate(ctx as unknown as PluginContext)
  const handOver = () => (active as { handOver(): unknown }).handOver()
  const ask = async (path: string, init?: RequestInit) => handle(new Request(`http://127.0.0.1:7799${path}`, init))

  return {
    kernel,
    handOver,
    run: () => (handOver() as { run: string }).run,
    publish: (name: string, data: unknown, from = 'kernel') => void hear(data, { name, from, at: 1, trace: 't' }),
    get: async (path: string) => (await (await ask(path)).json()) as Record<string, unknown>,
    async post(path: string, body: unknown): Promise<Answer> {
      const response = await ask(path, { method: 'POST', body: JSON.stringify(body) })
      const type = response.headers.get('content-type') ?? ''
      return { status: response.status, type, json: (await response.json()) as Answer['json'] }
    },
    open: async (path: string, position?: string) =>
      readEvents(await ask(path, position === undefined ? {} : { headers: { 'last-event-id': position } })),
    async [Symbol.asyncDispose]() {
      ended.abort()
    },
  }
}

function readEvents(response: Response) {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  const until = async (kind: string): Promise<unknown> => {
    for (;;) {
      const end = rest.indexOf('\n\n')
      if (end === -1) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`the stream ended before ${kind}`)
        rest += value
        continue
      }
      const frame = rest.slice(0, end).split('\n')
      rest = rest.slice(end + 2)
      if (frame.includes(`event: ${kind}`)) return JSON.parse(frame.find((line) => line.startsWith('data: '))!.slice(6))
    }
  }
  const next = async (kind: string, count: number) => {
    const events: unknown[] = []
    while (events.length < count) events.push(await until(kind))
    return events
  }
  return { until, next }
}
