import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type GuestMessage, STREAM_WINDOW, type StreamMessage } from '../contract/wire.ts'
import { createStreams, type Streams } from './streams.ts'

/** Two guests' stream tables joined by two queues, moved by hand. */
function openPair(maxBytes = 65_536) {
  const queues: [StreamMessage[], StreamMessage[]] = [[], []]
  let asked = 0
  const post = (to: 0 | 1) => (message: GuestMessage) => {
    if (message.t === 'pull') asked += message.n
    queues[to].push(message as StreamMessage)
  }
  const make = (to: 0 | 1): Streams => createStreams({ post: post(to), maxBytes: () => maxBytes })
  const sender = make(0)
  const receiver = make(1)
  return {
    sender,
    receiver,
    queues,
    /** Chunks asked for so far. */
    asked: () => asked,
    /** Moves up to `n` messages of one direction across. */
    move(direction: 0 | 1, n = Number.POSITIVE_INFINITY) {
      const side = direction === 0 ? receiver : sender
      for (const message of queues[direction].splice(0, n)) side.handle(message, (value) => value)
    },
    async flow(rounds = 200) {
      for (let i = 0; i < rounds; i++) {
        this.move(0)
        this.move(1)
        await tick()
      }
    },
  }
}

describe('streams', () => {
  test('K6: nothing is read from a source before somebody reads, and never more than the window ahead', async () => {
    let made = 0
    const pair = openPair()
    const id = pair.sender.send(new ReadableStream({ pull: (c) => c.enqueue(made++) }, { highWaterMark: 0 }))
    const reader = pair.receiver.receive(id).getReader()
    await pair.flow(20)
    expect(made).toBe(0)

    const first = reader.read()
    await pair.flow(20)

    expect(await first).toEqual({ done: false, value: 0 })
    expect(made).toBeLessThanOrEqual(STREAM_WINDOW + 1)
  })

  test('K6: chunks sent before an error can all be read, then the error comes', async () => {
    const pair = openPair()
    const source = new ReadableStream({
      start(c) {
        c.enqueue('a')
        c.enqueue('b')
      },
      pull: (c) => c.error(new Error('broken')),
    })
    const reader = pair.receiver.receive(pair.sender.send(withTail(source))).getReader()
    const first = reader.read()
    await pair.flow(20)

    expect([(await first).value, (await reader.read()).value]).toEqual(['a', 'b'])
    await expect(reader.read()).rejects.toThrow('broken')
    expect(pair.sender.size + pair.receiver.size).toBe(0)
  })

  test('K6: a reader that cancels stops the source and leaves nothing behind', async () => {
    let cancelled = false
    const pair = openPair()
    const source = new ReadableStream({
      pull: (c) => c.enqueue(1),
      cancel() {
        cancelled = true
      },
    })
    const reader = pair.receiver.receive(pair.sender.send(source)).getReader()
    const first = reader.read()
    await pair.flow(5)
    await first

    await reader.cancel()
    await pair.flow(5)

    expect(cancelled).toBe(true)
    expect(pair.sender.size + pair.receiver.size).toBe(0)
  })

  test('K3: a sender that ignores credit is stopped and its stream fails', async () => {
    const pair = openPair()
    const reader = pair.receiver.receive(1).getReader()

    pair.receiver.handle({ t: 'chunk', s: 1, data: 'unasked' }, (value) => value)

    await expect(reader.read()).rejects.toMatchObject({ code: 'USAGE_WIRE' })
    expect(pair.queues[1]).toEqual([{ t: 'stop', s: 1 }])
  })

  test('K3: byte chunks longer than a message arrive whole, in pieces', async () => {
    const pair = openPair(1_024)
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i)
    const source = new ReadableStream({
      start(c) {
        c.enqueue(bytes)
        c.close()
      },
    })
    const stream = pair.receiver.receive(pair.sender.send(source))
    const all = new Response(stream).bytes()
    await pair.flow(50)

    expect(await all).toEqual(bytes)
  })

  test('K2: the end of the instance fails both directions and tells the other side', async () => {
    const pair = openPair()
    pair.sender.send(new ReadableStream())
    const reader = pair.sender.receive(7).getReader()

    pair.sender.endAll(new Error('over'))

    await expect(reader.read()).rejects.toThrow('over')
    expect(pair.queues[0]).toMatchObject([
      { t: 'end', s: 1 },
      { t: 'stop', s: 7 },
    ])
    expect(pair.sender.size).toBe(0)
  })

  test('K6: any interleaving of chunks, reads, messages and a cancel keeps the window and loses no chunk', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('read' as const) },
      { weight: 4, arbitrary: fc.constant('make' as const) },
      {
        weight: 3,
        arbitrary: fc.record({ direction: fc.constantFrom(0 as const, 1 as const), n: fc.integer({ min: 1, max: 5 }) }),
      },
    )
    const plan = fc.record({
      steps: fc.array(step, { maxLength: 120 }),
      end: fc.constantFrom('close', 'error', 'cancel'),
    })

    await fc.assert(fc.asyncProperty(plan, runPlan), { numRuns: 150 })
  })
})

async function runPlan({
  steps,
  end,
}: {
  steps: ('read' | 'make' | { direction: 0 | 1; n: number })[]
  end: string
}): Promise<void> {
  const pair = openPair()
  let made = 0
  let controller: ReadableStreamDefaultController<number> | undefined
  const source = new ReadableStream<number>({
    start(c) {
      controller = c
    },
  })
  const reader = pair.receiver.receive(pair.sender.send(source)).getReader()
  const got: number[] = []
  const take = () =>
    reader.read().then(
      ({ done, value }) => {
        if (!done) got.push(value)
        return done
      },
      () => true,
    )
  for (const one of steps) {
    if (one === 'read') void take()
    else if (one === 'make') controller?.enqueue(made++)
    else pair.move(one.direction, one.n)
    await tick()
    expect(pair.asked() - got.length).toBeLessThanOrEqual(STREAM_WINDOW) // held, on the way, or allowed to come
  }
  if (end === 'cancel') {
    await reader.cancel()
    await pair.flow(5)
    expect(got).toEqual(got.map((_, i) => i))
  } else {
    const finish = () => (end === 'close' ? controller?.close() : pair.sender.endAll(new Error('over')))
    if (end === 'close') finish()
    const rest = (async () => {
      while (!(await take()));
    })()
    await pair.flow(made + 10)
    if (end === 'error') finish()
    await pair.flow(10)
    await rest
    expect(got).toEqual(Array.from({ length: made }, (_, i) => i))
  }
  expect(pair.sender.size + pair.receiver.size).toBe(0)
}

/** `source`, whose error comes only after its chunks were read. */
function withTail(source: ReadableStream): ReadableStream {
  const reader = source.getReader()
  return new ReadableStream(
    {
      async pull(c) {
        const { done, value } = await reader.read()
        if (done) c.close()
        else c.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}

async function tick(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
