import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { defineEvents, type EventInfo, type HostMessage } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createBus } from './bus.ts'
import type { DropReport } from './mailbox.ts'

const noteEvents = defineEvents('note', { saved: z.object({ id: z.string() }) })

function setup() {
  const clock = createFakeClock()
  const errors: { error: unknown; event: EventInfo; plugin: string | undefined }[] = []
  const drops: DropReport[] = []
  const denied = new Set<string>()
  const bus = createBus({
    clock,
    allowed: (_plugin, name) => !denied.has(name),
    onDropped: (report) => drops.push(report),
    onListenerError: (error, event, plugin) => errors.push({ error, event, plugin }),
  })
  return { bus, clock, errors, drops, denied }
}

/** A guest that keeps what it was sent; it acknowledges only when told. */
function createGuest() {
  const sent: HostMessage[] = []
  return {
    deliver: (message: HostMessage) => void sent.push(message),
    /** Payloads of the events of `sub`, in order of arrival; `-n` stands for "n were dropped". */
    got: (sub = 1) =>
      sent.flatMap((m) =>
        m.t === 'event' && m.sub === sub ? [m.data] : m.t === 'dropped' && m.sub === sub ? [-m.count] : [],
      ),
    seqs: (sub = 1) => sent.flatMap((m) => (m.t === 'event' && m.sub === sub ? [m.seq] : [])),
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

test('K6: listeners of the kernel hear an event before emit returns, patterns and names in the order they came', () => {
  const { bus } = setup()
  const heard: string[] = []
  bus.on('task.*', (data, info) => heard.push(`task.* ${data} ${info.from}`))
  bus.on('task.done', () => heard.push('task.done'))
  bus.on('**', () => heard.push('**'))
  bus.on('task.failed', () => heard.push('never'))

  bus.emit('scheduler', 'task.done', 7)

  expect(heard).toEqual(['task.* 7 scheduler', 'task.done', '**'])
})

test('K6: a listener added or released later is taken into account by the very next emit', () => {
  const { bus } = setup()
  const first = vi.fn()
  const second = vi.fn()
  const release = bus.on('a.b', first)
  bus.emit('kernel', 'a.b', 1)
  bus.on('a.*', second)
  void release()

  bus.emit('kernel', 'a.b', 2)

  expect(first.mock.calls.map(([data]) => data)).toEqual([1])
  expect(second.mock.calls.map(([data]) => data)).toEqual([2])
})

test('K6: a listener released while the event is under way does not hear it any more', () => {
  const { bus } = setup()
  const late = vi.fn()
  bus.on('a', () => void release())
  const release = bus.on('a', late)

  bus.emit('kernel', 'a', 1)

  expect(late).not.toHaveBeenCalled()
})

test('K6: a listener that throws or rejects is reported and stops no other', async () => {
  const { bus, errors } = setup()
  const heard = vi.fn()
  bus.on('a', () => {
    throw new Error('thrown')
  })
  bus.on('a', async () => {
    throw new Error('rejected')
  })
  bus.on('a', heard)

  bus.emit('kernel', 'a', 1)
  await Promise.resolve()

  expect(heard).toHaveBeenCalledOnce()
  expect(errors.map(({ error }) => (error as Error).message)).toEqual(['thrown', 'rejected'])
})

test('B1: what a listener emits is heard after the running event has reached everyone', () => {
  const { bus } = setup()
  const heard: string[] = []
  bus.on('a', () => bus.emit('host', 'b', 0))
  bus.on('*', (_, info) => heard.push(info.name))

  bus.emit('host', 'a', 0)

  expect(heard).toEqual(['a', 'b'])
})

test('B3: a listener that answers its own event for ever is cut off and reported', () => {
  const { bus, errors } = setup()
  bus.on('a', () => bus.emit('host', 'a', 0))

  bus.emit('host', 'a', 0)

  expect(errors[0]?.error).toMatchObject({ code: 'USAGE_EVENT_LOOP' })
})

test("K6: a plugin's payload is checked against the token before a host listener sees it", () => {
  const { bus, errors } = setup()
  const heard: unknown[] = []
  bus.on(noteEvents.saved, (note) => heard.push(note.id))

  bus.emit('notes', 'note.saved', { id: 7 })
  bus.emit('notes', 'note.saved', { id: 'n1' })

  expect(heard).toEqual(['n1'])
  expect(errors).toHaveLength(1)
})

test('K6: a listener bound to a publisher does not hear what another claims', () => {
  const { bus } = setup()
  const heard = vi.fn()
  bus.on('permission.granted', heard, { from: 'kernel' })

  bus.emit('evil', 'permission.granted', {})

  expect(heard).not.toHaveBeenCalled()
})

test('K6: an unusable pattern is refused with the reason', () => {
  const { bus } = setup()

  expect(() => bus.on('a..b', () => {})).toThrow(expect.objectContaining({ code: 'USAGE_PATTERN' }))
})

test('M1: no more than 32 events are in flight per subscription; each acknowledgement lets the next one go', () => {
  const { bus } = setup()
  const guest = createGuest()
  const seat = bus.subscriber('slow').attach(guest.deliver)
  seat.on(1, 'n', 'drop-oldest', 100)
  for (const n of range(1, 50)) void bus.emit('p', 'n', n)
  expect(guest.got()).toEqual(range(1, 32))

  seat.ack(1, 1)

  expect(guest.got()).toEqual(range(1, 33))
})

test('K6: a full drop-oldest queue leaves out the oldest, tells the subscriber and reports at most once a second', async () => {
  const { bus, clock, drops } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('slow')
  const seat = subscriber.attach(guest.deliver)
  seat.on(1, 'n', 'drop-oldest', 4)
  for (const n of range(1, 20)) void bus.emit('p', 'n', n)
  expect(guest.got()).toEqual(range(1, 4))

  for (const seq of range(1, 4)) seat.ack(1, seq)

  expect(guest.got()).toEqual([1, 2, 3, 4, -12, 17, 18, 19, 20])
  expect(drops).toEqual([{ plugin: 'slow', pattern: 'n', count: 1 }])
  await clock.advance(1_000)
  expect(drops.map(({ count }) => count)).toEqual([1, 11])
  expect(subscriber.stats()).toMatchObject({ queued: 0, inFlight: 4, delivered: 4, dropped: 12 })
  await clock.advance(1_000)
  expect(clock.pending).toBe(0)
})

test('K6: a latest subscription gets the newest value once it is ready, and no report of loss', () => {
  const { bus, drops } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('gauge')
  const seat = subscriber.attach(guest.deliver)
  seat.on(1, 'n', 'latest', 100)
  for (const n of range(1, 9)) void bus.emit('p', 'n', n)

  seat.ack(1, 1)

  expect(guest.got()).toEqual([1, 9])
  expect(drops).toEqual([])
  expect(subscriber.stats()).toMatchObject({ replaced: 7, dropped: 0 })
})

test('K6: a full block subscription makes the emit wait for room, in order', async () => {
  const { bus, clock } = setup()
  const guest = createGuest()
  const seat = bus.subscriber('careful').attach(guest.deliver)
  seat.on(1, 'n', 'block', 1) // one in flight, one waiting
  const done: number[] = []
  for (const n of range(1, 4)) void Promise.resolve(bus.emit('p', 'n', n)).then(() => done.push(n))
  await clock.advance(0)
  expect(done).toEqual([1, 2])

  seat.ack(1, 1)
  await clock.advance(0)
  expect(done).toEqual([1, 2, 3])
  seat.ack(1, 2)
  seat.ack(1, 3)
  await clock.advance(0)

  expect(done).toEqual([1, 2, 3, 4])
  expect(guest.got()).toEqual([1, 2, 3, 4])
  expect(clock.pending).toBe(0)
})

test('M5: a publisher waits for a block subscription 30 s at most; then the event is dropped and reported', async () => {
  const { bus, clock, drops } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('stuck')
  subscriber.attach(guest.deliver).on(1, 'n', 'block', 1)
  void bus.emit('p', 'n', 1)
  void bus.emit('p', 'n', 2)
  let settled = false
  void Promise.resolve(bus.emit('p', 'n', 3)).then(() => {
    settled = true
  })

  await clock.advance(29_999)
  expect(settled).toBe(false)
  await clock.advance(1)

  expect(settled).toBe(true)
  expect(drops).toEqual([{ plugin: 'stuck', pattern: 'n', count: 1 }])
  expect(subscriber.stats()).toMatchObject({ queued: 1, inFlight: 1, dropped: 1 })
})

test('M1: emits nobody awaits do not pile up before a block subscription', () => {
  const { bus } = setup()
  const subscriber = bus.subscriber('stuck')
  subscriber.attach(() => {}).on(1, 'n', 'block', 1)

  for (const n of range(1, 5_000)) void bus.emit('p', 'n', n)

  expect(subscriber.stats()).toMatchObject({ queued: 1_001, inFlight: 1, dropped: 3_998 })
  subscriber.close()
})

test('K4: a revoked events:on stops the very next event, even one that already waits', async () => {
  const { bus, denied } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('nosy')
  const seat = subscriber.attach(guest.deliver)
  seat.on(1, '*', 'drop-oldest', 8)
  await seat.drain(1_000)
  void bus.emit('p', 'secret', 1)
  void bus.emit('p', 'open', 2)

  denied.add('secret')
  seat.resume()
  void bus.emit('p', 'secret', 3)

  expect(guest.got()).toEqual([2])
  expect(subscriber.stats()).toMatchObject({ denied: 2, inFlight: 1 })
})

test("K2: a crashed instance's events are redelivered to the next one, un-acknowledged ones first", () => {
  const { bus } = setup()
  const subscriber = bus.subscriber('p1')
  const before = createGuest()
  const old = subscriber.attach(before.deliver)
  old.on(1, 'n', 'drop-oldest', 2)
  for (const n of range(1, 3)) void bus.emit('p', 'n', n)
  old.ack(1, 1)
  old.detach()
  void bus.emit('p', 'n', 4)

  const after = createGuest()
  const next = subscriber.attach(after.deliver)
  next.on(7, 'n', 'drop-oldest', 4)
  next.settle()

  expect(before.got()).toEqual([1, 2, 3])
  expect(after.got(7)).toEqual([2, 3, 4])
  expect(Math.min(...after.seqs(7))).toBeGreaterThan(Math.max(...before.seqs()))
})

test('B6: equal patterns are taken over one by one, and what nobody took over is dropped and reported at settle', () => {
  const { bus, drops } = setup()
  const subscriber = bus.subscriber('p1')
  const old = subscriber.attach(() => {})
  old.on(1, 'a', 'drop-oldest', 8)
  old.on(2, 'a', 'drop-oldest', 8)
  old.on(3, 'b', 'drop-oldest', 8)
  void bus.emit('p', 'a', 1)
  void bus.emit('p', 'b', 2)
  old.ack(1, 1)
  old.detach()

  const guest = createGuest()
  const next = subscriber.attach(guest.deliver)
  next.on(1, 'a', 'drop-oldest', 8)
  next.on(2, 'a', 'drop-oldest', 8)
  next.settle()

  expect(guest.got(1)).toEqual([])
  expect(guest.got(2)).toEqual([1])
  expect(drops).toEqual([{ plugin: 'p1', pattern: 'b', count: 1 }])
  expect(subscriber.stats().subscriptions).toHaveLength(2)
})

test('B6: an instance that crashes before it has taken over everything leaves the rest in order for the next', () => {
  const { bus } = setup()
  const subscriber = bus.subscriber('p1')
  const first = subscriber.attach(() => {})
  first.on(1, 'a', 'drop-oldest', 8)
  first.on(2, 'a', 'drop-oldest', 8)
  void bus.emit('p', 'a', 1)
  first.ack(2, 1)
  first.detach()
  const second = subscriber.attach(() => {})
  second.on(1, 'a', 'drop-oldest', 8)
  second.detach()

  const guest = createGuest()
  const third = subscriber.attach(guest.deliver)
  third.on(1, 'a', 'drop-oldest', 8)
  third.on(2, 'a', 'drop-oldest', 8)

  expect([guest.got(1), guest.got(2)]).toEqual([[1], []])
})

test('K2: the event that wakes a sleeping plugin reaches it once it runs', () => {
  const { bus } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('lazy')
  const asleep = subscriber.attach(() => expect.unreachable())
  asleep.on(0, 'alert.*', 'drop-oldest', 8)
  asleep.detach()
  void bus.emit('p', 'alert.raised', 1)
  void bus.emit('p', 'alert.raised', 2)

  const seat = subscriber.attach(guest.deliver)
  seat.on(1, 'alert.*', 'drop-oldest', 8)
  seat.settle()

  expect(guest.got()).toEqual([1, 2])
  expect(subscriber.stats().subscriptions).toHaveLength(1)
})

test('B7: late messages of a replaced instance do nothing', () => {
  const { bus } = setup()
  const subscriber = bus.subscriber('p1')
  const old = subscriber.attach(() => {})
  old.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 1)
  const next = subscriber.attach(() => {})
  next.on(1, 'n', 'drop-oldest', 8)

  old.ack(1, 1)
  old.ack(1, 2)
  old.off(1)
  old.on(9, 'x', 'drop-oldest', 8)

  expect(subscriber.stats()).toMatchObject({ inFlight: 1, delivered: 0 })
  expect(subscriber.stats().subscriptions).toHaveLength(1)
})

test('K7: a drained reload loses no event and doubles none', async () => {
  const { bus, clock } = setup()
  const subscriber = bus.subscriber('p1')
  const before = createGuest()
  const old = subscriber.attach(before.deliver)
  old.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 1)
  const drained = old.drain(1_000)
  void bus.emit('p', 'n', 2)
  old.ack(1, 1)
  expect(await drained).toBe(true)

  const after = createGuest()
  const next = subscriber.attach(after.deliver, { hold: true })
  next.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 3)
  expect(after.got()).toEqual([])
  next.settle()

  expect(before.got()).toEqual([1])
  expect(after.got()).toEqual([2, 3])
  expect(clock.pending).toBe(0)
})

