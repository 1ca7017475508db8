// test/conformance/cases/headers.ts: Headers. @see https://fetch.spec.whatwg.org/#headers-class
import type { Area, Case } from '../case.ts'
import { thrown } from '../case.ts'

const BAD_NAMES = ['', ' a', 'a b', 'a\n', 'é', 'a:', '(', '{}', 'a/b']
const BAD_VALUES = ['a\0b', 'a\nb', 'a\rb', 'a\u0100']

export const headers: Area = {
  name: 'Headers',
  standard: 'https://fetch.spec.whatwg.org/#headers-class',
  cases: [
    ...BAD_NAMES.map(
      (name): Case => [
        `the name ${JSON.stringify(name)} is refused`,
        async () => [await thrown(() => new Headers([[name, 'x']])), await thrown(() => new Headers().get(name))],
        ['TypeError', 'TypeError'],
      ],
    ),
    ...BAD_VALUES.map(
      (value): Case => [
        `the value ${JSON.stringify(value)} is refused`,
        () => thrown(() => new Headers().append('a', value)),
        'TypeError',
      ],
    ),
    ['made of nothing', () => [[...new Headers()], [...new Headers(undefined)]], [[], []]],
    ['made of null is TypeError', () => thrown(() => new Headers(null as never)), 'TypeError'],
    ['made of text is TypeError', () => thrown(() => new Headers('a' as never)), 'TypeError'],
    [
      'made of pairs',
      () => [
        ...new Headers([
          ['B', '2'],
          ['a', '1'],
        ]),
      ],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'made of a record',
      () => [...new Headers({ B: '2', a: '1' })],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['made of another one', () => [...new Headers(new Headers({ a: '1' }))], [['a', '1']]],
    ['made of a Map', () => [...new Headers(new Map([['a', '1']]) as never)], [['a', '1']]],
    ['a pair of one is refused', () => thrown(() => new Headers([['a']] as never)), 'TypeError'],
    ['values become text', () => new Headers({ a: 1 as never }).get('a'), '1'],
    [
      'names are without case',
      () => {
        const h = new Headers({ 'Content-Type': 'x' })
        return [h.get('content-TYPE'), h.has('CONTENT-type')]
      },
      ['x', true],
    ],
    [
      'values are trimmed of HTTP white space',
      () => [
        new Headers({ a: ' \t\r\nb c\n ' }).get('a'),
        new Headers({ a: ' ' }).get('a'),
        new Headers({ a: '\u00a0b' }).get('a'),
      ],
      ['b c', '', '\u00a0b'],
    ],
    [
      'same names are joined',
      () => {
        const h = new Headers([
          ['a', '1'],
          ['A', '2'],
        ])
        h.append('a', '')
        return h.get('a')
      },
      '1, 2, ',
    ],
    ['get of none is null', () => new Headers().get('a'), null],
    [
      'set replaces all',
      () => {
        const h = new Headers([
          ['a', '1'],
          ['a', '2'],
        ])
        h.set('A', '3')
        return [...h]
      },
      [['a', '3']],
    ],
    [
      'delete removes all, and none is no error',
      () => {
        const h = new Headers([
          ['a', '1'],
          ['a', '2'],
        ])
        h.delete('A')
        h.delete('b')
        return [...h]
      },
      [],
    ],
    [
      'iterating is sorted and in lower case',
      () => [...new Headers({ Z: '1', b: '2', A: '3' }).keys()],
      ['a', 'b', 'z'],
    ],
    [
      'set-cookie stays apart',
      () => {
        const h = new Headers([
          ['set-cookie', 'a=1'],
          ['x', '1'],
          ['Set-Cookie', 'b=2'],
        ])
        return [[...h], h.get('set-cookie'), h.getSetCookie()]
      },
      [
        [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['x', '1'],
        ],
        'a=1, b=2',
        ['a=1', 'b=2'],
      ],
    ],
    ['getSetCookie of none is empty', () => new Headers().getSetCookie(), []],
    [
      'setting set-cookie replaces all',
      () => {
        const h = new Headers([
          ['set-cookie', 'a'],
          ['set-cookie', 'b'],
        ])
        h.set('set-cookie', 'c')
        return h.getSetCookie()
      },
      ['c'],
    ],
    [
      'forEach gives value, name, headers',
      () => {
        const h = new Headers({ a: '1' })
        const seen: unknown[] = []
        h.forEach((value, name, all) => void seen.push(value, name, all === h))
        return seen
      },
      ['1', 'a', true],
    ],
    ['forEach refuses what is no function', () => thrown(() => new Headers().forEach(undefined as never)), 'TypeError'],
    [
      'keys, values, entries',
      () => {
        const h = new Headers({ b: '2', a: '1' })
        return [[...h.keys()], [...h.values()], [...h.entries()]]
      },
      [
        ['a', 'b'],
        ['1', '2'],
        [
          ['a', '1'],
          ['b', '2'],
        ],
      ],
    ],
    [
      'iterators see what is added behind them',
      () => {
        const h = new Headers({ a: '1' })
        const seen: string[] = []
        for (const [name] of h) {
          seen.push(name)
          if (name === 'a') h.set('b', '2')
        }
        return seen
      },
      ['a', 'b'],
    ],
    [
      'the iterator has its class string',
      () => Object.prototype.toString.call(new Headers().entries()),
      '[object Headers Iterator]',
    ],
    ['bytes of latin-1 are kept', () => new Headers({ a: '\u00e9' }).get('a'), 'é'],
    [
      'headers of a response are mutable when made',
      () => {
        const { headers: h } = new Response(null, { headers: { a: '1' } })
        h.set('a', '2')
        return h.get('a')
      },
      '2',
    ],
    [
      'headers of Response.error() are immutable',
      () => thrown(() => Response.error().headers.append('a', 'b')),
      'TypeError',
    ],
    [
      'headers of Response.redirect() are immutable',
      () => thrown(() => Response.redirect('http://a/').headers.set('a', 'b')),
      'TypeError',
    ],
    [
      'a missing argument is TypeError',
      () => thrown(() => (new Headers() as never as { append(a: string): void }).append('a')),
      'TypeError',
    ],
    ['the class string', () => Object.prototype.toString.call(new Headers()), '[object Headers]'],
    ['methods are enumerable on the prototype', () => Object.keys(Headers.prototype).includes('append'), true],
  ],
}
