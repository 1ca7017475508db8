import type { GenerateRequest, ModelPart } from '@pryx/plugin-router/service'
import { expect, test } from 'vitest'
import { askModel } from './answer.ts'

test('M1: the first piece of an answer is told at once; what is untold at its end is left to the message that follows', async () => {
  const told: string[] = []
  const usage = { inputTokens: 1, outputTokens: 3 }
  const parts = [
    { type: 'start', model: 'test/model' },
    ...['one ', 'two ', 'three'].map((text) => ({ type: 'text', text })),
    { type: 'finish', reason: 'stop', usage, usd: 0 },
  ] as ModelPart[]
  const clock = { now: () => 1_000, after: () => () => {} }
  const models = { stream: async () => streamOf(parts), show: never, choose: never }

  const answer = await askModel({ models, clock } as never, request, (text) => told.push(text), signal)

  expect(told).toEqual(['one '])
  expect(answer).toMatchObject({ text: 'one two three', model: 'test/model', outputTokens: 3 })
})

const request = { messages: [] } as unknown as GenerateRequest
const { signal } = new AbortController()

function streamOf(parts: readonly ModelPart[]): ReadableStream<ModelPart> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })
}

function never(): never {
  throw new Error('not asked in this test')
}
