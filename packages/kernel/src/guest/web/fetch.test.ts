import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sameAsNode, useRealm } from './same-as-node.ts'

const use = useRealm()

describe('Headers', () => {
  sameAsNode(use, [
    [
      'names fold, values join, order is sorted',
      `const h = new Headers([['B', '1'], ['a', ' x\\t'], ['b', '2']]); h.append('A', 'y'); return [[...h], h.get('B'), h.has('A'), h.get('no'), list(h.keys()), list(h.values())]`,
    ],
    [
      'records and copies',
      `const h = new Headers({ X: 1, y: null }); const c = new Headers(h); c.set('x', 'other'); c.delete('Y'); return [[...h], [...c]]`,
    ],
    [
      'cookies are never joined',
      `const h = new Headers(); h.append('set-cookie', 'a=1'); h.append('Set-Cookie', 'b=2'); h.append('z', '1'); return [[...h], h.getSetCookie(), h.get('set-cookie')]`,
    ],
    [
      'what could smuggle is refused',
      `return Promise.all([() => new Headers({ 'a b': 1 }), () => new Headers({ a: 'x\\r\\ny: z' }), () => new Headers({ a: '\\0' }), () => new Headers({ a: '€' }), () => new Headers([['a']]), () => new Headers(null), () => new Headers({ '': 'x' }), () => new Headers({ a: '\\n x \\n' })].map(name))`,
    ],
    [
      'forEach and tags',
      `const out = []; new Headers({ b: 2, a: 1 }).forEach((v, k) => out.push([k, v])); return [out, Object.prototype.toString.call(new Headers())]`,
    ],
  ])
})

describe('bodies', () => {
  sameAsNode(use, [
    [
      'every kind of body, every way to read',
      `const of = (b) => new Response(b); return [await of('é').text(), list(new Uint8Array(await of(utf8('ab')).arrayBuffer())), await of('{"a":1}').json(), list(await of(new Blob(['x'])).bytes()), await of(new URLSearchParams('a=b c')).text(), await of(ReadableStream.from([utf8('x'), utf8('y')])).text(), await of(null).text(), await of(utf8('zz').buffer).text(), await of(7).text()]`,
    ],
    [
      'content types',
      `const type = (b) => new Response(b).headers.get('content-type'); return [type('x'), type(new URLSearchParams()), type(new Blob(['x'], { type: 'A/b' })), type(new Blob(['x'])), type(utf8('x')), type(null), type(new FormData()).startsWith('multipart/form-data; boundary=')]`,
    ],
    [
      'a body is read once',
      `const r = new Response('x'); const before = r.bodyUsed; await r.text(); return [before, r.bodyUsed, await name(() => r.text()), await name(() => r.clone()), r.body instanceof ReadableStream, new Response().body, new Response().bodyUsed]`,
    ],
    [
      'a body without content can be read again',
      `const r = new Response(); await r.text(); return [r.bodyUsed, await r.text()]`,
    ],
    [
      'reading the stream uses the body',
      `const r = new Response('abc'); const got = (await read(r.body)).map(list).flat(); return [got, r.bodyUsed, await name(() => r.text())]`,
    ],
    [
      'a locked body is unusable',
      `const r = new Response('abc'); r.body.getReader(); return [await name(() => r.text()), r.bodyUsed]`,
    ],
    [
      'bad json is a SyntaxError',
      `return [await name(() => new Response('{').json()), await name(() => new Response('').json())]`,
    ],
    [
      'clones read apart',
      `const r = new Response('abc', { status: 201, headers: { a: 'b' } }); const c = r.clone(); return [await r.text(), await c.text(), c.status, c.headers.get('a')]`,
    ],
    [
      'streams can be cloned too',
      `const r = new Response(ReadableStream.from([utf8('ab'), utf8('c')])); const c = r.clone(); return [await c.text(), await r.text()]`,
    ],
    ['a byte order mark is not text', `return await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).text()`],
    ['chunks must be bytes', `return name(() => new Response(ReadableStream.from(['text'])).text())`],
    [
      'a failing stream fails the reader',
      `return name(() => new Response(new ReadableStream({ pull(c) { c.error(new RangeError('x')) } })).text())`,
    ],
  ])
})

