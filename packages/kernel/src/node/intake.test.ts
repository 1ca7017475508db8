import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openAccount } from '../ledger/account.ts'
import { OUT_WINDOW } from './control.ts'
import type { Frame } from './frame.ts'
import { createIntake, type Inbox } from './intake.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const BATCH = 100_000 // characters
const frame = (messages: unknown[], buffers: Uint8Array[] = []): Frame => {
  const text = JSON.stringify(messages)
  return { isolate: 1, text, buffers, bytes: text.length }
}

/** One guest and what became of what it sent. */
function openGuest(intake = createIntake()) {
  const got: unknown[] = []
  const credits: { at: number; bytes: number }[] = []
  let malformed = 0
  const startedAt = performance.now()
  const inbox: Inbox = intake.open(openAccount(), {
    received: (messages) => got.push(...messages),
    credited: (bytes) => credits.push({ at: performance.now() - startedAt, bytes }),
    malformed: () => malformed++,
  })
  const credited = () => credits.reduce((sum, { bytes }) => sum + bytes, 0)
  return { inbox, got, credits, credited, malformed: () => malformed }
}

test('K3: messages come in their order, those of a flood in turns with those of others', async () => {
  const intake = createIntake()
  const order: string[] = []
  const open = (name: string) =>
    intake.open(openAccount(), {
      received: (messages) => order.push(...messages.map((n) => `${name}${n}`)),
      credited() {},
      malformed() {},
    })
  const [flood, other] = [open('flood'), open('other')]

  for (let n = 0; n < 10; n++) flood.push(frame(Array.from({ length: 50 }, (_, i) => n * 50 + i)))
  other.push(frame([1]))
  await vi.runAllTimersAsync()

  expect(order.indexOf('other1')).toBeLessThan(100)
  expect(order.filter((one) => one.startsWith('flood'))).toEqual(Array.from({ length: 500 }, (_, i) => `flood${i}`))
})

test.each([
  ['text', 40 * BATCH, (n: number) => frame([`${n}`.padEnd(BATCH)])],
  ['bytes', 40 * BATCH, () => frame([0], [new Uint8Array(BATCH)])],
])('K3: a guest that floods with %s is credited at a pace, in the end for all it sent', async (_what, total, make) => {
  const guest = openGuest()
  for (let n = 0; n < 40; n++) guest.inbox.push(make(n))

  await vi.advanceTimersByTimeAsync(50)
  expect(guest.got.length).toBe(40) // it is handled at once; what waits is leave to send more
  const soon = guest.credited()
  await vi.advanceTimersByTimeAsync(5_000)

  expect(soon).toBeGreaterThan(0)
  expect(soon).toBeLessThan(total / 2)
  expect(guest.credited()).toBeGreaterThan(total - OUT_WINDOW)
  expect(guest.credited()).toBeLessThan(total * 1.01)
  guest.credits.forEach(({ at }, i) => {
    const before = guest.credits.slice(0, i).reduce((sum, { bytes }) => sum + bytes, 0)
    expect(before).toBeLessThanOrEqual(8_000 * (at + 1) + 512 * 1_024 + 512 * 40) // half a KB of each message is free
  })
})

test.each([
  ['answers', () => frame(Array.from({ length: 500 }, (_, id) => [id, 'x'.repeat(100)]))],
  ['events together', () => frame([{ t: 'emits', events: Array(30).fill(['note.new', 'x'.repeat(400), '']) }])],
])('N1: short messages are free of the pace: %s', (_what, make) => {
  const guest = openGuest()
  let total = 0
  while (total < 8_000_000) {
    const one = make()
    total += one.text.length
    guest.inbox.push(one)
  }

  guest.inbox.drain()

  expect(guest.credited()).toBeGreaterThan(total - OUT_WINDOW) // by the pace it would take a second
})

test('K3: who sends little is credited at once', async () => {
  const guest = openGuest()

  for (let n = 0; n < 300; n++) {
    guest.inbox.push(frame(['x'.repeat(1_000)]))
    await vi.advanceTimersByTimeAsync(1)
  }

  expect(guest.credited()).toBeGreaterThan(0)
  expect(guest.credits[0]?.at).toBeLessThan(300)
})

test('K3: an end drains what was said, and no credit follows it', async () => {
  const guest = openGuest()
  for (let n = 0; n < 40; n++) guest.inbox.push(frame([`${n}`.padEnd(BATCH)]))

  guest.inbox.drain()
  const credited = guest.credited()
  guest.inbox.close()
  await vi.advanceTimersByTimeAsync(5_000)

  expect(guest.got.length).toBe(40)
  expect(guest.credited()).toBe(credited)
})

test('K3: what is no batch is told, and the frames after it are still read', async () => {
  const guest = openGuest()

  guest.inbox.push({ isolate: 1, text: '{"no":"list"}', buffers: [], bytes: 13 })
  guest.inbox.push(frame([7]))
  await vi.runAllTimersAsync()

  expect(guest.malformed()).toBe(1)
  expect(guest.got).toEqual([7])
})

test('K2 N3: a checkpoint and what follows it are handled together, however long the batch', async () => {
  const pieces: unknown[][] = []
  const inbox = createIntake().open(openAccount(), {
    received: (messages) => pieces.push(messages),
    credited() {},
    malformed() {},
  })
  const pair = (n: number) => [
    { t: 'checkpoint', state: n },
    { t: 'ack', sub: 1, seq: n },
  ]

  inbox.push(frame([0, ...Array.from({ length: 100 }, (_, n) => pair(n)).flat()]))
  inbox.push(frame(Array.from({ length: 100 }, () => ({ t: 'checkpoint', state: 0 }))))
  await vi.runAllTimersAsync()

  expect(pieces.flat().length).toBe(301)
  expect(pieces.filter((piece) => piece.length > 20)).toEqual([])
  for (const piece of pieces.slice(0, 7)) expect(piece.at(-1)).not.toMatchObject({ t: 'checkpoint' })
})
