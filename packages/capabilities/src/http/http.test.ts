import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request as open } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createScope, type Scope, ServiceError } from '@pryx/kernel/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Http, httpFace } from '../../../sdk/src/capabilities/http.ts'
import { callerOf, placeIn, temporaryFolder } from '../capability-testing.ts'
import { parsePrefix } from './grammar.ts'
import { hostnameOf, refuseRequest } from './guards.ts'
import { createHttpServerCapability, type HttpOptions } from './http.ts'
import { createRoutes } from './routes.ts'

interface Served extends AsyncDisposable {
  url: string
  port: number
  folder: string
  faceOf(plugin: string, scope?: Scope): Http
  bareOf(plugin: string): ReturnType<typeof callerOf>
  close(): Promise<void>
}

async function serve(options: HttpOptions = {}): Promise<Served> {
  const folder = temporaryFolder()
  const http = createHttpServerCapability(options)
  const { url, port } = await http.listen()
  const bareOf = (plugin: string, scope?: Scope) => callerOf(http, placeIn(folder.path, plugin), scope)
  return {
    url,
    port,
    folder: folder.path,
    bareOf,
    faceOf: (plugin, scope) => httpFace(bareOf(plugin, scope)),
    close: () => http.close(),
    async [Symbol.asyncDispose]() {
      await http.close()
      folder[Symbol.dispose]()
    },
  }
}

/** A request with headers that fetch would not let through. */
function ask(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; path?: string } = {},
): Promise<{ status: number; text: string; headers: IncomingMessage['headers'] }> {
  return new Promise((resolve, reject) => {
    const sent = open(url, { agent: false, ...options }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode ?? 0, text, headers: response.headers })
    })
    sent.on('error', reject)
    sent.end(options.body)
  })
}

describe('routes', () => {
  test('a handler in web types answers what is under its prefix, the longest prefix first', async () => {
    await using served = await serve()
    await served.faceOf('root').serve('/', () => new Response('root'))
    await served.faceOf('echo').serve('/echo', async (request, { remote }) =>
      Response.json(
        {
          url: request.url,
          method: request.method,
          body: await request.text(),
          type: request.headers.get('content-type'),
          remote,
        },
        { status: 201 },
      ),
    )

    const echoed = await fetch(`${served.url}/echo/x?y=1`, {
      method: 'POST',
      body: 'hello',
      headers: { 'content-type': 'text/plain' },
    })

    expect(echoed.status).toBe(201)
    expect(await echoed.json()).toEqual({
      url: `${served.url}/echo/x?y=1`,
      method: 'POST',
      body: 'hello',
      type: 'text/plain',
      remote: '127.0.0.1',
    })
    expect(await (await fetch(`${served.url}/echoes`)).text()).toBe('root')
    expect(await served.faceOf('echo').url()).toBe(served.url)
  })

  test('a prefix of another plugin is refused; a new instance of the same plugin takes over without a gap', async () => {
    await using served = await serve()
    await using older = createScope('older')
    await served.faceOf('weather', older).serve('/weather/', () => new Response('old'))

    await expect(served.faceOf('other').serve('/weather', () => new Response())).rejects.toMatchObject({
      code: 'HTTP_PREFIX_TAKEN',
      details: { owner: 'weather' },
    })
    await served.faceOf('weather').serve('/weather', () => new Response('new'))
    await older[Symbol.asyncDispose]()

    expect(await (await fetch(`${served.url}/weather`)).text()).toBe('new')
  })

  test('K2: a plugin that has just gone answers 503 with Retry-After, and 404 once it stays away', async () => {
    let now = 0
    await using served = await serve({ now: () => now })
    const scope = createScope('weather')
    await served.faceOf('weather', scope).serve('/weather', () => new Response('sun'))
    await scope[Symbol.asyncDispose]()

    const soon = await fetch(`${served.url}/weather`)
    now = 60_000
    const later = await fetch(`${served.url}/weather`)

    expect([soon.status, soon.headers.get('retry-after'), later.status]).toEqual([503, '1', 404])
  })

  test('a plugin may let go of a prefix early', async () => {
    await using served = await serve()
    const http = served.faceOf('weather')
    await http.serve('/weather', () => new Response('sun'))

    expect(await http.unserve('/weather')).toBe(true)
    expect(await http.unserve('/weather')).toBe(false)
    expect((await fetch(`${served.url}/weather`)).status).toBe(404)
  })

  test('any set of prefixes: the answer comes from the longest that fits', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'ab'), { maxLength: 4 }).map((words) => `/${words.join('/')}`)
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 6 }), path, (prefixes, asked) => {
        const routes = createRoutes<string>(() => 0)
        for (const prefix of prefixes) routes.add(prefix, 'p', prefix)
        const fitting = prefixes.filter(
          (prefix) => prefix === '/' || asked === prefix || asked.startsWith(`${prefix}/`),
        )
        const longest = fitting.sort((a, b) => b.length - a.length)[0]
        expect(routes.match(asked)).toEqual(longest && { target: longest, prefix: longest, plugin: 'p' })
      }),
    )
  })

  test.each(['', 'weather', '//', '/a//b', '/../x', '/.git', '/a b', '/a?b', '/%2e', `/${'x'.repeat(200)}`])(
    '"%s" is no prefix',
    (prefix) => {
      expect(() => parsePrefix(prefix)).toThrow(/cannot be the prefix/)
    },
  )
})

