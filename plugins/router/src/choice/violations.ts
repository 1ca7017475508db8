// plugins/router/src/choice/violations.ts: what can be done where a job is too big for a model (R6).
//   V1  Messages are cut only where a turn of the user begins: a tool's result never loses its call. System messages stay.
import type { Catalogue } from '../catalogue/catalogue.ts'
import { estimateTokens } from '../catalogue/tokenizer.ts'
import type { Violation } from '../decision.ts'
import type { ChooseRequest, Message } from '../request.ts'
import { roomFor, type Tokens } from './admit.ts'

const FILL = 0.8 // of the room a piece takes; the rest is for what is said about it
const KEEP = 0.5 // of the room the messages kept after summarising take
const PER_MESSAGE = 4 // tokens of framing
const PER_IMAGE = 1_500 // tokens; providers charge 85 to 1,600

/** @param rows Models that were refused for their window. */
export function contextViolation(
  catalogue: Catalogue,
  rows: readonly number[],
  { inputTokens, outputTokens }: Tokens,
  larger: string | undefined,
): Violation {
  const rooms = rows.map((row) => roomFor(catalogue, row, outputTokens)).filter((room) => room > 0)
  const window = rooms.length > 0 ? Math.max(...rooms) : 0
  const each = Math.floor(window * FILL)
  const chunk = each > 0 ? [{ do: 'chunk' as const, pieces: Math.ceil(inputTokens / each), tokensEach: each }] : []
  return {
    kind: 'context',
    tokens: inputTokens + outputTokens,
    window: Math.floor(window + outputTokens),
    resolutions: [...(larger === undefined ? [] : [{ do: 'larger-model' as const, model: larger }]), ...chunk],
  }
}

/** As `violation`, with the messages to put a summary in place of, where there are any whose loss would make the rest fit. */
export function withSummary(violation: Violation, messages: readonly Message[], outputTokens: number): Violation {
  if (violation.kind !== 'context') return violation
  const target = Math.floor((violation.window - outputTokens) * KEEP)
  const before = cutBefore(messages, target)
  if (before === undefined) return violation
  const tokens = messages.slice(0, before).reduce((sum, message) => sum + tokensOfMessage(message), 0)
  return { ...violation, resolutions: [{ do: 'summarise', before, tokens }, ...violation.resolutions] }
}

/** What parallel calls or tools a model takes fewer of than asked for; undefined if it takes them all. */
export function toolViolation(catalogue: Catalogue, row: number, { needs = {} }: ChooseRequest): Violation | undefined {
  const { tools = 0, parallelToolCalls = 0 } = needs
  const maxTools = catalogue.columns.maxTools[row] as number
  const maxParallel = catalogue.columns.maxParallel[row] as number
  if (tools > maxTools)
    return { kind: 'tool-limit', wanted: tools, max: maxTools, resolutions: [{ do: 'fewer-tools', max: maxTools }] }
  if (parallelToolCalls > maxParallel)
    return {
      kind: 'tool-limit',
      wanted: parallelToolCalls,
      max: maxParallel,
      resolutions: [{ do: 'fewer-parallel', max: maxParallel }],
    }
  return undefined
}

export function tokensOfMessage({ content }: Message): number {
  if (typeof content === 'string') return PER_MESSAGE + estimateTokens(content)
  return content.reduce((sum, part) => sum + tokensOfPart(part), PER_MESSAGE)
}

type Part = Exclude<Message['content'], string>[number]

function tokensOfPart(part: Part): number {
  if (part.type === 'text') return estimateTokens(part.text)
  if (part.type === 'file')
    return part.mediaType.startsWith('image/') || typeof part.data === 'string'
      ? PER_IMAGE
      : Math.ceil(part.data.byteLength / 4)
  const value = part.type === 'tool-call' ? part.input : part.output
  return estimateTokens(part.name) + estimateTokens(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

/** The earliest turn of the user from which all that follows takes at most `target` tokens; undefined if no cut helps (V1). */
function cutBefore(messages: readonly Message[], target: number): number | undefined {
  let kept = messages
    .filter(({ role }) => role === 'system')
    .reduce((sum, message) => sum + tokensOfMessage(message), 0)
  let cut: number | undefined
  for (let at = messages.length - 1; at > 0; at--) {
    const message = messages[at] as Message
    if (message.role === 'system') continue
    kept += tokensOfMessage(message)
    if (kept > target) break
    if (message.role === 'user') cut = at
  }
  return cut
}
