// The plugin in its isolate behind the real http capability; sessions is the real plugin, the agent a stand-in.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createHttpServerCapability, createNetCapability, createStorageCapability } from '@pryx/capabilities'
import { Sessions } from '@pryx/plugin-sessions/service'
import { createHarness, type Harness } from '@pryx/sdk/testing'
import { Webhook as Signer } from 'standardwebhooks'
import { expect, test, vi } from 'vitest'
import own from '../package.json' with { type: 'json' }
import { createLimit } from './limit.ts'
import { Webhook } from './service.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const LONG = { timeout: 60_000 }
const PATIENT = { timeout: 15_000, interval: 20 }
const SECRET = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`
const NEWER = `whsec_${Buffer.from('b'.repeat(32)).toString('base64')}`

test(
  'B4: a signed message is taken once, whatever comes again; what is not genuine is refused without a word',
  LONG,
  async () => {
    await using bench = await open()
    const { post, started } = bench

    const answers = [
      await post({ id: 'm1', body: '{"text":"Deployed 1.2"}' }),
      await post({ id: 'm1', body: '{"text":"Deployed 1.2"}' }),
      await post({ id: 'm2', body: '{"type":"build.failed","data":{"job":7}}' }),
      await post({ id: 'm3', secret: NEWER }),
      await post({ id: 'm4', ageS: 330 }),
      await post({ id: 'm5', ageS: -330 }),
      await post({ id: 'm6', signature: 'v1,AAAA' }),
      await post({ id: 'm7', path: '/webhook/__proto__' }),
      await post({ id: 'm8', path: '/webhook/none' }),
      await post({ id: 'm9', sent: '{"text":"another body"}' }),
      await post({ id: 'm10', body: 'not json' }),
      await post({ id: 'm11', body: '{"text":7}' }),
      await post({ id: 'x'.repeat(200) }),
      await post({ id: 'm12', body: JSON.stringify({ text: 'x'.repeat(200_000) }) }),
      await post({ id: 'm13', body: JSON.stringify({ text: 'x'.repeat(2_000_000) }) }).catch(() => 413),
    ]

    expect(answers).toEqual([200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 400, 400, 400, 413, 413])
    expect(started.map(({ key }) => key)).toEqual(['deploys.m1', 'deploys.m2'])
    expect(started[0]).toMatchObject({ text: 'Deployed 1.2', session: 'webhook.deploys', origin: 'webhook deploys' })
    expect(JSON.stringify([bench.pryx.logs, bench.pryx.audit])).not.toContain(SECRET.slice(6))
  },
)

test('B4: while a secret is changed both are taken, the new one signs', LONG, async () => {
  await using bench = await open({ secrets: { 'webhook.deploys': NEWER, 'webhook.deploys-old': SECRET } })

  expect(await bench.post({ id: 'a', secret: SECRET })).toBe(200)
  expect(await bench.post({ id: 'b', secret: NEWER })).toBe(200)
  await (await bench.pryx.use(Webhook)).send('deploys', { text: 'hi' })
  await vi.waitFor(() => expect(bench.received).toHaveLength(1), PATIENT)
  expect(() => new Signer(NEWER).verify(bench.received[0]!.body, bench.received[0]!.headers)).not.toThrow()
})

test(
  'B4: past the limit 429 with Retry-After; a flood of strangers does not use up the genuine sender’s share',
  LONG,
  async () => {
    await using bench = await open({ endpoint: { perMinute: 20 } })
    const strangers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => bench.post({ id: `s${i}`, secret: NEWER })),
    )

    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => bench.post({ id: `f${i}` })))

    expect(new Set(strangers)).toEqual(new Set([401]))
    expect(answers.filter((status) => status === 200).length).toBeGreaterThanOrEqual(20)
    expect(answers.filter((status) => status === 429).length).toBeGreaterThan(0)
  },
)

test(
  'B4: answers go out signed, are tried again under the same id until they are taken, also after a restart',
  LONG,
  async () => {
    await using bench = await open()
    const sessions = await bench.pryx.use(Sessions)
    bench.refuse(1)

    await sessions.append('webhook.deploys', {
      surface: 'web',
      entries: [{ kind: 'message', body: { role: 'assistant', text: 'All is well' } }],
    })
    await vi.waitFor(() => expect(bench.received).toHaveLength(1), PATIENT)
    await bench.pryx.reload()
    await vi.waitFor(() => expect(bench.received).toHaveLength(2), PATIENT)

    const [first, second] = bench.received
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id'])
    expect(JSON.parse(second!.body)).toMatchObject({
      type: 'session.answer',
      data: { session: 'webhook.deploys', text: 'All is well' },
    })
    expect(() => new Signer(SECRET).verify(second!.body, second!.headers)).not.toThrow()
  },
)

test('B4: without a secret nothing is served, and the status says what to do', LONG, async () => {
  await using bench = await open({ secrets: {} })

  expect(await (await bench.pryx.use(Webhook)).status()).toMatchObject({
    state: 'unconfigured',
    text: expect.stringContaining('pryx secrets set webhook.deploys'),
  })
  expect(await bench.post({ id: 'a' })).toBe(404)
})

test('B4: fifty at once are all taken, each once', LONG, async () => {
  await using bench = await open()

  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => bench.post({ id: `n${i}` })))

  expect(new Set(answers)).toEqual(new Set([200]))
  expect(new Set(bench.started.map(({ key }) => key)).size).toBe(50)
})

test('B4: the limit lets a minute’s worth through, then one at a time', () => {
  const limit = createLimit()
  const burst = Array.from({ length: 61 }, () => limit.take('a', 60, 1_000))

  expect(burst.filter((wait) => wait === 0)).toHaveLength(60)
  expect(limit.take('b', 60, 1_000)).toBe(0)
  expect([limit.take('a', 60, 1_500), limit.take('a', 60, 2_000), limit.take('a', 60, 2_000)]).toEqual([1, 0, 1])
})

interface Post {
  id: string
  body?: string
  /** What is really sent, where it is not what was signed. */
  sent?: string
  secret?: string
  signature?: string
  ageS?: number
  path?: string
}

interface Bench extends AsyncDisposable {
  pryx: Harness
  started: { key: string; text: string }[]
  received: { headers: Record<string, string>; body: string }[]
  post(post: Post): Promise<number>
  /** The receiver answers 503 to so many. */
  refuse(times: number): void
}

async function open({
  secrets = { 'webhook.deploys': SECRET },
  endpoint = {},
}: {
  secrets?: Record<string, string>
  endpoint?: object
} = {}): Promise<Bench> {
  await using owner = new AsyncDisposableStack()
  const started: Bench['started'] = []
  const received: Bench['received'] = []
  let refusals = 0
  const receiver = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    received.push({ headers: request.headers as Record<string, string>, body })
    response.writeHead(refusals-- > 0 ? 503 : 204).end()
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  owner.defer(() => void receiver.close())
  owner.defer(() => receiver.closeAllConnections())
  const { port } = receiver.address() as AddressInfo
  const storage = createStorageCapability()
  owner.defer(() => storage[Symbol.asyncDispose]?.())
  const http = createHttpServerCapability()
  owner.defer(() => http.close())
  const { url } = await http.listen()
  const pryx = owner.use(
    await createHarness({
      folder: at('..'),
      grant: 'declared',
      config: { endpoints: { deploys: { url: `http://127.0.0.1:${port}/in`, ...endpoint } } },
      manifest: { permissions: [...own.pryx.permissions, `net:127.0.0.1:${port}`] },
      capabilities: [storage, http, createNetCapability()],
      fake: {
        secrets: { get: (name: string) => secrets[name] },
        agent: {
          start(request: Bench['started'][number]) {
            if (!started.some(({ key }) => key === request.key)) started.push(request)
            return { id: request.key }
          },
        },
      },
      beside: [{ folder: at('../../sessions') }],
    }),
  )
  await pryx.use(Webhook)
  const owned = owner.move()
  return {
    pryx,
    started,
    received,
    refuse(times) {
      refusals = times
    },
    async post({
      id,
      body = '{"text":"hi"}',
      sent = body,
      secret = SECRET,
      signature,
      ageS = 0,
      path = '/webhook/deploys',
    }) {
      const when = new Date(Date.now() - ageS * 1_000)
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(when.getTime() / 1_000)),
        'webhook-signature': signature ?? new Signer(secret).sign(id, when, body),
      }
      const answer = await fetch(url + path, { method: 'POST', headers, body: sent })
      await answer.body?.cancel()
      if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      return answer.status
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
