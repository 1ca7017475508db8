// scripts/schema.ts: writes the JSON Schema of a plugin's package.json for editors, from the schema the kernel itself uses.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifestJsonSchema } from '../packages/kernel/src/contract/index.ts'

export const SCHEMA_FILE = join(import.meta.dirname, '../packages/sdk/package.schema.json')

/** npm's own keys by the schema that editors know, `pryx` by ours. */
export function packageSchemaText(): string {
  const { $schema, ...pryx } = manifestJsonSchema()
  const schema = {
    $schema,
    title: 'package.json of a Pryx plugin',
    allOf: [{ $ref: 'https://www.schemastore.org/package.json' }],
    type: 'object',
    required: ['name', 'version', 'pryx'],
    properties: { pryx: { description: 'The manifest: what the plugin offers, and what it may ask for.', ...pryx } },
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

if (import.meta.main) writeFileSync(SCHEMA_FILE, packageSchemaText())
