// packages/kernel/src/guest/web/events.ts: Event, EventTarget and the small events built on them. There is no tree, so
// a target is its own path. @see https://dom.spec.whatwg.org/#events
//   E1  A listener that throws does not stop the others; the error is reported.
//   E2  Listeners added during a dispatch wait for the next one; removed ones are not called.
import { sinceStart } from './clock.ts'
import { DOMException } from './dom-exception.ts'

interface Listener {
  type: string
  callback: EventListenerOrEventListenerObject
  capture: boolean
  once: boolean
  passive: boolean
  removed: boolean
  forget?: () => void
}

interface Flags {
  target: EventTarget | null
  current: EventTarget | null
  stopped: boolean
  canceled: boolean
  passive: boolean
  dispatching: boolean
  trusted: boolean
}

let flagsOf: (event: Event) => Flags
let reporter: (error: unknown) => void = () => {}

/** Who hears of errors that listeners throw (E1). */
export function onListenerError(report: (error: unknown) => void): void {
  reporter = report
}

export class Event {
  static readonly NONE = 0
  static readonly CAPTURING_PHASE = 1
  static readonly AT_TARGET = 2
  static readonly BUBBLING_PHASE = 3
  readonly #type: string
  readonly #init: EventInit
  readonly #timeStamp = sinceStart()
  #propagates = true
  readonly #flags: Flags = {
    target: null,
    current: null,
    stopped: false,
    canceled: false,
    passive: false,
    dispatching: false,
    trusted: false,
  }

  static {
    flagsOf = (event) => event.#flags
  }

  constructor(...args: [type: string, init?: EventInit]) {
    if (!(0 in args)) throw new TypeError('an event needs a type')
    const [type, init] = args
    this.#type = `${type}`
    Object.defineProperty(this, 'isTrusted', TRUSTED) // of the instance, by the standard
    this.#init = {
      bubbles: Boolean(init?.bubbles),
      cancelable: Boolean(init?.cancelable),
      composed: Boolean(init?.composed),
    }
  }

  get type(): string {
    return this.#type
  }
  get target(): EventTarget | null {
    return this.#flags.target
  }
  get srcElement(): EventTarget | null {
    return this.#flags.target
  }
  get currentTarget(): EventTarget | null {
    return this.#flags.current
  }
  get eventPhase(): number {
    return this.#flags.dispatching ? Event.AT_TARGET : Event.NONE
  }
  get bubbles(): boolean {
    return this.#init.bubbles === true
  }
  get cancelable(): boolean {
    return this.#init.cancelable === true
  }
  get composed(): boolean {
    return this.#init.composed === true
  }
  get defaultPrevented(): boolean {
    return this.#flags.canceled
  }
  get returnValue(): boolean {
    return !this.#flags.canceled
  }
  set returnValue(value: boolean) {
    if (!value) this.preventDefault()
  }
  get cancelBubble(): boolean {
    return !this.#propagates
  }
  set cancelBubble(value: boolean) {
    if (value) this.#propagates = false
  }
  get timeStamp(): number {
    return this.#timeStamp
  }
  declare readonly isTrusted: boolean
  composedPath(): EventTarget[] {
    return this.#flags.current ? [this.#flags.current] : []
  }
  stopPropagation(): void {
    this.#propagates = false
  }
  stopImmediatePropagation(): void {
    this.#propagates = false
    this.#flags.stopped = true
  }
  preventDefault(): void {
    if (this.cancelable && !this.#flags.passive) this.#flags.canceled = true
  }
}

const TRUSTED = {
  enumerable: true,
  get(this: Event): boolean {
    return flagsOf(this).trusted
  },
}

/** Marks an event as made by the runtime. */
export function trusted<E extends Event>(event: E): E {
  flagsOf(event).trusted = true
  return event
}

for (const phase of ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'] as const) {
  Object.defineProperty(Event.prototype, phase, { value: Event[phase], enumerable: true })
}

export class EventTarget {
  #listeners: Listener[] = []

