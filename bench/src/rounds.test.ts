import { expect, test } from 'vitest'
import { interleave, quantile, ratioOf, subjectsOf } from './rounds.ts'

test('bench: participants take turns, and the first round of each is not counted', async () => {
  const order: string[] = []
  const participant = (name: string) => async () => ({ [name]: order.push(name) })

  const samples = await interleave(2, [participant('a'), participant('b')])

  expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  expect(samples).toEqual(
    new Map([
      ['a', [3, 5]],
      ['b', [4, 6]],
    ]),
  )
})

test('bench: a quantile lies between its neighbours, whatever order the values came in', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2)
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
  expect(quantile([7], 0.99)).toBe(7)
})

test('bench: a ratio above 1 always speaks for Pryx', () => {
  const samples = new Map([
    ['ours', [10, 20, 30]],
    ['peer', [40, 40, 40]],
  ])

  expect(ratioOf(samples, 'ours', 'peer', 'less')).toBe(2)
  expect(ratioOf(samples, 'ours', 'peer', 'more')).toBe(0.5)
})

test('bench: a subject says what was measured, in which unit, and its spread', () => {
  const subjects = subjectsOf(new Map([['start', [1, 3, 2]]]), {
    start: ['ms', 'a start'],
    never: ['ms', 'not measured'],
  })

  expect(subjects).toEqual({ start: { what: 'a start', unit: 'ms', min: 1, median: 2, max: 3, rounds: 3 } })
})
