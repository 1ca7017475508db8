import { expect, test } from 'vitest'
import { createCommits } from './commits.ts'

test('L7: runs accepted while a commit is under way share the next one, each with its own answer, in order', async () => {
  const { batches, write, finish } = open()

  const all = ['a', 'b', 'c'].map((sql) => write({ sql }))
  expect(batches).toEqual([['a']])
  await finish()
  expect(batches).toEqual([['a'], ['b', 'c']])
  await finish()

  expect(await Promise.all(all)).toMatchObject([{ changes: 1 }, { changes: 1 }, { changes: 2 }])
})

test('L7: nothing is answered before its commit, and a commit that fails fails those that shared it alone', async () => {
  const { write, finish } = open()
  let answered = 0
  const first = write({ sql: 'a' }).then(() => answered++)
  const lost = [write({ sql: 'b' }), write({ sql: 'c' })].map((one) => one.catch((error: Error) => error.message))

  await Promise.resolve()
  expect(answered).toBe(0)
  await finish()
  await first
  await finish(new Error('the disk is full'))
  const later = write({ sql: 'd' })
  await finish()

  expect(await Promise.all(lost)).toEqual(['the disk is full', 'the disk is full'])
  expect(await later).toMatchObject({ changes: 1 })
})

/** Commits that end when the test says so; the n-th statement of one has changed n rows. */
function open() {
  const batches: string[][] = []
  let ending: PromiseWithResolvers<void> | undefined
  const write = createCommits({
    async batch(statements) {
      batches.push(statements.map(({ sql }) => sql))
      ending = Promise.withResolvers<void>()
      await ending.promise
      return statements.map((_, i) => ({ changes: i + 1 }))
    },
  })
  return {
    batches,
    write,
    async finish(error?: Error) {
      if (error) ending?.reject(error)
      else ending?.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
