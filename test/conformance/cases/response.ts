// test/conformance/cases/response.ts: Response. @see https://fetch.spec.whatwg.org/#response-class
import type { Area, Case } from '../case.ts'
import { chunksOf, hex, streamOf, thrown, utf8 } from '../case.ts'

export const response: Area = {
  name: 'Response',
  standard: 'https://fetch.spec.whatwg.org/#response-class',
  cases: [
    ...[0, 100, 101, 103, 199, 600, 1000, -1, Number.NaN].map(
      (status): Case => [
        `the status ${status} is refused`,
        () => thrown(() => new Response(null, { status })),
        'RangeError',
      ],
    ),
    ...[204, 205, 304].map(
      (status): Case => [
        `the status ${status} has no body`,
        async () => [await thrown(() => new Response('', { status })), new Response(null, { status }).status],
        ['TypeError', status],
      ],
    ),
    ...[301, 302, 303, 307, 308].map(
      (status): Case => [
        `a redirect of ${status}`,
        () => {
          const r = Response.redirect('https://a/b', status)
          return [r.status, r.headers.get('location'), r.body]
        },
        [status, 'https://a/b', null],
      ],
    ),
    ...[200, 300, 304, 400].map(
      (status): Case => [
        `a redirect of ${status} is refused`,
        () => thrown(() => Response.redirect('https://a', status)),
        'RangeError',
      ],
    ),
    [
      'what a response is without options',
      () => {
        const r = new Response()
        return [r.status, r.ok, r.statusText, r.type, r.url, r.redirected, r.body, r.bodyUsed, [...r.headers]]
      },
      [200, true, '', 'default', '', false, null, false, []],
    ],
    [
      'status, text and headers',
      () => {
        const r = new Response('x', { status: 404, statusText: 'Not Here', headers: { a: '1' } })
        return [r.status, r.ok, r.statusText, r.headers.get('a')]
      },
      [404, false, 'Not Here', '1'],
    ],
    [
      'a status text with a line end is TypeError',
      () => thrown(() => new Response(null, { statusText: '\n' })),
      'TypeError',
    ],
    [
      'a status text beyond bytes is TypeError',
      () => thrown(() => new Response(null, { statusText: '€' })),
      'TypeError',
    ],
    ['ok is 200 to 299', () => [200, 299, 300].map((status) => new Response(null, { status }).ok), [true, true, false]],
    ['the content type of text', () => new Response('a').headers.get('content-type'), 'text/plain;charset=UTF-8'],
    [
      'the content type of a form',
      () => /^multipart\/form-data; boundary=/.test(new Response(new FormData()).headers.get('content-type') ?? ''),
      true,
    ],
    [
      'a content type given is kept',
      () => new Response('a', { headers: { 'content-type': 'x/y' } }).headers.get('content-type'),
      'x/y',
    ],
    [
      'Response.json',
      async () => {
        const r = Response.json({ a: 1 }, { status: 201 })
        return [r.status, r.headers.get('content-type'), await r.text()]
      },
      [201, 'application/json', '{"a":1}'],
    ],
    [
      'Response.json keeps a content type',
      () => Response.json(1, { headers: { 'content-type': 'x/y' } }).headers.get('content-type'),
      'x/y',
    ],
    [
      'Response.json of what cannot be written is TypeError',
      async () => [await thrown(() => Response.json(undefined)), await thrown(() => Response.json(Symbol('x')))],
      ['TypeError', 'TypeError'],
    ],
    [
      'Response.json with a status without a body is TypeError',
      () => thrown(() => Response.json(1, { status: 204 })),
      'TypeError',
    ],
    [
      'Response.error',
      () => {
        const r = Response.error()
        return [r.type, r.status, r.ok, r.body]
      },
      ['error', 0, false, null],
    ],
    ['Response.redirect is 302 unless said', () => Response.redirect('https://a').status, 302],
    ['Response.redirect of no URL is TypeError', () => thrown(() => Response.redirect('http://[')), 'TypeError'],
    [
      'text, json, bytes, arrayBuffer, blob',
      async () => [
        await new Response('a').text(),
        await new Response('[1]').json(),
        hex(await new Response('a').bytes()),
        hex(await new Response('a').arrayBuffer()),
        await (await new Response('a', { headers: { 'content-type': 'x/Y' } }))
          .blob()
          .then((b) => [b.type.toLowerCase(), b.size]),
      ],
      ['a', [1], '61', '61', ['x/y', 1]],
    ],
    ['text drops a byte order mark', () => new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x41])).text(), 'A'],
    ['json drops a byte order mark', () => new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x31])).json(), 1],
    ['json of nothing is SyntaxError', () => thrown(() => new Response().json()), 'SyntaxError'],
    [
      'a body is used once',
      async () => {
        const r = new Response('a')
        await r.text()
        return [r.bodyUsed, await thrown(() => r.text()), await thrown(() => r.blob())]
      },
      [true, 'TypeError', 'TypeError'],
    ],
    [
      'an empty text is a body',
      () => [new Response('').body instanceof ReadableStream, new Response(null).body],
      [true, null],
    ],
    [
      'bytes are copied',
      async () => {
        const b = utf8('a')
        const r = new Response(b)
        b[0] = 0x62
        return r.text()
      },
      'a',
    ],
    ['a view is sent where it lies', () => new Response(new Uint8Array(utf8('abcd').buffer, 1, 2)).text(), 'bc'],
    [
      'a stream is the body itself',
      () => {
        const s = streamOf(utf8('a'))
        return new Response(s).body === s
      },
      true,
    ],
    ['a stream is read', () => new Response(streamOf(utf8('a'), utf8('b'))).text(), 'ab'],
    [
      'a stream that fails fails the reading',
      () => thrown(() => new Response(new ReadableStream({ start: (c) => c.error(new RangeError('x')) })).text()),
      'RangeError',
    ],
    [
      'a stream with text in it is TypeError',
      () => thrown(() => new Response(streamOf('a') as never).text()),
      'TypeError',
    ],
    [
      'a locked stream is TypeError',
      () =>
        thrown(() => {
          const s = streamOf(utf8('a'))
          s.getReader()
          new Response(s)
        }),
      'TypeError',
    ],
    [
      'a disturbed stream is TypeError',
      async () => {
        const s = streamOf(utf8('a'))
        const reader = s.getReader()
        await reader.read()
        reader.releaseLock()
        return thrown(() => new Response(s))
      },
      'TypeError',
    ],
    [
      'cancelling the body uses it',
      async () => {
        const r = new Response('a')
        await r.body!.cancel()
        return r.bodyUsed
      },
      true,
    ],
    [
      'clone',
      async () => {
        const one = new Response('a', { status: 201, headers: { a: '1' } })
        const two = one.clone()
        two.headers.set('a', '2')
        return [await one.text(), await two.text(), two.status, one.headers.get('a')]
      },
      ['a', 'a', 201, '1'],
    ],
    [
      'clone of a used response is TypeError',
      async () => {
        const r = new Response('a')
        await r.text()
        return thrown(() => r.clone())
      },
      'TypeError',
    ],
    [
      'clone of a locked response is TypeError',
      () =>
        thrown(() => {
          const r = new Response('a')
          r.body!.getReader()
          r.clone()
        }),
      'TypeError',
    ],
    [
      'both halves of a clone read a stream',
      async () => {
        const one = new Response(streamOf(utf8('a'), utf8('b')))
        const two = one.clone()
        return [await two.text(), await one.text()]
      },
      ['ab', 'ab'],
    ],
    [
      'a body can be piped',
      async () => (await chunksOf(new Response('ab').body!.pipeThrough(new TextDecoderStream()))).join(''),
      'ab',
    ],
    [
      'other things as the body are text',
      async () => [await new Response(1 as never).text(), await new Response({} as never).text()],
      ['1', '[object Object]'],
    ],
    ['the class string', () => Object.prototype.toString.call(new Response()), '[object Response]'],
    [
      'a fetch that is aborted before it starts rejects with the reason',
      () =>
        fetch('https://example.invalid/', { signal: AbortSignal.abort(new RangeError('x')) }).then(
          () => 'fine',
          (error) => error.name,
        ),
      'RangeError',
    ],
    [
      'a fetch of no URL rejects with TypeError',
      () =>
        fetch('nope').then(
          () => 'fine',
          (error) => error.name,
        ),
      'TypeError',
    ],
    [
      'a fetch of an unknown scheme rejects with TypeError',
      () =>
        fetch('foo:bar').then(
          () => 'fine',
          (error) => error.name,
        ),
      'TypeError',
    ],
    [
      'a fetch of a data URL answers its content',
      async () => {
        const r = await fetch('data:text/x;charset=utf-8;base64,aMOp')
        return [r.status, r.headers.get('content-type'), await r.text()]
      },
      [200, 'text/x;charset=utf-8', 'hé'],
    ],
    ['a data URL may be percent-encoded', async () => (await fetch('data:,a%20b')).text(), 'a b'],
    [
      'a broken data URL is TypeError',
      () =>
        fetch('data:nope').then(
          () => 'fine',
          (error) => error.name,
        ),
      'TypeError',
    ],
  ],
}
