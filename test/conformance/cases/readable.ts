// test/conformance/cases/readable.ts: ReadableStream. @see https://streams.spec.whatwg.org/#rs
import type { Area } from '../case.ts'
import { after, bytes, chunksOf, nameOf, soon, streamOf, thrown } from '../case.ts'

const from = <T>(items: Iterable<T | Promise<T>> | AsyncIterable<T>) =>
  (ReadableStream as unknown as { from(items: unknown): ReadableStream<T> }).from(items)

export const readable: Area = {
  name: 'ReadableStream',
  standard: 'https://streams.spec.whatwg.org/#rs',
  cases: [
    ['chunks come in order, then the end', () => chunksOf(streamOf(1, 2, 3)), [1, 2, 3]],
    [
      'read answers value and done',
      async () => {
        const r = streamOf('a').getReader()
        return [await r.read(), await r.read()]
      },
      [
        { value: 'a', done: false },
        { value: undefined, done: true },
      ],
    ],
    [
      'start runs at once',
      () => {
        let ran = false
        new ReadableStream({
          start() {
            ran = true
          },
        })
        return ran
      },
      true,
    ],
    [
      'pull waits for start',
      async () => {
        const log: string[] = []
        new ReadableStream({
          start: () => after(5).then(() => void log.push('start')),
          pull() {
            log.push('pull')
          },
        })
        await after(15)
        return log
      },
      ['start', 'pull'],
    ],
    [
      'pull is called as often as the queue has room',
      async () => {
        let n = 0
        new ReadableStream(
          {
            pull(c) {
              c.enqueue(++n)
            },
          },
          { highWaterMark: 3 },
        )
        await after(5)
        return n
      },
      3,
    ],
    [
      'pull is not called with a high-water mark of 0',
      async () => {
        let n = 0
        new ReadableStream(
          {
            pull() {
              n++
            },
          },
          { highWaterMark: 0 },
        )
        await after(5)
        return n
      },
      0,
    ],
    [
      'pull is not called again while one is under way',
      async () => {
        let n = 0
        const s = new ReadableStream({
          pull() {
            n++
            return new Promise(() => {})
          },
        })
        void s.getReader().read()
        await after(5)
        return n
      },
      1,
    ],
    [
      'a pull that rejects fails the stream',
      () => thrown(() => chunksOf(new ReadableStream({ pull: () => Promise.reject(new RangeError('x')) }))),
      'RangeError',
    ],
    [
      'a pull that throws fails the stream',
      () =>
        thrown(() =>
          chunksOf(
            new ReadableStream({
              pull() {
                throw new RangeError('x')
              },
            }),
          ),
        ),
      'RangeError',
    ],
    [
      'a start that throws throws from the constructor',
      () =>
        thrown(
          () =>
            new ReadableStream({
              start() {
                throw new RangeError('x')
              },
            }),
        ),
      'RangeError',
    ],
    [
      'a start that rejects fails the stream',
      () => thrown(() => chunksOf(new ReadableStream({ start: () => Promise.reject(new RangeError('x')) }))),
      'RangeError',
    ],
    [
      'desiredSize',
      () => {
        let seen: unknown
        new ReadableStream(
          {
            start(c) {
              const a = c.desiredSize
              c.enqueue(1)
              const b = c.desiredSize
              c.close()
              seen = [a, b, c.desiredSize]
            },
          },
          { highWaterMark: 2 },
        )
        return seen
      },
      [2, 1, 1],
    ],
    [
      'desiredSize of an empty closed stream is 0, of a failed one null',
      () => {
        const seen: unknown[] = []
        new ReadableStream({
          start(c) {
            c.close()
            seen.push(c.desiredSize)
          },
        })
        new ReadableStream({
          start(c) {
            c.error(1)
            seen.push(c.desiredSize)
          },
        })
        return seen
      },
      [0, null],
    ],
    [
      'enqueue after close is TypeError',
      () =>
        thrown(
          () =>
            new ReadableStream({
              start(c) {
                c.close()
                c.enqueue(1)
              },
            }),
        ),
      'TypeError',
    ],
    [
      'close twice is TypeError',
      () =>
        thrown(
          () =>
            new ReadableStream({
              start(c) {
                c.close()
                c.close()
              },
            }),
        ),
      'TypeError',
    ],
    [
      'error drops what is queued',
      () =>
        thrown(() =>
          chunksOf(
            new ReadableStream({
              start(c) {
                c.enqueue(1)
                c.error(new RangeError('x'))
              },
            }),
          ),
        ),
      'RangeError',
    ],
    [
      'error after close does nothing',
      () =>
        chunksOf(
          new ReadableStream({
            start(c) {
              c.close()
              c.error(1)
            },
          }),
        ),
      [],
    ],
    [
      'a size of its own counts',
      () => {
        let seen: unknown
        new ReadableStream(
          {
            start(c) {
              c.enqueue('abc')
              seen = c.desiredSize
            },
          },
          { highWaterMark: 10, size: (s: string) => s.length },
        )
        return seen
      },
      7,
    ],
    [
      'a size that is no number fails',
      () =>
        thrown(() =>
          chunksOf(
            new ReadableStream(
              {
                start(c) {
                  c.enqueue(1)
                },
              },
              { size: () => -1 },
            ),
          ),
        ),
      'RangeError',
    ],
    [
      'a negative high-water mark is RangeError',
      async () => [
        await thrown(() => new ReadableStream({}, { highWaterMark: -1 })),
        await thrown(() => new ReadableStream({}, { highWaterMark: Number.NaN })),
      ],
      ['RangeError', 'RangeError'],
    ],
    ['an unknown type is TypeError', () => thrown(() => new ReadableStream({ type: 'x' as never })), 'TypeError'],
    ['null as the source is TypeError', () => thrown(() => new ReadableStream(null as never)), 'TypeError'],
    [
      'a reader locks',
      async () => {
        const s = streamOf(1)
        s.getReader()
        return [
          s.locked,
          await thrown(() => s.getReader()),
          await thrown(() => s.tee()),
          await thrown(() => s.cancel()),
        ]
      },
      [true, 'TypeError', 'TypeError', 'TypeError'],
    ],
    [
      'releaseLock unlocks',
      async () => {
        const s = streamOf(1)
        const r = s.getReader()
        r.releaseLock()
        return [s.locked, await thrown(() => r.read()), await chunksOf(s)]
      },
      [false, 'TypeError', [1]],
    ],
    [
      'releaseLock rejects reads that wait',
      async () => {
        const s = new ReadableStream()
        const r = s.getReader()
        const read = r.read().then(() => 'read', nameOf)
        r.releaseLock()
        return read
      },
      'TypeError',
    ],
    [
      'closed resolves at the end',
      async () => {
        const r = streamOf<number>().getReader()
        return r.closed
      },
      undefined,
    ],
    [
      'closed rejects at an error',
      async () => new ReadableStream({ start: (c) => c.error(new RangeError('x')) }).getReader().closed.catch(nameOf),
      'RangeError',
    ],
    [
      'closed rejects once released',
      async () => {
        const r = new ReadableStream().getReader()
        const { closed } = r
        r.releaseLock()
        return closed.then(() => 'fine', nameOf)
      },
      'TypeError',
    ],
    [
      'reads that wait are served in order',
      async () => {
        let c!: ReadableStreamDefaultController<number>
        const r = new ReadableStream<number>({
          start(x) {
            c = x
          },
        }).getReader()
        const reads = [r.read(), r.read()]
        c.enqueue(1)
        c.enqueue(2)
        return (await Promise.all(reads)).map(({ value }) => value)
      },
      [1, 2],
    ],
    [
      'cancel tells the source why',
      async () => {
        let why: unknown
        const s = new ReadableStream({
          cancel(reason) {
            why = reason
          },
        })
        await s.cancel('x')
        return why
      },
      'x',
    ],
    [
      'cancel ends the stream and drops the queue',
      async () => {
        const s = streamOf(1, 2)
        const r = s.getReader()
        await r.cancel()
        return r.read()
      },
      { value: undefined, done: true },
    ],
    [
      'a cancel that rejects rejects',
      () =>
        new ReadableStream({ cancel: () => Promise.reject(new RangeError('x')) }).cancel().then(() => 'fine', nameOf),
      'RangeError',
    ],
    [
      'cancel of a failed stream rejects with its error',
      () => new ReadableStream({ start: (c) => c.error(new RangeError('x')) }).cancel().then(() => 'fine', nameOf),
      'RangeError',
    ],
    [
      'cancel of a closed stream does not ask the source',
      async () => {
        let n = 0
        const s = new ReadableStream({
          start: (c) => c.close(),
          cancel() {
            n++
          },
        })
        await s.cancel()
        return n
      },
      0,
    ],
    [
      'for await',
      async () => {
        const seen = []
        for await (const chunk of streamOf(1, 2)) seen.push(chunk)
        return seen
      },
      [1, 2],
    ],
    [
      'leaving for await cancels',
      async () => {
        let why: unknown = 'not'
        const s = new ReadableStream({
          start: (c) => c.enqueue(1),
          cancel: () => {
            why = 'cancelled'
          },
        })
        for await (const _ of s) break
        return [why, s.locked]
      },
      ['cancelled', false],
    ],
    [
      'values({ preventCancel }) leaves it open',
      async () => {
        const s = streamOf(1, 2)
        for await (const _ of s.values({ preventCancel: true })) break
        return chunksOf(s)
      },
      [2],
    ],
    [
      'for await of a failing stream throws',
      () =>
        thrown(async () => {
          for await (const _ of new ReadableStream({ start: (c) => c.error(new RangeError('x')) }));
        }),
      'RangeError',
    ],
    ['ReadableStream.from an array', () => chunksOf(from([1, 2])), [1, 2]],
    [
      'ReadableStream.from an async generator',
      () =>
        chunksOf(
          from(
            (async function* () {
              yield 1
              await soon()
              yield 2
            })(),
          ),
        ),
      [1, 2],
    ],
    ['ReadableStream.from text is by characters', () => chunksOf(from('ab')), ['a', 'b']],
    ['ReadableStream.from waits for promises in it', () => chunksOf(from([Promise.resolve(1)])), [1]],
    [
      'ReadableStream.from what is not iterable is TypeError',
      async () => [await thrown(() => from({} as never)), await thrown(() => from(null as never))],
      ['TypeError', 'TypeError'],
    ],
    [
      'cancelling ReadableStream.from returns the iterator',
      async () => {
        let returned = false
        const s = from({
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ value: 1, done: false }),
            return: async () => {
              returned = true
              return { value: undefined, done: true }
            },
          }),
        } as AsyncIterable<number>)
        await s.cancel()
        return returned
      },
      true,
    ],
    [
      'tee gives both all',
      async () => {
        const [a, b] = streamOf(1, 2).tee()
        return [await chunksOf(a), await chunksOf(b)]
      },
      [
        [1, 2],
        [1, 2],
      ],
    ],
    [
      'tee locks',
      () => {
        const s = streamOf(1)
        s.tee()
        return s.locked
      },
      true,
    ],
    [
      'tee gives the same objects',
      async () => {
        const o = {}
        const [a, b] = streamOf(o).tee()
        return [(await chunksOf(a))[0] === o, (await chunksOf(b))[0] === o]
      },
      [true, true],
    ],
    [
      'cancelling one branch leaves the other',
      async () => {
        const [a, b] = streamOf(1, 2).tee()
        void a.cancel()
        return chunksOf(b)
      },
      [1, 2],
    ],
    [
      'cancelling both cancels with both reasons',
      async () => {
        let why: unknown
        const [a, b] = new ReadableStream({
          cancel(reason) {
            why = reason
          },
        }).tee()
        await Promise.all([a.cancel(1), b.cancel(2)])
        return why
      },
      [1, 2],
    ],
    [
      'an error reaches both branches',
      async () => {
        const [a, b] = new ReadableStream({ start: (c) => c.error(new RangeError('x')) }).tee()
        return [await thrown(() => chunksOf(a)), await thrown(() => chunksOf(b))]
      },
      ['RangeError', 'RangeError'],
    ],
    [
      'CountQueuingStrategy',
      () => {
        const s = new CountQueuingStrategy({ highWaterMark: 3 })
        return [s.highWaterMark, s.size('abc')]
      },
      [3, 1],
    ],
    [
      'ByteLengthQueuingStrategy',
      () => {
        const s = new ByteLengthQueuingStrategy({ highWaterMark: 3 })
        return [s.highWaterMark, s.size(bytes(1, 2))]
      },
      [3, 2],
    ],
    [
      'strategies need a high-water mark',
      async () => [
        await thrown(() => new CountQueuingStrategy({} as never)),
        await thrown(() => new (ByteLengthQueuingStrategy as never as new () => void)()),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'size of a strategy is one function',
      () => new CountQueuingStrategy({ highWaterMark: 1 }).size === new CountQueuingStrategy({ highWaterMark: 2 }).size,
      true,
    ],
    [
      'class strings',
      () =>
        [new ReadableStream(), new ReadableStream().getReader(), new CountQueuingStrategy({ highWaterMark: 1 })].map(
          (x) => Object.prototype.toString.call(x),
        ),
      ['[object ReadableStream]', '[object ReadableStreamDefaultReader]', '[object CountQueuingStrategy]'],
    ],
  ],
}
