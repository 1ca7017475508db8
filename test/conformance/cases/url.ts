// test/conformance/cases/url.ts: URL. @see https://url.spec.whatwg.org
import type { Area, Case } from '../case.ts'
import { always, thrown } from '../case.ts'

/** What each of these, against a base where there is one, is when written out; `null` is a failure. */
const PARSED: readonly (readonly [input: string, base: string | undefined, href: string | null])[] = [
  ['http://example.com', undefined, 'http://example.com/'],
  ['  http://example.com/ \t', undefined, 'http://example.com/'],
  ['ht\ntp://exa\tmple.com/a\rb', undefined, 'http://example.com/ab'],
  ['HTTP://EXAMPLE.COM/PaTh', undefined, 'http://example.com/PaTh'],
  ['http:\\\\example.com\\a\\b', undefined, 'http://example.com/a/b'],
  ['http:example.com', undefined, 'http://example.com/'],
  ['http:////example.com', undefined, 'http://example.com/'],
  ['http://example.com:80/', undefined, 'http://example.com/'],
  ['https://example.com:443/', undefined, 'https://example.com/'],
  ['http://example.com:443/', undefined, 'http://example.com:443/'],
  ['http://example.com:00080/', undefined, 'http://example.com/'],
  ['http://example.com:65535/', undefined, 'http://example.com:65535/'],
  ['http://example.com:65536/', undefined, null],
  ['http://example.com:x/', undefined, null],
  ['http://example.com:/', undefined, 'http://example.com/'],
  ['http://user:pa ss@example.com/', undefined, 'http://user:pa%20ss@example.com/'],
  ['http://a@b@example.com/', undefined, 'http://a%40b@example.com/'],
  ['http://:@example.com/', undefined, 'http://example.com/'],
  ['http://@/www', undefined, null],
  ['http://', undefined, null],
  ['https://', undefined, null],
  ['//example.com', undefined, null],
  ['', undefined, null],
  ['example.com', undefined, null],
  ['http://exa mple.com', undefined, null],
  ['http://a<b', undefined, null],
  ['http://a%41.com', undefined, 'http://aa.com/'],
  ['http://ex%00ample.com', undefined, null],
  ['http://%zz.com', undefined, null],
  ['http://faß.example/', undefined, 'http://xn--fa-hia.example/'],
  ['http://ＧＯ.com', undefined, 'http://go.com/'],
  ['http://☃.net/', undefined, 'http://xn--n3h.net/'],
  ['http://example。com/', undefined, 'http://example.com/'],
  ['http://1.2.3.4/', undefined, 'http://1.2.3.4/'],
  ['http://192.168.257', undefined, 'http://192.168.1.1/'],
  ['http://0x7f.1', undefined, 'http://127.0.0.1/'],
  ['http://017700000001', undefined, 'http://127.0.0.1/'],
  ['http://256.256.256.256', undefined, null],
  ['http://1.2.3.4.5', undefined, null],
  ['http://foo.0x', undefined, null],
  ['http://4294967295', undefined, 'http://255.255.255.255/'],
  ['http://4294967296', undefined, null],
  ['http://[::1]/', undefined, 'http://[::1]/'],
  ['http://[1:0:0:0:0:0:0:8]/', undefined, 'http://[1::8]/'],
  ['http://[0:0:1:0:0:0:1:0]', undefined, 'http://[0:0:1::1:0]/'],
  ['http://[::127.0.0.1]', undefined, 'http://[::7f00:1]/'],
  ['http://[2001::1', undefined, null],
  ['http://[::1::]', undefined, null],
  ['http://[1:2:3:4:5:6:7:8:9]', undefined, null],
  ['http://[fe80::1%25eth0]/', undefined, null],
  ['http://example.com/a/./b/../c', undefined, 'http://example.com/a/c'],
  ['http://example.com/a/%2e%2E/b/%2e', undefined, 'http://example.com/b/'],
  ['http://example.com/../../..', undefined, 'http://example.com/'],
  ['http://example.com/a%7Eb c"<>`{}^|', undefined, 'http://example.com/a%7Eb%20c%22%3C%3E%60%7B%7D%5E|'],
  ['http://example.com/?q=a b\'"<>#é', undefined, 'http://example.com/?q=a%20b%27%22%3C%3E#%C3%A9'],
  ['http://example.com/#a b"<>`', undefined, 'http://example.com/#a%20b%22%3C%3E%60'],
  ['http://example.com?x', undefined, 'http://example.com/?x'],
  ['http://example.com?', undefined, 'http://example.com/?'],
  ['http://example.com#', undefined, 'http://example.com/#'],
  ['mailto:a@b.c', undefined, 'mailto:a@b.c'],
  ['data:text/plain,a b', undefined, 'data:text/plain,a b'],
  ['javascript:alert(1)', undefined, 'javascript:alert(1)'],
  ['non-special://Host:80/a/../b', undefined, 'non-special://Host:80/b'],
  ['non-special:/a/../b', undefined, 'non-special:/b'],
  ['web+demo:/.//not-a-host/', undefined, 'web+demo:/.//not-a-host/'],
  ['blob:https://example.com/x', undefined, 'blob:https://example.com/x'],
  ['file:///C|/a/../..', undefined, 'file:///C:/'],
  ['file://localhost/a', undefined, 'file:///a'],
  ['file:c:\\foo\\bar', undefined, 'file:///c:/foo/bar'],
  ['a', 'http://h/x/y?q#f', 'http://h/x/a'],
  ['./a', 'http://h/x/y', 'http://h/x/a'],
  ['../a', 'http://h/x/y/z', 'http://h/x/a'],
  ['/a', 'http://h/x/y', 'http://h/a'],
  ['//o/a', 'https://h/x', 'https://o/a'],
  ['?n', 'http://h/x/y?q#f', 'http://h/x/y?n'],
  ['#n', 'http://h/x/y?q#f', 'http://h/x/y?q#n'],
  ['', 'http://h/x/y?q#f', 'http://h/x/y?q'],
  ['http:a', 'http://h/x/y', 'http://h/x/a'],
  ['https:a', 'http://h/x/y', 'https://a/'],
  ['\\a', 'http://h/x', 'http://h/a'],
  ['#x', 'mailto:a@b.c', 'mailto:a@b.c#x'],
  ['a', 'mailto:a@b.c', null],
  ['a', 'not a url', null],
  ['http://a/', 'not a url', null],
]

