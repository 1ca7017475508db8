// test/conformance/cases/search-params.ts: URLSearchParams. @see https://url.spec.whatwg.org/#interface-urlsearchparams
import type { Area, Case } from '../case.ts'
import { thrown } from '../case.ts'

const PARSED: readonly (readonly [text: string, pairs: [string, string][]])[] = [
  ['', []],
  ['?', []],
  ['a=b', [['a', 'b']]],
  ['?a=b', [['a', 'b']]],
  ['??a=b', [['?a', 'b']]],
  ['a', [['a', '']]],
  ['=a', [['', 'a']]],
  ['=', [['', '']]],
  ['&&a=1&&', [['a', '1']]],
  ['a=b=c', [['a', 'b=c']]],
  [
    'a=1&a=2',
    [
      ['a', '1'],
      ['a', '2'],
    ],
  ],
  ['a+b=c+d', [['a b', 'c d']]],
  ['a%20b=%63', [['a b', 'c']]],
  ['a=%2B', [['a', '+']]],
  ['a=%', [['a', '%']]],
  ['a=%zz%4', [['a', '%zz%4']]],
  ['a=%C3%A9', [['a', 'é']]],
  ['a=%E2%82', [['a', '\ufffd']]],
  ['a=%FF%41', [['a', '\ufffdA']]],
  ['a=\ud83d', [['a', '\ufffd']]],
  ['%EF%BB%BFa=b', [['\ufeffa', 'b']]],
  ['a=%F0%9F%98%80', [['a', '😀']]],
  ['a#b=c', [['a#b', 'c']]],
]

const WRITTEN: readonly (readonly [name: string, value: string, text: string])[] = [
  ['a', 'b c', 'a=b+c'],
  ['a', '+', 'a=%2B'],
  ['a', "!'()~", 'a=%21%27%28%29%7E'],
  ['a', '*-._', 'a=*-._'],
  ['a', '=&', 'a=%3D%26'],
  ['a', 'é€😀', 'a=%C3%A9%E2%82%AC%F0%9F%98%80'],
  ['', '', '='],
  ['a', '\0\r\n', 'a=%00%0D%0A'],
  ['a', '\ud800', 'a=%EF%BF%BD'],
]

function changed(text: string, change: (params: URLSearchParams) => void): string {
  const params = new URLSearchParams(text)
  change(params)
  return `${params}`
}

