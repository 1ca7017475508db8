import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Piece } from './calls/attempt.ts'
import type { GenerateRequest } from './request.ts'
import { END, openBench, type Script } from './router-testing.ts'

const words = (text: string): Piece => ({ type: 'text', text })
const status = (statusCode: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`status ${statusCode}`), { statusCode, responseHeaders: headers })
const say = (content = 'hi', more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  messages: [{ role: 'user', content }],
  ...more,
})
const GPT = 'openai/gpt-5-nano'

test('R8: with nothing set up the echo answers, streams, costs nothing and says what to do next', async () => {
  const bench = await openBench({ ready: [] })

  const parts = await bench.parts(say('good morning'))
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

  expect(text).toContain('You said: good morning')
  expect(text).toContain('pryx setup')
  expect(parts.filter(({ type }) => type === 'text').length).toBeGreaterThan(5)
  expect(parts.at(-1)).toMatchObject({ type: 'finish', usd: 0 })
})

test('R8: the echo calls a tool on command and tells its result, so the chain can be tried without a model', async () => {
  const bench = await openBench({ ready: [] })
  const tools = [{ name: 'notes.add', inputSchema: { type: 'object' } }]

  const first = await bench.generate(say('/tool notes.add {"text":"milk"}', { tools }))
  const [call] = first.toolCalls
  const then = await bench.generate({
    tools,
    messages: [
      { role: 'user', content: 'x' },
      { role: 'tool', content: [{ type: 'tool-result', id: call!.id, name: 'notes.add', output: 'saved' }] },
    ],
  })

  expect(first).toMatchObject({ reason: 'tool-calls', toolCalls: [{ name: 'notes.add', input: { text: 'milk' } }] })
  expect(then.text).toContain('notes.add answered: saved')
  const told = [{ name: 'notes__add', inputSchema: { type: 'object' } }] // as models are told of it
  expect((await bench.generate(say('/tool notes.add {"text":"milk"}', { tools: told }))).toolCalls).toMatchObject([
    { name: 'notes__add' },
  ])
})

test('R8: once a provider is set up the echo is never chosen, unless it is named', async () => {
  const bench = await openBench()

  expect((await bench.models.choose({ strategy: 'cheapest' })).chosen!.provider).not.toBe('echo')
  expect((await bench.generate(say('hi', { model: 'echo/echo' }))).model).toBe('echo/echo')
})

test('R6: a 429 falls back at once to another provider, and the model rests as long as Retry-After says', async () => {
  const bench = await openBench({
    script: ({ model }) =>
      model.slug === GPT ? [status(429, { 'retry-after': '90' })] : [words('from the other'), END],
  })
  const request = say('hi', { strategy: 'preferred', order: [GPT] })

  const answer = await bench.generate(request)

  expect(answer).toMatchObject({ text: 'from the other' })
  expect(bench.asked[1]!.model.provider).not.toBe('openai')
  expect(bench.told.find(({ name }) => name === 'models.cooled')!.payload).toMatchObject({
    model: GPT,
    code: 'MODELS_RATE_LIMIT',
  })
  expect((await bench.models.choose({ strategy: 'preferred', order: [GPT] })).chosen!.slug).not.toBe(GPT)
  bench.clock.advance(91_000)
  expect((await bench.models.choose({ strategy: 'preferred', order: [GPT] })).chosen!.slug).toBe(GPT)
})

test('R6: a named model that answers 429 is asked again after Retry-After, never before', async () => {
  const at: number[] = []
  const bench = await openBench({
    script: (_question, n) => {
      at.push(bench.clock.now())
      return n === 0 ? [status(429, { 'retry-after': '2' })] : [words('now'), END]
    },
  })

  expect(await bench.generate(say('hi', { model: GPT }))).toMatchObject({ text: 'now' })
  expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(2_000)
})

test('R6: an answer that breaks is replaced whole; no word of the first is in it', async () => {
  const bench = await openBench({
    script: (_question, n) =>
      n === 0 ? [words('half an ans'), new TypeError('terminated')] : [words('a whole answer'), END],
  })

  const parts = await bench.parts(say('hi', { model: GPT }))

  expect(parts.map(({ type }) => type)).toEqual(['start', 'text', 'restart', 'start', 'text', 'finish'])
  expect((await bench.generate(say('hi', { model: GPT }))).text).toBe('a whole answer')
})

