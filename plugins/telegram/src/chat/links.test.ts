import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Code, Store } from '../store.ts'
import { openLinks } from './links.ts'

test('B4: whatever chats guess at once, a code links one chat, and no guess revives it', async () => {
  const chats = fc.array(fc.record({ chat: fc.nat(40), right: fc.boolean() }), { minLength: 1, maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(chats, fc.infiniteStream(fc.nat(3)), async (guesses, waits) => {
      const links = await openLinks({
        ...{ store: slowStore(() => waits.next().value as number), users: [], session: 'main' },
        ...{ clock: { now: () => 1_000, after: () => () => {} }, random: (n) => new Uint8Array(n) },
      })
      const { code } = await links.newCode()

      const linked = await Promise.all(
        guesses.map(({ chat, right }) =>
          links.redeem(right ? code : 'WRNG2222', { chat, user: chat, name: '', private: true }),
        ),
      )

      expect(linked.filter((link) => link !== undefined).length).toBeLessThanOrEqual(1)
      if (linked.some((link) => link !== undefined))
        expect(await links.redeem(code, { chat: 99, user: 99, name: '', private: true })).toBeUndefined()
    }),
    { numRuns: 60 },
  )
})

/** Holds the code, and takes its time. */
function slowStore(wait: () => number): Store {
  let kept: Code | undefined
  const store: Partial<Store> = {
    links: async () => [],
    code: async () => sleep(wait()).then(() => kept),
    async putCode(code) {
      await sleep(wait())
      kept = code
    },
  }
  return store as Store
}
