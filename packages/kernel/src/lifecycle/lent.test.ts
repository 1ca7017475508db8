import { expect, test } from 'vitest'
import { createLender, loanOf } from './lent.ts'

test('K4: each time a function crosses is one loan, given back once however often it is released', async () => {
  const back: number[] = []
  const lender = createLender(
    async (id, args) => [id, ...args],
    (id) => back.push(id),
  )
  const first = lender.receive(7)
  const again = lender.receive(7)

  expect(await first('x')).toEqual([7, 'x'])
  loanOf(first)!.release()
  loanOf(first)!.release()
  expect(back).toEqual([7])
  loanOf(again)!.release()

  expect(back).toEqual([7, 7])
  expect(loanOf(() => {})).toBeUndefined()
})
