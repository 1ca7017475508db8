import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCodeCache } from './code-cache.ts'

test('N1: compiled code is worth keeping from the second start on, and is found by its text alone', () => {
  const cache = createCodeCache<string>()

  expect(cache.find('a')).toEqual({ worth: false })
  expect(cache.find('a')).toEqual({ worth: true })
  cache.keep('a', 'compiled a', 10)

  expect(cache.find('a')).toEqual({ cached: 'compiled a', worth: false })
  expect(cache.find('b')).toEqual({ worth: false })
})

test('N1: it never holds more than its bound, and keeps what was used last', () => {
  const use = fc.tuple(fc.string({ maxLength: 4 }), fc.nat(70))
  fc.assert(
    fc.property(fc.array(use, { minLength: 1 }), (uses) => {
      const cache = createCodeCache<number>(64)
      for (const [code, bytes] of uses) cache.keep(code, bytes, bytes)

      const [last, bytes] = uses.at(-1)!
      expect(cache.find(last).cached).toBe(last.length + bytes <= 64 ? bytes : undefined)
      const kept = [...new Set(uses.map(([code]) => code))].flatMap((code) => {
        const { cached } = cache.find(code)
        return cached === undefined ? [] : [cached + code.length]
      })
      expect(kept.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(64)
    }),
  )
})
