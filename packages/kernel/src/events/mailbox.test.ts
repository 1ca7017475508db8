import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HostMessage, QueuePolicy } from '../contract/index.ts'
import { createFakeClock } from '../powers-testing.ts'
import { createBus } from './bus.ts'
import { createDeque } from './deque.ts'
import type { MailboxCounts } from './mailbox.ts'
import type { Attachment } from './subscriber.ts'

const SUBS = ['a.x', 'a.x', 'a.*', '**'] as const // what each instance subscribes to, by number
const RUNS = process.env.PRYX_DEEP ? 2_000 : 300

type Step =
  | { do: 'emit'; name: 'a.x' | 'a.y' | 'b' }
  | { do: 'ack'; sub: number; pick: number }
  | { do: 'again'; sub: number }
  | { do: 'crash' | 'restart' | 'drain' | 'resume' | 'reload' | 'tick' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('emit' as const), name: fc.constantFrom('a.x', 'a.y', 'b') }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('ack' as const), sub: fc.nat({ max: 3 }), pick: fc.nat({ max: 40 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('again' as const), sub: fc.nat({ max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'crash' as const,
        'restart' as const,
        'drain' as const,
        'resume' as const,
        'reload' as const,
        'tick' as const,
      ),
    }),
  },
)

/** What one subscription has been through, over all instances. */
interface Lineage {
  pattern: string
  posted: number[]
  acked: Set<number>
  lastSeq: number
  /** Sent to the running instance, in order. */
  sent: { seq: number; n: number }[]
  open: Map<number, number>
  told: number
  /** Most that was ever outstanding. */
  peak: number
}

/** Drives a plugin of four subscriptions through `steps` and checks every promise of the queue after each. */
function play(steps: readonly Step[], policy: QueuePolicy, capacity: number): void {
  const clock = createFakeClock()
  let reported = 0
  const bus = createBus({ clock, onDropped: ({ count }) => (reported += count) })
  const subscriber = bus.subscriber('guest')
  const window = policy === 'latest' ? 1 : Math.min(32, capacity)
  let lines: Lineage[] = [] // by subscription number
  let order: Lineage[] = [] // as the last instance subscribed
  const listed = new Set<Lineage>() // as their mailboxes were made
  let seat: Attachment | undefined
  let n = 0

  start(false)
  for (const step of steps) {
    apply(step)
    check()
  }
  flush()

  function apply(step: Step): void {
    if (step.do === 'emit') emit(step.name)
    else if (step.do === 'ack') ackOne(step.sub, step.pick)
    else if (step.do === 'again') again(step.sub)
    else if (step.do === 'crash') crash()
    else if (step.do === 'restart' && seat === undefined) start(false)
    else if (step.do === 'drain') void seat?.drain(100)
    else if (step.do === 'resume') seat?.resume()
    else if (step.do === 'reload' && seat !== undefined) start(true)
    else if (step.do === 'tick') void clock.advance(600)
  }

  function emit(name: string): void {
    n++
    for (const line of order) {
      if (line.pattern !== '**' && !(line.pattern === 'a.*' ? name.startsWith('a.') : line.pattern === name)) continue
      line.posted.push(n)
      line.peak = Math.max(line.peak, line.posted.length - line.acked.size)
    }
    void bus.emit('publisher', name, n)
  }

  function ackOne(sub: number, pick: number): void {
    const seqs = [...lines[sub]!.open.keys()]
    const seq = seqs[pick % Math.max(1, seqs.length)]
    if (seat && seq !== undefined) ack(sub, seq)
  }

  function ack(sub: number, seq: number): void {
    const line = lines[sub]!
    line.acked.add(line.open.get(seq)!)
    line.open.delete(seq)
    seat!.ack(sub, seq)
  }

  /** Unsubscribes and subscribes anew: a queue of its own. */
  function again(sub: number): void {
    if (seat === undefined) return
    seat.off(sub)
    listed.delete(lines[sub]!)
    order.splice(order.indexOf(lines[sub]!), 1)
    lines[sub] = begin(SUBS[sub]!)
    order.push(lines[sub])
    seat.on(sub, SUBS[sub]!, policy, capacity)
  }

  function begin(pattern: string): Lineage {
    const line = {
      pattern,
      posted: [],
      acked: new Set<number>(),
      lastSeq: 0,
      sent: [],
      open: new Map(),
      told: 0,
      peak: 0,
    }
    listed.add(line)
    return line
  }

  /** B6: the first of the same pattern that nobody has taken yet. */
  function adopt(left: Lineage[], pattern: string): Lineage {
    const index = left.findIndex((line) => line.pattern === pattern)
    return index < 0 ? begin(pattern) : left.splice(index, 1)[0]!
  }

  function crash(): void {
    seat?.detach()
    seat = undefined
    forgetSent()
  }

  function forgetSent(): void {
    for (const line of order) {
      line.open.clear()
      line.sent = []
    }
  }

  function start(hold: boolean): void {
    const next = subscriber.attach(receive, { hold })
    forgetSent()
    const left = [...order]
    lines = SUBS.map((pattern) => adopt(left, pattern))
    order = [...lines]
    for (const [i, pattern] of SUBS.entries()) next.on(i, pattern, policy, capacity)
    next.settle()
    seat = next
  }

  function receive(message: HostMessage): void {
    if (message.t === 'dropped') lines[message.sub]!.told += message.count
    if (message.t !== 'event') return
    const line = lines[message.sub]!
    const event = message.data as number
    expect(message.seq).toBeGreaterThan(line.lastSeq) // M4
    expect(event).toBeGreaterThan(line.sent.at(-1)?.n ?? 0) // M2: in order, and never twice to one instance
    expect(line.acked.has(event)).toBe(false) // handled is handled, over all instances
    line.lastSeq = message.seq
    line.sent.push({ seq: message.seq, n: event })
    line.open.set(message.seq, event)
  }

  function check(): void {
    for (const [{ posted, acked, open, peak }, counts] of byLineage()) {
      const { queued, inFlight, delivered, dropped, replaced } = counts
      expect(queued + inFlight + delivered + dropped + replaced).toBe(posted.length) // M3
      expect({ delivered, inFlight }).toEqual({ delivered: acked.size, inFlight: seat ? open.size : 0 })
      expect(inFlight).toBeLessThanOrEqual(window) // M1
      if (policy !== 'block') expect(queued + inFlight).toBeLessThanOrEqual(capacity + window) // M1
      if (policy !== 'latest' && peak <= capacity) expect(dropped).toBe(0)
    }
  }

  function byLineage(): [Lineage, MailboxCounts][] {
    const { subscriptions } = subscriber.stats()
    return [...listed].map((line, i) => [line, subscriptions[i]!])
  }

  /** Acknowledges until nothing is left: all that was not counted as left out must have arrived. */
  function flush(): void {
    if (seat === undefined) start(false)
    seat!.resume()
    for (const [sub, line] of lines.entries()) for (const seq of line.open.keys()) ack(sub, seq)
    for (const [{ posted, acked, told }, counts] of byLineage()) {
      expect(acked.size + counts.dropped + counts.replaced).toBe(posted.length)
      expect(told).toBeLessThanOrEqual(counts.dropped)
    }
    subscriber.close()
    expect(reported).toBe(subscriber.stats().dropped)
    expect(clock.pending).toBe(0)
  }
}

