// packages/pryx/src/author/inspect.ts: all that lint weighs, gathered from a plugin's folder.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { nodeCapabilities, type Secrets } from '@pryx/capabilities'
import { openPluginFolder } from '@pryx/kernel'
import { type Capability, type Manifest, ManifestError } from '@pryx/kernel/contract'
import { createPluginsCapability } from '../host/plugins-capability.ts'
import { type Finding, findFaults } from './lint.ts'
import { schemaTokens } from './schema-cost.ts'
import { findUse, type Place, type Use } from './use.ts'

export interface Report {
  manifest: Manifest
  findings: (Omit<Finding, 'at'> & { place?: string })[]
  bytes: number
  tools: { name: string; tokens: number }[]
}

/**
 * Builds the plugin where it has sources, reads its bundle, and weighs it against its manifest.
 *
 * @throws MANIFEST_*, BUILD_FAILED; LINT_SYNTAX for a bundle that is no JavaScript module.
 */
export async function inspectPlugin(folder: string): Promise<Report> {
  if (existsSync(join(folder, 'src/plugin.ts'))) {
    const { buildPlugin } = await import('@pryx/sdk/build')
    await buildPlugin(folder)
  }
  const pkg = await openPluginFolder(folder)
  const { manifest } = pkg
  const code = await pkg.code()
  const entry = join(folder, manifest.entry)
  const use = readUse(code, entry)
  const tools = manifest.tools.map((tool) => ({ name: tool.name, tokens: schemaTokens(tool) }))
  const findings = findFaults({
    manifest,
    use,
    capabilities: hostGrammars(),
    bytes: Buffer.byteLength(code),
    tokens: new Map(tools.map(({ name, tokens }) => [name, tokens])),
    package: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object,
    folder: new Set(readdirSync(folder)),
  })
  const placeOf = sourcePlaces(entry, folder)
  return {
    manifest,
    findings: findings.map(({ at, ...finding }) => ({ ...finding, ...(at && { place: placeOf(at) }) })),
    bytes: Buffer.byteLength(code),
    tools,
  }
}

/** What this host offers, to judge words by: a grammar needs neither vault nor desk. */
function hostGrammars(): Capability[] {
  const drivers = nodeCapabilities({ secrets: {} as Secrets })
  const plugins = createPluginsCapability(() => {
    throw new Error('nothing runs here that could ask')
  })
  return [...Object.values(drivers), plugins]
}

function readUse(code: string, entry: string): Use {
  try {
    return findUse(code)
  } catch (cause) {
    throw new ManifestError('LINT_SYNTAX', `${entry} is not a JavaScript module: ${(cause as Error).message}`, {
      file: entry,
      cause,
      hint: 'Build it with `pryx build`.',
    })
  }
}

/** Places in the bundle as places in the author's sources, relative to the folder, where there is a map. */
function sourcePlaces(entry: string, folder: string): (at: Place) => string {
  const map = existsSync(`${entry}.map`)
    ? new SourceMap(JSON.parse(readFileSync(`${entry}.map`, 'utf8')) as SourceMapPayload)
    : undefined
  return ({ line, column }) => {
    const found = map?.findEntry(line - 1, column)
    return found !== undefined && 'originalSource' in found
      ? `${relative(folder, resolve(dirname(entry), found.originalSource))}:${found.originalLine + 1}:${found.originalColumn + 1}`
      : `${relative(folder, entry)}:${line}:${column + 1}`
  }
}