describe('Blob, File, FormData', () => {
  sameAsNode(use, [
    [
      'blobs are made of parts and sliced',
      `const b = new Blob(['ab', utf8('cd'), new Blob(['ef']), utf8('gh').buffer], { type: 'Text/PLAIN' }); return [b.size, b.type, await b.text(), await b.slice(1, 3).text(), await b.slice(-3, -1, 'x/y').text(), b.slice(0, 1, 'x/y').type, (await read(b.stream())).map(list).flat().length, await name(() => new Blob('x'))]`,
    ],
    [
      'files',
      `const f = new File(['x'], 'a.txt', { type: 't/p', lastModified: 5 }); return [f.name, f.size, f.type, f.lastModified, f instanceof Blob, Object.prototype.toString.call(f), await name(() => new File(['x']))]`,
    ],
    [
      'a form keeps order and many values',
      `const f = new FormData(); f.append('a', '1'); f.append('b', 'x'); f.append('a', 2); const all = f.getAll('a'); f.set('a', '3'); f.append('f', new Blob(['z'])); return [all, [...f].map(([k, v]) => [k, typeof v === 'string' ? v : v.name]), f.has('b'), f.get('no'), (f.delete('b'), f.has('b')), await name(() => f.append('q', 'x', 'name.txt'))]`,
    ],
    [
      'a form goes there and back as multipart',
      `const f = new FormData(); f.append('a "b"\\r\\nc', 'line\\nbreak'); f.append('ü', 'ö€'); f.append('file', new File([new Uint8Array([0, 13, 10, 45, 45, 255])], 'n"a.bin', { type: 'x/y' })); f.append('none', ''); f.append('e', new File([], 'empty'));
       const back = await new Response(f).formData(); const out = []; for (const [k, v] of back) out.push([k, typeof v === 'string' ? v : [v.name, v.type, list(new Uint8Array(await v.arrayBuffer()))]]); return out`,
    ],
    [
      'urlencoded forms are read',
      `const r = new Response('a=1&b=%20+&a=2', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }); return [...(await r.formData())]`,
    ],
    [
      'multipart of others is read',
      `const body = ['--X', 'content-disposition: form-data; name=plain', '', 'v', '--X', 'Content-Type: text/css', 'Content-Disposition: form-data; name="f"; filename="s.css"', '', 'a{}', '--X--', ''].join('\\r\\n');
       const f = await new Response(body, { headers: { 'content-type': 'multipart/form-data; boundary="X"' } }).formData(); return [f.get('f').name, f.get('f').type, await f.get('f').text()]`,
    ],
    [
      'what is no form is refused',
      `const of = (b, t) => new Response(b, { headers: { 'content-type': t } }); return [await name(() => of('x', 'text/plain').formData()), await name(() => of('junk', 'multipart/form-data; boundary=X').formData()), await name(() => of('--X\\r\\n\\r\\nv\\r\\n--X--', 'multipart/form-data; boundary=X').formData()), await name(() => of('--X\\r\\ncontent-disposition: form-data; name="a"\\r\\n\\r\\nv', 'multipart/form-data; boundary=X').formData())]`,
    ],
  ])
})

describe('Request and Response', () => {
  sameAsNode(use, [
    [
      'a request reads its init',
      `const r = new Request('http://a.b/c#h', { method: 'post', headers: { x: '1' }, body: 'hi', redirect: 'manual' }); return [r.url, r.method, r.headers.get('x'), r.headers.get('content-type'), r.redirect, r.signal.aborted, await r.text(), r.bodyUsed]`,
    ],
    [
      'a request from a request takes its body',
      `const a = new Request('http://a/', { method: 'PUT', body: 'x' }); const b = new Request(a, { headers: { y: '2' } }); return [b.method, await b.text(), a.bodyUsed, b.headers.get('y'), await name(() => new Request(a))]`,
    ],
    [
      'requests are cloned',
      `const a = new Request('http://a/', { method: 'POST', body: 'x', headers: { q: '1' } }); const b = a.clone(); return [await a.text(), await b.text(), b.method, b.headers.get('q')]`,
    ],
    [
      'signals follow',
      `const c = new AbortController(); const r = new Request('http://a/', { signal: c.signal }); c.abort('why'); return [r.signal.aborted, r.signal.reason, r.signal === c.signal]`,
    ],
    [
      'misuse',
      `return Promise.all([() => new Request('/relative'), () => new Request('http://u:p@h/'), () => new Request('http://a', { body: 'x' }), () => new Request('http://a', { method: 'TRACE' }), () => new Request('http://a', { method: 'a b' }), () => new Request('http://a', { method: 'POST', body: new ReadableStream() }), () => new Request('http://a', { redirect: 'x' }), () => new Request('http://a', { signal: {} })].map(name))`,
    ],
    [
      'methods',
      `return ['get', 'Patch', 'patch', 'dElete', 'x-y'].map((method) => new Request('http://a', { method }).method)`,
    ],
    [
      'a response reads its init',
      `const r = new Response('x', { status: 404, statusText: 'Gone fishing', headers: { a: 'b' } }); return [r.ok, r.status, r.statusText, r.type, r.url, r.redirected, new Response().status, new Response('x', { status: 299 }).ok]`,
    ],
    [
      'json, redirect, error',
      `const j = Response.json({ a: [1] }, { status: 201 }); const d = Response.redirect('http://a/b', 301); const e = Response.error(); return [j.status, j.headers.get('content-type'), await j.json(), d.status, d.headers.get('location'), e.type, e.status, await name(() => Response.json(undefined)), await name(() => Response.redirect('http://a', 200)), await name(() => e.headers.set('a', 'b'))]`,
    ],
    [
      'bad responses',
      `return Promise.all([() => new Response('x', { status: 204 }), () => new Response('', { status: 199 }), () => new Response('', { status: 600 }), () => new Response('', { statusText: '\\n' })].map(name))`,
    ],
    [
      'tags',
      `return [Object.prototype.toString.call(new Request('a:b')), Object.prototype.toString.call(new Response())]`,
    ],
  ])
})