/** What `href` is after a part was set. */
const SET: readonly (readonly [href: string, part: keyof URL, value: string, after: string])[] = [
  ['http://a/', 'protocol', 'https', 'https://a/'],
  ['http://a/', 'protocol', 'https:junk', 'https://a/'],
  ['http://a/', 'protocol', 'mailto', 'http://a/'],
  ['mailto:a', 'protocol', 'http', 'mailto:a'],
  ['https://a:80/', 'protocol', 'http', 'http://a/'],
  ['file:///a', 'protocol', 'http', 'file:///a'],
  ['http://a/', 'username', 'u@:', 'http://u%40%3A@a/'],
  ['http://u:p@a/', 'username', '', 'http://:p@a/'],
  ['http://u:p@a/', 'password', '', 'http://u@a/'],
  ['file:///a', 'username', 'u', 'file:///a'],
  ['http://a:8080/', 'host', 'b:9', 'http://b:9/'],
  ['http://a:8080/', 'host', 'b', 'http://b:8080/'],
  ['http://a/', 'host', '', 'http://a/'],
  ['http://a/', 'host', 'b/c', 'http://b/'],
  ['http://a:1/', 'hostname', 'b:9', 'http://a:1/'],
  ['http://a/', 'hostname', 'x y', 'http://a/'],
  ['mailto:a', 'host', 'b', 'mailto:a'],
  ['http://a/', 'port', '8080x', 'http://a:8080/'],
  ['http://a:1/', 'port', '', 'http://a/'],
  ['http://a:1/', 'port', '80', 'http://a/'],
  ['http://a:1/', 'port', '65536', 'http://a:1/'],
  ['http://a:1/', 'port', 'x', 'http://a:1/'],
  ['http://a/b', 'pathname', 'c?d#e', 'http://a/c%3Fd%23e'],
  ['http://a/b', 'pathname', '', 'http://a/'],
  ['mailto:a', 'pathname', 'b', 'mailto:a'],
  ['http://a/?b', 'search', '?c d#', 'http://a/?c%20d%23'],
  ['http://a/?b', 'search', '', 'http://a/'],
  ['http://a/', 'search', '?', 'http://a/?'],
  ['http://a/#b', 'hash', '#c d', 'http://a/#c%20d'],
  ['http://a/#b', 'hash', '', 'http://a/'],
  ['http://a/', 'href', 'https://b/c', 'https://b/c'],
]

const parsing = PARSED.map(
  ([input, base, href]): Case => [
    `${JSON.stringify(input)}${base === undefined ? '' : ` against ${base}`} is ${href ?? 'no URL'}`,
    () => URL.parse(input, base)?.href ?? null,
    href,
  ],
)

const setting = SET.map(
  ([href, part, value, expected]): Case => [
    `${href} with ${part} set to ${JSON.stringify(value)} is ${expected}`,
    () => {
      const url = new URL(href)
      Object.assign(url, { [part]: value })
      return url.href
    },
    expected,
  ],
)

const FULL = 'https://user:pass@sub.example.com:8080/p/a/t/h?query=string#hash'

