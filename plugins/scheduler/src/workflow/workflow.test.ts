// biome-ignore-all lint/suspicious/noThenProperty: a workflow’s word, never awaited
import { expect, test } from 'vitest'
import {
  createHandClock,
  createMemorySql,
  type Life,
  type LifeOptions,
  settled,
  startLife,
} from '../scheduler-testing.ts'

const START = Date.UTC(2026, 0, 1)
type Call = { name: string; input: unknown }

/** A life with a workflow, and what its tools were called with. */
async function setUp(flow: unknown, options: LifeOptions = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const calls: Call[] = []
  const callTool: LifeOptions['callTool'] = async (name, input) => {
    calls.push({ name, input })
    if (name === 'fails') throw new Error('no such luck')
    return input
  }
  const life = await startLife(sql, clock, { callTool, ...options })
  const web = life.as('web')
  const task = await web.create({
    name: 'flow',
    trigger: { kind: 'manual' },
    timeoutMs: 86_400_000,
    action: { kind: 'workflow', flow: flow as never },
  })
  const begin = async (input?: unknown) => (await web.runNow(task.id, input)).id
  return { sql, clock, calls, life, web, task, begin, callTool }
}

/** Lets work go on until nothing moves without time. */
async function work(life: Life): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await life.engine.turn()
    await settled()
  }
}

const tool = (id: string, input: unknown = null, more: object = {}) => ({
  id,
  do: { kind: 'tool', name: id, input },
  ...more,
})

test('S10: outputs are passed along a graph; what does not depend on one another is begun together', async () => {
  const { life, web, calls, begin } = await setUp({
    steps: [
      tool('a', { n: 1 }, { needs: [] }),
      tool('b', { n: 2 }, { needs: [] }),
      tool(
        'sum',
        { n: '${steps.a.output.n + steps.b.output.n}', text: 'a is ${steps.a.output.n}' },
        { needs: ['a', 'b'] },
      ),
    ],
    output: { sum: '${steps.sum.output.n}', from: '${input.who}' },
  })

  const id = await begin({ who: 'me' })
  await work(life)

  expect(calls).toEqual([
    { name: 'a', input: { n: 1 } },
    { name: 'b', input: { n: 2 } },
    { name: 'sum', input: { n: 3, text: 'a is 1' } },
  ])
  expect(await web.run(id)).toMatchObject({ status: 'ok', result: { sum: 3, from: 'me' } })
  expect((await web.steps(id)).find(({ path }) => path === 'sum')?.sources).toEqual([
    { path: 'input.n', expression: 'steps.a.output.n + steps.b.output.n', value: 3 },
    { path: 'input.text', expression: 'steps.a.output.n', value: 1 },
  ])
})

test('S10: if, for-each, repeat-until, parallel and sub-workflows do what they say', async () => {
  const { life, web, begin } = await setUp({
    flows: { twice: { steps: [{ id: 'x', set: '${input * 2}' }], output: '${steps.x.output}' } },
    steps: [
      {
        id: 'branch',
        if: 'size(input.items) > 1',
        then: [{ id: 'many', set: 'many' }],
        else: [{ id: 'few', set: 'few' }],
      },
      {
        id: 'each',
        forEach: 'input.items',
        as: 'item',
        atOnce: 2,
        steps: [tool('visit', { item: '${item}', index: '${index}' })],
      },
      { id: 'again', repeat: { until: 'steps.look.output >= 2', max: 10 }, steps: [{ id: 'look', set: '${index}' }] },
      { id: 'both', parallel: { left: [{ id: 'l', set: 1 }], right: [{ id: 'r', set: 2 }] } },
      { id: 'sub', call: 'twice', input: '${size(input.items)}' },
      tool('never', null, { when: 'input.items == []' }),
    ],
    output: [
      '${steps.branch.output.branch}',
      '${steps.each.output.map(e, e.visit.output.item)}',
      '${steps.again.output.times}',
      '${steps.both.output.right.r.output}',
      '${steps.sub.output}',
      '${steps.never.output}',
    ],
  })

  const id = await begin({ items: ['x', 'y', 'z'] })
  await work(life)

  expect(await web.run(id)).toMatchObject({ status: 'ok', result: ['then', ['x', 'y', 'z'], 3, 2, 6, null] })
})

test('S10: a repeat that never comes true ends at its limit', async () => {
  const { life, web, begin } = await setUp({
    steps: [{ id: 'r', repeat: { until: 'false', max: 3 }, steps: [tool('try')] }],
  })

  const id = await begin()
  await work(life)

  expect(await web.run(id)).toMatchObject({ status: 'failed', error: expect.stringContaining('after 3 times') })
})

