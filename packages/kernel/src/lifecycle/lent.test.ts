import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createLender, type Loan, loanOf } from './lent.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Several rounds: what is found unreachable in one is told after the next. */
async function collectAll(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    collect()
    await new Promise((done) => setImmediate(done))
  }
}

function lenderOf(): { receive(id: number): Loan; given: number[] } {
  const given: number[] = []
  const lender = createLender(
    async (id) => id,
    (id) => void given.push(id),
  )
  return { receive: (id) => loanOf(lender.receive(id))!, given }
}

test('K4 S1: a loan that a driver still holds is not given back, though nobody holds the function it came as', async () => {
  const { receive, given } = lenderOf()
  const loan = receive(7)

  await collectAll()

  expect(given).toEqual([])
  expect(await loan.invoke([], undefined)).toBe(7)
})

test('K3: a loan that nobody holds is given back by itself, and one given back is not given back again', async () => {
  const { receive, given } = lenderOf()
  receive(1)
  const kept = receive(2)
  kept.release()
  kept.release()

  await expect.poll(async () => collectAll().then(() => given.toSorted())).toEqual([1, 2])
})