test('R6: an answer that breaks is carried on where the second has the same words, and void where it has others', async () => {
  const second =
    (text: string): Script =>
    (_question, n) =>
      n === 0 ? [words('one two '), new TypeError('terminated')] : [words(text.slice(0, 5)), words(text.slice(5)), END]
  const same = await openBench({ script: second('one two three') })
  const other = await openBench({ script: second('one 2 three') })
  const short = await openBench({ script: second('one') })
  const request = say('hi', { model: GPT, onBreak: 'continue' })

  expect((await same.parts(request)).map((part) => (part.type === 'text' ? part.text : part.type))).toEqual([
    'start',
    'one two ',
    'three',
    'finish',
  ])
  expect((await other.parts(request)).map(({ type }) => type)).toContain('restart')
  for (const [bench, text] of [
    [await openBench({ script: second('one two three') }), 'one two three'],
    [await openBench({ script: second('one 2 three') }), 'one 2 three'],
    [short, 'one'],
  ] as const)
    expect((await bench.generate(request)).text).toBe(text)
})

test('R6: every chain ends, whatever each attempt does, and an answer is always one model’s own', async () => {
  const step = fc.constantFrom<(Piece | Error)[]>(
    [status(429)],
    [status(500)],
    [status(401)],
    [words('x'), status(500)],
    [words('abc'), new TypeError('cut')],
    [{ type: 'tool-call', id: '1', name: 't', input: {} }, new TypeError('cut')],
    [],
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 16 }),
      fc.constantFrom('replace', 'continue', 'stop'),
      async (steps, onBreak) => {
        const bench = await openBench({ script: (question, n) => steps[n] ?? [words(question.model.slug), END] })
        const answer = await bench
          .generate(say('hi', { onBreak: onBreak as 'stop' }))
          .catch((error: { code?: string }) => error)

        expect(bench.asked.length).toBeLessThanOrEqual(12)
        if ('text' in answer) expect(answer.text).toBe(answer.model)
        else expect((answer as { code?: string }).code).toMatch(/^MODELS_/)
        expect((await bench.models.calls({ limit: 200 })).length).toBe(bench.asked.length)
      },
    ),
    { numRuns: process.env.PRYX_DEEP ? 500 : 40 },
  )
})

test('R6: a stream that falls silent is let go of, and another model asked', async () => {
  const bench = await openBench({ script: (_question, n) => (n < 3 ? ['silence'] : [words('awake'), END]) })

  expect((await bench.generate(say())).text).toBe('awake')
  expect(bench.told.some(({ payload }) => payload.code === 'MODELS_SLOW')).toBe(true)
})

test('R7: cost is known per call, session, day and month; an unknown price is counted and not summed', async () => {
  const bench = await openBench()
  await bench.generate(say('hi', { model: GPT, session: 's1' }))
  await bench.generate(say('hi', { model: GPT, session: 's2' }))
  const free = (await bench.models.list({ provider: 'openai', limit: 200 })).find(
    ({ prices, tools }) => prices.input === undefined && tools,
  )
  if (free) await bench.generate(say('hi', { model: free.slug, session: 's2' }))

  const [one] = await bench.models.usage({ session: 's1' })
  expect(one).toMatchObject({ calls: 1, inputTokens: 100, outputTokens: 50, unpriced: 0 })
  expect(one!.usd).toBeCloseTo((100 * 0.05 + 50 * 0.4) / 1e6, 12)
  expect((await bench.models.usage({ by: 'day' })).map(({ key }) => key)).toEqual(['2026-11-22'])
  expect((await bench.models.usage({ by: 'session' })).map(({ key }) => key).sort()).toEqual(['s1', 's2'])
})

test('R7: a budget stops before the call that would cross it, calls at the same time included', async () => {
  const bench = await openBench({ config: { budgets: { month: 0.02 } } })
  const request = say('hi', { model: 'anthropic/claude-haiku-4-5', maxOutputTokens: 1_500 })

  const answers = await Promise.allSettled(Array.from({ length: 5 }, () => bench.generate(request)))

  const stopped = answers.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  expect(stopped.length).toBe(3) // 0.0075 each at most: two fit beside each other
  for (const { reason } of stopped)
    expect(reason).toMatchObject({ code: 'MODELS_BUDGET', hint: expect.stringContaining('pryx models budget') })
  expect(bench.told.some(({ name }) => name === 'models.budget-stopped')).toBe(true)
})

