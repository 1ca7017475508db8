// packages/pryx/src/author/schema-cost.ts: what a tool costs each time a model is told of it.
import type { ManifestTool } from '@pryx/kernel/contract'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'

/** Tokens of the tool as models get it (name, description, input schema as JSON), by the o200k_base vocabulary. Other models differ by some 10 %. */
export function schemaTokens({
  name,
  description,
  input,
}: Pick<ManifestTool, 'name' | 'description' | 'input'>): number {
  const parameters = input ?? { type: 'object', properties: {} }
  return countTokens(JSON.stringify({ type: 'function', function: { name, description, parameters } }))
}
