import { request as ask, type IncomingHttpHeaders } from 'node:http'
import { createScope } from '@pryx/kernel/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Http, httpFace } from '../../../sdk/src/capabilities/http.ts'
import { callerOf, placeIn, temporaryFolder } from '../capability-testing.ts'
import { withoutOurs } from './door.ts'
import { createHttpServerCapability } from './http.ts'
import { createLogin, type KeptSession, LINK_MS, type Login } from './login.ts'

const DAY_MS = 86_400_000

function setUp(kept: readonly KeptSession[] = []) {
  const clock = { now: 1_000_000 }
  const disk = { sessions: kept }
  const login = createLogin({
    kept,
    keep: (sessions) => {
      disk.sessions = sessions
    },
    now: () => clock.now,
  })
  return { clock, disk, login }
}

function enter(login: Login): string {
  const opened = login.open(login.code().code, '::1', 'a browser')
  if (opened.kind !== 'in') throw new Error(opened.kind)
  return opened.token
}

test('N4: a link opens once, and not after its time', () => {
  const { clock, login } = setUp()
  const [first, late] = [login.code().code, login.code().code]

  expect(login.open(first, '::1', '').kind).toBe('in')
  expect(login.open(first, '::1', '').kind).toBe('wrong')
  clock.now += LINK_MS
  expect(login.open(late, '::1', '').kind).toBe('wrong')
})

test('N4: what is kept opens nothing, and a session lives on in the next life of the host', () => {
  const { disk, login } = setUp()
  const token = enter(login)

  const next = setUp(disk.sessions).login

  expect(JSON.stringify(disk.sessions)).not.toContain(token.split('.')[1])
  expect(next.find(token)).toMatchObject({ agent: 'a browser' })
  expect(next.find(`${token.split('.')[0]}.${disk.sessions[0]!.hash}`)).toBeUndefined()
})

test('N4: no text but the one that was given is a session or a link', () => {
  const { login } = setUp()
  const token = enter(login)
  const { code } = login.code()
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.constant(token.slice(0, -1))), fc.nat(), (text, n) => {
      if (text === token || text === code) return
      expect(login.find(text)).toBeUndefined()
      expect(login.find(`${token.split('.')[0]}.${text}`)).toBeUndefined()
      expect(login.open(text, `10.0.0.${n}`, '').kind).not.toBe('in')
    }),
  )
  expect(login.find(token)).toBeDefined()
})

test('N4: who guesses is slowed, also with the right code, and nobody else is', () => {
  const { clock, login } = setUp()
  const token = enter(login)
  for (let i = 0; i < 10; i++) login.open(`guess-${i}`, '10.0.0.1', '')

  expect(login.open(login.code().code, '10.0.0.1', '')).toMatchObject({ kind: 'slowed' })
  expect(login.find(token)).toBeDefined()
  expect(login.open(login.code().code, '10.0.0.2', '').kind).toBe('in')
  clock.now += 60_000
  expect(login.open(login.code().code, '10.0.0.1', '').kind).toBe('in')
})

test('N4: a session ends after 30 days of rest, or when it is ended, and its connections with it', () => {
  const { clock, disk, login } = setUp()
  const [used, left] = [enter(login), enter(login)]
  let cut = 0
  const { id } = login.find(used)!
  login.bind(id, () => cut++)
  login.bind(id, () => cut++)()
  for (let day = 0; day < 40; day++) {
    clock.now += DAY_MS
    login.find(used)
  }

  expect([login.find(used) !== undefined, login.find(left)]).toEqual([true, undefined])
  expect(login.end(id)).toBe(true)
  expect([cut, login.find(used), login.sessions(), disk.sessions]).toEqual([1, undefined, [], []])
})

interface Answered {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** A server with a door, a closed route and an open one. */
async function serve() {
  const folder = temporaryFolder()
  const { login } = setUp()
  const http = createHttpServerCapability({ login })
  const { port } = await http.listen()
  const scope = createScope('test')
  const face: Http = httpFace(callerOf(http, placeIn(folder.path, 'web'), scope))
  const seen: (string | null)[] = []
  await face.serve('/api', (request) => {
    seen.push(request.headers.get('cookie'))
    const headers = new Headers([
      ['set-cookie', ' Pryx-1=stolen'],
      ['set-cookie', 'theirs=1'],
    ])
    return new Response('secret', { headers })
  })
  await face.serve('/hook', () => new Response('taken'), { open: true })
  const send = (path: string, { method = 'GET', headers = {}, body = '' } = {}) =>
    new Promise<Answered>((resolve, reject) => {
      const request = ask({ port, host: '127.0.0.1', path, method, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
        response.on('error', reject)
      })
      request.on('error', reject).end(body)
    })
  const open = async (code: string) => {
    const answer = await send(`/login/${code}`)
    return { ...answer, cookie: answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '' }
  }
  return {
    login,
    face,
    port,
    seen,
    send,
    open,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]()
      await http.close()
      folder[Symbol.dispose]()
    },
  }
}

