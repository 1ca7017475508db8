// packages/kernel/src/guest/web/timers.ts: setTimeout and its kin over the host's one-shot timers, and what happens to errors nobody caught.
//   T1  A timer fires at most once per start; one that was cleared never does.
//   T2  A callback that throws is reported and harms no other timer.
//   T3  From the fifth nested timer on the delay is at least 4 ms, so a chain of zero delays cannot spin.
// @see https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html

import { requiring } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { ErrorEvent, EventTarget, onListenerError, trusted } from './events.ts'
import { webHost } from './host.ts'
import { inspect } from './inspect.ts'

const MAX_NESTING = 5
const NESTED_MS = 4
const MAX_MS = 2 ** 31 - 1

interface Timer {
  run: () => void
  ms: number
  repeats: boolean
  nesting: number
}

const timers = new Map<number, Timer>()
let lastId = 0
let nesting = 0

export function setTimeout(handler: unknown, ms?: unknown, ...args: unknown[]): number {
  return start(handler, ms, false, args)
}

export function setInterval(handler: unknown, ms?: unknown, ...args: unknown[]): number {
  return start(handler, ms, true, args)
}

export function clearTimeout(id?: unknown): void {
  const number = Number(id)
  if (timers.delete(number)) webHost().stopTimer(number) // T1
}

/** Runs the timer the host has called. Never throws (T2). */
export function fireTimer(id: number): void {
  const timer = timers.get(id)
  if (timer === undefined) return
  timer.nesting = nesting = Math.min(timer.nesting + 1, MAX_NESTING + 1)
  if (!timer.repeats) timers.delete(id)
  try {
    timer.run()
  } catch (error) {
    reportError(error)
  }
  nesting = 0
  if (timer.repeats && timers.has(id)) webHost().startTimer(id, clamp(timer.ms, timer.nesting))
}

export function queueMicrotask(callback: () => void): void {
  if (typeof callback !== 'function') throw new TypeError('queueMicrotask needs a function')
  settled.then(() => callback()).catch(reportError)
}

/** Listeners of the global object. */
export const globalTarget = new EventTarget()

let errorHandler: { value: unknown; listener: (event: Event) => void } | undefined

/** `onerror` of the global object: it is handed the parts of the event, and `true` prevents the report. */
export const onerror = {
  get: (): unknown => errorHandler?.value ?? null,
  set(value: unknown): void {
    if (errorHandler) globalTarget.removeEventListener('error', errorHandler.listener as never)
    errorHandler = undefined
    if (typeof value !== 'function') return
    const listener = (event: Event) => {
      const { message, filename, lineno, colno, error } = event as unknown as ErrorEvent
      if (value.call(globalThis, message, filename, lineno, colno, error) === true) event.preventDefault()
    }
    errorHandler = { value, listener }
    globalTarget.addEventListener('error', listener as never)
  },
}

/** Tells `error` listeners of the realm, then the host, unless one of them prevented that. */
export const reportError = requiring(1, 'reportError', report)

function report(error: unknown): void {
  const event = new ErrorEvent('error', {
    cancelable: true,
    error,
    message: error instanceof Error ? `Uncaught ${error}` : 'Uncaught',
  })
  const host = webHost()
  onListenerError(() => {}) // a listener of `error` that throws must not report itself for ever
  const prevented = !globalTarget.dispatchEvent(trusted(event))
  onListenerError(report)
  if (prevented) return
  if (host.uncaught) host.uncaught(error)
  else host.log('error', `Uncaught ${inspect(error)}`)
}

onListenerError(report)
const settled = Promise.resolve()

function start(handler: unknown, ms: unknown, repeats: boolean, args: unknown[]): number {
  if (typeof handler !== 'function') throw new TypeError('a timer needs a function')
  const id = ++lastId
  const delay = Math.trunc(Number(ms ?? 0))
  const timer: Timer = {
    run: () => handler.apply(globalThis, args),
    ms: delay >= 0 && delay <= MAX_MS ? delay : 0,
    repeats,
    nesting,
  }
  timers.set(id, timer)
  if (webHost().startTimer(id, clamp(timer.ms, nesting)) === false) {
    timers.delete(id)
    throw new DOMException('too many timers are running', 'QuotaExceededError')
  }
  return id
}

function clamp(ms: number, depth: number): number {
  return depth >= MAX_NESTING ? Math.max(ms, NESTED_MS) : ms // T3
}
