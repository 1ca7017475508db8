// test/conformance/cases/abort.ts: AbortController and AbortSignal. @see https://dom.spec.whatwg.org/#aborting-ongoing-activities
import type { Area } from '../case.ts'
import { after, always, thrown } from '../case.ts'

export const abort: Area = {
  name: 'Abort',
  standard: 'https://dom.spec.whatwg.org/#aborting-ongoing-activities',
  cases: [
    [
      'a signal starts unaborted',
      () => {
        const { signal } = new AbortController()
        return [signal.aborted, signal.reason]
      },
      [false, undefined],
    ],
    [
      'abort without a reason',
      () => {
        const c = new AbortController()
        c.abort()
        return [
          c.signal.aborted,
          c.signal.reason instanceof DOMException,
          (c.signal.reason as Error).name,
          (c.signal.reason as DOMException).code,
        ]
      },
      [true, true, 'AbortError', 20],
    ],
    [
      'abort with a reason',
      () => {
        const c = new AbortController()
        c.abort('x')
        return c.signal.reason
      },
      'x',
    ],
    [
      'abort with null',
      () => {
        const c = new AbortController()
        c.abort(null)
        return c.signal.reason
      },
      null,
    ],
    [
      'abort with undefined is an AbortError',
      () => {
        const c = new AbortController()
        c.abort(undefined)
        return (c.signal.reason as Error).name
      },
      'AbortError',
    ],
    [
      'the first reason stays',
      () => {
        const c = new AbortController()
        c.abort(1)
        c.abort(2)
        return c.signal.reason
      },
      1,
    ],
    [
      'the signal is always the same',
      () => {
        const c = new AbortController()
        return always(() => c.signal)
      },
      true,
    ],
    [
      'listeners hear once',
      () => {
        const c = new AbortController()
        let n = 0
        c.signal.addEventListener('abort', () => n++)
        c.abort()
        c.abort()
        return n
      },
      1,
    ],
    [
      'the event',
      () => {
        const c = new AbortController()
        let seen: unknown
        c.signal.addEventListener('abort', (e) => {
          seen = [e.type, e.target === c.signal, e.bubbles, e.cancelable, e instanceof Event]
        })
        c.abort()
        return seen
      },
      ['abort', true, false, false, true],
    ],
    [
      'the event is trusted',
      () => {
        const c = new AbortController()
        let trusted: unknown
        c.signal.addEventListener('abort', (e) => {
          trusted = e.isTrusted
        })
        c.abort()
        return trusted
      },
      true,
    ],
    [
      'onabort',
      () => {
        const c = new AbortController()
        let n = 0
        c.signal.onabort = () => n++
        c.abort()
        return [n, typeof c.signal.onabort]
      },
      [1, 'function'],
    ],
    [
      'onabort can be taken away',
      () => {
        const c = new AbortController()
        let n = 0
        c.signal.onabort = () => n++
        c.signal.onabort = null
        c.abort()
        return [n, c.signal.onabort]
      },
      [0, null],
    ],
    [
      'aborted is set before listeners run',
      () => {
        const c = new AbortController()
        let seen: unknown
        c.signal.addEventListener('abort', () => {
          seen = c.signal.aborted
        })
        c.abort()
        return seen
      },
      true,
    ],
    [
      'a listener added after the abort is not called',
      () => {
        const c = new AbortController()
        c.abort()
        let n = 0
        c.signal.addEventListener('abort', () => n++)
        return n
      },
      0,
    ],
    [
      'throwIfAborted',
      async () => {
        const c = new AbortController()
        c.signal.throwIfAborted()
        c.abort(new RangeError('x'))
        return thrown(() => c.signal.throwIfAborted())
      },
      'RangeError',
    ],
    [
      'AbortSignal.abort',
      () => {
        const s = AbortSignal.abort()
        return [s.aborted, (s.reason as Error).name, AbortSignal.abort('x').reason]
      },
      [true, 'AbortError', 'x'],
    ],
    [
      'AbortSignal.timeout aborts with TimeoutError',
      async () => {
        const s = AbortSignal.timeout(5)
        const before = s.aborted
        await new Promise((resolve) => {
          s.onabort = resolve
        })
        return [
          before,
          s.aborted,
          (s.reason as Error).name,
          (s.reason as DOMException).code,
          s.reason instanceof DOMException,
        ]
      },
      [false, true, 'TimeoutError', 23, true],
    ],
    ['AbortSignal.timeout refuses a negative time', () => thrown(() => AbortSignal.timeout(-1)), 'TypeError'],
    [
      'AbortSignal.timeout refuses what is no number',
      () => thrown(() => AbortSignal.timeout('x' as never)),
      'TypeError',
    ],
    ['AbortSignal.any of none never aborts', () => AbortSignal.any([]).aborted, false],
    [
      'AbortSignal.any of an aborted one is aborted',
      () => AbortSignal.any([new AbortController().signal, AbortSignal.abort('x'), AbortSignal.abort('y')]).reason,
      'x',
    ],
    [
      'AbortSignal.any follows',
      () => {
        const [a, b] = [new AbortController(), new AbortController()]
        const s = AbortSignal.any([a.signal, b.signal])
        b.abort('b')
        a.abort('a')
        return s.reason
      },
      'b',
    ],
    [
      'AbortSignal.any makes a new signal',
      () => {
        const { signal } = new AbortController()
        return AbortSignal.any([signal]) === signal
      },
      false,
    ],
    [
      'AbortSignal.any follows through others',
      () => {
        const c = new AbortController()
        const s = AbortSignal.any([AbortSignal.any([c.signal]), new AbortController().signal])
        let n = 0
        s.onabort = () => n++
        c.abort('x')
        return [s.reason, n]
      },
      ['x', 1],
    ],
    [
      'AbortSignal.any fires after the source',
      () => {
        const c = new AbortController()
        const seen: string[] = []
        const s = AbortSignal.any([c.signal])
        s.onabort = () => seen.push('dependent')
        c.signal.onabort = () => seen.push('source')
        c.abort()
        return seen
      },
      ['source', 'dependent'],
    ],
    [
      'all dependents are aborted before any listener runs',
      () => {
        const c = new AbortController()
        const s = AbortSignal.any([c.signal])
        let seen: unknown
        c.signal.onabort = () => {
          seen = s.aborted
        }
        c.abort()
        return seen
      },
      true,
    ],
    [
      'AbortSignal.any takes any iterable',
      () => AbortSignal.any(new Set([AbortSignal.abort('x')]) as never).reason,
      'x',
    ],
    ['AbortSignal.any refuses what is no signal', () => thrown(() => AbortSignal.any([{}] as never)), 'TypeError'],
    ['the constructor of AbortSignal is closed', () => thrown(() => new AbortSignal()), 'TypeError'],
    [
      'a signal removes listeners of other targets',
      () => {
        const c = new AbortController()
        const t = new EventTarget()
        let n = 0
        t.addEventListener('x', () => n++, { signal: c.signal })
        t.dispatchEvent(new Event('x'))
        c.abort()
        t.dispatchEvent(new Event('x'))
        return n
      },
      1,
    ],
    [
      'a listener with an aborted signal is not added',
      () => {
        const t = new EventTarget()
        let n = 0
        t.addEventListener('x', () => n++, { signal: AbortSignal.abort() })
        t.dispatchEvent(new Event('x'))
        return n
      },
      0,
    ],
    [
      'a timeout that is not due has not fired',
      async () => {
        const s = AbortSignal.timeout(60_000)
        await after(5)
        return s.aborted
      },
      false,
    ],
    [
      'class strings',
      () => [
        Object.prototype.toString.call(new AbortController()),
        Object.prototype.toString.call(new AbortController().signal),
      ],
      ['[object AbortController]', '[object AbortSignal]'],
    ],
    ['a signal is an EventTarget', () => new AbortController().signal instanceof EventTarget, true],
  ],
}