for (const policy of ['drop-oldest', 'latest', 'block'] as const)
  test(`K6 K7: under ${policy}, any interleaving of emits, acknowledgements, crashes and reloads keeps order, bound and exact counts`, () => {
    const plans = fc.array(step, { maxLength: 120 })
    fc.assert(
      fc.property(plans, fc.constantFrom(1, 2, 5, 40), (steps, capacity) => play(steps, policy, capacity)),
      { numRuns: RUNS },
    )
  })

test('K6: a deque behaves as an array does, whatever is pushed, taken and put back', () => {
  const action = fc.oneof(fc.constant('shift' as const), fc.nat(), fc.array(fc.nat(), { maxLength: 4 }))
  fc.assert(
    fc.property(fc.array(action), fc.boolean(), (actions, long) => {
      const deque = createDeque<number>()
      const model: number[] = []
      for (let i = 0; long && i < 3_000; i++) {
        deque.push(i)
        model.push(i)
      }
      for (let i = 0; long && i < 2_000; i++) expect(deque.shift()).toBe(model.shift())
      for (const action of actions) {
        if (action === 'shift') expect(deque.shift()).toBe(model.shift())
        else if (typeof action === 'number') deque.push(model[model.push(action) - 1]!)
        else {
          deque.prepend(action)
          model.unshift(...action)
        }
        expect(deque.size).toBe(model.length)
      }
    }),
    { numRuns: 50 },
  )
})

test('M6: events that cannot be said to a guest are dropped and reported, and those after them arrive', () => {
  const clock = createFakeClock()
  const errors: string[] = []
  const bus = createBus({ clock, onListenerError: (error) => errors.push(String(error)) })
  const got: unknown[] = []
  const seat = bus.subscriber('guest').attach((message) => {
    if (message.t !== 'event') return
    if (message.data === 'poison') throw new Error('too large')
    got.push(message.data)
    seat.ack(message.sub, message.seq)
  })
  seat.on(0, 'a.x', 'drop-oldest', 100)

  for (let n = 0; n < 200; n++) void bus.emit('publisher', 'a.x', n < 199 ? 'poison' : 'at last')

  expect(got).toEqual(['at last'])
  expect(errors).toHaveLength(199)
})
