import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCatalogue } from '../catalogue/catalogue.ts'
import { SNAPSHOT } from '../catalogue/snapshot.ts'
import { type ChooseRequest, type Strategy, strategySchema } from '../request.ts'
import { admissibleRows, decide } from './decide.ts'
import { estimateUsd } from './price.ts'
import type { Situation } from './situation.ts'

const RUNS = process.env.PRYX_DEEP ? 5_000 : 150
const catalogue = createCatalogue({ version: 'test', base: JSON.parse(SNAPSHOT) })
const calm: Situation = { at: 1_000, ready: [], cooling: {}, limited: {}, speeds: {}, recent: {}, preferred: [] }
const decided = (request: ChooseRequest, situation: Partial<Situation> = {}) =>
  decide('d', catalogue, request, { ...calm, ...situation }, { strategy: 'balanced' })

const needs = fc.record(
  {
    inputTokens: fc.integer({ min: 0, max: 1_500_000 }),
    outputTokens: fc.integer({ min: 1, max: 200_000 }),
    tools: fc.integer({ min: 0, max: 300 }),
    parallelToolCalls: fc.integer({ min: 1, max: 16 }),
    images: fc.integer({ min: 0, max: 20 }),
    input: fc.subarray(['text', 'image', 'audio', 'video', 'pdf'] as const) as never as fc.Arbitrary<
      ('text' | 'image')[]
    >,
    streaming: fc.boolean(),
    structured: fc.boolean(),
    reasoningTokens: fc.integer({ min: 0, max: 50_000 }),
    cache: fc.boolean(),
    maxUsd: fc.double({ min: 0, max: 2, noNaN: true }),
  },
  { requiredKeys: [] },
)
const requests = fc.record({
  strategy: fc.constantFrom(...strategySchema.options.filter((one) => one !== 'chain')),
  needs,
  among: fc.constant('all' as const),
})

test('R5: over the whole catalogue, the chosen model and every fallback satisfy every stated constraint', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const { chosen, fallbacks } = decided(request)
      for (const choice of chosen ? [chosen, ...fallbacks] : []) {
        const model = catalogue.model(catalogue.row(choice.slug)!)
        const {
          inputTokens = 1_000,
          outputTokens,
          tools = 0,
          images = 0,
          input = ['text'],
          reasoningTokens,
          maxUsd,
        } = request.needs
        const out = Math.min(outputTokens ?? 1_024, model.outputLimit ?? Number.POSITIVE_INFINITY)
        expect(model.context).toBeGreaterThanOrEqual(inputTokens + out + (reasoningTokens ?? 0))
        if (outputTokens !== undefined) expect(model.outputLimit).toBeGreaterThanOrEqual(outputTokens)
        if (model.inputLimit !== undefined) expect(model.inputLimit).toBeGreaterThanOrEqual(inputTokens)
        if (tools > 0) expect(model.tools).toBe(true)
        if (images > 0) expect(model.vision).toBe(true)
        for (const modality of input) expect(model.input).toContain(modality)
        expect(model.output).toContain('text')
        if (request.needs.structured) expect(model.structured).toBe(true)
        if (request.needs.cache) expect(model.prices.cacheRead).toBeGreaterThan(0)
        if (reasoningTokens !== undefined) expect(model.reasoning).toBe(true)
        if (reasoningTokens) expect(model.reasoningBudget!.min).toBeLessThanOrEqual(reasoningTokens)
        if (maxUsd !== undefined) expect(choice.usd).toBeLessThanOrEqual(maxUsd)
        expect(model.status).not.toBe('deprecated')
        expect(model.wire).not.toBe('none')
      }
    }),
    { numRuns: RUNS },
  )
})

test('R4: the cheapest is never dearer than any model that would do, and a price that is unknown is never the cheapest of known ones', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const asked = { ...request, strategy: 'cheapest' as const }
      const { chosen } = decided(asked)
      const { inputTokens = 1_000, outputTokens = 1_024 } = request.needs
      const prices = [...admissibleRows(catalogue, asked, calm)]
        .map((row) => estimateUsd(catalogue, row, inputTokens, outputTokens))
        .filter((usd) => !Number.isNaN(usd))
      if (prices.length > 0) expect(chosen!.usd).toBe(Math.min(...prices))
      if (prices.length === 0 && chosen) expect(chosen.usd).toBeNull()
    }),
    { numRuns: RUNS },
  )
})

test('R4: the same inputs give the same decision, to the letter', () => {
  fc.assert(
    fc.property(requests, (request) => {
      expect(JSON.stringify(decided(request))).toBe(JSON.stringify(decided(structuredClone(request))))
    }),
    { numRuns: Math.ceil(RUNS / 3) },
  )
})

test('R1: a price of 0 or none is unknown and never free', () => {
  const base = JSON.parse(SNAPSHOT) as { priceIn: number[]; priceOut: number[] }
  for (let row = 0; row < base.priceIn.length; row++)
    if (base.priceIn[row]! <= 0 || base.priceOut[row]! <= 0) expect(estimateUsd(catalogue, row, 1_000, 1_000)).toBeNaN()
})