test('S10: a join waits for as many branches as it says, and stops the others', async () => {
  const aborted: string[] = []
  const { life, web, begin } = await setUp(
    { steps: [{ id: 'p', join: 'any', parallel: { fast: [tool('fast')], slow: [tool('slow')] } }, tool('after')] },
    {
      callTool: async (name, _input, signal) => {
        if (name !== 'slow') return name
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            aborted.push(name)
            reject(new Error('stopped'))
          }),
        )
      },
    },
  )

  const id = await begin()
  await work(life)

  expect(await web.run(id)).toMatchObject({ status: 'ok' })
  expect(aborted).toEqual(['slow'])
})

test('S9 S10: a step is tried again with growing pauses; one that may fail is passed with its error', async () => {
  const { life, web, clock, calls, begin } = await setUp({
    steps: [
      tool('fails', null, { retry: { attempts: 2, backoffMs: 1_000 }, onError: 'continue' }),
      { id: 'told', set: '${steps.fails.error}' },
    ],
    output: '${steps.told.output}',
  })
  const times: number[] = []

  const id = await begin()
  for (let i = 0; i < 8; i++) {
    const before = calls.length
    await tick(life, clock, 500)
    if (calls.length > before) times.push(clock.now() - START)
  }

  expect(calls).toHaveLength(3)
  expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(2_500)
  expect(await web.run(id)).toMatchObject({ status: 'ok', result: 'no such luck' })
})

test('S10: a nap of a second is over after a second, not at the next look in half a minute', async () => {
  const { life, web, clock, begin } = await setUp({ steps: [{ id: 'nap', wait: { forMs: 1_000 } }] })

  const id = await begin()
  await work(life)
  await tick(life, clock, 2_000)

  expect(await web.run(id)).toMatchObject({ status: 'ok' })
})

test('S10: a run waits for time, for an event, for a file and for a person, without holding up anything', async () => {
  let there = false
  const { life, web, clock, begin } = await setUp(
    {
      steps: [
        { id: 'nap', wait: { forMs: 60_000 } },
        { id: 'saved', wait: { event: 'note.saved', where: 'event.payload.id == "7"' } },
        { id: 'file', wait: { file: 'done.txt' } },
        { id: 'ask', wait: { approval: 'Send it?' } },
      ],
      output: ['${steps.saved.output.payload.id}', '${steps.ask.output.by}'],
    },
    { senses: { exists: async () => there } },
  )
  const at = async () => (await web.steps(id)).filter(({ status }) => status === 'waiting').map(({ path }) => path)

  const id = await begin()
  await tick(life, clock, 1_000)
  expect(await at()).toEqual(['nap'])
  await tick(life, clock, 60_000)
  expect(await at()).toEqual(['saved'])
  await life.happens('note.saved', { id: '6' })
  expect(await at()).toEqual(['saved'])
  await life.happens('note.saved', { id: '7' })
  await tick(life, clock, 1_000)
  expect(await at()).toEqual(['file'])
  there = true
  await tick(life, clock, 2_000)
  expect(await at()).toEqual(['ask'])
  expect((await web.notices()).map(({ kind, text }) => [kind, text])).toEqual([['approval', 'Send it?']])
  expect(await web.answer(id, 'ask', { approved: true })).toBe(true)
  await tick(life, clock, 1_000)

  expect(await web.answer(id, 'ask', { approved: true })).toBe(false)
  expect(await web.run(id)).toMatchObject({ status: 'ok', result: ['7', 'web'] })
})

test('S10: a refused approval fails the run with who said no and why', async () => {
  const { life, web, clock, begin } = await setUp({
    steps: [{ id: 'ask', wait: { approval: 'Send it?' } }, tool('send')],
  })
  const id = await begin()
  await tick(life, clock, 1_000)

  await web.answer(id, 'ask', { approved: false, note: 'too late' })
  await tick(life, clock, 1_000)

  expect(await web.run(id)).toMatchObject({ status: 'failed', error: 'web said no: too late' })
})

test('S10: a large output goes by reference: the journal holds its size, the next step all of it', async () => {
  const long = 'x'.repeat(200_000)
  const { life, web, calls, begin } = await setUp(
    {
      steps: [tool('fetch', '${input}'), tool('store', '${steps.fetch.output}')],
      output: '${size(steps.store.output)}',
    },
    { callTool: async (name, input) => noted(calls, { name, input }, name === 'fetch' ? long : input) },
  )

  const id = await begin('small')
  await work(life)

  expect(calls[1]).toEqual({ name: 'store', input: long })
  expect((await web.steps(id))[0]?.output).toMatchObject({ $ref: `${id}:fetch`, chars: 200_002 })
  expect(await web.stepOutput(id, 'fetch')).toBe(long)
})

