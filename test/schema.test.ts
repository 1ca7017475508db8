// test/schema.test.ts: editors are told what the kernel thinks.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { manifestSchema } from '../packages/kernel/src/contract/index.ts'
import { packageSchemaText, SCHEMA_FILE } from '../scripts/schema.ts'

test('K1: the JSON Schema that is shipped for editors is current: `node --conditions=source scripts/schema.ts` writes it', () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(JSON.parse(packageSchemaText()))
})

test('K1: it knows every key of the manifest, refuses others, and asks only for what an author must write', () => {
  const { pryx } = (JSON.parse(packageSchemaText()) as { properties: { pryx: Record<string, unknown> } }).properties

  expect(Object.keys(pryx.properties as object).sort()).toEqual(Object.keys(manifestSchema.shape).sort())
  expect(pryx).toMatchObject({ additionalProperties: false, required: ['engine', 'entry'] })
})
