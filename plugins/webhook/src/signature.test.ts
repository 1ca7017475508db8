// Against `standardwebhooks`, the library of those who wrote the standard.
import fc from 'fast-check'
import { Webhook as Reference } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { isGenuine, keyOf, sign } from './signature.ts'

const [OURS, OTHER] = ['a', 'b'].map((letter) => `whsec_${btoa(letter.repeat(32))}`) as [string, string]
const bytes = (text: string) => new TextEncoder().encode(text)

function signed(secret: string, id: string, atMs: number, text: string): string {
  return new Reference(secret).sign(id, new Date(atMs), text)
}

test('B4: what we sign the reference takes, and what it signs we take', async () => {
  const message = fc.record({
    id: fc.stringMatching(/^[\w-]{1,40}$/),
    text: fc.string({ unit: 'binary', maxLength: 300 }),
  })
  await fc.assert(
    fc.asyncProperty(message, async ({ id, text }) => {
      const now = Date.now()
      const timestamp = String(Math.floor(now / 1_000))
      const header = await sign(keyOf(OURS), { id, timestamp, body: bytes(text) })

      expect(header).toBe(signed(OURS, id, now, text))
      expect(await isGenuine([keyOf(OURS)], { id, timestamp, body: bytes(text) }, header, now)).toBe(true)
    }),
    { numRuns: 200 },
  )
})

test('B4: any one thing that is another, and it is not genuine', async () => {
  const now = 1_700_000_000_000
  const timestamp = String(now / 1_000)
  const header = signed(OURS, 'm1', now, 'words')
  const good = { keys: [OURS], id: 'm1', timestamp, text: 'words', header, now }
  const verdict = ({ keys, id, timestamp, text, header, now }: typeof good) =>
    isGenuine(keys.map(keyOf), { id, timestamp, body: bytes(text) }, header, now)
  const others: Partial<typeof good>[] = [
    { keys: [] },
    { keys: [OTHER] },
    { id: 'm2' },
    { id: '' },
    { text: 'word' },
    { timestamp: String(now / 1_000 + 1) },
    { timestamp: 'now' },
    { timestamp: '' },
    { now: now + 301_000 },
    { now: now - 301_000 },
    { header: '' },
    { header: 'v1,' },
    { header: 'v1,@@@@' },
    { header: header.replace('v1', 'v2') },
    { header: header.slice(0, -4) },
    { header: signed(OTHER, 'm1', now, 'words') },
  ]

  expect(await verdict(good)).toBe(true)
  expect(await Promise.all(others.map((other) => verdict({ ...good, ...other })))).toEqual(others.map(() => false))
})

test('B4: while keys change, any key may have made any of the signatures', async () => {
  const now = Date.now()
  const message = { id: 'm1', timestamp: String(Math.floor(now / 1_000)), body: bytes('words') }
  const both = `v1a,xyz ${signed(OTHER, 'm1', now, 'words')} ${signed(OURS, 'm1', now, 'words')}`

  expect(await isGenuine([keyOf(OURS)], message, both, now)).toBe(true)
  expect(await isGenuine([keyOf(OTHER), keyOf(OURS)], message, signed(OURS, 'm1', now, 'words'), now)).toBe(true)
})