export const url: Area = {
  name: 'URL',
  standard: 'https://url.spec.whatwg.org',
  cases: [
    ...parsing,
    ...setting,
    [
      'all parts can be read',
      () => {
        const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = new URL(
          FULL,
        )
        return [href, origin, protocol, username, password, host, hostname, port, pathname, search, hash]
      },
      [
        FULL,
        'https://sub.example.com:8080',
        'https:',
        'user',
        'pass',
        'sub.example.com:8080',
        'sub.example.com',
        '8080',
        '/p/a/t/h',
        '?query=string',
        '#hash',
      ],
    ],
    [
      'an empty query and fragment read as empty',
      () => [new URL('http://a/?#').search, new URL('http://a/?#').hash],
      ['', ''],
    ],
    [
      'origin of opaque schemes is "null"',
      () => ['data:x', 'mailto:a', 'file:///a', 'foo://a'].map((href) => new URL(href).origin),
      ['null', 'null', 'null', 'null'],
    ],
    ['origin of a blob URL is that of its path', () => new URL('blob:https://a:9/x').origin, 'https://a:9'],
    ['the constructor throws TypeError', () => thrown(() => new URL('nope')), 'TypeError'],
    ['the constructor throws TypeError for a bad base', () => thrown(() => new URL('http://a', 'nope')), 'TypeError'],
    ['the constructor needs an argument', () => thrown(() => new (URL as never as new () => URL)()), 'TypeError'],
    [
      'it cannot be called without new',
      () => thrown(() => (URL as never as (href: string) => URL)('http://a')),
      'TypeError',
    ],
    [
      'setting href to no URL throws and changes nothing',
      async () => {
        const one = new URL('http://a/')
        const name = await thrown(() => {
          one.href = 'nope'
        })
        return [name, one.href]
      },
      ['TypeError', 'http://a/'],
    ],
    [
      'origin is read only',
      () =>
        thrown(() => {
          Object.assign(new URL('http://a/'), { origin: 'x' })
        }),
      'TypeError',
    ],
    [
      'toString and toJSON are the href',
      () => [`${new URL('http://a')}`, JSON.stringify({ at: new URL('http://a') })],
      ['http://a/', '{"at":"http://a/"}'],
    ],
    [
      'URL.canParse',
      () => [URL.canParse('http://a'), URL.canParse('a'), URL.canParse('a', 'http://b'), URL.canParse('http://a', 'x')],
      [true, false, true, false],
    ],
    [
      'URL.parse answers null instead of throwing',
      () => [URL.parse('a'), URL.parse('a', 'http://b')?.href],
      [null, 'http://b/a'],
    ],
    [
      'another URL is taken as input and base',
      () => new URL(new URL('http://a/b') as never as string, new URL('http://c')).href,
      'http://a/b',
    ],
    [
      'null and undefined are text',
      () => [URL.parse(null as never, 'http://a/')?.href, URL.parse(undefined as never, 'http://a/')?.href],
      ['http://a/null', 'http://a/undefined'],
    ],
    [
      'an undefined base is none, null is text',
      () => [URL.canParse('http://a', undefined), URL.canParse('http://a', null as never)],
      [true, false],
    ],
    ['lone surrogates become U+FFFD', () => new URL('http://a/\ud800').href, 'http://a/%EF%BF%BD'],
    [
      'searchParams is always the same object',
      () => {
        const one = new URL('http://a/?b')
        return always(() => one.searchParams)
      },
      true,
    ],
    [
      'a change of searchParams shows in the URL',
      () => {
        const one = new URL('http://a/?b=1#h')
        one.searchParams.append('c d', 'é')
        return one.href
      },
      'http://a/?b=1&c+d=%C3%A9#h',
    ],
    [
      'deleting the last parameter removes the question mark',
      () => {
        const one = new URL('http://a/?b=1')
        one.searchParams.delete('b')
        return one.href
      },
      'http://a/',
    ],
    [
      'a change of search shows in searchParams',
      () => {
        const one = new URL('http://a/?b=1')
        const { searchParams } = one
        one.search = '?c=2'
        return [...searchParams]
      },
      [['c', '2']],
    ],
    [
      'a change of href shows in searchParams',
      () => {
        const one = new URL('http://a/?b=1')
        const { searchParams } = one
        one.href = 'http://x/?z'
        return [...searchParams]
      },
      [['z', '']],
    ],
    [
      'reading searchParams leaves an odd query as it is',
      () => {
        const one = new URL('http://a/?a=b%20c&&')
        void one.searchParams.get('a')
        return one.search
      },
      '?a=b%20c&&',
    ],
    [
      'sorting rewrites the query',
      () => {
        const one = new URL('http://a/?z=b%20c&a')
        one.searchParams.sort()
        return one.search
      },
      '?a=&z=b+c',
    ],
    [
      'attributes are accessors of the prototype',
      () =>
        ['href', 'origin', 'searchParams'].map((name) => {
          const d = Object.getOwnPropertyDescriptor(URL.prototype, name)!
          return [typeof d.get, d.enumerable, d.configurable]
        }),
      [
        ['function', true, true],
        ['function', true, true],
        ['function', true, true],
      ],
    ],
    [
      'getters refuse foreign objects',
      () => thrown(() => Object.getOwnPropertyDescriptor(URL.prototype, 'href')!.get!.call({})),
      'TypeError',
    ],
    ['the class string is URL', () => Object.prototype.toString.call(new URL('http://a')), '[object URL]'],
    ['URL.length is 1', () => URL.length, 1],
  ],
}
