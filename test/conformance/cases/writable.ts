// test/conformance/cases/writable.ts: WritableStream. @see https://streams.spec.whatwg.org/#ws
import type { Area } from '../case.ts'
import { after, nameOf, soon, thrown } from '../case.ts'

import { diary } from './diary.ts'

export const writable: Area = {
  name: 'WritableStream',
  standard: 'https://streams.spec.whatwg.org/#ws',
  cases: [
    [
      'chunks arrive in order, then close',
      async () => {
        const { log, sink } = diary()
        const w = new WritableStream(sink).getWriter()
        void w.write(1)
        void w.write(2)
        await w.close()
        return log
      },
      ['write 1', 'write 2', 'close'],
    ],
    [
      'write waits for start',
      async () => {
        const log: string[] = []
        const w = new WritableStream({
          start: () => after(5).then(() => void log.push('start')),
          write: () => void log.push('write'),
        }).getWriter()
        await w.write(1)
        return log
      },
      ['start', 'write'],
    ],
    [
      'one write at a time',
      async () => {
        let now = 0
        let most = 0
        const w = new WritableStream(
          {
            async write() {
              most = Math.max(most, ++now)
              await after(2)
              now--
            },
          },
          { highWaterMark: 9 },
        ).getWriter()
        await Promise.all([w.write(1), w.write(2), w.write(3)])
        return most
      },
      1,
    ],
    [
      'desiredSize goes down and up',
      async () => {
        const w = new WritableStream({}, { highWaterMark: 2 }).getWriter()
        await w.ready
        const seen = [w.desiredSize]
        const one = w.write(1)
        seen.push(w.desiredSize)
        await one
        seen.push(w.desiredSize)
        return seen
      },
      [2, 1, 2],
    ],
    [
      'ready waits for room',
      async () => {
        let go!: () => void
        const w = new WritableStream({
          write: () =>
            new Promise<void>((resolve) => {
              go = resolve
            }),
        }).getWriter()
        await w.ready
        void w.write(1)
        let ready = false
        void w.ready.then(() => {
          ready = true
        })
        await soon()
        const before = ready
        go()
        await soon()
        return [before, ready]
      },
      [false, true],
    ],
    [
      'a write that rejects fails the stream',
      async () => {
        const w = new WritableStream({ write: () => Promise.reject(new RangeError('x')) }).getWriter()
        const name = await thrown(() => w.write(1))
        return [name, await thrown(() => w.write(2)), await w.closed.catch(nameOf)]
      },
      ['RangeError', 'RangeError', 'RangeError'],
    ],
    [
      'a write that throws fails the stream',
      () =>
        thrown(() =>
          new WritableStream({
            write() {
              throw new RangeError('x')
            },
          })
            .getWriter()
            .write(1),
        ),
      'RangeError',
    ],
    [
      'a start that throws throws from the constructor',
      () =>
        thrown(
          () =>
            new WritableStream({
              start() {
                throw new RangeError('x')
              },
            }),
        ),
      'RangeError',
    ],
    [
      'controller.error fails the stream',
      async () => {
        const w = new WritableStream({ start: (c) => c.error(new RangeError('x')) }).getWriter()
        return w.closed.catch(nameOf)
      },
      'RangeError',
    ],
    [
      'abort tells the sink why',
      async () => {
        const { log, sink } = diary()
        await new WritableStream(sink).abort('x')
        return log
      },
      ['abort x'],
    ],
    [
      'abort drops what is queued',
      async () => {
        const { log, sink } = diary({
          write: (chunk) => {
            log.push(`write ${chunk}`)
            return after(3)
          },
        })
        const w = new WritableStream(sink).getWriter()
        await w.ready
        w.write(1).catch(() => {})
        const second = w.write(2).catch(nameOf)
        w.closed.catch(() => {})
        await w.abort(new RangeError('x'))
        return [log, await second]
      },
      [['write 1', 'abort RangeError: x'], 'RangeError'],
    ],
    [
      'abort aborts the signal of the controller',
      async () => {
        let signal!: AbortSignal
        const s = new WritableStream({
          start(c) {
            signal = c.signal
          },
        })
        const before = signal.aborted
        await s.abort('x')
        return [before, signal.aborted, signal.reason]
      },
      [false, true, 'x'],
    ],
    [
      'abort of a closed stream does nothing',
      async () => {
        const { log, sink } = diary()
        const s = new WritableStream(sink)
        await s.close()
        await s.abort('x')
        return log
      },
      ['close'],
    ],
    [
      'an abort that rejects rejects',
      () => new WritableStream({ abort: () => Promise.reject(new RangeError('x')) }).abort().then(() => 'fine', nameOf),
      'RangeError',
    ],
    [
      'close twice is TypeError',
      async () => {
        const s = new WritableStream()
        await s.close()
        return thrown(() => s.close())
      },
      'TypeError',
    ],
    [
      'write after close is TypeError',
      async () => {
        const w = new WritableStream().getWriter()
        void w.close()
        return thrown(() => w.write(1))
      },
      'TypeError',
    ],
    [
      'a close that rejects fails',
      async () => thrown(() => new WritableStream({ close: () => Promise.reject(new RangeError('x')) }).close()),
      'RangeError',
    ],
    [
      'a writer locks',
      async () => {
        const s = new WritableStream()
        s.getWriter()
        return [
          s.locked,
          await thrown(() => s.getWriter()),
          await thrown(() => s.abort()),
          await thrown(() => s.close()),
        ]
      },
      [true, 'TypeError', 'TypeError', 'TypeError'],
    ],
    [
      'releaseLock unlocks',
      async () => {
        const s = new WritableStream()
        const w = s.getWriter()
        w.releaseLock()
        return [s.locked, await thrown(() => w.write(1)), await w.closed.catch(nameOf), await w.ready.catch(nameOf)]
      },
      [false, 'TypeError', 'TypeError', 'TypeError'],
    ],
    [
      'desiredSize of a released writer throws',
      () => {
        const w = new WritableStream().getWriter()
        w.releaseLock()
        return thrown(() => w.desiredSize)
      },
      'TypeError',
    ],
    [
      'desiredSize of a failed stream is null, of a closed one 0',
      async () => {
        const a = new WritableStream({ start: (c) => c.error(1) }).getWriter()
        a.closed.catch(() => {})
        a.ready.catch(() => {})
        await soon()
        const b = new WritableStream().getWriter()
        await b.close()
        return [a.desiredSize, b.desiredSize]
      },
      [null, 0],
    ],
    ['a type is RangeError', () => thrown(() => new WritableStream({ type: 'bytes' as never })), 'RangeError'],
    [
      'a size of its own counts',
      () => {
        const w = new WritableStream<string>({}, { highWaterMark: 5, size: (s) => s.length }).getWriter()
        void w.write('abc')
        return w.desiredSize
      },
      2,
    ],
    [
      'class strings',
      () => [new WritableStream(), new WritableStream().getWriter()].map((x) => Object.prototype.toString.call(x)),
      ['[object WritableStream]', '[object WritableStreamDefaultWriter]'],
    ],
  ],
}