test('R4: each strategy takes what it says, and says why the others were left', () => {
  const ready = ['openai', 'anthropic', 'google']
  const by = (strategy: Strategy, more: Partial<ChooseRequest> = {}, situation: Partial<Situation> = {}) =>
    decided({ strategy, ...more }, { ready, ...situation })

  expect(by('chain', { chain: ['anthropic/claude-opus*', 'openai/gpt-5', 'google/*'] }).chosen!.provider).toBe(
    'anthropic',
  )
  expect(by('chain', { chain: ['openai/gpt-5', 'anthropic/claude-opus*'] }).chosen!.slug).toBe('openai/gpt-5')
  expect(by('preferred', {}, { preferred: ['google/gemini-2.5-pro'] }).chosen!.slug).toBe('google/gemini-2.5-pro')
  expect(by('diverse', {}, { recent: { openai: 5, google: 2 } }).chosen!.provider).toBe('anthropic')
  expect(
    by('fastest', {}, { speeds: { 'openai/gpt-5': { firstMs: 1, tokensPerSecond: 10_000 } } }).chosen,
  ).toMatchObject({ slug: 'openai/gpt-5', measured: true })
  const found = by('cheapest')
  expect(found.summary).toContain('lowest price')
  expect(found.runnersUp).toHaveLength(3)
  expect(found.runnersUp[0]!.lostBy).toMatch(/dearer|slower|later/)
  expect(found.refused.find(({ why }) => why === 'not-ready')!.count).toBeGreaterThan(1_000)
  expect(found.admissible + found.refused.reduce((sum, { count }) => sum + count, 0)).toBe(found.considered)
})

test('R6: a job beyond the window is a violation with a larger model and the pieces it would fit in', () => {
  const found = decided({ only: ['openai/gpt-4o'], needs: { inputTokens: 300_000 } }, { ready: ['openai', 'google'] })

  expect(found.chosen).toBeUndefined()
  expect(found.violation).toMatchObject({ kind: 'context', window: 128_000 })
  expect(found.violation!.resolutions).toContainEqual({ do: 'chunk', pieces: 3, tokensEach: 101_580 })
  expect(found.violation!.resolutions.some((one) => one.do === 'larger-model')).toBe(true)
})

test('R6: a spent budget stops, or a cheaper model is taken where the request says so', () => {
  const budget = { name: 'month', leftUsd: 0.001, unknownPrice: 'refuse' as const }
  const request: ChooseRequest = { strategy: 'preferred', order: ['anthropic/claude-opus-4-5'] }
  const situation = { ready: ['openai', 'anthropic'], budget }

  expect(decided(request, situation)).toMatchObject({ violation: { kind: 'budget', budget: 'month', leftUsd: 0.001 } })
  expect(decided(request, situation).chosen).toBeUndefined()
  const cheaper = decided({ ...request, onBudget: 'cheaper' }, situation)
  expect(cheaper.chosen!.usd).toBeLessThanOrEqual(0.001)
  expect(cheaper.violation).toMatchObject({ kind: 'budget' })
})

test('R6: a model that cools down is passed over, waited for or refused, as the request says', () => {
  const request: ChooseRequest = { strategy: 'preferred', order: ['openai/gpt-5'] }
  const situation = { ready: ['openai', 'anthropic'], cooling: { 'openai/gpt-5': 31_000 } }

  expect(decided(request, situation).chosen!.slug).not.toBe('openai/gpt-5')
  expect(decided({ ...request, onRateLimit: 'wait' }, situation)).toMatchObject({
    chosen: { slug: 'openai/gpt-5' },
    violation: { kind: 'rate-limit', until: 31_000 },
  })
  expect(decided({ ...request, onRateLimit: 'stop' }, situation).chosen).toBeUndefined()
})

test('R6: fewer parallel calls where a model takes fewer, and fewer tools than it can bear is refused', () => {
  const limited = createCatalogue({
    version: 't',
    base: JSON.parse(SNAPSHOT),
    ofProviders: { openai: { limits: { tools: 128, parallelToolCalls: 2 } } },
  })
  const by = (request: ChooseRequest) =>
    decide('d', limited, request, { ...calm, ready: ['openai'] }, { strategy: 'cheapest' })

  expect(by({ needs: { tools: 1, parallelToolCalls: 8 } })).toMatchObject({
    chosen: { parallelToolCalls: 2 },
    violation: { kind: 'tool-limit', wanted: 8, max: 2 },
  })
  expect(by({ needs: { tools: 1, parallelToolCalls: 8 }, onToolLimit: 'stop' }).chosen).toBeUndefined()
  expect(by({ needs: { tools: 200 } })).toMatchObject({ violation: { kind: 'tool-limit', wanted: 200, max: 128 } })
})