test('K7: when the new instance fails to activate, the old one goes on with nothing lost or doubled', async () => {
  const { bus } = setup()
  const subscriber = bus.subscriber('p1')
  const before = createGuest()
  const old = subscriber.attach(before.deliver)
  old.on(1, 'n', 'drop-oldest', 8)
  await old.drain(1_000)
  const failing = subscriber.attach(() => expect.unreachable(), { hold: true })
  failing.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 1)

  failing.detach()
  old.resume()

  expect(before.got()).toEqual([1])
  expect(subscriber.stats().subscriptions).toHaveLength(1)
})

test('K7: an old instance that does not drain in time hands its events over un-acknowledged', async () => {
  const { bus, clock } = setup()
  const subscriber = bus.subscriber('p1')
  const old = subscriber.attach(() => {})
  old.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 1)
  const drained = old.drain(1_000)

  await clock.advance(1_000)

  expect(await drained).toBe(false)
  const guest = createGuest()
  subscriber.attach(guest.deliver).on(1, 'n', 'drop-oldest', 8)
  expect(guest.got()).toEqual([1])
})

test("K6: a guest handler's failure is counted and reported with its plugin", () => {
  const { bus, errors } = setup()
  const subscriber = bus.subscriber('p1')
  const seat = subscriber.attach(() => {})
  seat.on(1, 'n', 'drop-oldest', 8)
  void bus.emit('p', 'n', 1)

  seat.ack(1, 1, { name: 'TypeError', code: 'ERROR', message: 'no' })

  expect(subscriber.stats()).toMatchObject({ delivered: 1, failed: 1 })
  expect(errors[0]).toMatchObject({ plugin: 'p1', event: { name: 'n' } })
})

