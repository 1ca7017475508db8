// test/conformance/cases/request.ts: Request. @see https://fetch.spec.whatwg.org/#request-class
import type { Area, Case } from '../case.ts'
import { hex, streamOf, thrown, utf8 } from '../case.ts'

const AT = 'https://example.com/a?b'
const post = (body?: BodyInit | null, init: RequestInit = {}) =>
  new Request(AT, { method: 'POST', body: body as BodyInit, ...init })

const TYPES: readonly (readonly [what: string, body: () => BodyInit, type: string | null])[] = [
  ['text', () => 'a', 'text/plain;charset=UTF-8'],
  ['URLSearchParams', () => new URLSearchParams('a=1'), 'application/x-www-form-urlencoded;charset=UTF-8'],
  ['a blob with a type', () => new Blob(['a'], { type: 'x/y' }), 'x/y'],
  ['a blob without a type', () => new Blob(['a']), null],
  ['bytes', () => utf8('a'), null],
  ['a buffer', () => utf8('a').buffer, null],
]

export const request: Area = {
  name: 'Request',
  standard: 'https://fetch.spec.whatwg.org/#request-class',
  cases: [
    ...TYPES.map(
      ([what, body, type]): Case => [
        `the content type of ${what}`,
        () => post(body()).headers.get('content-type'),
        type,
      ],
    ),
    ...['get', 'post', 'put', 'delete', 'head', 'options'].map(
      (method): Case => [
        `the method ${method} is written in capitals`,
        () => new Request(AT, { method }).method,
        method.toUpperCase(),
      ],
    ),
    ...['patch', 'Foo'].map(
      (method): Case => [`the method ${method} is left as it is`, () => new Request(AT, { method }).method, method],
    ),
    ...['CONNECT', 'trace', 'TRACK', 'a b', '', 'é'].map(
      (method): Case => [
        `the method ${JSON.stringify(method)} is refused`,
        () => thrown(() => new Request(AT, { method })),
        'TypeError',
      ],
    ),
    [
      'what a request is without options',
      () => {
        const r = new Request(AT)
        return [r.url, r.method, r.body, r.bodyUsed, r.redirect, r.signal.aborted, [...r.headers]]
      },
      [AT, 'GET', null, false, 'follow', false, []],
    ],
    [
      'defaults of the modes',
      () => {
        const r = new Request(AT)
        return [r.mode, r.credentials, r.cache, r.integrity, r.keepalive, r.referrerPolicy]
      },
      ['cors', 'same-origin', 'default', '', false, ''],
    ],
    [
      'modes are taken over',
      () => {
        const r = new Request(AT, {
          redirect: 'manual',
          cache: 'no-store',
          credentials: 'omit',
          keepalive: true,
          integrity: 'sha256-x',
        })
        return [r.redirect, r.cache, r.credentials, r.keepalive, r.integrity]
      },
      ['manual', 'no-store', 'omit', true, 'sha256-x'],
    ],
    [
      'an unknown redirect mode is TypeError',
      () => thrown(() => new Request(AT, { redirect: 'x' as never })),
      'TypeError',
    ],
    ['an unknown cache mode is TypeError', () => thrown(() => new Request(AT, { cache: 'x' as never })), 'TypeError'],
    ['mode navigate is TypeError', () => thrown(() => new Request(AT, { mode: 'navigate' })), 'TypeError'],
    ['the URL is parsed', () => new Request('HTTPS://EXAMPLE.com/../x').url, 'https://example.com/x'],
    ['the fragment is kept', () => new Request('https://a/#x').url, 'https://a/#x'],
    ['a URL object is taken', () => new Request(new URL(AT)).url, AT],
    ['no URL is TypeError', () => thrown(() => new Request('nope')), 'TypeError'],
    ['no argument is TypeError', () => thrown(() => new (Request as never as new () => Request)()), 'TypeError'],
    ['credentials in the URL are TypeError', () => thrown(() => new Request('https://u:p@a/')), 'TypeError'],
    ['a GET with a body is TypeError', () => thrown(() => new Request(AT, { body: 'x' })), 'TypeError'],
    [
      'a HEAD with a body is TypeError',
      () => thrown(() => new Request(AT, { method: 'HEAD', body: 'x' })),
      'TypeError',
    ],
    ['a null body is none', () => new Request(AT, { body: null }).body, null],
    [
      'headers are copied',
      () => {
        const h = new Headers({ a: '1' })
        const r = new Request(AT, { headers: h })
        h.set('a', '2')
        return r.headers.get('a')
      },
      '1',
    ],
    [
      'a content type given is kept',
      () => post('x', { headers: { 'Content-Type': 'a/b' } }).headers.get('content-type'),
      'a/b',
    ],
    ['text()', () => post('aé').text(), 'aé'],
    ['json()', () => post('{"a":[1]}').json(), { a: [1] }],
    ['json() of a broken text is SyntaxError', () => thrown(() => post('{').json()), 'SyntaxError'],
    ['arrayBuffer()', async () => hex(await post('ab').arrayBuffer()), '6162'],
    ['bytes()', async () => hex(await post('ab').bytes()), '6162'],
    [
      'blob() has the content type',
      async () => {
        const b = await post(new URLSearchParams('a=b')).blob()
        return [b.type.toLowerCase(), await b.text()]
      },
      ['application/x-www-form-urlencoded;charset=utf-8', 'a=b'],
    ],
    [
      'no body reads as empty',
      async () => [await new Request(AT).text(), (await new Request(AT).arrayBuffer()).byteLength],
      ['', 0],
    ],
    [
      'no body stays unused',
      async () => {
        const r = new Request(AT)
        await r.text()
        return r.bodyUsed
      },
      false,
    ],
    [
      'a body is used once',
      async () => {
        const r = post('a')
        await r.text()
        return [r.bodyUsed, await thrown(() => r.text())]
      },
      [true, 'TypeError'],
    ],
    [
      'the body is a stream of bytes',
      async () => {
        const { value } = await post('ab').body!.getReader().read()
        return hex(value!)
      },
      '6162',
    ],
    [
      'reading the stream uses the body',
      async () => {
        const r = post('ab')
        const reader = r.body!.getReader()
        await reader.read()
        reader.releaseLock()
        return [r.bodyUsed, await thrown(() => r.text())]
      },
      [true, 'TypeError'],
    ],
    [
      'a locked body cannot be read',
      async () => {
        const r = post('ab')
        r.body!.getReader()
        return [r.bodyUsed, await thrown(() => r.text())]
      },
      [false, 'TypeError'],
    ],
    ['a stream as the body', () => post(streamOf(utf8('a'), utf8('b')), { duplex: 'half' } as never).text(), 'ab'],
    ['a stream as the body needs duplex', () => thrown(() => post(streamOf(utf8('a')))), 'TypeError'],
    [
      'a locked stream as the body is TypeError',
      () =>
        thrown(() => {
          const s = streamOf(utf8('a'))
          s.getReader()
          post(s, { duplex: 'half' } as never)
        }),
      'TypeError',
    ],
    [
      'a stream of text as the body is TypeError',
      () => thrown(() => post(streamOf('a') as never, { duplex: 'half' } as never).text()),
      'TypeError',
    ],
    [
      'made of a request',
      () => {
        const r = new Request(post('x', { headers: { a: '1' } }))
        return [r.url, r.method, r.headers.get('a')]
      },
      [AT, 'POST', '1'],
    ],
    [
      'made of a request, whose body moves',
      async () => {
        const one = post('x')
        const two = new Request(one)
        return [one.bodyUsed, await two.text()]
      },
      [true, 'x'],
    ],
    [
      'made of a request with a new body, the old one stays',
      async () => {
        const one = post('x')
        const two = new Request(one, { body: 'y' })
        return [one.bodyUsed, await two.text()]
      },
      [false, 'y'],
    ],
    [
      'made of a request with new headers',
      () => {
        const r = new Request(post('x', { headers: { a: '1' } }), { headers: { b: '2' } })
        return [r.headers.get('a'), r.headers.get('b')]
      },
      [null, '2'],
    ],
    [
      'made of a used request is TypeError',
      async () => {
        const one = post('x')
        await one.text()
        return thrown(() => new Request(one))
      },
      'TypeError',
    ],
    [
      'clone copies',
      async () => {
        const one = post('x', { headers: { a: '1' } })
        const two = one.clone()
        two.headers.set('a', '2')
        return [await one.text(), await two.text(), one.headers.get('a'), two.method]
      },
      ['x', 'x', '1', 'POST'],
    ],
    [
      'clone of a stream body',
      async () => {
        const one = post(streamOf(utf8('a'), utf8('b')), { duplex: 'half' } as never)
        const two = one.clone()
        return Promise.all([one.text(), two.text()])
      },
      ['ab', 'ab'],
    ],
    [
      'clone of a used request is TypeError',
      async () => {
        const r = post('a')
        await r.text()
        return thrown(() => r.clone())
      },
      'TypeError',
    ],
    [
      'the signal follows the one given',
      () => {
        const c = new AbortController()
        const r = new Request(AT, { signal: c.signal })
        c.abort('why')
        return [r.signal === c.signal, r.signal.aborted, r.signal.reason]
      },
      [false, true, 'why'],
    ],
    [
      'the signal of a clone follows too',
      () => {
        const c = new AbortController()
        const r = new Request(AT, { signal: c.signal }).clone()
        c.abort('why')
        return r.signal.reason
      },
      'why',
    ],
    ['a null signal is none', () => new Request(AT, { signal: null }).signal.aborted, false],
    ['what is no signal is TypeError', () => thrown(() => new Request(AT, { signal: {} as never })), 'TypeError'],
    ['the class string', () => Object.prototype.toString.call(new Request(AT)), '[object Request]'],
  ],
}
