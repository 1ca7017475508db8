// test/conformance/cases/events.ts: events and their targets. @see https://dom.spec.whatwg.org/#events
import type { Area } from '../case.ts'
import { thrown } from '../case.ts'

/** How often a listener added this way hears two events. */
function heard(add: (target: EventTarget, listener: () => void) => void): number {
  const target = new EventTarget()
  let n = 0
  add(target, () => n++)
  target.dispatchEvent(new Event('x'))
  target.dispatchEvent(new Event('x'))
  return n
}

export const events: Area = {
  name: 'Events',
  standard: 'https://dom.spec.whatwg.org/#events',
  cases: [
    [
      'what an event is without options',
      () => {
        const e = new Event('x')
        return [
          e.type,
          e.bubbles,
          e.cancelable,
          e.composed,
          e.defaultPrevented,
          e.target,
          e.currentTarget,
          e.eventPhase,
          e.isTrusted,
        ]
      },
      ['x', false, false, false, false, null, null, 0, false],
    ],
    [
      'options of an event',
      () => {
        const e = new Event('x', { bubbles: true, cancelable: true, composed: true })
        return [e.bubbles, e.cancelable, e.composed]
      },
      [true, true, true],
    ],
    ['an event needs a type', () => thrown(() => new (Event as never as new () => Event)()), 'TypeError'],
    [
      'a type is text',
      () => [new Event(null as never).type, new Event(undefined as never).type],
      ['null', 'undefined'],
    ],
    [
      'the time stamp is a time since the start',
      () => {
        const t = new Event('x').timeStamp
        return t >= 0 && t <= performance.now() + 1
      },
      true,
    ],
    [
      'phases are constants',
      () => [Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE, new Event('x').AT_TARGET],
      [0, 1, 2, 3, 2],
    ],
    ['isTrusted is of the instance', () => Object.hasOwn(new Event('x'), 'isTrusted'), true],
    ['a listener hears each event', () => heard((t, f) => t.addEventListener('x', f)), 2],
    [
      'the same listener is added once',
      () =>
        heard((t, f) => {
          t.addEventListener('x', f)
          t.addEventListener('x', f)
        }),
      2,
    ],
    [
      'capture makes it another listener',
      () =>
        heard((t, f) => {
          t.addEventListener('x', f)
          t.addEventListener('x', f, true)
        }),
      4,
    ],
    ['once', () => heard((t, f) => t.addEventListener('x', f, { once: true })), 1],
    [
      'removed',
      () =>
        heard((t, f) => {
          t.addEventListener('x', f)
          t.removeEventListener('x', f)
        }),
      0,
    ],
    [
      'removed only with the same capture',
      () =>
        heard((t, f) => {
          t.addEventListener('x', f, true)
          t.removeEventListener('x', f)
        }),
      2,
    ],
    [
      'a null listener is ignored',
      () =>
        heard((t) => {
          t.addEventListener('x', null)
          t.removeEventListener('x', null)
        }),
      0,
    ],
    ['an object with handleEvent', () => heard((t, f) => t.addEventListener('x', { handleEvent: f })), 2],
    [
      'handleEvent is looked up when called',
      () => {
        const target = new EventTarget()
        const seen: string[] = []
        const listener = { handleEvent: () => seen.push('one') }
        target.addEventListener('x', listener)
        listener.handleEvent = () => seen.push('two')
        target.dispatchEvent(new Event('x'))
        return seen
      },
      ['two'],
    ],
    [
      'a listener that is no object is TypeError',
      () => thrown(() => new EventTarget().addEventListener('x', 1 as never)),
      'TypeError',
    ],
    [
      '`this` is the target',
      () => {
        const t = new EventTarget()
        let self: unknown
        t.addEventListener('x', function (this: unknown) {
          self = this
        })
        t.dispatchEvent(new Event('x'))
        return self === t
      },
      true,
    ],
    [
      '`this` of handleEvent is its object',
      () => {
        const t = new EventTarget()
        let self: unknown
        const o = {
          handleEvent() {
            self = this
          },
        }
        t.addEventListener('x', o)
        t.dispatchEvent(new Event('x'))
        return self === o
      },
      true,
    ],
    [
      'during dispatch',
      () => {
        const t = new EventTarget()
        let seen: unknown
        t.addEventListener('x', (e) => {
          seen = [e.target === t, e.currentTarget === t, e.eventPhase, e.composedPath().length, e.srcElement === t]
        })
        t.dispatchEvent(new Event('x'))
        return seen
      },
      [true, true, 2, 1, true],
    ],
    [
      'after dispatch',
      () => {
        const t = new EventTarget()
        const e = new Event('x')
        t.dispatchEvent(e)
        return [e.target === t, e.currentTarget, e.eventPhase, e.composedPath().length]
      },
      [true, null, 0, 0],
    ],
    [
      'capturing listeners come first',
      () => {
        const t = new EventTarget()
        const seen: string[] = []
        t.addEventListener('x', () => seen.push('bubble'))
        t.addEventListener('x', () => seen.push('capture'), true)
        t.dispatchEvent(new Event('x'))
        return seen
      },
      ['capture', 'bubble'],
    ],
    [
      'in the order added',
      () => {
        const t = new EventTarget()
        const seen: number[] = []
        for (const n of [1, 2, 3]) t.addEventListener('x', () => seen.push(n))
        t.dispatchEvent(new Event('x'))
        return seen
      },
      [1, 2, 3],
    ],
    [
      'stopImmediatePropagation',
      () => {
        const t = new EventTarget()
        const seen: number[] = []
        t.addEventListener('x', (e) => {
          seen.push(1)
          e.stopImmediatePropagation()
        })
        t.addEventListener('x', () => seen.push(2))
        t.dispatchEvent(new Event('x'))
        return seen
      },
      [1],
    ],
    [
      'stopPropagation does not stop the same target',
      () => {
        const t = new EventTarget()
        const seen: number[] = []
        t.addEventListener('x', (e) => {
          seen.push(1)
          e.stopPropagation()
        })
        t.addEventListener('x', () => seen.push(2))
        t.dispatchEvent(new Event('x'))
        return seen
      },
      [1, 2],
    ],
    [
      'cancelBubble',
      () => {
        const e = new Event('x')
        const before = e.cancelBubble
        e.cancelBubble = true
        e.cancelBubble = false
        return [before, e.cancelBubble]
      },
      [false, true],
    ],
    [
      'preventDefault',
      () => {
        const t = new EventTarget()
        t.addEventListener('x', (e) => e.preventDefault())
        const e = new Event('x', { cancelable: true })
        return [t.dispatchEvent(e), e.defaultPrevented]
      },
      [false, true],
    ],
    [
      'preventDefault of what cannot be prevented',
      () => {
        const t = new EventTarget()
        t.addEventListener('x', (e) => e.preventDefault())
        const e = new Event('x')
        return [t.dispatchEvent(e), e.defaultPrevented]
      },
      [true, false],
    ],
    [
      'preventDefault in a passive listener',
      () => {
        const t = new EventTarget()
        t.addEventListener('x', (e) => e.preventDefault(), { passive: true })
        const e = new Event('x', { cancelable: true })
        return [t.dispatchEvent(e), e.defaultPrevented]
      },
      [true, false],
    ],
    [
      'returnValue',
      () => {
        const e = new Event('x', { cancelable: true })
        e.returnValue = false
        return [e.returnValue, e.defaultPrevented]
      },
      [false, true],
    ],
    [
      'listeners added during a dispatch wait',
      () => {
        const t = new EventTarget()
        let n = 0
        t.addEventListener('x', () => t.addEventListener('x', () => n++), { once: true })
        t.dispatchEvent(new Event('x'))
        const during = n
        t.dispatchEvent(new Event('x'))
        return [during, n]
      },
      [0, 1],
    ],
    [
      'listeners removed during a dispatch are not called',
      () => {
        const t = new EventTarget()
        let n = 0
        const late = () => n++
        t.addEventListener('x', () => t.removeEventListener('x', late))
        t.addEventListener('x', late)
        t.dispatchEvent(new Event('x'))
        return n
      },
      0,
    ],
    [
      'an event that is being dispatched cannot be dispatched',
      () => {
        const t = new EventTarget()
        let name: unknown
        t.addEventListener('x', (e) => {
          try {
            t.dispatchEvent(e)
          } catch (error) {
            name = (error as Error).name
          }
        })
        t.dispatchEvent(new Event('x'))
        return name
      },
      'InvalidStateError',
    ],
    [
      'an event can be dispatched again',
      () => {
        const t = new EventTarget()
        let n = 0
        t.addEventListener('x', () => n++)
        const e = new Event('x')
        t.dispatchEvent(e)
        t.dispatchEvent(e)
        return n
      },
      2,
    ],
    [
      'what is no event is TypeError',
      async () => [
        await thrown(() => new EventTarget().dispatchEvent({ type: 'x' } as never)),
        await thrown(() => new EventTarget().dispatchEvent(null as never)),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'a class of its own may extend EventTarget',
      () => {
        class Mine extends EventTarget {
          n = 0
        }
        const t = new Mine()
        t.addEventListener('x', () => t.n++)
        t.dispatchEvent(new Event('x'))
        return [t.n, t instanceof EventTarget]
      },
      [1, true],
    ],
    [
      'a class of its own may extend Event',
      () => {
        class Mine extends Event {
          n = 4
        }
        const t = new EventTarget()
        let n: unknown
        t.addEventListener('x', (e) => {
          n = (e as Mine).n
        })
        t.dispatchEvent(new Mine('x'))
        return n
      },
      4,
    ],
    [
      'CustomEvent has a detail',
      () => [
        new CustomEvent('x', { detail: { a: 1 } }).detail,
        new CustomEvent('x').detail,
        new CustomEvent('x') instanceof Event,
      ],
      [{ a: 1 }, null, true],
    ],
    [
      'ErrorEvent',
      () => {
        const e = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 1, colno: 2, error: 3 })
        return [e.message, e.filename, e.lineno, e.colno, e.error, e instanceof Event]
      },
      ['m', 'f', 1, 2, 3, true],
    ],
    [
      'ErrorEvent without options',
      () => {
        const e = new ErrorEvent('error')
        return [e.message, e.filename, e.lineno, e.colno, e.error]
      },
      ['', '', 0, 0, undefined],
    ],
    [
      'MessageEvent',
      () => {
        const e = new MessageEvent('message', { data: 1, origin: 'o', lastEventId: 'i' })
        return [e.data, e.origin, e.lastEventId, e.source, e.ports.length]
      },
      [1, 'o', 'i', null, 0],
    ],
    [
      'MessageEvent without options',
      () => {
        const e = new MessageEvent('message')
        return [e.data, e.origin, e.lastEventId, e.source]
      },
      [null, '', '', null],
    ],
    [
      'PromiseRejectionEvent',
      () => {
        const promise = Promise.resolve(1)
        const e = new PromiseRejectionEvent('unhandledrejection', { promise, reason: 'why' })
        return [e.promise === promise, e.reason, e instanceof Event]
      },
      [true, 'why', true],
    ],
    [
      'PromiseRejectionEvent needs a promise',
      () => thrown(() => new PromiseRejectionEvent('x', {} as never)),
      'TypeError',
    ],
    [
      'the global object is a target',
      () => {
        let n = 0
        const listener = () => n++
        addEventListener('conformance', listener)
        dispatchEvent(new Event('conformance'))
        removeEventListener('conformance', listener)
        dispatchEvent(new Event('conformance'))
        return n
      },
      1,
    ],
    [
      'class strings',
      () =>
        [new Event('x'), new EventTarget(), new CustomEvent('x'), new ErrorEvent('x'), new MessageEvent('x')].map((x) =>
          Object.prototype.toString.call(x),
        ),
      [
        '[object Event]',
        '[object EventTarget]',
        '[object CustomEvent]',
        '[object ErrorEvent]',
        '[object MessageEvent]',
      ],
    ],
  ],
}
