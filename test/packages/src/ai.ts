// test/packages/src/ai.ts: the AI SDK with two providers: text, tools over several steps, a stream, an abort.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, isStepCount, streamText, tool } from 'ai'
import { z } from 'zod'
import { pluginOf } from './work.ts'

/** @param input `url`: where the providers answer. */
export async function work({ url }: { url: string }): Promise<unknown> {
  const asked: string[] = []
  const tools = {
    weather: tool({
      description: 'Weather of a city',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => {
        asked.push(city)
        return { city, celsius: 21 }
      },
    }),
  }
  const models = {
    openai: createOpenAICompatible({ name: 'local', baseURL: `${url}/v1`, apiKey: 'k' })('model'),
    anthropic: createAnthropic({ baseURL: `${url}/v1`, apiKey: 'k' })('claude-sonnet-4-5'),
  }
  const outcomes: Record<string, unknown> = {}
  for (const [name, model] of Object.entries(models)) {
    const once = await generateText({ model, prompt: 'hello', maxRetries: 0 })
    const stepped = await generateText({
      model,
      tools,
      prompt: 'weather in Lisbon',
      stopWhen: isStepCount(4),
      maxRetries: 0,
    })
    const stream = streamText({ model, tools, prompt: 'weather in Lisbon', stopWhen: isStepCount(4), maxRetries: 0 })
    const parts: string[] = []
    for await (const part of stream.textStream) parts.push(part)
    outcomes[name] = {
      once: [once.text, once.finishReason],
      stepped: [stepped.text, stepped.steps.length, stepped.steps[0]?.toolResults.map(({ output }) => output)],
      stream: [parts.join(''), parts.length > 1, (await stream.steps).length],
      aborted: await generateText({ model, prompt: 'hello', abortSignal: AbortSignal.abort(), maxRetries: 0 }).then(
        () => 'answered',
        (error: Error) => error.name,
      ),
    }
  }
  return { outcomes, asked }
}

export default pluginOf(work)
