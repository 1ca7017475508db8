// scripts/catalogue.ts: makes the model catalogue that the router brings along: `node scripts/catalogue.ts models.dev.json[.gz]`.
//   The source is the api.json of models.dev (MIT): facts about models, as columns in one text. See docs/decisions for why a text.
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { compact } from '../plugins/router/src/catalogue/compact.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'plugins/router/src/catalogue/snapshot.ts')
const [input, date] = process.argv.slice(2)

if (input === undefined || input.startsWith('-')) {
  console.error(`usage: node scripts/catalogue.ts models.dev.json[.gz] [YYYY-MM-DD]

Reads models.dev's api.json, packed or not, and writes ${relative(root, target)}. The date is when it was fetched; default: the file's own.`)
  process.exit(input === undefined ? 2 : 0)
}

const bytes = readFileSync(input)
const columns = compact(JSON.parse((input.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')))
const text = JSON.stringify(columns)
const version = createHash('sha256').update(text).digest('hex').slice(0, 12)
const at = Date.parse(date ?? statSync(input).mtime.toISOString().slice(0, 10))
// Escaped to ASCII: V8 keeps such a text in one byte a character, and hands it to JSON.parse as it is.
const ascii = text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
writeFileSync(
  target,
  `// Made by scripts/catalogue.ts from models.dev (MIT): facts about models. Not to be edited; see compact.ts for what it says.
export const SNAPSHOT_VERSION = '${version}'
/** Epoch ms. */
export const SNAPSHOT_AT = ${at}
export const SNAPSHOT =
  '${ascii.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'
`,
)
console.error(
  `${columns.providers.length} providers, ${columns.flags.length} models, ${text.length} characters, version ${version}`,
)