test('N4: without a session everything is 401 and says what to do, but for what judges by itself', async () => {
  await using served = await serve()
  const html = { accept: 'text/html' }

  const [page, data, unknown, post, hook] = await Promise.all([
    served.send('/', { headers: html }),
    served.send('/api/x'),
    served.send('/nothing/here'),
    served.send('/api/x', { method: 'POST' }),
    served.send('/hook', { method: 'POST' }),
  ])

  expect([page, data, unknown, post].map(({ status }) => status)).toEqual([401, 401, 401, 401])
  expect(page.text).toMatch(/pryx web link/)
  expect(page.text).not.toMatch(/<script/)
  expect(JSON.parse(data.text)).toMatchObject({ error: { code: 'HTTP_LOGIN', hint: /pryx web link/ } })
  expect(hook).toMatchObject({ status: 200, text: 'taken' })
  expect(served.seen).toEqual([])
})

test('N4: a link sets a cookie no script reads and no other site sends; no plugin is handed it or sets it', async () => {
  await using served = await serve()

  const { status, headers, cookie, text } = await served.open(served.login.code().code)
  const inside = await served.send('/api/x', { headers: { cookie: `a=1; ${cookie}; b=2` } })

  expect(status).toBe(200)
  expect(text).toContain('url=/')
  expect(headers['set-cookie']).toEqual([
    expect.stringMatching(/^pryx-\d+=[\w-]+\.[\w-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/),
  ])
  expect(headers['cache-control']).toBe('no-store')
  expect(inside).toMatchObject({ status: 200, text: 'secret' })
  expect(inside.headers['set-cookie']).toEqual(['theirs=1'])
  expect(served.seen).toEqual(['a=1; b=2'])
})

test('N4: a link that was opened, looked at ahead, or posted from elsewhere', async () => {
  await using served = await serve()
  const { code } = served.login.code()

  const ahead = await served.send(`/login/${code}`, { headers: { 'sec-purpose': 'prefetch;prerender' } })
  const head = await served.send(`/login/${code}`, { method: 'HEAD' })
  const elsewhere = await served.send('/login', {
    method: 'POST',
    body: `code=${code}`,
    headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  })
  const first = await served.open(code)
  const second = await served.open(code)

  expect([ahead.status, head.status, elsewhere.status, first.status, second.status]).toEqual([503, 405, 403, 200, 401])
  expect(second.cookie).toBe('')
})

test('N4: a browser that is in is not locked out by a link that is spent, and gets no other session by it', async () => {
  await using served = await serve()
  const { code } = served.login.code()
  const { cookie } = await served.open(code)

  const again = await served.send(`/login/${code}`, { headers: { cookie } })
  const stranger = await served.send(`/login/${code}`, { headers: { cookie: `${cookie}x` } })

  expect(again).toMatchObject({ status: 200, text: expect.stringContaining('url=/') })
  expect(again.headers['set-cookie']).toBeUndefined()
  expect(stranger.status).toBe(401)
})

test('N4: the form takes the whole link too; wrong codes are slowed', async () => {
  await using served = await serve()
  const post = (code: string) =>
    served.send('/login', { method: 'POST', body: new URLSearchParams({ code }).toString() })

  expect((await post(`http://127.0.0.1/login/${served.login.code().code}`)).status).toBe(200)
  const wrong = []
  for (let i = 0; i < 11; i++) wrong.push((await post(`wrong-${i}`)).status)
  expect(wrong).toEqual([...Array(10).fill(401), 429])
  expect((await post('x'.repeat(5_000))).status).toBe(429)
})

test('N4: who logs out is out at once, with every stream that was open', async () => {
  await using served = await serve()
  await served.face.serve('/live', () => new Response(new ReadableStream({ start: (one) => one.enqueue('on') })))
  const { cookie } = await served.open(served.login.code().code)
  const stream = fetch(`http://127.0.0.1:${served.port}/live`, { headers: { cookie } }).then((one) => one.text())
  const ended = expect(stream).rejects.toThrow()
  await expect.poll(() => served.send('/login/state', { headers: { cookie } }).then(({ status }) => status)).toBe(200)

  const out = await served.send('/logout', { method: 'POST', headers: { cookie } })

  await ended
  expect(out.headers['set-cookie']?.[0]).toMatch(/Max-Age=0/)
  expect((await served.send('/api/x', { headers: { cookie } })).status).toBe(401)
})

test('N4: no plugin can take the place of the door', async () => {
  await using served = await serve()
  for (const prefix of ['/login', '/login/x', '/logout'])
    await expect(served.face.serve(prefix, () => new Response('mine'))).rejects.toMatchObject({
      code: 'HTTP_PREFIX_TAKEN',
    })
})

test('N4: whatever cookies there are, ours are taken out and the others stay', () => {
  const name = fc.stringMatching(/^[a-z]{1,6}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.boolean())), (names) => {
      const all = names.map(([one, ours]) => `${ours ? 'pryx-' : ''}${one}=1`)
      expect(withoutOurs(all.join('; '))).toBe(all.filter((one) => !one.startsWith('pryx-')).join('; '))
    }),
  )
})
