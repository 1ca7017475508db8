import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { placeIn } from '../capability-testing.ts'
import { judgedCaller } from '../testing-call.ts'
import type { Lookup } from './dialer.ts'
import type { FetchResponse } from './fetch.ts'
import { createNetCapability, type NetOptions } from './net.ts'

const place = placeIn('/nowhere', 'weather')

test('K12: a request reaches a named host and its answer comes back as a stream', async () => {
  await using server = await serve(async (request, response) => {
    const body = await text(request)
    response.writeHead(201, 'Made', { 'x-seen': request.headers['x-mine'], 'set-cookie': ['a=1', 'b=2'] })
    response.end(`${request.method} ${request.url} ${body}`)
  })
  await using net = open([`127.0.0.1:${server.port}`])

  const answer = await net.fetch(`${server.url}/a?b=c#d`, {
    method: 'post',
    headers: [['x-mine', 'yes']],
    body: 'hello',
  })

  expect(answer).toMatchObject({ status: 201, statusText: 'Made', redirected: false, url: `${server.url}/a?b=c#d` })
  expect(answer.headers).toEqual(
    expect.arrayContaining([
      ['x-seen', 'yes'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]),
  )
  expect(await new Response(answer.body).text()).toBe('POST /a?b=c hello')
})

test('K12: a body is streamed up, chunk by chunk', async () => {
  await using server = await serve(async (request, response) => response.end(await text(request)))
  await using net = open([`127.0.0.1:${server.port}`])
  const body = new Blob(['one ', 'two']).stream()

  const answer = await net.fetch(server.url, { method: 'PUT', body })

  expect(await new Response(answer.body).text()).toBe('one two')
})

test('headers that frame or route a message stay ours', async () => {
  await using server = await serve((request, response) => response.end(JSON.stringify(request.headers)))
  await using net = open([`127.0.0.1:${server.port}`])
  const sent = [
    'Host',
    'Connection',
    'Proxy-Authorization',
    'TE',
    'Transfer-Encoding',
    'Upgrade',
    'Content-Length',
    'X-Kept',
  ]

  const answer = await net.fetch(server.url, { headers: sent.map((name): [string, string] => [name, 'evil']) })
  const seen = await new Response(answer.body).json()

  expect(seen).toMatchObject({ 'x-kept': 'evil', host: `127.0.0.1:${server.port}` })
  expect(Object.values(seen).filter((value) => value === 'evil')).toHaveLength(1)
})

test('K4: a redirect to a host that is not granted is refused before it is contacted', async () => {
  let contacted = 0
  await using other = await serve((_request, response) => void response.end(String(++contacted)))
  await using server = await serve((_request, response) => redirect(response, 302, `${other.url}/secret`))
  await using net = open([`127.0.0.1:${server.port}`])

  await expect(net.fetch(server.url)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  expect(contacted).toBe(0)
})

test('K4: no credential goes along to another origin, and a 303 becomes a GET', async () => {
  await using other = await serve((request, response) =>
    response.end(JSON.stringify([request.method, request.headers])),
  )
  await using server = await serve((_request, response) => redirect(response, 303, other.url))
  await using net = open([`127.0.0.1:${server.port}`, `127.0.0.1:${other.port}`])
  const headers: [string, string][] = [
    ['Authorization', 'Bearer x'],
    ['Cookie', 'a=b'],
    ['X-Api-Key', 'k'],
    ['X-Goog-Api-Key', 'k'],
    ['Private-Token', 't'],
    ['Content-Type', 'text/plain'],
    ['Accept-Language', 'pt'],
  ]

  const answer = await net.fetch(server.url, { method: 'POST', headers, body: 'x' })
  const [method, seen] = await new Response(answer.body).json()

  expect(answer).toMatchObject({ redirected: true, url: `${other.url}/` })
  expect(method).toBe('GET')
  expect(seen).toMatchObject({ 'accept-language': 'pt' })
  for (const [name] of headers.slice(0, 6)) expect(seen).not.toHaveProperty(name.toLowerCase())
})

test('a 307 sends bytes again, and refuses to send a stream again', async () => {
  await using server = await serve(async (request, response) => {
    const body = await text(request)
    if (request.url === '/') redirect(response, 307, '/there')
    else response.end(`${request.method} ${body}`)
  })
  await using net = open([`127.0.0.1:${server.port}`])

  const answer = await net.fetch(server.url, { method: 'POST', body: 'again' })
  const streamed = net.fetch(server.url, { method: 'POST', body: new Blob(['again']).stream() })

  expect(await new Response(answer.body).text()).toBe('POST again')
  await expect(streamed).rejects.toMatchObject({ code: 'NET_REDIRECT' })
})

test('redirects are followed ten times, not at all, or left to the caller', async () => {
  await using server = await serve((_request, response) => redirect(response, 302, '/'))
  await using net = open([`127.0.0.1:${server.port}`])

  await expect(net.fetch(server.url)).rejects.toMatchObject({ code: 'NET_REDIRECT' })
  await expect(net.fetch(server.url, { redirect: 'error' })).rejects.toMatchObject({ code: 'NET_REDIRECT' })
  expect(await net.fetch(server.url, { redirect: 'manual' })).toMatchObject({ status: 302, redirected: false })
})

test.each(['file:///etc/passwd', 'ftp://example.com/', 'https://user:pass@example.com/'])(
  'a redirect to %s ends in NET_URL',
  async (to) => {
    await using server = await serve((_request, response) => redirect(response, 302, to))
    await using net = open([`127.0.0.1:${server.port}`])

    await expect(net.fetch(server.url)).rejects.toMatchObject({ code: 'NET_URL' })
  },
)

test('K4: a name that turns to this machine or the own network after it was granted reaches nothing', async () => {
  let contacted = 0
  await using server = await serve((_request, response) => void response.end(String(++contacted)))
  const { port } = server
  for (const address of [
    '127.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '0.0.0.0',
    '64:ff9b::7f00:1',
  ]) {
    await using net = open(['any', `rebind.example.com:${port}`], { lookup: answering([address]) })
    await expect(net.fetch(`http://rebind.example.com:${port}/`)).rejects.toMatchObject({ code: 'NET_PRIVATE_ADDRESS' })
  }
  expect(contacted).toBe(0)
})

test('K4: each connection is checked with the very look-up it uses', async () => {
  await using server = await serve((_request, response) => {
    response.setHeader('connection', 'close')
    response.end('in')
  })
  let asked = 0
  const lookup: Lookup = async () => [{ address: ++asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
  await using net = open([`localhost:${server.port}`], { lookup })
  const url = `http://localhost:${server.port}/`

  expect((await net.fetch(url)).status).toBe(200)
  await expect(net.fetch(url)).rejects.toMatchObject({ code: 'NET_PRIVATE_ADDRESS' })
  expect(asked).toBe(2)
})

test('K4: of several addresses only those that may be reached are tried', async () => {
  await using server = await serve((_request, response) => response.end('loopback'))
  const lookup = answering(['10.0.0.1', '127.0.0.1', '169.254.169.254'])
  await using net = open([`localhost:${server.port}`], { lookup })

  const answer = await net.fetch(`http://localhost:${server.port}/`)

  expect(await new Response(answer.body).text()).toBe('loopback')
})

test('K4: a public name enters the own network only if that was declared', async () => {
  const lookup = answering(['10.255.255.254'])
  await using without = open(['git.example.com:81'], { lookup, connectMs: 50 })
  await using declared = open(['private:git.example.com:81'], { lookup, connectMs: 50 })

  await expect(without.fetch('http://git.example.com:81/')).rejects.toMatchObject({ code: 'NET_PRIVATE_ADDRESS' })
  const tried = await declared.fetch('http://git.example.com:81/').catch((error) => error)
  expect(tried.code).not.toBe('NET_PRIVATE_ADDRESS') // nobody lives there, but it was let through
  expect(declared.judged).toContain('private:git.example.com:81')
})

test('an abort ends a request that waits for its answer, with the reason', async () => {
  const arrived = Promise.withResolvers<IncomingMessage>()
  await using server = await serve((request) => arrived.resolve(request))
  await using net = open([`127.0.0.1:${server.port}`])
  const controller = new AbortController()
  const waiting = net.fetch(server.url, {}, controller.signal)
  const request = await arrived.promise
  const closed = new Promise((resolve) => request.once('close', resolve))

  controller.abort(new Error('enough'))

  await expect(waiting).rejects.toThrow('enough')
  await closed
})

test('an abort ends an endless answer, and the server feels it', async () => {
  await using server = await serve(endless)
  await using net = open([`127.0.0.1:${server.port}`])
  const controller = new AbortController()
  const { body } = await net.fetch(server.url, {}, controller.signal)
  const reader = body!.getReader()
  await reader.read()

  controller.abort(new Error('enough'))

  await expect(drain(reader)).rejects.toThrow('enough')
  await server.idle()
})

test('dropping an endless answer closes its connection; unread, it is not read ahead', async () => {
  await using server = await serve(endless)
  await using net = open([`127.0.0.1:${server.port}`])
  const { body } = await net.fetch(server.url)
  const reader = body!.getReader()
  expect((await reader.read()).value).toBeInstanceOf(Uint8Array)

  await reader.cancel()

  await server.idle()
})

test('an answer larger than its limit fails, also when it was small while packed', async () => {
  await using server = await serve((_request, response) => {
    response.setHeader('content-encoding', 'gzip')
    response.end(gzipSync(Buffer.alloc(1_000_000)))
  })
  await using net = open([`127.0.0.1:${server.port}`])

  const whole = await net.fetch(server.url)
  const cut = await net.fetch(server.url, { maxBytes: 100_000 })

  expect((await new Response(whole.body).arrayBuffer()).byteLength).toBe(1_000_000)
  await expect(drain(cut.body!.getReader())).rejects.toMatchObject({ code: 'NET_TOO_BIG' })
})

test('an answer that breaks off, too many headers, and nobody there, each have a code', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/headers') response.setHeader('x', 'y'.repeat(20_000)).end()
    else response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy())
  })
  await using net = open([`127.0.0.1:${server.port}`, '127.0.0.1:1'], { headerBytes: 8_192 })

  const half = await net.fetch(server.url)

  await expect(drain(half.body!.getReader())).rejects.toMatchObject({ code: 'NET_RESET' })
  await expect(net.fetch(`${server.url}/headers`)).rejects.toMatchObject({ code: 'NET_HEADERS_TOO_BIG' })
  await expect(net.fetch('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'NET_REFUSED' })
})

test.each([
  [{ url: 'not a url' }],
  [{ url: 'http://x.com', method: 'CONNECT' }],
  [{ url: 'http://x.com', method: 'TRACE' }],
  [{ url: 'http://x.com', method: 'GET /\r\n' }],
  [{ url: 'http://x.com', headers: [['a\r\nb', 'c']] }],
  [{ url: 'http://x.com', headers: [['a', 'b\r\nc: d']] }],
])('a request that cannot be meant is refused by its schema: %j', async (request) => {
  await using net = open(['any'])

  await expect(net.call('fetch', [request])).rejects.toThrow()
  expect(net.judged).toEqual([])
})

function open(granted: string[], options: NetOptions = {}) {
  const capability = createNetCapability(options)
  const caller = judgedCaller(capability, place, granted)
  return {
    ...caller,
    fetch: (url: string, request: object = {}, signal?: AbortSignal) =>
      caller.call<FetchResponse>('fetch', [{ url, ...request }], signal),
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]()
      await capability[Symbol.asyncDispose]?.()
    },
  }
}

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** Until no connection is left. */
    async idle() {
      while (await new Promise((resolve) => server.getConnections((_error, count) => resolve(count > 0))))
        await setImmediate()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const endless: RequestListener = (_request, response) => {
  const chunk = Buffer.alloc(65_536)
  const more = () => {
    while (response.write(chunk));
  }
  response.on('drain', more)
  more()
}

function redirect(response: Parameters<RequestListener>[1], status: number, location: string): void {
  response.writeHead(status, { location }).end('moved')
}

function answering(addresses: string[]): Lookup {
  return async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

async function text(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync(request)).toString()
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}
