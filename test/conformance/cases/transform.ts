// test/conformance/cases/transform.ts: TransformStream and pipes. @see https://streams.spec.whatwg.org/#ts
import type { Area } from '../case.ts'
import { after, chunksOf, nameOf, streamOf, thrown } from '../case.ts'

import { diary } from './diary.ts'

export const transform: Area = {
  name: 'TransformStream and pipes',
  standard: 'https://streams.spec.whatwg.org/#ts',
  cases: [
    ['without a transformer it hands on', () => chunksOf(streamOf(1, 2).pipeThrough(new TransformStream())), [1, 2]],
    [
      'transform may make many or none',
      () =>
        chunksOf(
          streamOf(1, 2, 3).pipeThrough(
            new TransformStream<number, number>({
              transform(n, c) {
                if (n !== 2) {
                  c.enqueue(n)
                  c.enqueue(n * 10)
                }
              },
            }),
          ),
        ),
      [1, 10, 3, 30],
    ],
    [
      'flush comes last',
      () => chunksOf(streamOf(1).pipeThrough(new TransformStream<number, unknown>({ flush: (c) => c.enqueue('end') }))),
      [1, 'end'],
    ],
    [
      'start may enqueue',
      () =>
        chunksOf(streamOf(1).pipeThrough(new TransformStream<number, unknown>({ start: (c) => c.enqueue('begin') }))),
      ['begin', 1],
    ],
    [
      'transform may wait',
      () =>
        chunksOf(
          streamOf(1, 2).pipeThrough(
            new TransformStream({
              async transform(n, c) {
                await after(1)
                c.enqueue(n)
              },
            }),
          ),
        ),
      [1, 2],
    ],
    [
      'a transform that throws fails both sides',
      async () => {
        const t = new TransformStream({
          transform() {
            throw new RangeError('x')
          },
        })
        const w = t.writable.getWriter()
        w.closed.catch(() => {})
        const write = w.write(1).then(() => 'fine', nameOf)
        return [await thrown(() => chunksOf(t.readable)), await write]
      },
      ['RangeError', 'RangeError'],
    ],
    [
      'a flush that rejects fails both sides',
      async () => {
        const t = new TransformStream({ flush: () => Promise.reject(new RangeError('x')) })
        const close = t.writable.close().then(() => 'fine', nameOf)
        return [await thrown(() => chunksOf(t.readable)), await close]
      },
      ['RangeError', 'RangeError'],
    ],
    [
      'controller.error fails both sides',
      async () => {
        const t = new TransformStream({ start: (c) => c.error(new RangeError('x')) })
        return [await thrown(() => chunksOf(t.readable)), await t.writable.getWriter().closed.catch(nameOf)]
      },
      ['RangeError', 'RangeError'],
    ],
    [
      'controller.terminate ends the readable and fails the writable',
      async () => {
        const t = new TransformStream<number, number>({
          transform(n, c) {
            c.enqueue(n)
            c.terminate()
          },
        })
        const w = t.writable.getWriter()
        w.closed.catch(() => {})
        w.write(1).catch(() => {})
        const seen = await chunksOf(t.readable)
        return [seen, await thrown(() => w.write(2))]
      },
      [[1], 'TypeError'],
    ],
    [
      'cancelling the readable calls cancel',
      async () => {
        let why: unknown
        const t = new TransformStream({
          cancel(reason: unknown) {
            why = reason
          },
        } as Transformer)
        await t.readable.cancel('x')
        return why
      },
      'x',
    ],
    [
      'aborting the writable calls cancel',
      async () => {
        let why: unknown
        const t = new TransformStream({
          cancel(reason: unknown) {
            why = reason
          },
        } as Transformer)
        await t.writable.abort('x')
        return why
      },
      'x',
    ],
    [
      'aborting the writable fails the readable',
      async () => {
        const t = new TransformStream()
        const read = thrown(() => chunksOf(t.readable))
        await t.writable.abort(new RangeError('x'))
        return read
      },
      'RangeError',
    ],
    [
      'back-pressure: a write waits for a reader',
      async () => {
        const t = new TransformStream()
        const w = t.writable.getWriter()
        let written = false
        const write = w.write(1).then(() => {
          written = true
        })
        await after(3)
        const before = written
        await t.readable.getReader().read()
        await write
        return [before, written]
      },
      [false, true],
    ],
    [
      'strategies of both sides',
      async () => {
        const t = new TransformStream({}, { highWaterMark: 3 }, { highWaterMark: 2 })
        return t.writable.getWriter().desiredSize
      },
      3,
    ],
    [
      'a readableType is RangeError',
      () => thrown(() => new TransformStream({ readableType: 'bytes' } as never)),
      'RangeError',
    ],
    [
      'pipeTo hands all on and closes',
      async () => {
        const { log, sink } = diary()
        await streamOf(1, 2).pipeTo(new WritableStream(sink))
        return log
      },
      ['write 1', 'write 2', 'close'],
    ],
    [
      'pipeTo with preventClose',
      async () => {
        const { log, sink } = diary()
        const w = new WritableStream(sink)
        await streamOf(1).pipeTo(w, { preventClose: true })
        return [log, w.locked]
      },
      [['write 1'], false],
    ],
    [
      'pipeTo of a failing source aborts',
      async () => {
        const { log, sink } = diary()
        const name = await thrown(() =>
          new ReadableStream({ start: (c) => c.error(new RangeError('x')) }).pipeTo(new WritableStream(sink)),
        )
        return [name, log]
      },
      ['RangeError', ['abort RangeError: x']],
    ],
    [
      'pipeTo with preventAbort',
      async () => {
        const { log, sink } = diary()
        await thrown(() =>
          new ReadableStream({ start: (c) => c.error(new RangeError('x')) }).pipeTo(new WritableStream(sink), {
            preventAbort: true,
          }),
        )
        return log
      },
      [],
    ],
    [
      'pipeTo a failing sink cancels',
      async () => {
        let why: unknown
        const s = new ReadableStream({
          pull: (c) => c.enqueue(1),
          cancel(reason) {
            why = nameOf(reason)
          },
        })
        const name = await thrown(() =>
          s.pipeTo(
            new WritableStream({
              write() {
                throw new RangeError('x')
              },
            }),
          ),
        )
        return [name, why]
      },
      ['RangeError', 'RangeError'],
    ],
    [
      'pipeTo with preventCancel',
      async () => {
        let n = 0
        const s = new ReadableStream({
          pull: (c) => c.enqueue(1),
          cancel() {
            n++
          },
        })
        await thrown(() =>
          s.pipeTo(
            new WritableStream({
              write() {
                throw 1
              },
            }),
            { preventCancel: true },
          ),
        )
        return n
      },
      0,
    ],
    [
      'pipeTo with a signal',
      async () => {
        const { log, sink } = diary()
        let cancelled: unknown
        const c = new AbortController()
        const s = new ReadableStream({
          cancel(reason) {
            cancelled = reason
          },
        })
        const piped = s.pipeTo(new WritableStream(sink), { signal: c.signal }).then(
          () => 'fine',
          (reason) => reason,
        )
        c.abort('x')
        return [await piped, log, cancelled]
      },
      ['x', ['abort x'], 'x'],
    ],
    [
      'pipeTo with an aborted signal',
      async () => {
        const s = streamOf(1)
        return [
          await s.pipeTo(new WritableStream(), { signal: AbortSignal.abort('x') }).catch((reason) => reason),
          s.locked,
        ]
      },
      ['x', false],
    ],
    [
      'pipeTo locks both',
      async () => {
        const s = new ReadableStream()
        const w = new WritableStream()
        void s.pipeTo(w).catch(() => {})
        return [s.locked, w.locked]
      },
      [true, true],
    ],
    [
      'pipeTo of a locked stream is TypeError',
      async () => {
        const s = streamOf(1)
        s.getReader()
        return thrown(() => s.pipeTo(new WritableStream()))
      },
      'TypeError',
    ],
    [
      'pipeTo minds back-pressure',
      async () => {
        let pulled = 0
        const s = new ReadableStream(
          {
            pull(c) {
              c.enqueue(++pulled)
            },
          },
          { highWaterMark: 0 },
        )
        void s.pipeTo(new WritableStream({ write: () => new Promise(() => {}) }, { highWaterMark: 1 })).catch(() => {})
        await after(10)
        return pulled <= 2
      },
      true,
    ],
    ['pipeTo with what is no stream is TypeError', () => thrown(() => streamOf(1).pipeTo({} as never)), 'TypeError'],
    [
      'pipeThrough any pair of the two',
      async () => chunksOf(streamOf(1).pipeThrough({ readable: streamOf('other'), writable: new WritableStream() })),
      ['other'],
    ],
    [
      'pipeThrough of a locked stream throws at once',
      () =>
        thrown(() => {
          const s = streamOf(1)
          s.getReader()
          s.pipeThrough(new TransformStream())
        }),
      'TypeError',
    ],
    [
      'many transforms in a row',
      async () => {
        let s: ReadableStream<number> = streamOf(1, 2, 3)
        for (let i = 0; i < 20; i++)
          s = s.pipeThrough(new TransformStream<number, number>({ transform: (n, c) => c.enqueue(n + 1) }))
        return chunksOf(s)
      },
      [21, 22, 23],
    ],
    ['class strings', () => Object.prototype.toString.call(new TransformStream()), '[object TransformStream]'],
  ],
}
