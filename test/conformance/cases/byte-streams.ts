// test/conformance/cases/byte-streams.ts: byte streams and BYOB readers. @see https://streams.spec.whatwg.org/#rbs-controller-class
import type { Area } from '../case.ts'
import { bytes, chunksOf, hex, soon, streamOf, thrown } from '../case.ts'

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>
const byteStream = (source: UnderlyingByteSource, highWaterMark = 0) =>
  new ReadableStream(source, { highWaterMark }) as Bytes
const byteStreamOf = (...chunks: Uint8Array<ArrayBuffer>[]) =>
  byteStream({
    type: 'bytes',
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk.slice())
      controller.close()
    },
  })

export const byob: Area = {
  name: 'Byte streams',
  standard: 'https://streams.spec.whatwg.org/#rbs-controller-class',
  cases: [
    [
      'a default reader gets the chunks',
      async () => (await chunksOf(byteStreamOf(bytes(1, 2), bytes(3)))).map(hex),
      ['0102', '03'],
    ],
    [
      'a BYOB reader fills its buffer',
      async () => {
        const r = byteStreamOf(bytes(1, 2, 3)).getReader({ mode: 'byob' })
        const { value, done } = await r.read(new Uint8Array(2))
        return [hex(value!), done]
      },
      ['0102', false],
    ],
    [
      'what does not fit waits',
      async () => {
        const r = byteStreamOf(bytes(1, 2, 3)).getReader({ mode: 'byob' })
        await r.read(new Uint8Array(2))
        return hex((await r.read(new Uint8Array(2))).value!)
      },
      '03',
    ],
    [
      'the buffer given is moved away',
      async () => {
        const into = new Uint8Array(4)
        const r = byteStreamOf(bytes(1)).getReader({ mode: 'byob' })
        const { value } = await r.read(into)
        return [into.byteLength, value!.buffer.byteLength, value!.byteLength]
      },
      [0, 4, 1],
    ],
    [
      'at the end it answers an empty view of the buffer',
      async () => {
        const r = byteStream({ type: 'bytes', start: (c) => c.close() }).getReader({ mode: 'byob' })
        const { value, done } = await r.read(new Uint8Array(4))
        return [done, value?.byteLength, value?.buffer.byteLength]
      },
      [true, 0, 4],
    ],
    [
      'other views keep their kind',
      async () => {
        const r = byteStreamOf(bytes(1, 0, 2, 0)).getReader({ mode: 'byob' })
        const { value } = await r.read(new Uint16Array(2))
        return [value instanceof Uint16Array, value?.[0], value?.[1]]
      },
      [true, 1, 2],
    ],
    [
      'a view is filled where it lies',
      async () => {
        const r = byteStreamOf(bytes(7)).getReader({ mode: 'byob' })
        const { value } = await r.read(new Uint8Array(new ArrayBuffer(4), 2, 2))
        return [value!.byteOffset, hex(value!)]
      },
      [2, '07'],
    ],
    [
      'min waits for as many',
      async () => {
        let c!: ReadableByteStreamController
        const r = byteStream({
          type: 'bytes',
          start(x) {
            c = x
          },
        }).getReader({ mode: 'byob' })
        const read = r.read(new Uint8Array(4), { min: 3 } as never)
        c.enqueue(bytes(1))
        await soon()
        c.enqueue(bytes(2, 3))
        return hex((await read).value!)
      },
      '010203',
    ],
    [
      'a min of 0 or too many is refused',
      async () => {
        const r = byteStreamOf(bytes(1)).getReader({ mode: 'byob' })
        return [
          await thrown(() => r.read(new Uint8Array(2), { min: 0 } as never)),
          await thrown(() => r.read(new Uint8Array(2), { min: 3 } as never)),
        ]
      },
      ['TypeError', 'RangeError'],
    ],
    [
      'pull is handed the buffer to fill',
      async () => {
        const s = byteStream({
          type: 'bytes',
          pull(c) {
            const request = (c as ReadableByteStreamController).byobRequest!
            const view = request.view as Uint8Array
            view[0] = 9
            request.respond(1)
          },
        })
        return hex((await s.getReader({ mode: 'byob' }).read(new Uint8Array(3))).value!)
      },
      '09',
    ],
    [
      'respondWithNewView',
      async () => {
        const s = byteStream({
          type: 'bytes',
          pull(c) {
            const request = (c as ReadableByteStreamController).byobRequest!
            const view = request.view as Uint8Array<ArrayBuffer>
            view[0] = 9
            request.respondWithNewView(new Uint8Array(view.buffer, view.byteOffset, 1))
          },
        })
        return hex((await s.getReader({ mode: 'byob' }).read(new Uint8Array(3))).value!)
      },
      '09',
    ],
    [
      'responding with 0 to a stream that is open is TypeError',
      async () => {
        let name: unknown
        const s = byteStream({
          type: 'bytes',
          async pull(c) {
            name = await thrown(() => (c as ReadableByteStreamController).byobRequest!.respond(0))
            c.enqueue(bytes(1))
          },
        })
        await s.getReader({ mode: 'byob' }).read(new Uint8Array(1))
        return name
      },
      'TypeError',
    ],
    [
      'responding with too much is RangeError',
      async () => {
        let name: unknown
        const s = byteStream({
          type: 'bytes',
          async pull(c) {
            name = await thrown(() => (c as ReadableByteStreamController).byobRequest!.respond(9))
            c.enqueue(bytes(1))
          },
        })
        await s.getReader({ mode: 'byob' }).read(new Uint8Array(1))
        return name
      },
      'RangeError',
    ],
    [
      'autoAllocateChunkSize makes buffers for default readers',
      async () => {
        let length: unknown
        const s = byteStream({
          type: 'bytes',
          autoAllocateChunkSize: 8,
          pull(c) {
            const request = (c as ReadableByteStreamController).byobRequest!
            length = request.view!.byteLength
            request.respond(2)
          },
        })
        const { value } = await s.getReader().read()
        return [length, value!.byteLength]
      },
      [8, 2],
    ],
    [
      'autoAllocateChunkSize of 0 is TypeError',
      () => thrown(() => byteStream({ type: 'bytes', autoAllocateChunkSize: 0 })),
      'TypeError',
    ],
    [
      'byobRequest is null without a BYOB read',
      async () => {
        let seen: unknown = 1
        const s = byteStream({
          type: 'bytes',
          pull(c) {
            seen = (c as ReadableByteStreamController).byobRequest
            c.enqueue(bytes(1))
          },
        })
        await s.getReader().read()
        return seen
      },
      null,
    ],
    [
      'enqueue moves the chunk',
      () => {
        const chunk = bytes(1, 2)
        byteStream({ type: 'bytes', start: (c) => c.enqueue(chunk) })
        return chunk.byteLength
      },
      0,
    ],
    [
      'enqueueing an empty chunk is TypeError',
      () => thrown(() => byteStream({ type: 'bytes', start: (c) => c.enqueue(bytes()) })),
      'TypeError',
    ],
    [
      'enqueueing text is TypeError',
      () => thrown(() => byteStream({ type: 'bytes', start: (c) => c.enqueue('a' as never) })),
      'TypeError',
    ],
    [
      'reading into an empty view is TypeError',
      () => thrown(() => byteStreamOf(bytes(1)).getReader({ mode: 'byob' }).read(new Uint8Array(0))),
      'TypeError',
    ],
    [
      'a BYOB reader of other streams is TypeError',
      () => thrown(() => (streamOf(1) as never as Bytes).getReader({ mode: 'byob' })),
      'TypeError',
    ],
    [
      'another mode of reader is TypeError',
      () => thrown(() => streamOf(1).getReader({ mode: 'x' as never })),
      'TypeError',
    ],
    [
      'a strategy with a size is RangeError',
      () => thrown(() => new ReadableStream({ type: 'bytes' }, { size: () => 1 } as never)),
      'RangeError',
    ],
    [
      'an error reaches a BYOB read',
      () =>
        thrown(() =>
          byteStream({ type: 'bytes', pull: (c) => c.error(new RangeError('x')) })
            .getReader({ mode: 'byob' })
            .read(new Uint8Array(1)),
        ),
      'RangeError',
    ],
    [
      'tee of a byte stream gives byte streams',
      async () => {
        const [a, b] = byteStreamOf(bytes(1, 2)).tee() as [Bytes, Bytes]
        const one = await a.getReader({ mode: 'byob' }).read(new Uint8Array(2))
        return [hex(one.value!), (await chunksOf(b)).map(hex)]
      },
      ['0102', ['0102']],
    ],
    [
      'branches of a tee do not share memory',
      async () => {
        const [a, b] = byteStreamOf(bytes(1, 2)).tee() as [Bytes, Bytes]
        const [one, two] = [await a.getReader().read(), await b.getReader().read()]
        return one.value!.buffer !== two.value!.buffer
      },
      true,
    ],
    [
      'cancel of a BYOB reader',
      async () => {
        let why: unknown
        const s = byteStream({
          type: 'bytes',
          cancel(reason) {
            why = reason
          },
        })
        await s.getReader({ mode: 'byob' }).cancel('x')
        return why
      },
      'x',
    ],
  ],
}
