// packages/kernel/src/events/room.test.ts: what waits for one plugin is bounded in bytes, and nothing that fits is lost for it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { QueuePolicy } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createBus } from './bus.ts'
import { weigh } from './room.ts'

const MEGABYTE = 'x'.repeat(1_000_000)
const limits = { queue: 1_000, queueBytes: 8_000_000 }

test('K3 K6: a thousand large events for a guest that acknowledges nothing keep no more than its bytes; the rest is counted and told', () => {
  const { emit, subscriber, seat, reported } = setup('drop-oldest')
  for (let n = 0; n < 1_000; n++) void emit(n)
  const { queued, inFlight, dropped } = subscriber.stats()
  expect(queued + inFlight).toBe(7) // of a megabyte and a little each
  expect(dropped).toBe(993)
  seat.detach()
  subscriber.close()
  expect(reported()).toBe(993)
})

test('K6: a guest that acknowledges hears every large event that came while there was room', () => {
  const { emit, heard, ackAll } = setup('drop-oldest')
  for (let n = 0; n < 100; n++) {
    void emit(n)
    ackAll()
  }
  expect(heard).toEqual(Array.from({ length: 100 }, (_, n) => n))
})

test('K6: one subscription that hoards room cannot make another of the same plugin wait for ever', async () => {
  const { bus, seat, clock, acks } = setup('block')
  seat.on(2, 'other', 'block', 100)
  for (let n = 0; n < 7; n++) void bus.emit('p', 'big', { n, text: MEGABYTE })
  let through = false
  void Promise.resolve(bus.emit('p', 'other', { n: 100, text: MEGABYTE })).then(() => {
    through = true
  })
  await clock.advance(10)
  expect(through).toBe(false)
  acks.shift()!() // of the first subscription
  await clock.advance(10)
  expect(through).toBe(true)
})

test('K6: a single event passes whatever it weighs', () => {
  const { bus, heard } = setup('drop-oldest')
  void bus.emit('host', 'big', { n: 1, text: MEGABYTE.repeat(20) })
  expect(heard).toEqual([1])
})

test('K6: whatever comes and goes, all is accounted for and room is given back', () => {
  const step = fc.oneof(
    fc.record({ emit: fc.integer({ min: 0, max: 3_000_000 }) }),
    fc.record({ ack: fc.nat(20) }),
    fc.constant('crash' as const),
  )
  fc.assert(
    fc.property(
      fc.constantFrom<QueuePolicy>('drop-oldest', 'block', 'latest'),
      fc.array(step, { maxLength: 60 }),
      (policy, steps) => {
        const world = setup(policy)
        let posted = 0
        for (const one of steps) {
          if (one === 'crash') world.restart()
          else if ('ack' in one) world.acks.splice(one.ack, 1)[0]?.()
          else void world.bus.emit('p', 'big', { n: posted++, text: 'x'.repeat(one.emit) })
          const { queued, inFlight, delivered, dropped, replaced } = world.subscriber.stats()
          expect(queued + inFlight + delivered + dropped + replaced).toBe(posted)
        }
        while (world.acks.length > 0) world.acks.shift()!()
        expect(world.subscriber.stats()).toMatchObject({ queued: 0, inFlight: 0 })
        const before = world.heard.length
        void world.bus.emit('p', 'big', { n: -1, text: 'x'.repeat(7_000_000) }) // all room is there again
        expect(world.heard.slice(before)).toEqual([-1])
      },
    ),
    { numRuns: 200 },
  )
})

test('K3: weighing ends for every value, and sees text and bytes wherever they are', () => {
  const round: Record<string, unknown> = { a: 1 }
  round.self = round
  expect(weigh(round)).toBeGreaterThan(0)
  expect(weigh({ a: [{ b: MEGABYTE }] })).toBeGreaterThan(1_000_000)
  expect(weigh(new Map([['k', new Uint8Array(2_000_000)]]))).toBeGreaterThan(2_000_000)
  expect(weigh(undefined)).toBeLessThan(100)
})

function setup(policy: QueuePolicy) {
  const clock = createFakeClock()
  let dropped = 0
  const bus = createBus({ clock, onDropped: ({ count }) => (dropped += count) })
  const subscriber = bus.subscriber('guest', limits)
  const heard: number[] = []
  const acks: (() => void)[] = []
  const world = { bus, clock, subscriber, heard, acks, seat: attach(), restart, emit, ackAll, reported: () => dropped }
  return world

  function attach() {
    const seat = subscriber.attach((message) => {
      if (message.t !== 'event') return
      heard.push((message.data as { n: number }).n)
      acks.push(() => seat.ack(message.sub, message.seq))
    })
    seat.on(1, 'big', policy, 1_000)
    return seat
  }

  function restart(): void {
    acks.length = 0
    const next = attach()
    next.settle()
    world.seat = next
  }

  function emit(n: number): unknown {
    return bus.emit('p', 'big', { n, text: MEGABYTE })
  }

  function ackAll(): void {
    while (acks.length > 0) acks.shift()!()
  }
}