test('S8 S10: a restart goes on in the step it was in; an idempotent one is done again with its key, another is ambiguous until somebody says', async () => {
  let hang = true
  const { sql, life, clock, calls, begin } = await setUp(
    { steps: [tool('first'), tool('second', null, { idempotent: true }), tool('third'), tool('last')] },
    {
      callTool: async (name, input) =>
        noted(calls, { name, input }, hang && name !== 'first' ? new Promise(() => {}) : name),
    },
  )
  const id = await begin()
  await work(life)
  life.kill()
  const second = await startLife(sql, clock, {
    callTool: async (name, input) => noted(calls, { name, input }, name === 'third' ? new Promise(() => {}) : name),
  })
  await tick(second, clock, 1_000)
  second.kill()
  hang = false
  const third = await startLife(sql, clock, { callTool: async (name, input) => noted(calls, { name, input }, name) })
  await tick(third, clock, 2_000)

  expect(calls.map(({ name }) => name)).toEqual(['first', 'second', 'second', 'third'])
  expect((await third.as('web').steps(id)).map(({ path, status }) => [path, status])).toEqual([
    ['first', 'ok'],
    ['second', 'ok'],
    ['third', 'ambiguous'],
  ])
  expect((await third.as('web').notices()).map(({ kind }) => kind)).toEqual(['ambiguous'])

  await third.as('web').answer(id, 'third', { output: 'it did' })
  await tick(third, clock, 1_000)

  expect(calls.map(({ name }) => name)).toEqual(['first', 'second', 'second', 'third', 'last'])
  expect(await third.as('web').run(id)).toMatchObject({ status: 'ok' })
})

test('S10: an ambiguous step that did not happen is done again', async () => {
  const { sql, life, clock, calls, begin } = await setUp(
    { steps: [tool('once')] },
    { callTool: () => new Promise(() => {}) },
  )
  const id = await begin()
  await work(life)
  life.kill()
  const next = await startLife(sql, clock, { callTool: async (name, input) => noted(calls, { name, input }, name) })
  await tick(next, clock, 1_000)

  expect(await next.as('web').answer(id, 'once', { again: true })).toBe(true)
  await tick(next, clock, 2_000)

  expect(calls).toHaveLength(1)
  expect(await next.as('web').run(id)).toMatchObject({ status: 'ok' })
})

test('S11: a dry run does nothing that has an effect and shows what it would do; a replay does nothing and gives the same', async () => {
  let n = 0
  const { life, web, calls, task, begin } = await setUp(
    {
      steps: [
        tool('read', null, { readOnly: true }),
        tool('send', { n: '${steps.read.output.n}' }),
        { id: 'end', set: '${steps.read.output.n}' },
      ],
      output: '${steps.end.output}',
    },
    { callTool: async (name, input) => noted(calls, { name, input }, { n: ++n }) },
  )

  const dry = await web.dryRun(task.id)
  await work(life)
  expect(calls.map(({ name }) => name)).toEqual(['read'])
  expect((await web.steps(dry.id)).find(({ path }) => path === 'send')?.output).toEqual({
    blocked: true,
    would: { kind: 'tool', name: 'send', input: { n: 1 } },
  })

  const real = await begin()
  await work(life)
  const before = calls.length
  const again = await web.replay(real)
  await work(life)
  const other = await begin()
  await work(life)

  expect(calls.length - before).toBe(2) // only the third was real
  expect(await web.run(again.id)).toMatchObject({
    status: 'ok',
    source: 'replay',
    result: (await web.run(real)).result,
  })
  expect(await web.compare(real, again.id)).toEqual([])
  expect((await web.compare(real, other)).map(({ path }) => path)).toContain('run.result')
  expect((await web.compare(real, other)).find(({ path }) => path === 'read.output.n')).toEqual({
    path: 'read.output.n',
    a: 2,
    b: 4,
  })
})

test('L1: a run tells its step while it runs, and a stop stops its deeds', async () => {
  let stopped: unknown
  const { life, web, clock, begin } = await setUp(
    { steps: [tool('quick'), tool('endless')] },
    {
      callTool: (name, _input, signal) =>
        name === 'quick'
          ? Promise.resolve(1)
          : new Promise(() =>
              signal.addEventListener('abort', () => {
                stopped = signal.reason
              }),
            ),
    },
  )
  const id = await begin()
  await work(life)
  expect(await web.run(id)).toMatchObject({ status: 'running', progress: { step: 'endless', done: 1 } })

  expect(await web.cancel(id)).toBe(true)
  await tick(life, clock, 1_000)

  expect(stopped).toBeInstanceOf(Error)
  expect(await web.run(id)).toMatchObject({ status: 'cancelled', error: 'stopped by web' })
  expect(life.of('task.cancelled')).toHaveLength(1)
})

