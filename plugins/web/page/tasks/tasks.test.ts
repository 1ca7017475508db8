import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lastAbout } from './ask.ts'
import { barsOf } from './bars.ts'
import { everyDay } from './days.ts'
import { changesOf, draftOf, emptyDraft, problemAt, problemsElsewhere, valueAt, withValue } from './draft.ts'
import { drawingOf, standingsOf } from './layout.ts'
import { allTasks, asked, inPieces, lastPage, pathOf, sortedBy } from './list-state.ts'
import { leftText, outlook } from './live.tsx'
import { endedIn } from './run-notices.tsx'
import { fieldsOfTemplate, parametersOf } from './template-fields.ts'
import { money, share } from './words.tsx'

test('S14: another question begins at its first page; a column turns its order at the second press', () => {
  const deep = { ...allTasks, page: 7 }

  expect(asked(deep, { text: 'x' })).toMatchObject({ text: 'x', page: 0 })
  expect(sortedBy(deep, 'cost')).toMatchObject({ sort: 'cost', down: true, page: 0 })
  expect(sortedBy(sortedBy(deep, 'cost'), 'cost')).toMatchObject({ down: false })
  expect(pathOf({ ...deep, text: ' a&b ', tag: 'ü' })).toBe(
    '/api/tasks?text=a%26b&tag=%C3%BC&sort=name&down=false&offset=350&limit=50',
  )
  expect([0, 1, 50, 51, 10_000].map(lastPage)).toEqual([0, 0, 0, 1, 199])
})

test('S14: however many are chosen, each is in one piece, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 9 }), (ids, size) => {
      const pieces = inPieces(ids, size)
      expect(pieces.flat()).toEqual(ids)
      expect(pieces.every(({ length }) => length > 0 && length <= size)).toBe(true)
    }),
  )
})

test('S14: a field that is emptied goes, with what held nothing else; what the form does not show stays', () => {
  const before = draftOf({ id: 't', owner: 'web', name: 'a', budget: { perRunUsd: 1 }, webhookish: 7 } as never)

  const after = withValue(withValue(before, 'budget.perRunUsd', undefined), 'name', 'b')

  expect(after).toEqual({ name: 'b', webhookish: 7 })
  expect(changesOf(before, after)).toEqual({ name: 'b', webhookish: 7, budget: null })
  expect(valueAt(withValue(emptyDraft, 'retry.attempts', 3), 'retry')).toEqual({ attempts: 3 })
  expect(emptyDraft).not.toHaveProperty('retry')
})

test('S14: a problem is told at its field; one of another place is not lost', () => {
  const problems = [
    { path: 'trigger.text', message: 'no schedule', hint: 'Try 9am.' },
    { path: 'misfire', message: 'odd' },
  ]

  expect(problemAt(problems, 'trigger.text')).toBe('no schedule Try 9am.')
  expect(problemAt(problems, 'trigger')).toBe('no schedule Try 9am.')
  expect(problemAt(problems, 'name')).toBeUndefined()
  expect(problemsElsewhere(problems, ['trigger', 'name'])).toEqual([problems[1]])
})

test('L1: what is left is told from its own progress, else from what such runs take; never as done before it says so', () => {
  expect(outlook({ elapsed: 3_000, progress: { step: 'x', done: 1, total: 4 } })).toEqual({ part: 0.25, leftMs: 9_000 })
  expect(outlook({ elapsed: 3_000, typicalMs: 12_000 })).toEqual({ part: 0.25, leftMs: 9_000 })
  expect(outlook({ elapsed: 90_000, typicalMs: 12_000 }).part).toBeLessThan(1)
  expect(outlook({ elapsed: 5 })).toEqual({})
  expect([9_000, 400, -5].map(leftText)).toEqual(['about 9 s left', 'nearly done', 'longer than usual'])
})

test('L1: the end of a run that was asked for, or took long, is worth a notice; a short one by the schedule is not', () => {
  const told = (run: object) =>
    endedIn({ name: 'task.finished', data: { task: { id: 't', name: 'sweep' }, run: { id: 'r', ...run } } })

  expect(told({ status: 'ok', source: 'manual', startedAt: 0, finishedAt: 5 })).toMatchObject({
    ok: true,
    text: 'sweep is done after 5 ms.',
  })
  expect(
    told({ status: 'failed', source: 'schedule', startedAt: 0, finishedAt: 60_000, error: 'no network' }),
  ).toMatchObject({
    ok: false,
    text: 'sweep has failed after 1 min. no network',
  })
  expect(told({ status: 'ok', source: 'schedule', startedAt: 0, finishedAt: 900 })).toBeUndefined()
  expect(endedIn({ name: 'task.finished', data: 'x' })).toBeUndefined()
})

