// plugins/router/src/calls/needs.ts: what a request needs of a model, read from the request itself where its caller did not say.
import { estimateTokens } from '../catalogue/tokenizer.ts'
import { tokensOfMessage } from '../choice/violations.ts'
import type { ChooseRequest, GenerateRequest, Message, Modality, Needs, Tool } from '../request.ts'

/** The request as a choice; what its caller said of its needs goes before what is read from it. */
export function choiceOf(request: GenerateRequest): ChooseRequest {
  const {
    messages,
    tools,
    toolChoice: _choice,
    maxOutputTokens,
    temperature: _t,
    stop: _s,
    seed: _seed,
    onBreak: _b,
    ...choice
  } = request
  return { ...choice, needs: { ...needsOf(messages, tools, maxOutputTokens), ...choice.needs } }
}

function needsOf(
  messages: readonly Message[],
  tools: readonly Tool[] = [],
  maxOutputTokens: number | undefined,
): Needs {
  const media = messages.flatMap(({ content }) =>
    typeof content === 'string' ? [] : content.filter((part) => part.type === 'file'),
  )
  const images = media.filter(({ mediaType }) => mediaType.startsWith('image/')).length
  return {
    inputTokens: inputTokensOf(messages, tools),
    streaming: true,
    input: [...new Set<Modality>(['text', ...media.map(({ mediaType }) => modalityOf(mediaType))])],
    ...(tools.length > 0 && { tools: tools.length }),
    ...(images > 0 && { images }),
    ...(maxOutputTokens !== undefined && { outputTokens: maxOutputTokens }),
  }
}

function inputTokensOf(messages: readonly Message[], tools: readonly Tool[]): number {
  const said = messages.reduce((sum, message) => sum + tokensOfMessage(message), 0)
  return tools.length === 0 ? said : said + estimateTokens(JSON.stringify(tools))
}

function modalityOf(mediaType: string): Modality {
  if (mediaType === 'application/pdf') return 'pdf'
  const kind = mediaType.split('/')[0]
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'text'
}
