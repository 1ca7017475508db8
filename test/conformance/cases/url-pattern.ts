// test/conformance/cases/url-pattern.ts: URLPattern. @see https://urlpattern.spec.whatwg.org
import type { Area, Case } from '../case.ts'
import { thrown } from '../case.ts'

type Init = string | URLPatternInit

/** `groups` of the component named, or null where the pattern does not match. */
const MATCHED: readonly (readonly [
  pattern: Init,
  input: Init,
  component: 'protocol' | 'hostname' | 'port' | 'pathname' | 'search' | 'hash',
  groups: Record<string, string | undefined> | null,
])[] = [
  [{ pathname: '/foo' }, { pathname: '/foo' }, 'pathname', {}],
  [{ pathname: '/foo' }, { pathname: '/foo/' }, 'pathname', null],
  [{ pathname: '/foo' }, 'https://example.com/foo', 'pathname', {}],
  [{ pathname: '/:id' }, { pathname: '/42' }, 'pathname', { id: '42' }],
  [{ pathname: '/:id' }, { pathname: '/a/b' }, 'pathname', null],
  [{ pathname: '/a/:x/:y' }, { pathname: '/a/1/2' }, 'pathname', { x: '1', y: '2' }],
  [{ pathname: '/*' }, { pathname: '/a/b' }, 'pathname', { 0: 'a/b' }],
  [{ pathname: '/a/*/c/*' }, { pathname: '/a/1/c/2' }, 'pathname', { 0: '1', 1: '2' }],
  [{ pathname: '/:id(\\d+)' }, { pathname: '/12' }, 'pathname', { id: '12' }],
  [{ pathname: '/:id(\\d+)' }, { pathname: '/ab' }, 'pathname', null],
  [{ pathname: '/(a|b)' }, { pathname: '/b' }, 'pathname', { 0: 'b' }],
  [{ pathname: '/a/:b?' }, { pathname: '/a' }, 'pathname', { b: undefined }],
  [{ pathname: '/a/:b?' }, { pathname: '/a/x' }, 'pathname', { b: 'x' }],
  [{ pathname: '/a/:b?' }, { pathname: '/a/' }, 'pathname', null],
  [{ pathname: '/a/:b+' }, { pathname: '/a/x/y' }, 'pathname', { b: 'x/y' }],
  [{ pathname: '/a/:b*' }, { pathname: '/a' }, 'pathname', { b: undefined }],
  [{ pathname: '/a{/b}?' }, { pathname: '/a/b' }, 'pathname', {}],
  [{ pathname: '/a{/b}?' }, { pathname: '/a' }, 'pathname', {}],
  [{ pathname: '/a{b:c}d' }, { pathname: '/abxd' }, 'pathname', { c: 'x' }],
  [{ pathname: '/a\\:b' }, { pathname: '/a:b' }, 'pathname', {}],
  [{ pathname: '/caf\u00e9' }, { pathname: '/caf%C3%A9' }, 'pathname', {}],
  [{ pathname: '/a/../b' }, { pathname: '/b' }, 'pathname', {}],
  [{ pathname: '/%20' }, { pathname: '/ ' }, 'pathname', {}],
  [{ pathname: 'b', baseURL: 'https://x.y/a/' }, 'https://x.y/a/b', 'pathname', {}],
  [{ protocol: 'http{s}?' }, 'https://a/', 'protocol', {}],
  [{ protocol: 'http{s}?' }, 'ftp://a/', 'protocol', null],
  [{ hostname: '*.example.com' }, 'https://a.b.example.com/', 'hostname', { 0: 'a.b' }],
  [{ hostname: ':sub.example.com' }, 'https://a.example.com/', 'hostname', { sub: 'a' }],
  [{ hostname: ':sub.example.com' }, 'https://a.b.example.com/', 'hostname', null],
  [{ hostname: 'EXAMPLE.com' }, 'https://example.com/', 'hostname', {}],
  [{ port: '8080' }, 'https://a:8080/', 'port', {}],
  [{ protocol: 'https', port: '443' }, 'https://a/', 'port', {}],
  [{ port: '' }, 'https://a:8080/', 'port', null],
  [{ search: 'q=:x' }, 'https://a/?q=1', 'search', { x: '1' }],
  [{ search: '?q=1' }, 'https://a/?q=1', 'search', {}],
  [{ hash: ':h' }, 'https://a/#top', 'hash', { h: 'top' }],
  ['https://example.com/:a', 'https://example.com/x', 'pathname', { a: 'x' }],
  ['https://example.com/:a', 'http://example.com/x', 'pathname', null],
  ['https://*.example.com/*', 'https://a.example.com/b/c', 'pathname', { 0: 'b/c' }],
  ['https://example.com/?q=:x', 'https://example.com/?q=1', 'search', { x: '1' }],
  ['data\\:foobar', 'data:foobar', 'pathname', {}],
  [{ pathname: '/a' }, 'nope', 'pathname', null],
]