test('R7: 50, 75 and 90 % are told exactly once, through a restart too; more may be allowed', async () => {
  const config = { budgets: { day: 0.0004, unknownPrice: 'refuse' } }
  const usage = { inputTokens: 100, outputTokens: 50, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 }
  let bench = await openBench({ config, script: () => [words('ok'), { type: 'end', reason: 'stop', usage }] }) // 0.000025 a call
  const request = say('hi', { model: GPT, maxOutputTokens: 50 })
  for (let n = 0; n < 8; n++) await bench.generate(request)
  const before = bench.told.filter(({ name }) => name === 'models.budget-alert')
  bench = await bench.again(config)
  for (let n = 0; n < 7; n++) await bench.generate(request)
  const after = bench.told.filter(({ name }) => name === 'models.budget-alert')

  expect([...before, ...after].map(({ payload }) => payload.percent)).toEqual([50, 75, 90])
  expect(await bench.models.extendBudget('day', 1)).toMatchObject({ limitUsd: 1.0004, extraUsd: 1 })
})

test('R7: a crash in the middle of a call loses no money: what it may have cost counts', async () => {
  const bench = await openBench({ script: () => ['silence'] })
  bench.clock.hurry = false
  const reader = (await bench.models.stream(say('hi', { model: GPT, session: 's' }))).getReader()
  void reader.read().catch(() => {})
  await expect.poll(() => bench.asked.length).toBe(1)

  const after = await bench.again()

  expect(await after.models.calls({ session: 's' })).toMatchObject([
    { outcome: 'failed', code: 'MODELS_LOST', usd: expect.any(Number) },
  ])
  expect((await after.models.usage({ session: 's' }))[0]!.usd).toBeGreaterThan(0)
})

test('R8: a reader that goes away ends the call at its provider', async () => {
  const bench = await openBench({ script: () => [words('one'), 'silence'] })
  bench.clock.hurry = false
  const reader = (await bench.models.stream(say('hi', { model: GPT }))).getReader()
  await reader.read()
  await reader.read()

  await reader.cancel()

  expect(bench.asked[0]!.signal.aborted).toBe(true)
  await expect.poll(() => bench.models.calls()).toMatchObject([{ outcome: 'cancelled', usd: expect.any(Number) }])
})

test('R3: requests per minute of a provider are kept; over them another is asked', async () => {
  const bench = await openBench({ config: { providers: { openai: { requestsPerMinute: 2 } } } })
  const request = say('hi', { strategy: 'preferred', order: [GPT] })
  const models: string[] = []
  for (let n = 0; n < 3; n++) models.push((await bench.generate(request)).model)

  expect(models.slice(0, 2)).toEqual([GPT, GPT])
  expect(models[2]).not.toMatch(/^openai\//)
})

test('R1: an override holds at once and through a restart; only the host and managers may make one', async () => {
  const bench = await openBench()

  await bench.models.override(GPT, { free: true })
  expect((await bench.models.show(GPT)).prices).toMatchObject({ input: 0, output: 0 })
  expect((await (await bench.again()).models.show(GPT)).prices.input).toBe(0)
  bench.from = 'stranger'
  for (const act of [
    () => bench.models.override(GPT, null),
    () => bench.models.connect('openai', { key: 'x' }),
    () => bench.models.extendBudget('month', 5),
  ])
    await expect(act()).rejects.toMatchObject({ code: 'MODELS_REFUSED' })
})

test('R1: a refresh brings new models, keeps providers where they were, and offline leaves the last good copy', async () => {
  const model = {
    id: 'gpt-9',
    name: 'GPT-9',
    tool_call: true,
    reasoning: true,
    attachment: true,
    limit: { context: 9, output: 9 },
    modalities: { input: ['text'], output: ['text'] },
    cost: { input: 1, output: 1 },
  }
  const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`m-${n}`, { ...model, id: `m-${n}` }]))
  const source = {
    openai: {
      id: 'openai',
      name: 'OpenAI',
      npm: '@ai-sdk/openai-compatible',
      api: 'https://evil.example/v1',
      models: { 'gpt-9': model },
    },
    other: {
      id: 'other',
      name: 'Other',
      npm: '@ai-sdk/openai-compatible',
      api: 'https://api.other.example/v1',
      models: many,
    },
  }
  const answers: (() => Promise<Response>)[] = [
    async () => Response.json(source),
    async () => Promise.reject(new TypeError('offline')),
    async () => Response.json({ openai: source.openai }),
  ]
  const bench = await openBench({ config: { refresh: 'daily' }, fetch: () => answers.shift()!() })

  await expect.poll(async () => (await bench.models.list({ query: 'openai/gpt-9' })).length).toBe(1)
  expect((await bench.models.providers()).find(({ id }) => id === 'openai')).toMatchObject({
    baseUrl: 'https://api.openai.com/v1',
    wire: 'openai',
  })
  expect(await bench.models.refresh()).toMatchObject({ outcome: 'fresh' })
  expect(await bench.models.refresh({ force: true })).toMatchObject({ outcome: 'offline', error: 'offline' })
  expect(await bench.models.refresh({ force: true })).toMatchObject({
    outcome: 'offline',
    error: expect.stringContaining('only 1 models'),
  })
  expect(await (await bench.again({ refresh: 'never' })).models.show('openai/gpt-9')).toMatchObject({ name: 'GPT-9' })
})

