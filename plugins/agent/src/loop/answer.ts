// plugins/agent/src/loop/answer.ts: one answer of a model: told piece by piece, taken as a whole only when it is whole.
//   A1  Tool calls count after `finish` alone; a `restart` voids what came before it, here and on every surface.
import type { GenerateRequest, ModelPart } from '@pryx/plugin-router/service'
import type { Ports } from '../ports.ts'

const TELL_MS = 40 // pieces that come faster are told together; what is untold at the end is in the message, which follows at once

export interface ModelAnswer {
  text: string
  calls: { name: string; input: unknown }[]
  model: string
  usd: number | null
  inputTokens: number
  outputTokens: number
}

/** @param tell A piece of text, or (`reset`) that all before it is void. */
export async function askModel(
  { models, clock }: Pick<Ports, 'models' | 'clock'>,
  request: GenerateRequest,
  tell: (text: string, reset?: boolean) => void,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  let [text, untold, toldAt, model] = ['', '', 0, '']
  let calls: ModelAnswer['calls'] = []
  const parts = (await models.stream(request, { signal })) as ReadableStream<ModelPart> & AsyncIterable<ModelPart>
  for await (const part of parts) {
    signal.throwIfAborted()
    if (part.type === 'start') model = part.model
    else if (part.type === 'text') say(part.text)
    else if (part.type === 'tool-call') calls.push({ name: part.name, input: part.input })
    else if (part.type === 'restart') restart()
    else if (part.type === 'finish') {
      const { inputTokens, outputTokens } = part.usage
      return { text, calls, model, usd: part.usd, inputTokens, outputTokens }
    }
  }
  throw new Error('the model stopped in the middle of its answer')

  function say(piece: string): void {
    text += piece
    untold += piece
    if (clock.now() - toldAt < TELL_MS) return
    tell(untold)
    untold = ''
    toldAt = clock.now()
  }

  /** A1 */
  function restart(): void {
    text = ''
    untold = ''
    calls = []
    tell('', true)
  }
}
