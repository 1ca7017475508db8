import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { expect, test, vi } from 'vitest'
import { createHandClock, createMemorySql, type LifeOptions, settled, startLife } from '../scheduler-testing.ts'
import type { TaskSpec } from '../task.ts'
import { type ConditionState, judge, look } from './condition.ts'

const START = Date.now()

async function setUp(options: LifeOptions = {}) {
  const sql = createMemorySql()
  const clock = createHandClock(START)
  const life = await startLife(sql, clock, options)
  return { sql, clock, life, web: life.as('web') }
}

const emit = (trigger: TaskSpec['trigger'], more: Partial<TaskSpec> = {}): TaskSpec => ({
  name: 't',
  trigger,
  action: { kind: 'emit', name: 'seen', payload: '${input}' },
  overlap: 'queue',
  ...more,
})

test('S1: an event on the bus starts a run with what it brought, if the condition holds; a removed task hears no more', async () => {
  const { life, web } = await setUp()
  const task = await web.create(emit({ kind: 'event', pattern: 'note.*', where: 'event.payload.size > 10' }))
  await settled()

  await life.happens('note.saved', { size: 4 })
  await life.happens('note.saved', { size: 40 })
  await life.happens('note.saved', 'no size at all')
  await life.run()
  await life.run()
  expect(life.flows).toMatchObject([
    { name: 'flow.seen', payload: { payload: { name: 'note.saved', payload: { size: 40 } } } },
  ])
  expect(await web.ledger(task.id, 0, START + 1)).toMatchObject({ expected: 1, ran: 1, balanced: true })

  await web.remove(task.id)
  await settled()
  expect([...life.listeners].map(({ pattern }) => pattern)).toEqual(['plugin.removed']) // which is heard whatever tasks there are
})

test('S1: changes of a file that follow one another are one run, with what changed; a path that cannot be watched breaks its task alone', async () => {
  let changed: (changes: { kind: string; path: string }[]) => void = () => {}
  const watch: NonNullable<LifeOptions['senses']>['watch'] = async (path, onChanges) => {
    if (path === 'secret') throw new Error('fs:read:/secret is not granted')
    changed = onChanges
    return () => {}
  }
  const { life, clock, web } = await setUp({ senses: { watch } })
  await web.create(emit({ kind: 'file', path: 'src', on: ['changed'] }))
  const bad = await web.create(emit({ kind: 'file', path: 'secret' }, { name: 'bad' }))
  await settled()

  changed([{ kind: 'added', path: 'new.ts' }])
  changed([{ kind: 'changed', path: 'a.ts' }])
  changed([{ kind: 'changed', path: 'b.ts' }])
  for (const timer of [...clock.timers]) if (timer.ms === 500) timer.fn()
  await settled()
  await life.run()
  await life.run()

  expect(life.flows).toHaveLength(1)
  expect(life.flows[0]!.payload.payload).toEqual({
    path: 'src',
    changes: [
      { path: 'a.ts', kind: 'changed' },
      { path: 'b.ts', kind: 'changed' },
    ],
  })
  expect(await web.get(bad.id)).toMatchObject({ state: 'broken', problem: expect.stringContaining('not granted') })
})

test('S1: a state fires once when it has held for its time, and again only after it was released; a restart forgets nothing', async () => {
  const facts = { value: 50 }
  const { sql, life, clock, web } = await setUp({ senses: { fact: async () => facts.value } })
  const trigger = {
    kind: 'state' as const,
    fact: 'cpu.percent' as const,
    is: 'above' as const,
    than: 80,
    until: 60,
    forMs: 20_000,
    everyMs: 5_000,
  }
  const task = await web.create(emit(trigger))
  let current = life
  const looks = async (value: number, times: number) => {
    facts.value = value
    for (let i = 0; i < times; i++) {
      clock.move(5_000)
      for (const timer of [...clock.timers]) {
        if (timer.ms !== 5_000 && timer.ms !== 0) continue
        clock.timers.delete(timer)
        timer.fn()
      }
      await settled()
    }
    return (await current.as('web').history(task.id)).length
  }
  await settled()

  expect(await looks(90, 3)).toBe(0)
  current.kill()
  current = await startLife(sql, clock, { senses: { fact: async () => facts.value } })
  await settled()
  expect(await looks(90, 3)).toBe(1)
  expect(await looks(70, 4)).toBe(1) // between the two: nothing changes
  expect(await looks(90, 8)).toBe(1)
  expect(await looks(50, 1)).toBe(1)
  expect(await looks(90, 6)).toBe(2)
})