const matching = MATCHED.map(
  ([pattern, input, component, groups]): Case => [
    `${JSON.stringify(pattern)} ${groups ? 'takes' : 'refuses'} ${JSON.stringify(input)}`,
    () => {
      const made = new URLPattern(pattern as never)
      const found = made.exec(input as never)
      if (made.test(input as never) !== (found !== null)) return 'test and exec disagree'
      const result = found?.[component].groups
      return result ? { ...result } : null
    },
    groups,
  ],
)

export const urlPattern: Area = {
  name: 'URLPattern',
  standard: 'https://urlpattern.spec.whatwg.org',
  cases: [
    ...matching,
    [
      'what is not named matches anything',
      () => {
        const p = new URLPattern({ pathname: '/a' })
        return [p.protocol, p.username, p.password, p.hostname, p.port, p.pathname, p.search, p.hash]
      },
      ['*', '*', '*', '*', '*', '/a', '*', '*'],
    ],
    [
      'parts of a string pattern',
      () => {
        const p = new URLPattern('https://a.com:8080/b?c#d')
        return [p.protocol, p.hostname, p.port, p.pathname, p.search, p.hash]
      },
      ['https', 'a.com', '8080', '/b', 'c', 'd'],
    ],
    ['a string pattern without a port means the default one', () => new URLPattern('https://a.com/b').port, ''],
    [
      'later parts of a string pattern are open',
      () => {
        const p = new URLPattern('https://a.com/b')
        return [p.search, p.hash]
      },
      ['*', '*'],
    ],
    [
      'a string with a base',
      () => {
        const p = new URLPattern('/b/:c', 'https://a.com')
        return [p.protocol, p.hostname, p.pathname]
      },
      ['https', 'a.com', '/b/:c'],
    ],
    ['a relative string without a base is TypeError', () => thrown(() => new URLPattern('/a')), 'TypeError'],
    [
      'a record with a base argument is TypeError',
      () => thrown(() => new URLPattern({ pathname: '/a' }, 'https://a.com' as never)),
      'TypeError',
    ],
    ['a bad base is TypeError', () => thrown(() => new URLPattern({ pathname: '/a', baseURL: 'nope' })), 'TypeError'],
    ['a bad expression is TypeError', () => thrown(() => new URLPattern({ pathname: '/(' })), 'TypeError'],
    ['a name used twice is TypeError', () => thrown(() => new URLPattern({ pathname: '/:a/:a' })), 'TypeError'],
    ['an empty group is TypeError', () => thrown(() => new URLPattern({ pathname: '/()' })), 'TypeError'],
    [
      'a capturing group within a group is TypeError',
      () => thrown(() => new URLPattern({ pathname: '/(a(b))' })),
      'TypeError',
    ],
    ['no argument means everything', () => new URLPattern().test('https://a.com/b?c#d'), true],
    [
      'ignoreCase',
      () => [
        new URLPattern({ pathname: '/Foo' }, { ignoreCase: true } as never).test({ pathname: '/fOO' }),
        new URLPattern({ pathname: '/Foo' }).test({ pathname: '/foo' }),
      ],
      [true, false],
    ],
    [
      'exec tells the inputs',
      () => new URLPattern({ pathname: '/a' }).exec('https://b.com/a')?.inputs,
      ['https://b.com/a'],
    ],
    [
      'exec tells the input of each component',
      () => {
        const found = new URLPattern({ pathname: '/*' }).exec('https://b.com:81/a?q#h')!
        return [
          found.protocol.input,
          found.hostname.input,
          found.port.input,
          found.pathname.input,
          found.search.input,
          found.hash.input,
        ]
      },
      ['https', 'b.com', '81', '/a', 'q', 'h'],
    ],
    ['test with an input and a base', () => new URLPattern({ pathname: '/a/b' }).test('b', 'https://x.y/a/'), true],
    [
      'a URL object is an input',
      () => new URLPattern({ pathname: '/a' }).test(new URL('https://b.com/a') as never),
      true,
    ],
    [
      'hasRegExpGroups',
      () => [
        new URLPattern({ pathname: '/:a' }).hasRegExpGroups,
        new URLPattern({ pathname: '/:a(x)' }).hasRegExpGroups,
      ],
      [false, true],
    ],
    [
      'attributes are read only',
      () => {
        const p = new URLPattern({ pathname: '/a' })
        try {
          Object.assign(p, { pathname: '/b' })
        } catch {}
        return p.pathname
      },
      '/a',
    ],
    ['it cannot be called without new', () => thrown(() => (URLPattern as never as () => void)()), 'TypeError'],
    ['the class string', () => Object.prototype.toString.call(new URLPattern()), '[object URLPattern]'],
  ],
}
