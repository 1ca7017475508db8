// test/conformance/cases/timers.ts: timers, microtasks and errors that nobody caught. @see https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html
import type { Area } from '../case.ts'
import { after, soon, thrown } from '../case.ts'

/** How often `work` makes the global object hear of `error`, which is of this case alone. */
async function reported(error: string, work: () => void): Promise<number> {
  let heard = 0
  const listener = (event: Event) => {
    if ((event as ErrorEvent).error !== error) return
    event.preventDefault()
    heard++
  }
  addEventListener('error', listener)
  try {
    work()
    await after(8)
  } finally {
    removeEventListener('error', listener)
  }
  return heard
}

/** A target whose listener of `x` throws. */
function failing(error: string): EventTarget {
  const target = new EventTarget()
  target.addEventListener('x', () => {
    throw error
  })
  return target
}

export const timers: Area = {
  name: 'Timers and errors',
  standard: 'https://html.spec.whatwg.org/multipage/webappapis.html',
  cases: [
    [
      'setTimeout runs later',
      async () => {
        const seen: string[] = []
        setTimeout(() => seen.push('timer'), 0)
        seen.push('now')
        await after(5)
        return seen
      },
      ['now', 'timer'],
    ],
    [
      'setTimeout hands arguments on',
      async () => {
        const seen = await new Promise((resolve) => setTimeout((...args: unknown[]) => resolve(args), 0, 1, 'a'))
        return seen
      },
      [1, 'a'],
    ],
    [
      'timers of the same time run in order',
      async () => {
        const seen: number[] = []
        for (const n of [1, 2, 3]) setTimeout(() => seen.push(n), 1)
        await after(10)
        return seen
      },
      [1, 2, 3],
    ],
    [
      'shorter timers run first',
      async () => {
        const seen: number[] = []
        setTimeout(() => seen.push(40), 40)
        setTimeout(() => seen.push(1), 1)
        await after(80)
        return seen
      },
      [1, 40],
    ],
    [
      'clearTimeout',
      async () => {
        let n = 0
        clearTimeout(setTimeout(() => n++, 1))
        await after(8)
        return n
      },
      0,
    ],
    [
      'clearTimeout of nothing',
      () => {
        clearTimeout(undefined)
        clearTimeout(123_456_789)
        clearInterval(undefined)
        return 'fine'
      },
      'fine',
    ],
    [
      'clearTimeout and clearInterval are of one list',
      async () => {
        let n = 0
        clearInterval(setTimeout(() => n++, 1))
        await after(8)
        return n
      },
      0,
    ],
    [
      'setInterval repeats until cleared',
      async () => {
        let n = 0
        await new Promise<void>((resolve) => {
          const id = setInterval(() => {
            if (++n === 3) {
              clearInterval(id)
              resolve()
            }
          }, 1)
        })
        await after(8)
        return n
      },
      3,
    ],
    [
      'a timer waits at least its time',
      async () => {
        const from = performance.now()
        await after(20)
        return performance.now() - from >= 19
      },
      true,
    ],
    [
      'a negative time is none',
      async () => {
        let ran = false
        setTimeout(() => {
          ran = true
        }, -5)
        await after(8)
        return ran
      },
      true,
    ],
    [
      'microtasks run before timers',
      async () => {
        const seen: string[] = []
        setTimeout(() => seen.push('timer'), 0)
        queueMicrotask(() => seen.push('micro'))
        await after(5)
        return seen
      },
      ['micro', 'timer'],
    ],
    [
      'microtasks run in order with promises',
      async () => {
        const seen: number[] = []
        queueMicrotask(() => seen.push(1))
        Promise.resolve().then(() => seen.push(2))
        queueMicrotask(() => seen.push(3))
        await soon()
        return seen
      },
      [1, 2, 3],
    ],
    [
      'microtasks of microtasks run before timers',
      async () => {
        const seen: string[] = []
        setTimeout(() => seen.push('timer'), 0)
        queueMicrotask(() => queueMicrotask(() => seen.push('inner')))
        await after(5)
        return seen
      },
      ['inner', 'timer'],
    ],
    ['queueMicrotask refuses what is no function', () => thrown(() => queueMicrotask(1 as never)), 'TypeError'],
    ['queueMicrotask answers nothing', () => queueMicrotask(() => {}), undefined],
    ['reportError tells the listeners', () => reported('reported', () => reportError('reported')), 1],
    [
      'an error in a timer is told',
      () =>
        reported('in a timer', () => {
          setTimeout(() => {
            throw 'in a timer'
          }, 0)
        }),
      1,
    ],
    [
      'an error in a microtask is told',
      () =>
        reported('in a microtask', () =>
          queueMicrotask(() => {
            throw 'in a microtask'
          }),
        ),
      1,
    ],
    [
      'an error in a listener is told',
      () => reported('in a listener', () => failing('in a listener').dispatchEvent(new Event('x'))),
      1,
    ],
    [
      'an error in one listener does not stop the next',
      async () => {
        let n = 0
        await reported('in the first', () => {
          const target = failing('in the first')
          target.addEventListener('x', () => n++)
          target.dispatchEvent(new Event('x'))
        })
        return n
      },
      1,
    ],
    [
      'the event of reportError',
      async () => {
        let seen: unknown
        const listener = (e: Event) => {
          e.preventDefault()
          seen = [e instanceof ErrorEvent, e.type, e.cancelable, (e as ErrorEvent).message.includes('boom')]
        }
        addEventListener('error', listener)
        reportError(new Error('boom'))
        removeEventListener('error', listener)
        return seen
      },
      [true, 'error', true, true],
    ],
    ['reportError needs an argument', () => thrown(() => (reportError as never as () => void)()), 'TypeError'],
    [
      'onerror hears of errors',
      async () => {
        const g = globalThis as never as { onerror: unknown }
        let seen: unknown
        g.onerror = (message: string, _file: string, _line: number, _column: number, error: unknown) => {
          seen = [typeof message, error]
          return true
        }
        reportError('x')
        g.onerror = null
        return seen
      },
      ['string', 'x'],
    ],
    [
      'an unhandled rejection is told',
      async () => {
        const seen: unknown[] = []
        const listener = (e: Event) => {
          if ((e as PromiseRejectionEvent).reason !== 'unheard') return
          e.preventDefault()
          seen.push(e.type)
        }
        addEventListener('unhandledrejection', listener)
        void Promise.reject('unheard')
        await after(20)
        removeEventListener('unhandledrejection', listener)
        return seen
      },
      ['unhandledrejection'],
    ],
  ],
}