export const searchParams: Area = {
  name: 'URLSearchParams',
  standard: 'https://url.spec.whatwg.org/#interface-urlsearchparams',
  cases: [
    ...PARSED.map(
      ([text, pairs]): Case => [`${JSON.stringify(text)} is read`, () => [...new URLSearchParams(text)], pairs],
    ),
    ...WRITTEN.map(
      ([name, value, text]): Case => [
        `${JSON.stringify([name, value])} is written ${text}`,
        () => `${new URLSearchParams([[name, value]])}`,
        text,
      ],
    ),
    ['made of nothing', () => [`${new URLSearchParams()}`, `${new URLSearchParams(undefined)}`], ['', '']],
    ['made of null', () => `${new URLSearchParams(null as never)}`, 'null='],
    [
      'made of pairs',
      () =>
        `${new URLSearchParams([
          ['a', 'b'],
          ['a', 'c'],
        ])}`,
      'a=b&a=c',
    ],
    [
      'made of an iterable of iterables',
      () => `${new URLSearchParams(new Set([new Set(['a', 'b'])]) as never)}`,
      'a=b',
    ],
    ['made of a record', () => `${new URLSearchParams({ b: '2', a: '1' })}`, 'b=2&a=1'],
    [
      'made of a record whose values become text',
      () => `${new URLSearchParams({ a: 1, b: null, c: undefined } as never)}`,
      'a=1&b=null&c=undefined',
    ],
    [
      'made of another one',
      () => {
        const one = new URLSearchParams('a=1')
        const two = new URLSearchParams(one)
        two.append('b', '2')
        return [`${one}`, `${two}`]
      },
      ['a=1', 'a=1&b=2'],
    ],
    [
      'made of FormData',
      () => {
        const form = new FormData()
        form.append('a', 'b')
        return `${new URLSearchParams(form as never)}`
      },
      'a=b',
    ],
    [
      'record keys that are the same as scalar values are one',
      () => `${new URLSearchParams({ '\ud835x': '1', xx: '2', '\ud83dx': '3' })}`,
      '%EF%BF%BDx=3&xx=2',
    ],
    ['a pair of one is refused', () => thrown(() => new URLSearchParams([['a']])), 'TypeError'],
    ['a pair of three is refused', () => thrown(() => new URLSearchParams([['a', 'b', 'c']])), 'TypeError'],
    ['an item that is no sequence is refused', () => thrown(() => new URLSearchParams([1] as never)), 'TypeError'],
    [
      'get gives the first, getAll all',
      () => {
        const p = new URLSearchParams('a=1&b=2&a=3')
        return [p.get('a'), p.getAll('a'), p.get('x'), p.getAll('x')]
      },
      ['1', ['1', '3'], null, []],
    ],
    [
      'has by name, and by name and value',
      () => {
        const p = new URLSearchParams('a=1&a=2')
        return [p.has('a'), p.has('b'), p.has('a', '2'), p.has('a', '3'), p.has('a', undefined)]
      },
      [true, false, true, false, true],
    ],
    ['append puts it last', () => changed('a=1&b=2', (p) => p.append('a', '3')), 'a=1&b=2&a=3'],
    ['set replaces the first and removes the others', () => changed('a=1&b=2&a=3', (p) => p.set('a', '4')), 'a=4&b=2'],
    ['set appends what is not there', () => changed('a=1', (p) => p.set('b', '2')), 'a=1&b=2'],
    ['delete by name', () => changed('a=1&b=2&a=3', (p) => p.delete('a')), 'b=2'],
    ['delete by name and value', () => changed('a=1&b=2&a=3', (p) => p.delete('a', '3')), 'a=1&b=2'],
    [
      'delete with an undefined value removes all',
      () => changed('a=1&b=2&a=3', (p) => p.delete('a', undefined)),
      'b=2',
    ],
    ['size counts', () => [new URLSearchParams('a=1&a=2').size, new URLSearchParams().size], [2, 0]],
    ['sort is stable', () => changed('z=b&a=b&z=a&a=a', (p) => p.sort()), 'a=b&a=a&z=b&z=a'],
    ['sort is by code units, not code points', () => changed('ﬃ&🌈', (p) => p.sort()), '%F0%9F%8C%88=&%EF%AC%83='],
    [
      'forEach gives value, name and the object',
      () => {
        const p = new URLSearchParams('a=1')
        const seen: unknown[] = []
        p.forEach(function (this: unknown, value, name, all) {
          seen.push(value, name, all === p, this)
        }, 'me')
        return seen.map((x) => (typeof x === 'object' ? `${x}` : x))
      },
      ['1', 'a', true, 'me'],
    ],
    [
      'forEach refuses what is no function',
      () => thrown(() => new URLSearchParams('').forEach(1 as never)),
      'TypeError',
    ],
    [
      'keys, values, entries',
      () => {
        const p = new URLSearchParams('a=1&b=2')
        return [[...p.keys()], [...p.values()], [...p.entries()]]
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
      'iterators are live',
      () => {
        const p = new URLSearchParams('a=1&b=2&c=3')
        const seen: string[] = []
        for (const [name] of p) {
          seen.push(name)
          p.delete('a')
        }
        return seen
      },
      ['a', 'c'],
    ],
    [
      'iterating is by entries',
      () => URLSearchParams.prototype[Symbol.iterator] === URLSearchParams.prototype.entries,
      true,
    ],
    [
      'the iterator has its own class string',
      () => Object.prototype.toString.call(new URLSearchParams().entries()),
      '[object URLSearchParams Iterator]',
    ],
    [
      'iterators have next on their shared prototype',
      () => {
        const proto = Object.getPrototypeOf(new URLSearchParams().keys())
        return [Object.hasOwn(proto, 'next'), proto === Object.getPrototypeOf(new URLSearchParams().values())]
      },
      [true, true],
    ],
    [
      'a missing argument is TypeError',
      async () => [
        await thrown(() => (new URLSearchParams() as never as { append(a: string): void }).append('a')),
        await thrown(() => (new URLSearchParams() as never as { get(): void }).get()),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'changing params of no URL touches nothing else',
      () => {
        const one = new URL('http://a/?b=1')
        new URLSearchParams(one.searchParams).append('c', '2')
        return one.href
      },
      'http://a/?b=1',
    ],
    ['the class string', () => Object.prototype.toString.call(new URLSearchParams()), '[object URLSearchParams]'],
  ],
}