  addEventListener(
    type: string,
    callback: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    if (callback === null || callback === undefined) return
    if (typeof callback !== 'function' && typeof callback !== 'object')
      throw new TypeError('a listener must be a function or an object')
    const { capture, once, passive, signal } = readOptions(options)
    const name = String(type)
    if (signal?.aborted || this.#find(name, callback, capture) !== undefined) return
    const listener: Listener = { type: name, callback, capture, once, passive, removed: false }
    this.#listeners.push(listener)
    if (signal === undefined) return
    const remove = () => this.#remove(listener)
    signal.addEventListener('abort', remove, { once: true })
    listener.forget = () => signal.removeEventListener('abort', remove)
  }

  removeEventListener(
    type: string,
    callback: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void {
    const listener = callback && this.#find(String(type), callback, readOptions(options).capture)
    if (listener) this.#remove(listener)
  }

  dispatchEvent(event: Event): boolean {
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent needs an Event')
    const flags = flagsOf(event)
    if (flags.dispatching) throw new DOMException('The event is already being dispatched', 'InvalidStateError')
    Object.assign(flags, { target: this, current: this, dispatching: true })
    for (const listener of this.#inOrder(event.type)) {
      if (listener.removed) continue // E2
      if (listener.once) this.#remove(listener)
      flags.passive = listener.passive
      this.#call(listener, event)
      if (flags.stopped) break
    }
    Object.assign(flags, { current: null, dispatching: false, stopped: false, passive: false })
    return !flags.canceled
  }

  #inOrder(type: string): Listener[] {
    const mine = this.#listeners.filter((listener) => listener.type === type)
    return mine.some((listener) => listener.capture)
      ? [...mine.filter((l) => l.capture), ...mine.filter((l) => !l.capture)]
      : mine
  }

  #call(listener: Listener, event: Event): void {
    try {
      const { callback } = listener
      if (typeof callback === 'function') callback.call(this as never, event as never)
      else callback.handleEvent(event as never)
    } catch (error) {
      reporter(error) // E1
    }
  }

  #find(type: string, callback: unknown, capture: boolean): Listener | undefined {
    return this.#listeners.find((l) => l.type === type && l.callback === callback && l.capture === capture)
  }

  #remove(listener: Listener): void {
    listener.removed = true
    listener.forget?.()
    this.#listeners = this.#listeners.filter((other) => other !== listener)
  }
}

export class CustomEvent extends Event {
  readonly #detail: unknown
  constructor(type: string, init: CustomEventInit = {}) {
    super(type, init)
    this.#detail = init?.detail ?? null
  }
  get detail(): unknown {
    return this.#detail
  }
}

export class ErrorEvent extends Event {
  readonly #init: ErrorEventInit
  constructor(type: string, init: ErrorEventInit = {}) {
    super(type, init)
    this.#init = { ...init }
  }
  get message(): string {
    return this.#init.message ?? ''
  }
  get filename(): string {
    return this.#init.filename ?? ''
  }
  get lineno(): number {
    return this.#init.lineno ?? 0
  }
  get colno(): number {
    return this.#init.colno ?? 0
  }
  get error(): unknown {
    return this.#init.error
  }
}

export class MessageEvent extends Event {
  readonly #init: MessageEventInit
  constructor(type: string, init: MessageEventInit = {}) {
    super(type, init)
    this.#init = { ...init }
  }
  get data(): unknown {
    return this.#init.data ?? null
  }
  get origin(): string {
    return this.#init.origin ?? ''
  }
  get lastEventId(): string {
    return this.#init.lastEventId ?? ''
  }
  get source(): unknown {
    return this.#init.source ?? null
  }
  get ports(): readonly unknown[] {
    return this.#init.ports ?? []
  }
}

export class PromiseRejectionEvent extends Event {
  readonly #promise: Promise<unknown>
  readonly #reason: unknown
  constructor(type: string, init: { promise: Promise<unknown>; reason?: unknown } & EventInit) {
    if (typeof init?.promise !== 'object') throw new TypeError('a PromiseRejectionEvent needs its promise')
    super(type, init)
    this.#promise = init.promise
    this.#reason = init.reason
  }
  get promise(): Promise<unknown> {
    return this.#promise
  }
  get reason(): unknown {
    return this.#reason
  }
}

/** Gives `target` an event handler attribute such as `onabort`. */
export function defineHandler(target: object, type: string): void {
  const handlers = new WeakMap<object, { value: unknown; listener: () => void }>()
  Object.defineProperty(target, `on${type}`, {
    configurable: true,
    enumerable: true,
    get(this: object) {
      return handlers.get(this)?.value ?? null
    },
    set(this: EventTarget, value: unknown) {
      const old = handlers.get(this)
      if (old) this.removeEventListener(type, old.listener)
      handlers.delete(this)
      if (typeof value !== 'function') return
      const listener = value.bind(this) as () => void
      handlers.set(this, { value, listener })
      this.addEventListener(type, listener)
    },
  })
}

function readOptions(options: AddEventListenerOptions | boolean | undefined) {
  if (typeof options !== 'object' || options === null)
    return { capture: Boolean(options), once: false, passive: false, signal: undefined }
  const { capture, once, passive, signal } = options
  return { capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), signal }
}
