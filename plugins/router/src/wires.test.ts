import { fileURLToPath } from 'node:url'
import { LLMock } from '@copilotkit/aimock'
import { createNetCapability } from '@pryx/capabilities'
import { createHarness, type Harness } from '@pryx/sdk/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ModelPart, Models } from './service.ts'

// In the real sandbox, with the real net driver, against doubles of the providers' wires on loopback.
const KEY = 'sk-test-0123456789abcdef0123456789abcdef'
const FOLDER = fileURLToPath(new URL('..', import.meta.url))
const WIRES = [
  ['openai', 'openai/gpt-5-nano', '/v1'],
  ['anthropic', 'anthropic/claude-haiku-4-5', '/v1'],
  ['google', 'google/gemini-2.5-flash', '/v1beta'],
  ['openrouter', 'openrouter/openai/gpt-5-nano', '/v1'],
] as const
const TOOL = {
  name: 'weather',
  description: 'The weather in a city',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

const mock = new LLMock({ port: 0 })
let pryx: Harness
let models: Models

beforeAll(async () => {
  mock.onMessage('hello', { content: 'Hi there, how are you today?' })
  mock.onMessage('weather', { toolCalls: [{ name: 'weather', arguments: '{"city":"Lisbon"}' }] })
  mock.onMessage('drip', { content: 'slow and steady wins' }, { latency: 30, chunkSize: 4 })
  mock.onMessage('huge', { content: 'x'.repeat(300_000) }, { chunkSize: 300_000 })
  mock.onMessage(
    'cut',
    { content: 'This answer will be cut before its end, for sure.' },
    { chunkSize: 5, latency: 40, truncateAfterChunks: 6 },
  )
  mock.onMessage('busy', { content: 'never said' }, { chaos: { rateLimitRate: 1 } })
  mock.onMessage('dropped', { content: 'never said' }, { chaos: { dropRate: 1 } })
  mock.onMessage('garbled', { content: 'never said' }, { chaos: { malformedRate: 1 } })
  mock.onMessage('gone', { content: 'never said' }, { chaos: { disconnectRate: 1 } })
  await mock.start()
  const host = new URL(mock.url).host
  const secrets = { list: async () => WIRES.map(([id]) => `provider.${id}`), get: async () => KEY }
  const providers = Object.fromEntries(WIRES.map(([id, , path]) => [id, { baseUrl: `${mock.url}${path}` }]))
  pryx = await createHarness({
    folder: FOLDER,
    manifest: { permissions: ['storage', 'secrets:provider.*', `net:${host}`] },
    grant: 'declared',
    capabilities: [createNetCapability()],
    fake: { secrets },
    config: { refresh: 'never', detect: { enabled: false }, providers, retries: 1 },
  })
  models = await pryx.use(Models).catch((e) => {
    console.log(pryx.status, pryx.logs)
    throw e
  })
})

afterAll(async () => {
  await pryx?.[Symbol.asyncDispose]()
  await mock.stop()
})

const say = (content: string, model: string) => ({ model, messages: [{ role: 'user' as const, content }] })
const partsOf = async (stream: ReadableStream<ModelPart>) =>
  Array.fromAsync(stream as unknown as AsyncIterable<ModelPart>)

for (const [wire, model] of WIRES) {
  test(`R8: ${wire} streams text, usage and price through the sandbox`, async () => {
    const parts = await partsOf(await models.stream(say('hello', model)))

    expect(parts[0]).toMatchObject({ type: 'start', model })
    expect(parts.map((part) => (part.type === 'text' ? part.text : '')).join('')).toBe('Hi there, how are you today?')
    expect(parts.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' })
    expect(parts.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })

  test(`R8: ${wire} calls a tool given as JSON Schema, and takes its result`, async () => {
    const request = { ...say('weather', model), tools: [TOOL] }

    const first = await models.generate(request)
    const [call] = first.toolCalls
    const messages = [
      ...request.messages,
      { role: 'assistant' as const, content: [{ type: 'tool-call' as const, ...call! }] },
      {
        role: 'tool' as const,
        content: [{ type: 'tool-result' as const, id: call!.id, name: 'weather', output: { degrees: 21 } }],
      },
      { role: 'user' as const, content: 'hello' },
    ]

    expect(first).toMatchObject({ reason: 'tool-calls', toolCalls: [{ name: 'weather', input: { city: 'Lisbon' } }] })
    expect(await models.generate({ ...request, messages })).toMatchObject({ text: 'Hi there, how are you today?' })
  })

  test(`R6: ${wire} that answers 429, fails, garbles or hangs up is an error with a code, never an answer`, async () => {
    for (const [what, code] of [
      ['busy', /MODELS_RATE_LIMIT/],
      ['dropped', /MODELS_PROVIDER/],
      ['garbled', /MODELS_(BROKEN|PROVIDER|NET)/],
      ['gone', /MODELS_(BROKEN|NET)/],
    ] as const) {
      const error = await models
        .generate({ ...say(what, model), onRateLimit: 'stop' })
        .catch((failure: unknown) => failure)
      if (!(error instanceof Error)) throw new Error(`${what} answered ${JSON.stringify(error)}`)
      expect((error as { code?: string }).code, `${what}: ${JSON.stringify(error)}`).toMatch(code)
      expect(JSON.stringify(error)).not.toContain(KEY)
      await models.connect(wire, {}) // forgives: the next kind of failure is a new day
    }
  })

  test(`R6: ${wire} that breaks off in the middle is told as void and never as an answer`, async () => {
    const stream = await models.stream({ ...say('cut', model), onBreak: 'replace' })
    const seen: string[] = []
    const error = await (async () => {
      for await (const part of stream as unknown as AsyncIterable<ModelPart>) seen.push(part.type)
    })().catch((failure: unknown) => failure)

    expect((error as { code?: string }).code, String(error)).toMatch(/MODELS_(BROKEN|NET)/)
    expect(seen).not.toContain('finish')
    expect(seen.at(-1)).toBe('restart')
    await models.connect(wire, {})
  })
}

test('R8: a slow drip and a huge chunk arrive whole', async () => {
  const [, model] = WIRES[0]
  expect((await models.generate(say('drip', model))).text).toBe('slow and steady wins')
  expect((await models.generate(say('huge', model))).text).toHaveLength(300_000)
})

test('K12: a key is in no log, no audit entry, no stored row and no event', async () => {
  const calls = await models.calls({ limit: 200 })

  expect(calls.length).toBeGreaterThan(0)
  for (const record of [calls, pryx.logs, pryx.audit, pryx.events, await models.decision()])
    expect(JSON.stringify(record)).not.toContain(KEY)
})
