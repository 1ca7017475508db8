// plugins/router/src/calls/sdk.ts: the wires OpenAI, OpenAI-compatible, Anthropic and Google, spoken by the AI SDK.
//   S1  One request a question: retries, fallbacks and tools are the router's and its callers', so all of the SDK's are off.
//   S2  A stream that ends without the provider's own finish is broken, however quietly it ended.
//   This file alone imports the SDK, and is loaded at the first call: choosing needs none of it.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { jsonSchema, type LanguageModel, type ModelMessage, streamText, type ToolSet, tool } from 'ai'
import type { Message, Tool } from '../request.ts'
import type { FinishReason } from '../stream.ts'
import type { Piece, Question } from './attempt.ts'
import { AttemptFailed } from './failure.ts'

type Fetch = typeof globalThis.fetch

export async function* askBySdk(question: Question, fetch: Fetch): AsyncGenerator<Piece> {
  const { model, request, signal, maxOutputTokens } = question
  const { temperature, stop, seed, toolChoice, tools } = request
  const system = request.messages.filter((message) => message.role === 'system').map(({ content }) => content)
  const result = streamText({
    model: languageModel(question, fetch),
    messages: request.messages.filter(({ role }) => role !== 'system').map(messageFor),
    maxRetries: 0, // S1
    streamRetries: 0,
    abortSignal: signal,
    experimental_download: refuseDownloads,
    onError() {}, // it arrives as a part
    ...(system.length > 0 && { instructions: system.join('\n\n') }),
    ...(tools && tools.length > 0 && { tools: toolsFor(tools) }),
    ...(toolChoice !== undefined && {
      toolChoice: typeof toolChoice === 'string' ? toolChoice : { type: 'tool' as const, toolName: toolChoice.tool },
    }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(temperature !== undefined && model.temperature && { temperature }),
    ...(stop && { stopSequences: stop }),
    ...(seed !== undefined && { seed }),
    ...parallelOptions(question),
  })
  let called = false
  for await (const part of result.fullStream) {
    if (part.type === 'tool-call') called = true
    if (part.type === 'text-delta') yield { type: 'text', text: part.text }
    else if (part.type === 'reasoning-delta') yield { type: 'reasoning', text: part.text }
    else if (part.type === 'tool-call')
      yield { type: 'tool-call', id: part.toolCallId, name: part.toolName, input: part.input }
    else if (part.type === 'error') throw part.error
    else if (part.type === 'abort') throw signal.reason
    else if (part.type === 'finish') yield endOf(part, called)
  }
}

const WHOLE: ReadonlySet<string> = new Set(['stop', 'length', 'tool-calls', 'content-filter'])

function endOf(
  part: { finishReason: string; rawFinishReason: string | undefined; totalUsage: Usage },
  called: boolean,
): Piece {
  const { finishReason: said, rawFinishReason: raw } = part
  if (!WHOLE.has(said) && !(said === 'other' && raw !== undefined))
    throw new AttemptFailed({
      code: 'MODELS_BROKEN',
      message: `the stream ended before the answer did (${said})`,
      retryable: true,
    }) // S2
  const told = said as FinishReason
  const reason = called && told !== 'length' && told !== 'content-filter' ? 'tool-calls' : told // some servers say `stop` after a call
  const { inputTokens, outputTokens, inputTokenDetails, outputTokenDetails } = part.totalUsage
  if (inputTokens === undefined && outputTokens === undefined) return { type: 'end', reason }
  return {
    type: 'end',
    reason,
    usage: {
      inputTokens: inputTokens ?? 0,
      outputTokens: outputTokens ?? 0,
      cacheReadTokens: inputTokenDetails?.cacheReadTokens ?? 0,
      cacheWriteTokens: inputTokenDetails?.cacheWriteTokens ?? 0,
      reasoningTokens: outputTokenDetails?.reasoningTokens ?? 0,
    },
  }
}

interface Usage {
  inputTokens: number | undefined
  outputTokens: number | undefined
  inputTokenDetails?: { cacheReadTokens: number | undefined; cacheWriteTokens: number | undefined }
  outputTokenDetails?: { reasoningTokens: number | undefined }
}

function languageModel({ model, baseUrl, key }: Question, fetch: Fetch): LanguageModel {
  const settings = { baseURL: baseUrl, fetch, apiKey: key ?? 'none' }
  switch (model.wire) {
    case 'openai':
      return createOpenAI(settings)(model.id)
    case 'anthropic':
      return createAnthropic(settings)(model.id)
    case 'google':
      return createGoogleGenerativeAI(settings)(model.id)
    default: {
      const { apiKey: _none, ...keyless } = settings
      return createOpenAICompatible({
        ...(key === undefined ? keyless : settings),
        name: model.provider,
        includeUsage: true,
      })(model.id)
    }
  }
}

/** Where the wire has a switch: one call at a time. Finer limits are for whoever runs the tools. */
function parallelOptions({ model, parallelToolCalls }: Question) {
  if (parallelToolCalls !== 1) return {}
  if (model.wire === 'openai') return { providerOptions: { openai: { parallelToolCalls: false } } }
  if (model.wire === 'anthropic') return { providerOptions: { anthropic: { disableParallelToolUse: true } } }
  return {}
}

function toolsFor(tools: readonly Tool[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [
      name,
      tool({ inputSchema: jsonSchema(inputSchema), ...(description !== undefined && { description }) }),
    ]),
  )
}

function messageFor(message: Message): ModelMessage {
  switch (message.role) {
    case 'system':
      return message
    case 'user':
      return typeof message.content === 'string'
        ? { role: 'user', content: message.content }
        : { role: 'user', content: message.content.map(userPart) }
    case 'assistant':
      if (typeof message.content === 'string') return { role: 'assistant', content: message.content }
      return {
        role: 'assistant',
        content: message.content.map((part) =>
          part.type === 'text'
            ? part
            : { type: 'tool-call', toolCallId: part.id, toolName: part.name, input: part.input },
        ),
      }
    case 'tool':
      return {
        role: 'tool',
        content: message.content.map(({ id, name, output, failed }) => ({
          type: 'tool-result',
          toolCallId: id,
          toolName: name,
          output: outputFor(output, failed === true),
        })),
      }
  }
}

type UserPart = Exclude<Extract<Message, { role: 'user' }>['content'], string>[number]

function userPart(part: UserPart) {
  if (part.type === 'text') return part
  const { data, mediaType, filename } = part
  return {
    type: 'file' as const,
    data: typeof data === 'string' && URL.canParse(data) ? new URL(data) : data,
    mediaType,
    ...(filename !== undefined && { filename }),
  }
}

function outputFor(value: unknown, failed: boolean) {
  if (typeof value === 'string') return { type: failed ? ('error-text' as const) : ('text' as const), value }
  return { type: failed ? ('error-json' as const) : ('json' as const), value: (value ?? null) as never }
}

/** A link in a message is the provider's to follow, or nobody's: the router reaches providers only. */
async function refuseDownloads(links: { isUrlSupportedByModel: boolean }[]): Promise<null[]> {
  if (links.some(({ isUrlSupportedByModel }) => !isUrlSupportedByModel))
    throw new AttemptFailed({
      code: 'MODELS_REQUEST',
      message: 'this model takes no links: pass the bytes',
      retryable: false,
    })
  return links.map(() => null)
}
