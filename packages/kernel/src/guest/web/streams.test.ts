import { describe } from 'vitest'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()

describe('streams', () => {
  sameAsNode(use, [
    [
      'a source is pulled until it closes',
      `let n = 0; return read(new ReadableStream({ pull(c) { if (n === 3) c.close(); else c.enqueue(n++) } }))`,
    ],
    [
      'from takes iterables of both kinds',
      `return [await read(ReadableStream.from([1, 2])), await read(ReadableStream.from((async function* () { yield 'a'; yield 'b' })()))]`,
    ],
    [
      'pipes transform and honour back-pressure',
      `const log = []; const double = new TransformStream({ transform(x, c) { c.enqueue(x * 2) }, flush(c) { c.enqueue('end') } });
       await ReadableStream.from([1, 2, 3]).pipeThrough(double).pipeTo(new WritableStream({ write(x) { log.push(x) }, close() { log.push('closed') } })); return log`,
    ],
    [
      'tee gives both branches all',
      `const [a, b] = ReadableStream.from([1, 2, 3]).tee(); return Promise.all([read(a), read(b)])`,
    ],
    [
      'errors reach the reader',
      `const s = new ReadableStream({ start(c) { c.error(new RangeError('x')) } }); return [await name(() => s.getReader().read())]`,
    ],
    [
      'cancel tells the source',
      `let why; const s = new ReadableStream({ cancel(r) { why = r } }); await s.cancel('enough'); return [why, s.locked]`,
    ],
    [
      'a locked stream is refused',
      `const s = new ReadableStream(); s.getReader(); return [s.locked, await name(() => s.getReader()), await name(() => s.cancel())]`,
    ],
    [
      'byte streams fill the reader’s own buffer',
      `const s = new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array([1, 2, 3])); c.close() } }); const r = s.getReader({ mode: 'byob' }); const one = await r.read(new Uint8Array(2)); const two = await r.read(new Uint8Array(2)); const end = await r.read(new Uint8Array(2)); return [list(one.value), list(two.value), end.done]`,
    ],
    [
      'an abort ends a pipe',
      `const c = new AbortController(); const p = new ReadableStream().pipeTo(new WritableStream(), { signal: c.signal }); c.abort(); return name(() => p)`,
    ],
    [
      'strategies',
      `return [new CountQueuingStrategy({ highWaterMark: 3 }).size(), new ByteLengthQueuingStrategy({ highWaterMark: 3 }).size(new Uint8Array(5)), new WritableStream({}, { highWaterMark: 4 }).getWriter().desiredSize]`,
    ],
    [
      'tags',
      `return [new ReadableStream(), new WritableStream(), new TransformStream(), new ReadableStream().getReader()].map((s) => Object.prototype.toString.call(s) + s.constructor.name)`,
    ],
  ])
})
