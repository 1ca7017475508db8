// test/packages/packages.test.ts: packages made for the web, unchanged, bundled by our own build and put to work in the sandbox.
//   Where nothing but computing is asked for, the same sources run in Node beside it, and both must say the same.
import { LLMock } from '@copilotkit/aimock'
import { createHarness, type Harness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { createNetCapability } from '../../packages/capabilities/src/net/net.ts'
import { work as croner, type Plan } from './src/croner.ts'
import { work as dates } from './src/date-fns.ts'
import { type Ask, work as hono } from './src/hono.ts'
import { work as jose, SEALING, SIGNING } from './src/jose.ts'
import { work as marked } from './src/marked.ts'
import { WorkService } from './src/work.ts'
import { work as yaml } from './src/yaml.ts'
import { work as zod } from './src/zod.ts'
import { openTelegram } from './telegram-testing.ts'

const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g

/** The guest whose source is `src/NAME.ts`, with these permissions and no others. */
function open(name: string, ...permissions: string[]): Promise<Harness> {
  return createHarness({
    folder: import.meta.dirname,
    plugin: `export { default } from './${name}.ts'\n`,
    manifest: { permissions },
    grant: 'declared',
    capabilities: [createNetCapability()],
  })
}

async function inGuest(name: string, input?: unknown): Promise<unknown> {
  await using guest = await open(name)
  const work = await guest.use(WorkService)
  return await work.run(input) // before the guest ends with this block
}

/** As what crosses the wall: plain data. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

const PLANS: Plan[] = [
  { expression: '30 2 * * *', timezone: 'Europe/Berlin', from: '2026-03-27T12:00:00Z', count: 4 },
  { expression: '30 2 * * *', timezone: 'Europe/Berlin', from: '2026-10-23T12:00:00Z', count: 4 },
  { expression: '0 9 * * 1-5', timezone: 'America/New_York', from: '2026-03-06T00:00:00Z', count: 4 },
  { expression: '15 2 * * *', timezone: 'Australia/Lord_Howe', from: '2026-04-03T00:00:00Z', count: 4 },
  { expression: '0 0 L * *', timezone: 'UTC', from: '2027-12-01T00:00:00Z', count: 4 },
  { expression: '0 12 29 2 *', timezone: 'Asia/Tokyo', from: '2026-01-01T00:00:00Z', count: 2 },
]

test('croner finds next runs over changes of the clock, and fires', async () => {
  const { runs, fired } = (await inGuest('croner', PLANS)) as { runs: string[][]; fired: string }

  expect(fired).toBe('fired')
  expect(runs).toEqual(croner(PLANS))
  expect(runs[2]).toEqual([
    '2026-03-06T14:00:00.000Z',
    '2026-03-09T13:00:00.000Z',
    '2026-03-10T13:00:00.000Z',
    '2026-03-11T13:00:00.000Z',
  ])
  expect(runs[5]).toEqual(['2028-02-29T03:00:00.000Z', '2032-02-29T03:00:00.000Z'])
})

test('zod parses, transforms, explains and writes JSON Schema', async () => {
  const line = { name: ' tea ', count: '2' }
  const good = {
    id: '7d444840-9dc0-11d1-b245-5ffdce74fad2',
    at: '2026-01-02T03:04:05Z',
    lines: [line],
    tags: { a: null },
  }
  const inputs = [good, { ...good, mail: 'x', shape: { kind: 'box', sides: [1] } }, { ...good, extra: 1 }, null]

  const answers = (await inGuest('zod', inputs)) as unknown[]

  expect(answers).toEqual(plain(zod(inputs)))
  expect(answers[0]).toMatchObject({ at: 1_767_323_045_000, lines: [{ name: 'tea', count: 2 }], shape: { radius: 1 } })
  expect(answers[1]).toMatch(/mail/)
})

test('hono routes, answers and fails as it does in Node', async () => {
  const json = {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://example.com' },
    body: '{"a":[1]}',
  }
  const form = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=1&b=%C3%A9',
  }
  const asks: Ask[] = [
    { path: '/' },
    { path: '/users/42?x=1&y=' },
    { path: '/users/none' },
    { path: '/api/echo', ...json },
    { path: '/form', ...form },
    { path: '/cookie', headers: { cookie: 'name=ada' } },
    { path: '/etag/x' },
    { path: '/stream' },
    { path: '/forbidden' },
    { path: '/broken' },
    { path: '/nested/deep/er' },
  ]

  const answers = (await inGuest('hono', asks)) as [number, unknown, string][]

  expect(answers).toEqual(plain(await hono(asks)))
  expect(answers.map(([status]) => status)).toEqual([200, 200, 404, 201, 200, 302, 200, 200, 403, 500, 200])
  expect(answers.map(([, , text]) => text)).toContain('abc')
})

test('date-fns formats, parses and counts', async () => {
  const answers = (await inGuest('date-fns')) as unknown[]

  expect(answers).toEqual(plain(dates()))
  expect(answers[0]).toBe('Saturday, 31st January 2026 at 13:05:09')
  expect(answers[9]).toBe('2027-03-03')
})

test('yaml reads, changes and writes', async () => {
  const answers = (await inGuest('yaml')) as [{ job: { retries: number; text: string } }, string]

  expect(plain(answers)).toEqual(plain(yaml()))
  expect(answers[0].job).toMatchObject({ retries: 3, text: 'two\nlines\n', folded: 'one line' })
  expect(answers[1]).toContain('# of the house')
})

test('marked renders', async () => {
  const answers = (await inGuest('marked')) as string[]

  expect(answers).toEqual(await marked())
  expect(answers[0]).toContain('<h1>Title <em>em</em></h1>')
  expect(answers[1]).toContain('<a rel="noopener" href="https://a.b">link</a>')
})

test('jose signs and verifies by HMAC, Ed25519, ECDSA and RSA, and seals by every way of wrapping a key', async () => {
  const answers = (await inGuest('jose')) as Record<string, unknown>

  expect(withoutTokens(answers)).toEqual(withoutTokens(await jose()))
  expect(answers.signed).toEqual(SIGNING.map((name) => [name, name, 'user', true, 7_200, 'user']))
  expect(answers.sealed).toEqual(SEALING.map((name) => [name, 'é 😀']))
  expect(answers).toMatchObject({ direct: ['é 😀', 'é 😀'], wrapped: ['é 😀', 'é 😀'], password: 'é 😀' })
  expect(answers.refused).toEqual([
    'ERR_JWT_EXPIRED',
    'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    'ERR_JWE_DECRYPTION_FAILED',
    'user',
  ])
})

function withoutTokens(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replace(TOKEN, 'token'))
}

test('the AI SDK answers, calls tools over several steps and streams, with two providers', async () => {
  const mock = new LLMock({ port: 0, host: '127.0.0.1' })
  mock.on(
    { userMessage: 'weather', hasToolResult: false },
    { toolCalls: [{ name: 'weather', arguments: '{"city":"Lisbon"}' }] },
  )
  mock.on(
    { userMessage: 'weather', hasToolResult: true },
    { content: 'It is 21 degrees in Lisbon, and the sky is clear.' },
  )
  mock.on({ userMessage: 'hello' }, { content: 'Hello there.' })
  await mock.start()
  try {
    await using guest = await open('ai', `net:${new URL(mock.url).host}`)

    const { outcomes, asked } = (await (await guest.use(WorkService)).run({ url: mock.url })) as {
      outcomes: Record<string, unknown>
      asked: string[]
    }

    const expected = {
      once: ['Hello there.', 'stop'],
      stepped: ['It is 21 degrees in Lisbon, and the sky is clear.', 2, [{ city: 'Lisbon', celsius: 21 }]],
      stream: ['It is 21 degrees in Lisbon, and the sky is clear.', true, 2],
      aborted: 'AbortError',
    }
    expect(outcomes).toEqual({ openai: expected, anthropic: expected })
    expect(asked).toEqual(['Lisbon', 'Lisbon', 'Lisbon', 'Lisbon'])
    expect(new Set(guest.calls.map(({ capability, method }) => `${capability}.${method}`))).toEqual(
      new Set(['net.fetch']),
    )
  } finally {
    await mock.stop()
  }
})

test('grammY polls, answers commands and buttons, sends a file and hears refusals', async () => {
  await using telegram = await openTelegram()
  await using guest = await open('grammy', `net:${new URL(telegram.url).host}`)
  const bot = await guest.use(WorkService)
  await bot.run({ url: telegram.url })
  await telegram.next('deleteWebhook')

  telegram.say('/start')
  expect(await telegram.next('sendMessage')).toMatchObject({
    chat_id: 42,
    text: 'Hello, Ada!',
    reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'yes' }, { url: 'https://example.com' }]] },
  })
  telegram.press('yes', 5)
  expect(await telegram.next('answerCallbackQuery')).toMatchObject({ text: 'noted' })
  expect(await telegram.next('editMessageText')).toMatchObject({ message_id: 5, text: 'You said yes' })
  telegram.say('echo grüße 😀')
  expect(await telegram.next('sendMessage')).toMatchObject({ text: 'grüße 😀' })
  telegram.say('/file')
  const sent = await telegram.next('sendDocument')
  expect(sent).toMatchObject({ chat_id: '42', caption: 'here' })
  expect(Object.values(sent)).toContainEqual({ name: 'list.csv', text: 'name,count\né,1\n' })
  telegram.say('/fail')
  expect(await telegram.next('sendMessage')).toMatchObject({ chat_id: 0 })
  expect(await telegram.next('sendMessage')).toMatchObject({ text: '400: Bad Request: chat not found' })
  await bot.run('stop')
})