test('R8: Ollama is found on loopback, with its real window; offline works with it, and private jobs stay on it', async () => {
  const fetch = (async (url: string) => {
    if (url.endsWith('/api/tags'))
      return Response.json({ models: [{ name: 'llama3.2:3b', details: { family: 'llama' } }] })
    if (url.endsWith('/api/show'))
      return Response.json({
        capabilities: ['completion', 'tools'],
        parameters: 'num_ctx 16384',
        model_info: { 'llama.context_length': 131_072 },
      })
    throw new TypeError('nobody there')
  }) as typeof globalThis.fetch
  const rules = [{ when: { task: 'diary*' }, place: 'local' }]
  const bench = await openBench({ fetch, config: { detect: { enabled: true }, rules } })

  expect(await bench.models.show('ollama/llama3.2:3b')).toMatchObject({
    context: 16_384,
    local: true,
    tools: true,
    prices: { input: 0, output: 0 },
  })
  expect((await bench.generate(say('secret', { task: 'diary-2026' }))).model).toBe('ollama/llama3.2:3b')
  expect((await bench.models.choose({ place: 'local', needs: { inputTokens: 60_000 } })).violation).toMatchObject({
    kind: 'context',
  })
  expect((await bench.models.choose({ place: 'cloud-first' })).chosen!.provider).not.toBe('ollama')
})

test('R4: a decision is kept, explained and made again from what it was made of, after a restart and an override too', async () => {
  const bench = await openBench()
  const made = await bench.models.choose({ strategy: 'balanced', needs: { tools: 2 } })
  await bench.models.override(made.chosen!.slug, { status: 'deprecated' })
  const after = await bench.again()
  const other = (await after.models.list({ provider: 'mistral', limit: 200 })).find(
    ({ tools, status }) => tools && status === 'stable',
  )

  expect(await after.models.decision(made.id)).toEqual(made)
  expect(await after.models.replay(made.id)).toEqual({ same: true, decision: made })
  expect((await after.models.choose({ strategy: 'balanced', needs: { tools: 2 } })).chosen!.slug).not.toBe(
    made.chosen!.slug,
  )
  expect(await after.models.whyNot({ needs: { tools: 1 } }, other!.slug)).toEqual(['its provider is not set up'])
  await expect(after.models.show('openai/none')).rejects.toMatchObject({ code: 'MODELS_UNKNOWN' })
})

test('R6: too long a talk names the messages to summarise, cut where a turn begins', async () => {
  const bench = await openBench({ config: { models: { [GPT]: { context: 3_000, outputLimit: 500 } } } })
  const messages = Array.from({ length: 40 }, (_, n) =>
    n % 2 === 0
      ? { role: 'user' as const, content: 'word '.repeat(100) }
      : { role: 'assistant' as const, content: 'word '.repeat(100) },
  )
  const reader = (await bench.models.stream({ model: GPT, messages, maxOutputTokens: 500 })).getReader()

  const { value } = await reader.read()

  expect(value).toMatchObject({
    type: 'violation',
    violation: {
      kind: 'context',
      resolutions: [{ do: 'summarise', before: expect.any(Number) }, expect.anything(), expect.anything()],
    },
  })
  const { before } = (value as { violation: { resolutions: { before: number }[] } }).violation.resolutions[0]!
  expect(messages[before]!.role).toBe('user')
  await expect(reader.read()).rejects.toMatchObject({ code: 'MODELS_CONTEXT' })
})

test('K12: no key is in an error, an event, a record or the database', async () => {
  const key = 'sk-secret-of-openai'
  const bench = await openBench({
    script: () => [
      Object.assign(new Error(`Incorrect API key provided: ${key}`), { statusCode: 401, responseHeaders: {} }),
    ],
  })

  const error = await bench.generate(say('hi', { model: GPT })).catch((failure: Error) => failure)

  expect(error).toMatchObject({ code: 'MODELS_KEY', message: expect.stringContaining('‹key›') })
  const tables = ['calls', 'decisions', 'kv'].map((table) => bench.db.prepare(`SELECT * FROM ${table}`).all())
  expect(JSON.stringify([String(error), error, bench.told, tables])).not.toContain(key)
})