describe('streams', () => {
  test('an event stream arrives event by event, and a client that leaves cancels it in the plugin', async () => {
    await using served = await serve()
    const cancelled = Promise.withResolvers<void>()
    const source = Promise.withResolvers<ReadableStreamDefaultController>()
    await served.faceOf('live').serve('/live', () => {
      const body = new ReadableStream({
        start: (controller) => source.resolve(controller),
        cancel: () => cancelled.resolve(),
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const leaving = new AbortController()

    const response = await fetch(`${served.url}/live`, { signal: leaving.signal }) // answers before any event: the head came at once
    const reader = response.body!.getReader()
    const controller = await source.promise
    for (const n of [1, 2, 3]) {
      controller.enqueue(new TextEncoder().encode(`data: ${n}\n\n`))
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(`data: ${n}\n\n`)
    }
    leaving.abort()

    await cancelled.promise
  })

  test('a reader that stands still makes the plugin stand still', async () => {
    await using served = await serve()
    let made = 0
    await served.faceOf('big').serve('/big', () => {
      const pull = (controller: ReadableStreamDefaultController) => {
        made++
        controller.enqueue(new Uint8Array(65_536))
      }
      return new Response(new ReadableStream({ pull }))
    })
    const socket = connect(served.port, '127.0.0.1')
    socket.pause()
    socket.write(`GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n`)

    const before = await steady(() => made)

    expect(before).toBeGreaterThan(0)
    expect(before * 65_536).toBeLessThan(32 * 1_048_576) // what the sockets of this machine hold
    socket.destroy()
  })

  test('a stream that fails breaks the connection instead of ending like a whole answer', async () => {
    await using served = await serve()
    await served.faceOf('bad').serve('/bad', () => {
      let n = 0
      const pull = (controller: ReadableStreamDefaultController) => {
        if (n++ === 0) controller.enqueue(new Uint8Array(10))
        else controller.error(new Error('no more'))
      }
      return new Response(new ReadableStream({ pull }))
    })

    await expect(fetch(`${served.url}/bad`).then((response) => response.text())).rejects.toThrow()
  })

  test('closing ends open event streams within a second', async () => {
    await using served = await serve()
    await served.faceOf('live').serve('/live', () => new Response(new ReadableStream({})))
    const response = await fetch(`${served.url}/live`)
    const start = performance.now()

    await served.close()

    expect(performance.now() - start).toBeLessThan(1_000)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('limits', () => {
  test('a body past the limit is 413, announced or not', async () => {
    await using served = await serve({ bodyBytes: 1_000 })
    await served.faceOf('echo').serve('/echo', async (request) => new Response(await request.text()))
    const long = 'x'.repeat(1_001)

    expect(
      (await ask(`${served.url}/echo`, { method: 'POST', body: long, headers: { 'content-length': '1001' } })).status,
    ).toBe(413)
    expect(
      (await ask(`${served.url}/echo`, { method: 'POST', body: long, headers: { 'transfer-encoding': 'chunked' } }))
        .status,
    ).toBe(413)
    expect((await ask(`${served.url}/echo`, { method: 'POST', body: long.slice(1) })).text).toHaveLength(1_000)
  })

  test('a handler that is late is 504, one that is gone 503, one that throws 500 without a word of why', async () => {
    await using served = await serve({ handlerMs: 30 })
    const call = served.bareOf('bad')
    await call('serve', ['/late', () => new Promise(() => {})])
    await call('serve', ['/gone', () => Promise.reject(new ServiceError('SERVICE_GONE', 'it died'))])
    await call('serve', ['/throws', () => Promise.reject(new Error('the password is hunter2'))])
    await call('serve', ['/odd', async () => ({ status: 'fine' })])
    await call('serve', ['/split', async () => ({ status: 200, headers: [['x', 'a\r\nset-cookie: b']] })])

    const answers = await Promise.all(
      ['late', 'gone', 'throws', 'odd', 'split'].map((path) => ask(`${served.url}/${path}`)),
    )

    expect(answers.map(({ status }) => status)).toEqual([504, 503, 500, 500, 500])
    expect(answers[1]?.headers['retry-after']).toBe('1')
    expect(answers[4]?.headers).not.toHaveProperty('x')
    expect(answers[4]?.headers['x-frame-options']).toBe('DENY')
    expect(answers.map(({ text }) => text).join()).not.toMatch(/hunter2|died|at /)
  })

  test('a client that sends its head slowly is cut off, and too large a head refused', async () => {
    await using served = await serve({ headersMs: 100 })
    const socket = connect(served.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')

    const text = await new Promise<string>((resolve) => {
      let all = ''
      socket.on('data', (chunk) => (all += chunk)).on('close', () => resolve(all))
    })

    expect(text).toContain('408')
    expect((await ask(served.url, { headers: { x: 'x'.repeat(20_000) } })).status).toBe(431)
  })

  test('a taken port is told with what to do', async () => {
    await using served = await serve()

    const second = createHttpServerCapability({ port: served.port })

    await expect(second.listen()).rejects.toMatchObject({
      code: 'HTTP_PORT_TAKEN',
      hint: expect.stringContaining('--port'),
    })
    await second.close()
  })

  test('N4: beyond the loopback the server wants to know its names', () => {
    expect(() => createHttpServerCapability({ host: '0.0.0.0' })).toThrow(/names under which/)
    expect(createHttpServerCapability({ host: '0.0.0.0', hosts: ['pryx.example'] }).consent('serve').risk).toBe(
      'medium',
    )
  })
})

describe('other origins', () => {
  test.each([
    ['a rebound name', 'GET', { host: 'evil.example:80' }, 421],
    ['a name that only begins well', 'GET', { host: 'localhost.evil.example' }, 421],
    ['a malformed host', 'GET', { host: 'localhost/x' }, 400],
    ['a loopback name', 'GET', { host: 'localhost:1' }, 200],
    ['a program', 'POST', {}, 200],
    ['a form of another site', 'POST', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a form of a sibling site', 'POST', { 'sec-fetch-site': 'same-site' }, 403],
    ['our own page', 'POST', { 'sec-fetch-site': 'same-origin' }, 200],
    ['an old browser elsewhere', 'DELETE', { origin: 'https://evil.example' }, 403],
    ['another port of this machine', 'POST', { host: 'localhost:1', origin: 'http://localhost:2' }, 403],
    ['our own page in an old browser', 'POST', { host: 'localhost:1', origin: 'http://localhost:1' }, 200],
    ['an opaque origin', 'POST', { origin: 'null' }, 403],
    ['an opaque origin in a new browser', 'POST', { origin: 'null', 'sec-fetch-site': 'cross-site' }, 403],
    ['a form of our own page', 'POST', { origin: 'null', 'sec-fetch-site': 'same-origin' }, 200],
    ['a tunnel', 'CONNECTX', {}, 400],
    ['a trace', 'TRACE', {}, 405],
  ] as const)('N4: %s: %s %o is %i', async (_who, method, headers, status) => {
    await using served = await serve()
    await served.faceOf('root').serve('/', () => new Response('ok'))

    expect((await ask(served.url, { method, headers: { ...headers } })).status).toBe(status)
  })

  test('N4: an absolute target cannot smuggle another host past the check', async () => {
    await using served = await serve()
    await served.faceOf('root').serve('/', () => new Response('ok'))

    expect((await ask(served.url, { path: 'http://evil.example/' })).status).toBe(400)
  })

  test('N4: every answer carries the security headers, and a plugin can add to them but not take away', async () => {
    await using served = await serve()
    await served.faceOf('page').serve('/', () => {
      const headers = new Headers({
        'content-security-policy': "script-src 'none'",
        'x-frame-options': 'ALLOWALL',
        'transfer-encoding': 'x',
        'x-own': '1',
      })
      headers.append('set-cookie', 'a=1')
      headers.append('set-cookie', 'b=2')
      return new Response('hi', { headers })
    })

    for (const path of ['/', '/missing']) {
      const { headers } = await ask(served.url + path)
      expect(headers['content-security-policy']).toMatch(
        /script-src 'none', default-src 'self'.*frame-ancestors 'none'/,
      )
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-own': '1',
      })
      expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    }
  })

  test('N4: no text is taken for a host that is not one of ours', () => {
    const hosts = new Set(['pryx.example'])
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (host) => {
        const ours = /^(localhost|127\.0\.0\.1|\[::1\]|pryx\.example)(:\d{1,5})?$/i.test(host)
        expect(refuseRequest('GET', { host }, hosts) === undefined).toBe(ours)
      }),
    )
    expect(hostnameOf('LOCALHOST:80')).toBe('localhost')
  })
})

describe('static files', () => {
  async function site(options?: { spa?: boolean }): Promise<Served> {
    const served = await serve()
    const page = join(served.folder, 'web-package/page')
    mkdirSync(join(page, 'sub'), { recursive: true })
    writeFileSync(join(served.folder, 'web-package/package.json'), 'private')
    writeFileSync(join(served.folder, 'web-package/page-other'), 'private')
    writeFileSync(join(page, 'index.html'), '<h1>home</h1>')
    writeFileSync(join(page, 'app.js'), 'let a')
    writeFileSync(join(page, '.env'), 'private')
    writeFileSync(join(page, 'empty.txt'), '')
    writeFileSync(join(page, 'sub/index.html'), 'sub')
    symlinkSync('/etc', join(page, 'etc'))
    symlinkSync(join(served.folder, 'web-package/package.json'), join(page, 'link.json'))
    await served.faceOf('web').static('/app', 'page', options)
    return served
  }

  test('files come with their type and a tag that saves the second transfer', async () => {
    await using served = await site()

    const script = await ask(`${served.url}/app/app.js`)
    const again = await ask(`${served.url}/app/app.js`, {
      headers: { 'if-none-match': `W/"x", ${script.headers.etag}` },
    })
    const head = await ask(`${served.url}/app/app.js`, { method: 'HEAD' })

    expect(script).toMatchObject({
      status: 200,
      text: 'let a',
      headers: { 'content-type': 'text/javascript; charset=utf-8', 'content-length': '5' },
    })
    expect(again).toMatchObject({ status: 304, text: '' })
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': '5' } })
    expect((await ask(`${served.url}/app`)).headers.location).toBe('/app/')
    expect((await ask(`${served.url}/app/`)).text).toBe('<h1>home</h1>')
    expect((await ask(`${served.url}/app/sub/`)).text).toBe('sub')
    expect(await ask(`${served.url}/app/empty.txt`)).toMatchObject({ status: 200, text: '' })
    expect((await ask(`${served.url}/app/app.js`, { method: 'POST' })).status).toBe(405)
  })

  test.each([
    '/app/../package.json',
    '/app/%2e%2e/package.json',
    '/app/..%2fpackage.json',
    '/app/%2e%2e%2fpackage.json',
    '/app/.env',
    '/app/%2eenv',
    '/app/etc/passwd',
    '/app/link.json',
    '/app/..%5cpackage.json',
    '/app/app.js%00',
    '/app/%ff',
    '/app-other',
    '/app/sub',
  ])('N4: %s reaches nothing private', async (path) => {
    await using served = await site()

    const { status, text } = await ask(served.url, { path })

    expect(status).toBe(404)
    expect(text).not.toMatch(/private|root:/)
  })

  test('a page that routes itself gets index.html for what is no file', async () => {
    await using served = await site({ spa: true })

    expect((await ask(`${served.url}/app/settings/plugins`)).text).toBe('<h1>home</h1>')
    expect((await ask(`${served.url}/app/missing.js`)).status).toBe(404)
    expect((await ask(served.url, { path: '/app/.env' })).status).toBe(404)
  })

  test('N4: a folder outside the package is refused', async () => {
    await using served = await site()
    for (const folder of ['..', '../web', '/etc', 'missing', 'page/etc']) {
      await expect(served.faceOf('web').static('/x', folder)).rejects.toMatchObject({ code: 'HTTP_FOLDER' })
    }
  })
})

/** The value once it has stopped changing: sockets take real time to fill. */
async function steady(value: () => number): Promise<number> {
  for (let last = -1; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    if (value() === last && last > 0) return last
    last = value()
  }
}