test('S9 S10: a prompt that failed is asked anew in the next try; one that was cut off is asked for the same', async () => {
  const keys: string[] = []
  const prompt: LifeOptions['prompt'] = async ({ key }) => {
    keys.push(key)
    if (keys.length === 1) throw new Error('the model is busy')
    if (keys.length === 2) return new Promise(() => {})
    return { text: 'mended' }
  }
  const flow = {
    steps: [
      { id: 'ask', do: { kind: 'prompt', text: 'Mend it' }, idempotent: true, retry: { attempts: 1, backoffMs: 500 } },
    ],
    output: '${steps.ask.output.text}',
  }
  const { sql, life, clock, begin } = await setUp(flow, { prompt })
  const id = await begin()
  await work(life)
  await tick(life, clock, 2_000)
  life.kill()
  const second = await startLife(sql, clock, { prompt })
  await work(second)

  expect(await second.as('web').run(id)).toMatchObject({ status: 'ok', result: 'mended' })
  expect(keys).toEqual([`${id}/ask#1`, `${id}/ask#2`, `${id}/ask#2`])
})

test('S10 S8: an ambiguous step waits however long it takes; an answer outlives a crash, and a second cut is told again', async () => {
  const flow = { steps: [{ id: 'send', do: { kind: 'tool', name: 'send' } }], output: 'sent' }
  let asked = 0
  const callTool: LifeOptions['callTool'] = () => (++asked < 3 ? new Promise(() => {}) : Promise.resolve('sent'))
  const { sql, life, clock, web, task, begin } = await setUp(flow, { callTool })
  await web.update(task.id, { timeoutMs: 60_000 })
  const id = await begin()
  await work(life)
  life.kill()

  const second = await startLife(sql, clock, { callTool })
  await tick(second, clock, 3_600_000)
  expect(await second.as('web').run(id)).toMatchObject({ status: 'running' })
  await second.as('web').answer(id, 'send', { again: true })
  second.kill() // before it could begin
  const third = await startLife(sql, clock, { callTool })
  await work(third)
  expect(asked).toBe(2)
  third.kill()
  const fourth = await startLife(sql, clock, { callTool })
  await work(fourth)
  expect((await fourth.as('web').notices()).map((notice) => notice.id)).toEqual([
    `ambiguous:${id}:send:2`,
    `ambiguous:${id}:send:1`,
  ])
  await fourth.as('web').answer(id, 'send', { again: true })
  await tick(fourth, clock, 2_000)

  expect(await fourth.as('web').run(id)).toMatchObject({ status: 'ok', result: 'sent' })
})

test('S11: a dry run asks nobody and waits for nothing; a replay takes the answers that were given', async () => {
  const { life, web, clock, calls, task, begin } = await setUp({
    steps: [
      { id: 'nap', wait: { forMs: 1_000 } },
      { id: 'ask', wait: { approval: 'Send it?' } },
      tool('send', '${steps.ask.output.by}'),
    ],
    output: '${steps.ask.output.approved}',
  })

  const dry = await web.dryRun(task.id)
  await work(life)
  expect(await web.run(dry.id)).toMatchObject({ status: 'ok', result: true })
  expect([calls, await web.notices()]).toEqual([[], []])
  const id = await begin()
  await work(life)
  await tick(life, clock, 2_000)
  expect(await web.answer(id, 'ask', { approved: true })).toBe(true)
  await work(life)
  const { id: again } = await web.replay(id)
  await work(life)

  expect(await web.run(again)).toMatchObject({ status: 'ok', result: true })
  expect(calls).toEqual([{ name: 'send', input: 'web' }])
  expect(await web.compare(id, again)).toEqual([])
})

function noted<T>(calls: Call[], call: Call, answer: T): T {
  calls.push(call)
  return answer
}

/** Time goes on by `ms`, in steps, and every timer whose time has come fires. */
async function tick(life: Life, clock: ReturnType<typeof createHandClock>, ms: number): Promise<void> {
  const step = Math.max(500, ms / 4)
  for (let left = ms; left > 0; left -= step) {
    clock.move(Math.min(step, left))
    for (const timer of [...clock.timers]) {
      timer.ms -= step
      if (timer.ms > 0) continue
      clock.timers.delete(timer)
      timer.fn()
    }
    await work(life)
  }
}
