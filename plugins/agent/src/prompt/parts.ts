// plugins/agent/src/prompt/parts.ts: the system prompt, put together from parts whose cost is known.
import type { ToolFacts } from '@pryx/sdk'
import type { Ports, Settings } from '../ports.ts'
import type { PromptPart } from '../service.ts'
import { RULE } from './marked.ts'

const MAX_INSTRUCTIONS = 32_000 // characters of AGENTS.md
const WHO =
  'You are the agent of Pryx, on the user\u2019s own machine. Answer briefly and to the point. Use a tool where it helps; a tool may be refused by the user, then say so and go on without it.'

/** In the order of how seldom they change, so that a provider's cache of the beginning holds. */
export async function partsOf(ports: Pick<Ports, 'instructions'>, settings: Settings): Promise<PromptPart[]> {
  const workspace = (await ports.instructions())?.slice(0, MAX_INSTRUCTIONS).trim()
  const parts = [
    { name: 'who', text: WHO },
    { name: 'outside', text: RULE },
    { name: 'instructions', text: settings.instructions.trim() },
    { name: 'workspace', text: workspace ? `Instructions of this workspace (AGENTS.md):\n${workspace}` : '' },
  ]
  return parts.filter(({ text }) => text !== '').map((part) => ({ ...part, tokens: tokensOf(part.text) }))
}

export function toolTokens(tools: readonly ToolFacts[]): number {
  return tokensOf(JSON.stringify(tools.map(({ name, description, input }) => ({ name, description, input }))))
}

/** An estimate that errs upwards: a quarter of a token for ASCII, one for all else. */
export function tokensOf(text: string): number {
  let quarters = 0
  for (const character of text) quarters += character.charCodeAt(0) < 128 ? 1 : 4
  return Math.ceil(quarters / 4)
}
