import type { TraceSpan } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { barOf, branchesOf } from './trace-tree.ts'

test('N5: a request is drawn parents first, children as they began; what lost its parent stands at the root', () => {
  const spans = [span(1, 0, 0), span(2, 1, 5), span(3, 1, 2), span(4, 3, 3), span(5, 99, 1)]

  expect(branchesOf({ spans }).map(({ span: { id }, depth }) => [id, depth])).toEqual([
    [1, 0],
    [3, 1],
    [4, 2],
    [2, 1],
    [5, 0],
  ])
})

test('N5: a bar lies where its part lay, stays inside, and is never too thin to see', () => {
  expect(barOf({ startMs: 25, ms: 50 }, 100)).toEqual({ left: 25, width: 50 })
  expect(barOf({ startMs: 0, ms: 0 }, 100).width).toBeGreaterThan(0)
  for (const [startMs, ms, whole] of [
    [100, 5, 100],
    [0, 0, 0],
    [90, 40, 100],
  ] as const) {
    const { left, width } = barOf({ startMs, ms }, whole)
    expect(left).toBeGreaterThanOrEqual(0)
    expect(left + width).toBeLessThanOrEqual(100)
  }
})

function span(id: number, parent: number, startMs: number): TraceSpan {
  return { id, parent, startMs, ms: 1, kind: 'call', name: 'x.y', plugin: 'p' }
}