test('S1: H1: between two firings the condition was released, and before each it held for its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 80 }),
      fc.integer({ min: 0, max: 5 }),
      (values, held) => {
        let state: ConditionState | undefined
        const fired: number[] = []
        values.forEach((value, i) => {
          const answer = judge(state, look(value, 'above', 70, 40), held * 1_000, i * 1_000)
          state = answer.state
          if (answer.fire) fired.push(i)
        })
        fired.forEach((at, n) => {
          expect(values.slice(at - held, at + 1).every((value) => value > 70)).toBe(true)
          if (n > 0) expect(values.slice(fired[n - 1]!, at).some((value) => value <= 40)).toBe(true)
        })
      },
    ),
  )
})

test('S1: a condition over facts and the last run fires when it becomes true', async () => {
  const { life, clock, web } = await setUp({ senses: { fact: async (name) => (name === 'disk.percentUsed' ? 95 : 1) } })
  const task = await web.create(
    emit({ kind: 'predicate', expression: 'facts.disk.percentUsed > 90 && last.status == "none"', everyMs: 5_000 }),
  )
  await settled()
  for (const timer of [...clock.timers]) if (timer.ms === 0) timer.fn()
  await settled()

  expect((await web.history(task.id))[0]).toMatchObject({
    source: 'trigger',
    input: { facts: { disk: { percentUsed: 95 } } },
  })
  expect(life.warnings).toEqual([])
})

test('S1: a webhook is taken once, if its signature is good and fresh; all else is refused alike', async () => {
  const { life, web } = await setUp()
  const task = await web.create(emit({ kind: 'webhook' }))
  const { url, secret } = await web.webhook(task.id)
  const body = '{"order":7}'
  const send = (id: string, at = new Date(), key = secret, text = body, to = url) =>
    life
      .hook(
        new Request(to, {
          method: 'POST',
          body: text,
          headers: {
            'webhook-id': id,
            'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
            'webhook-signature': new Webhook(key).sign(id, at, body),
          },
        }),
      )
      .then((response) => response.status)

  expect(url).toBe(`http://127.0.0.1:7780/hooks/${task.id}`)
  expect(await send('one')).toBe(202)
  expect(await send('one')).toBe(200)
  expect(await send('two', new Date(Date.now() - 600_000))).toBe(401)
  expect(await send('three', new Date(), `whsec_${btoa('another key')}`)).toBe(401)
  expect(await send('four', new Date(), secret, '{"order":8}')).toBe(401)
  expect(await send('five', new Date(), secret, body, 'http://127.0.0.1:7780/hooks/nobody')).toBe(401)
  expect(await web.history(task.id)).toMatchObject([{ source: 'trigger', input: { id: 'one', body: { order: 7 } } }])

  await web.pause(task.id)
  expect(await send('six')).toBe(409)
})

test('S1: too many calls of one webhook are answered with 429', async () => {
  const { life, web } = await setUp()
  const task = await web.create(emit({ kind: 'webhook' }))
  const { url } = await web.webhook(task.id)
  const statuses: number[] = []

  for (let i = 0; i < 125; i++) statuses.push((await life.hook(new Request(url, { method: 'POST', body: 'x' }))).status)

  expect(statuses.filter((status) => status === 429)).toHaveLength(5)
})

test('K4: only managers may have the scheduler listen or watch, or do anything but tell them', async () => {
  const { life } = await setUp()
  const notes = life.as('notes')
  for (const spec of [
    emit({ kind: 'manual' }),
    { name: 'e', trigger: { kind: 'event', pattern: '**' } },
    { name: 'f', trigger: { kind: 'file', path: 'x' } },
    { name: 'w', trigger: { kind: 'manual' }, action: { kind: 'workflow', flow: { steps: [{ id: 'a', set: 1 }] } } },
  ] as TaskSpec[])
    await expect(notes.create(spec)).rejects.toMatchObject({ code: 'TASK_REFUSED' })
})

test('S1: a run of its own never triggers a task again', async () => {
  const { life, web } = await setUp()
  await web.create(emit({ kind: 'event', pattern: '**' }))
  await settled()

  await life.happens('task.finished', {})
  await life.run()

  expect(life.flows).toEqual([])
  vi.restoreAllMocks()
})