describe('fetch', () => {
  let server: Server
  let base: string
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        if (request.url === '/moved') return response.writeHead(302, { location: '/echo?moved' }).end()
        if (request.url === '/none') return response.writeHead(204).end()
        if (request.url === '/slow') return void setTimeout(() => response.end('late'), 300)
        const { method, url, headers } = request
        const body = Buffer.concat(chunks).toString()
        response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] })
        response.end(
          method === 'HEAD'
            ? ''
            : JSON.stringify({ method, url, type: headers['content-type'], mine: headers['x-mine'], body }),
        )
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    Object.assign(globalThis, { testBase: base })
    await use.realm.run(`globalThis.testBase = ${JSON.stringify(base)}`)
  })
  afterAll(() => {
    Reflect.deleteProperty(globalThis, 'testBase')
    server.closeAllConnections()
    server.close()
  })

  sameAsNode(use, [
    [
      'a GET with headers',
      `const r = await fetch(testBase + '/echo?q=1#frag', { headers: { 'X-Mine': 'yes' } }); return [r.status, r.ok, r.type, r.url, r.redirected, r.headers.getSetCookie(), r.headers.get('content-type'), await r.json(), r.bodyUsed]`,
    ],
    [
      'a POST of text, a form, a stream',
      `const post = async (body, extra) => (await fetch(testBase + '/echo', { method: 'POST', body, ...extra })).json(); return [await post('hällo'), await post(new URLSearchParams('a=b')), await post(ReadableStream.from([utf8('a'), utf8('b')]), { duplex: 'half' })]`,
    ],
    [
      'a Request is sent, and spent',
      `const q = new Request(testBase + '/echo', { method: 'PUT', body: 'x' }); const r = await (await fetch(q)).json(); return [r, q.bodyUsed, await name(() => fetch(q))]`,
    ],
    [
      'redirects are told',
      `const r = await fetch(testBase + '/moved'); return [r.redirected, r.url, (await r.json()).url]`,
    ],
    [
      'no body, no stream',
      `const r = await fetch(testBase + '/none'); const h = await fetch(testBase + '/echo', { method: 'HEAD' }); return [r.status, r.body, await r.text(), await h.text()]`,
    ],
    [
      'headers of an answer are immutable',
      `const r = await fetch(testBase + '/none'); return name(() => r.headers.set('a', 'b'))`,
    ],
    [
      'the body is a stream of bytes',
      `const r = await fetch(testBase + '/echo'); let n = 0; for await (const chunk of r.body) n += chunk.byteLength; return [n > 10, await name(() => r.text())]`,
    ],
    [
      'an abort rejects at once with the reason',
      `const c = new AbortController(); const p = fetch(testBase + '/slow', { signal: c.signal }); setTimeout(() => c.abort(), 10); return [await name(() => p), await name(() => fetch(testBase, { signal: AbortSignal.abort(new RangeError('mine')) })), await name(() => fetch(testBase + '/slow', { signal: AbortSignal.timeout(10) }))]`,
    ],
    [
      'a failure is a TypeError',
      `return [await name(() => fetch('nope')), await name(() => fetch('http://127.0.0.1:1/'))]`,
    ],
  ])

  test('an abort after the answer fails the reading of its body', async () => {
    const code = `const c = new AbortController(); const r = await fetch(testBase + '/echo', { signal: c.signal }); const reader = r.body.getReader(); await reader.read(); c.abort(); try { await reader.read(); return 'fine' } catch (e) { return e.name }`

    expect(await use.realm.run(code)).toBe('AbortError')
  })
})
