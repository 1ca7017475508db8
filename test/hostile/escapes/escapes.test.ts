import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { families } from './families.ts'
import { openPrison, type Prison } from './prison.ts'

let prison: Prison
beforeAll(async () => {
  prison = await openPrison()
})
afterAll(() => prison[Symbol.asyncDispose]())

describe.each(families)('%s', (_family, attempts) => {
  test.each(attempts)('K3: a plugin that $title gets nowhere', async (attempt) => {
    const { value, code, reached, seen, forged } = await prison.attempt(attempt)

    expect(reached).toEqual([])
    expect(seen).toEqual([])
    if (attempt.fails) expect(code).toMatch(attempt.fails)
    else expect({ value, code }).toEqual({ value: attempt.answers ?? 'tried', code: '' })
    if (attempt.forges) expect(forged).toBe(true)
  })
})
