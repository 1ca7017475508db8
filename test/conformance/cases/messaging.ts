// test/conformance/cases/messaging.ts: MessageChannel. @see https://html.spec.whatwg.org/multipage/web-messaging.html
import type { Area } from '../case.ts'
import { after, bytes, hex, thrown } from '../case.ts'

/** What the other port hears. */
function heard(message: unknown, options?: StructuredSerializeOptions): Promise<MessageEvent> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve) => {
    port2.onmessage = (event) => {
      resolve(event)
      port2.close()
    }
    port1.postMessage(message, options)
  })
}

export const messaging: Area = {
  name: 'Messaging',
  standard: 'https://html.spec.whatwg.org/multipage/web-messaging.html',
  cases: [
    [
      'a message arrives as a copy',
      async () => {
        const sent = { a: [1] }
        const { data } = await heard(sent)
        return [data, data !== sent]
      },
      [{ a: [1] }, true],
    ],
    [
      'the event is a MessageEvent',
      async () => {
        const e = await heard(1)
        return [e instanceof MessageEvent, e.type]
      },
      [true, 'message'],
    ],
    [
      'messages arrive later and in order',
      async () => {
        const { port1, port2 } = new MessageChannel()
        const seen: unknown[] = []
        port2.onmessage = (e) => seen.push(e.data)
        port1.postMessage(1)
        port1.postMessage(2)
        seen.push('now')
        await after(15)
        port1.close()
        return seen
      },
      ['now', 1, 2],
    ],
    [
      'both ways',
      async () => {
        const { port1, port2 } = new MessageChannel()
        port2.onmessage = (e) => port2.postMessage(e.data + 1)
        const answer = new Promise((resolve) => {
          port1.onmessage = (e) => resolve(e.data)
        })
        port1.postMessage(1)
        const got = await answer
        port1.close()
        return got
      },
      2,
    ],
    [
      'a port that is not started keeps messages',
      async () => {
        const { port1, port2 } = new MessageChannel()
        const seen: unknown[] = []
        port1.postMessage(1)
        port2.addEventListener('message', (e) => seen.push((e as MessageEvent).data))
        await after(8)
        const before = [...seen]
        port2.start()
        await after(8)
        port1.close()
        return [before, seen]
      },
      [[], [1]],
    ],
    [
      'what cannot be copied throws',
      () => thrown(() => new MessageChannel().port1.postMessage(() => {})),
      'DataCloneError',
    ],
    [
      'a buffer moves',
      async () => {
        const { buffer } = bytes(1, 2)
        const { data } = await heard(buffer, { transfer: [buffer] })
        return [buffer.byteLength, hex(data)]
      },
      [0, '0102'],
    ],
    [
      'a closed port hears nothing',
      async () => {
        const { port1, port2 } = new MessageChannel()
        let n = 0
        port2.onmessage = () => n++
        port2.close()
        port1.postMessage(1)
        await after(8)
        return n
      },
      0,
    ],
    ['the constructor of MessagePort is closed', () => thrown(() => new MessagePort()), 'TypeError'],
    ['ports are targets of events', () => new MessageChannel().port1 instanceof EventTarget, true],
  ],
}
