import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { Sample, sampleEvents } from './service.ts'

/** A chat server in memory. */
function createServer() {
  const messages = [
    { id: 1, from: 'ada', text: 'hello' },
    { id: 2, from: 'ada', text: 'are you there?' },
  ]
  const sent: unknown[] = []
  return {
    sent,
    async fetch(request: Request): Promise<Response> {
      if (request.headers.get('authorization') !== 'Bearer t0ken') return new Response(null, { status: 401 })
      if (request.method === 'POST') return Response.json(sent.push(await request.json()))
      const after = Number(new URL(request.url).searchParams.get('after'))
      return Response.json(messages.filter(({ id }) => id > after))
    },
  }
}

const secrets = { get: async () => 't0ken' }
const config = { pollMs: 100 }

test('messages come in once and in order, across a reload too', async () => {
  const server = createServer()
  await using pryx = await createHarness({ folder: '.', grant: 'declared', config, fake: { net: { fetch: server.fetch }, secrets } })
  await pryx.seen(sampleEvents.received, ({ id }) => id === 2)

  await pryx.reload()
  await expect.poll(() => pryx.calls.filter(({ capability }) => capability === 'net').length).toBeGreaterThan(2)

  expect(pryx.events.filter(({ name }) => name === 'sample.received').map(({ payload }) => payload)).toEqual([
    { id: 1, from: 'ada', text: 'hello' },
    { id: 2, from: 'ada', text: 'are you there?' },
  ])
})

test('an answer goes out, and a refusal says what to do', async () => {
  const server = createServer()
  await using pryx = await createHarness({ folder: '.', grant: 'declared', config, fake: { net: { fetch: server.fetch }, secrets } })
  const service = await pryx.use(Sample)

  await service.send('ada', 'yes')

  expect(server.sent).toEqual([{ to: 'ada', text: 'yes' }])
})

test('a token that is not taken is told with the next step', async () => {
  const wrong = { get: async () => 'old' }
  const fake = { net: { fetch: createServer().fetch }, secrets: wrong }
  await using pryx = await createHarness({ folder: '.', grant: 'declared', config, fake })
  const service = await pryx.use(Sample)

  await expect(service.send('ada', 'yes')).rejects.toMatchObject({
    code: 'SAMPLE_REFUSED',
    hint: expect.stringContaining('sample.token'),
  })
})