test('S14: bars lie within the whole, however steps began and ended', () => {
  const step = fc.record({
    path: fc.constantFrom('a', 'a/b', 'c'),
    status: fc.constantFrom('started', 'waiting', 'ok', 'failed', 'skipped', 'ambiguous'),
    attempt: fc.constant(1),
    startedAt: fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined }),
    finishedAt: fc.option(fc.integer({ min: 1_000, max: 2_000 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      for (const { left = 0, width = 0 } of barsOf(steps as never, 1_500).bars) {
        expect(left).toBeGreaterThanOrEqual(0)
        expect(left + width).toBeLessThanOrEqual(100.001)
      }
    }),
  )
})

test('S14: every day has its figures; where nothing ran is a gap, not a success of nothing', () => {
  const days = everyDay(
    [{ day: '2026-01-02', ok: 3, failed: 1, other: 1, ms: 500, costUsd: 0.5 }],
    3,
    Date.UTC(2026, 0, 3, 9),
  )

  expect(days.map(({ day, success, averageMs, costUsd }) => [day, success, averageMs, costUsd])).toEqual([
    ['2026-01-01', null, null, 0],
    ['2026-01-02', 0.75, 100, 0.5],
    ['2026-01-03', null, null, 0],
  ])
})

test('S6: the parameters of a template become fields and back; what is left empty is left out', () => {
  const fields = fieldsOfTemplate({
    properties: {
      url: { type: 'string' },
      args: { type: 'array', default: ['test'] },
      maxTries: { type: 'integer', default: 3 },
    },
    required: ['url', 'args'],
  })

  expect(fields.map(({ title, kind, needed }) => [title, kind, needed])).toEqual([
    ['Url', 'text', true],
    ['Args', 'list', false],
    ['Max tries', 'number', false],
  ])
  expect(parametersOf(fields, { url: ' x ', maxTries: '' })).toEqual({ url: 'x', args: ['test'] })
  expect(parametersOf(fields, { url: '', maxTries: 'many' })).toEqual({ args: ['test'], maxTries: 'many' })
})

test('S4: unknown is never shown as free, nearly all never as all', () => {
  expect([money(0), money(0, 2), money(0.004), money(12.5)]).toEqual(['', '≥ $0.00', '$0.0040', '$12.50'])
  expect([share(1), share(0.999), share(0.5), share(0.001), share(0)]).toEqual([
    '100 %',
    '> 99 %',
    '50 %',
    '< 1 %',
    '0 %',
  ])
})

test('S14: a page asks again after an event about its task, and not after one of another', () => {
  const heard = (seq: number, name: string, data: unknown) => ({ seq, name, data, from: 'scheduler', at: 0 })
  const events = [
    heard(1, 'task.started', { task: { id: 'a' } }),
    heard(2, 'task.due', { taskId: 'b' }),
    heard(3, 'plugin.log', {}),
  ]

  expect([
    lastAbout({ events }, 'a'),
    lastAbout({ events }, 'b'),
    lastAbout({ events }, 'c'),
    lastAbout({ events }, undefined),
  ]).toEqual([1, 2, 0, 2])
})

test('S14: a workflow is drawn from left to right, with room for every step, and each stands as its worst iteration does', () => {
  const step = (path: string, ...after: string[]) => ({
    path,
    id: path,
    what: 'set',
    after: after.map((path) => ({ path })),
  })
  const { boxes, lines, width, height } = drawingOf([step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')])
  const at = Object.fromEntries(boxes.map((box) => [box.step.path, box]))

  expect(at.a!.x).toBeLessThan(at.b!.x)
  expect(at.b!.x).toBe(at.c!.x)
  expect(Math.abs(at.b!.y - at.c!.y)).toBeGreaterThanOrEqual(at.b!.height)
  expect(at.d!.x + at.d!.width / 2).toBeLessThanOrEqual(width)
  expect(at.c!.y + at.c!.height / 2).toBeLessThanOrEqual(height)
  expect(lines.map(({ from, to }) => `${from}${to}`).sort()).toEqual(['ab', 'ac', 'bd', 'cd'])
  const log = (path: string, status: string) => ({ path, status, attempt: 1 })
  const standings = standingsOf([log('l[0]/x', 'ok'), log('l[1]/x', 'failed'), log('l[2]/x', 'skipped')] as never)
  expect(standings.get('l[]/x')).toMatchObject({ path: 'l[1]/x', status: 'failed' })
})
