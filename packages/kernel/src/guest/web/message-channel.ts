// packages/kernel/src/guest/web/message-channel.ts: MessageChannel within one realm. @see https://html.spec.whatwg.org/multipage/web-messaging.html
import { structuredClone } from './clone.ts'
import { defineHandler, EventTarget, MessageEvent } from './events.ts'
import { setTimeout } from './timers.ts'

const INTERNAL = Symbol('internal')
let join: (a: MessagePort, b: MessagePort) => void

export class MessagePort extends EventTarget {
  #other: MessagePort | undefined
  #queue: unknown[] = []
  #started = false

  static {
    join = (a, b) => {
      a.#other = b
      b.#other = a
    }
  }

  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }

  postMessage(message: unknown, options: { transfer?: Iterable<unknown> } | unknown[] = {}): void {
    const copy = structuredClone(message, Array.isArray(options) ? { transfer: options } : options)
    const port = this.#other
    if (port === undefined) return
    port.#queue.push(copy)
    if (port.#started) setTimeout(() => port.#deliver(), 0)
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    if (this.#queue.length > 0) setTimeout(() => this.#deliver(), 0)
  }

  close(): void {
    if (this.#other) this.#other.#other = undefined
    this.#other = undefined
  }

  #deliver(): void {
    for (const data of this.#queue.splice(0)) this.dispatchEvent(new MessageEvent('message', { data }))
  }
}
defineHandler(MessagePort.prototype, 'message')
startOnHandler(MessagePort.prototype)

export class MessageChannel {
  readonly #ports = [new MessagePort(INTERNAL), new MessagePort(INTERNAL)] as const
  constructor() {
    join(...this.#ports)
  }
  get port1(): MessagePort {
    return this.#ports[0]
  }
  get port2(): MessagePort {
    return this.#ports[1]
  }
}

/** Setting `onmessage` also starts the port. */
function startOnHandler(prototype: MessagePort): void {
  const handler = Object.getOwnPropertyDescriptor(prototype, 'onmessage')!
  const set = function (this: MessagePort, value: unknown) {
    handler.set?.call(this, value)
    this.start()
  }
  Object.defineProperty(prototype, 'onmessage', { ...handler, set })
}
