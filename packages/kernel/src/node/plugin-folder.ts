// packages/kernel/src/node/plugin-folder.ts: reads a plugin package from a folder. Nothing in it is executed.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ManifestError, PryxError, parseManifest } from '../contract/index.ts'
import type { PluginPackage } from '../lifecycle/package.ts'

const MAX_MANIFEST_BYTES = 262_144
const MAX_CODE_BYTES = 16 * 1_048_576

/**
 * Opens a plugin package.
 *
 * @param path Folder holding a package.json with a `pryx` key.
 * @throws MANIFEST_MISSING, MANIFEST_SYNTAX, MANIFEST_INVALID, MANIFEST_ENTRY with the file and what to do.
 */
export async function openPluginFolder(path: string): Promise<PluginPackage> {
  const file = join(path, 'package.json')
  const text = await readManifest(file)
  const manifest = parseManifest(parseJson(text, file), file)
  const folder = await realpath(path)
  const entry = await entryOf(folder, manifest.entry, file)
  const code = await readFile(entry, 'utf8')
  const revision = createHash('sha256').update(text).update(code).digest('hex').slice(0, 16)
  return {
    manifest,
    folder,
    revision,
    code: async () => code,
    inspectable: () => withMap(entry, code),
    mapStack: createStackMapper(entry),
  }
}

async function readManifest(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > MAX_MANIFEST_BYTES)
      throw new ManifestError('MANIFEST_TOO_LARGE', `${file} is larger than ${MAX_MANIFEST_BYTES} bytes`, { file })
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (PryxError.is(cause)) throw cause
    throw new ManifestError('MANIFEST_MISSING', `${file} cannot be read: ${reason(cause)}`, {
      file,
      expected: 'a package.json with a "pryx" key',
      cause,
      hint: 'Point to the folder of a Pryx plugin.',
    })
  }
}

/** JSON with the place of a mistake in the error. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = (cause as Error).message
    const at = /line (\d+) column (\d+)/.exec(message)
    const place = at ? `${file}:${at[1]}:${at[2]}` : file
    throw new ManifestError('MANIFEST_SYNTAX', `${place} is not JSON: ${message.replace(/ in JSON at.*$/, '')}`, {
      file,
      path: at ? `${at[1]}:${at[2]}` : '',
      found: message,
      expected: 'JSON',
      cause,
      hint: 'Look for a missing comma or quote near that place; comments are not allowed.',
    })
  }
}

async function entryOf(folder: string, entry: string, file: string): Promise<string> {
  const wanted = join(folder, entry)
  try {
    const real = await realpath(wanted)
    const inside = relative(folder, real)
    if (inside.startsWith('..') || isAbsolute(inside))
      throw new ManifestError('MANIFEST_ENTRY', `${file}: pryx.entry leads out of the package`, {
        file,
        path: 'pryx.entry',
        found: entry,
        expected: 'a file inside the package',
      })
    const { size } = await stat(real)
    if (size > MAX_CODE_BYTES)
      throw new ManifestError('MANIFEST_ENTRY', `${wanted} has ${size} bytes (limit ${MAX_CODE_BYTES})`, {
        file,
        path: 'pryx.entry',
        hint: 'Bundle less, or minify.',
      })
    return real
  } catch (cause) {
    if (PryxError.is(cause)) throw cause
    throw new ManifestError('MANIFEST_ENTRY', `${file}: pryx.entry names ${entry}, which is not there`, {
      file,
      path: 'pryx.entry',
      found: entry,
      expected: 'a built file',
      cause,
      hint: `Run \`pryx build ${basename(folder)}\` first.`,
    })
  }
}

/** Maps `…plugin.js:LINE:COLUMN` of a stack to the author's sources. The map is read at the first error, not before. */
function createStackMapper(entry: string): (stack: string) => string {
  let map: SourceMap | undefined | null = null
  return (stack) => {
    if (map === null) map = readMap(entry)
    if (!map) return stack
    const found = map
    return stack.replace(/[^\s(@]*plugin\.js:(\d+):(\d+)/g, (whole: string, line: string, column: string) => {
      const at = found.findEntry(Number(line) - 1, Number(column) - 1)
      return 'originalSource' in at
        ? `${resolve(dirname(entry), at.originalSource)}:${at.originalLine + 1}:${at.originalColumn + 1}`
        : whole
    })
  }
}

/** The bundle with its map inside it, and in the map the sources, under their paths as URLs. */
async function withMap(entry: string, code: string): Promise<string> {
  const text = await readFile(`${entry}.map`, 'utf8').catch(() => undefined)
  if (text === undefined) return code
  const map = JSON.parse(text) as SourceMapPayload
  const paths = map.sources.map((source) => resolve(dirname(entry), map.sourceRoot ?? '', source))
  const sourcesContent = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => null)))
  const sources = paths.map((path) => pathToFileURL(path).href)
  const inline = Buffer.from(JSON.stringify({ ...map, sourceRoot: '', sources, sourcesContent })).toString('base64')
  return `${code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')}//# sourceMappingURL=data:application/json;base64,${inline}\n`
}

function readMap(entry: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${entry}.map`, 'utf8')) as SourceMapPayload)
  } catch {
    return undefined // no map beside the bundle
  }
}

function reason(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code
  return code === 'ENOENT' ? 'it does not exist' : (code ?? String(cause))
}
