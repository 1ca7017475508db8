// packages/kernel/src/guest/web/message-channel.ts: MessageChannel within one realm. @see https://html.spec.whatwg.org/multipage/web-messaging.html
import { addTransferable, cloneMoving } from './clone.ts'
import { defineHandler, EventTarget, MessageEvent, trusted } from './events.ts'
import { setTimeout } from './timers.ts'

const INTERNAL = Symbol('internal')
let join: (a: MessagePort, b: MessagePort) => void
let move: (port: MessagePort) => MessagePort

interface Message {
  data: unknown
  ports: MessagePort[]
}

export class MessagePort extends EventTarget {
  #other: MessagePort | undefined
  #queue: Message[] = []
  #started = false

  static {
    join = (a, b) => {
      a.#other = b
      b.#other = a
    }
    move = (port) => {
      const heir = new MessagePort(INTERNAL)
      heir.#queue = port.#queue.splice(0)
      if (port.#other) join(heir, port.#other)
      port.#other = undefined
      return heir
    }
  }

  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super()
  }

  postMessage(message: unknown, options: { transfer?: Iterable<unknown> } | unknown[] = {}): void {
    const { copy, moved } = cloneMoving(message, Array.isArray(options) ? { transfer: options } : options)
    const port = this.#other
    if (port === undefined) return
    port.#queue.push({ data: copy, ports: moved.filter((item) => item instanceof MessagePort) })
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
    for (const { data, ports } of this.#queue.splice(0))
      this.dispatchEvent(trusted(new MessageEvent('message', { data, ports: ports as never })))
  }
}
defineHandler(MessagePort.prototype, 'message')
startOnHandler(MessagePort.prototype)
addTransferable({ isMovable: (object) => object instanceof MessagePort, move: (port) => move(port as MessagePort) })

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