test('K6: a subscription ends with off, and a plugin cannot have subscriptions without end', () => {
  const { bus } = setup()
  const guest = createGuest()
  const subscriber = bus.subscriber('p1')
  const seat = subscriber.attach(guest.deliver)
  seat.on(1, 'n', 'drop-oldest', 8)
  seat.off(1)
  void bus.emit('p', 'n', 1)
  expect(guest.got()).toEqual([])

  for (const sub of range(1, 256)) seat.on(sub, 'n', 'drop-oldest', 8)

  expect(() => seat.on(257, 'n', 'drop-oldest', 8)).toThrow(expect.objectContaining({ code: 'USAGE_SUBSCRIPTION' }))
  subscriber.close()
  expect(subscriber.stats().subscriptions).toEqual([])
})

test('K6: a guest that acknowledges within delivery receives everything in order without deepening the stack', () => {
  const { bus } = setup()
  const got: unknown[] = []
  const subscriber = bus.subscriber('inproc', { queue: 50_000, queueBytes: 33_554_432 })
  const first = subscriber.attach(() => {})
  first.on(1, 'n', 'drop-oldest', 50_000)
  for (const n of range(1, 20_000)) void bus.emit('p', 'n', n)
  first.detach()

  const seat = subscriber.attach((m) => {
    if (m.t !== 'event') return
    got.push(m.data)
    seat.ack(1, m.seq)
  })
  seat.on(1, 'n', 'drop-oldest', 50_000)

  expect(got).toEqual(range(1, 20_000))
})
