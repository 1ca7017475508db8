import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLentFunctions, type Fn } from './crossing.ts'

test('K4: a lent function is there until it was given back as often as it was lent, and is then forgotten', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.boolean()), { maxLength: 40 }), (steps) => {
      const lent = createLentFunctions()
      const functions: Fn[] = [() => 0, () => 1, () => 2]
      const loans = [0, 0, 0]
      const ids: (number | undefined)[] = [undefined, undefined, undefined]
      for (const [which, lends] of steps) {
        if (lends) {
          const id = lent.lend(functions[which]!)
          if (loans[which]! > 0) expect(id).toBe(ids[which])
          else expect(id).toBeGreaterThan(Math.max(0, ...ids.map((known) => known ?? 0))) // never a number that was another's
          ids[which] = id
          loans[which]!++
        } else if (ids[which] !== undefined) {
          lent.release(ids[which])
          loans[which] = Math.max(0, loans[which]! - 1)
        }
        for (const [at, id] of ids.entries())
          if (id !== undefined) expect(lent.get(id)).toBe(loans[at]! > 0 ? functions[at] : undefined)
      }
    }),
  )
})
