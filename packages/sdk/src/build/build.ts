// packages/sdk/src/build/build.ts: a plugin's sources to its one bundled file, as `pryx build` does it.
//   B1  The bundle imports only what the runtime supplies (zod); everything else is inside.
//   B2  A file appears whole or not at all: who loads the entry meanwhile gets the old one.
//   B3  What a plugin could not run with in its isolate (Node's modules) is an error with its place, not a surprise later.
import { existsSync } from 'node:fs'
import { readFile, rename } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { type Manifest, ManifestError, parseManifest, UsageError } from '@pryx/kernel/contract'
import {
  type BuildContext,
  type BuildFailure,
  type BuildOptions,
  context,
  formatMessages,
  type Message,
  type Plugin,
} from 'esbuild'

/** The module the runtime supplies to every plugin, and another of its names. Its inner parts (`zod/v4/core`) are bundled. */
const SUPPLIED = 'zod'
const SUPPLIED_AS = /^zod(\/v4)?$/
const ENTRY = 'src/plugin.ts'

export interface BuiltPlugin {
  manifest: Manifest
  /** Absolute path of the bundle; its source map lies beside it. */
  file: string
  bytes: number
  warnings: string[]
}

export interface PluginBuilder extends AsyncDisposable {
  /** Absolute path of the bundle; what is written meanwhile lies beside it under names that begin alike. */
  readonly file: string
  /** Builds again; only what changed is parsed anew. @throws BUILD_FAILED with a code frame */
  build(): Promise<BuiltPlugin>
}

/**
 * Builds the plugin in `folder` once.
 *
 * @param folder Holds package.json with a `pryx` key and src/plugin.ts.
 * @throws MANIFEST_* for the manifest, BUILD_FAILED with file, line and a code frame for the sources.
 */
export async function buildPlugin(folder: string): Promise<BuiltPlugin> {
  await using builder = await openBuilder(folder)
  return await builder.build()
}

/** Keeps esbuild's state between builds, for `pryx dev`. Dispose it when done. */
export async function openBuilder(folder: string): Promise<PluginBuilder> {
  const manifest = await readManifest(folder)
  const file = join(folder, manifest.entry)
  const building = await context(optionsFor(folder, file, isCheckout(folder)))
  return {
    file,
    build: () => rebuild(building, folder, file),
    [Symbol.asyncDispose]: () => building.dispose(),
  }
}

async function rebuild(building: BuildContext, folder: string, file: string): Promise<BuiltPlugin> {
  const manifest = await readManifest(folder)
  try {
    const result = await building.rebuild()
    const [bundle, map] = [`${file}.new`, `${file}.new.map`]
    await rename(map, `${file}.map`)
    await rename(bundle, file) // B2
    const { length } = await readFile(file)
    return {
      manifest,
      file,
      bytes: length,
      warnings: await formatMessages(result.warnings, { kind: 'warning', color: false }),
    }
  } catch (error) {
    throw isBuildFailure(error) ? await buildFailed(folder, error) : error
  }
}

function optionsFor(folder: string, file: string, fromSources: boolean): BuildOptions {
  return {
    absWorkingDir: folder,
    entryPoints: [ENTRY],
    outfile: `${file}.new`,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    mainFields: ['module', 'main'],
    conditions: [...(fromSources ? ['source'] : []), 'worker', 'browser', 'import', 'default'],
    define: { 'process.env.NODE_ENV': '"production"' },
    sourcemap: 'external',
    sourcesContent: false,
    treeShaking: true,
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [supplied, refuseNode, ownMap(file)],
  }
}

/** B1 */
const supplied: Plugin = {
  name: 'pryx-supplied',
  setup(build) {
    build.onResolve({ filter: SUPPLIED_AS }, () => ({ path: SUPPLIED, external: true }))
  },
}

/** Where the SDK lies with its sources, theirs are bundled; what npm installed has none, whatever other packages call `source`. */
function isCheckout(folder: string): boolean {
  try {
    const sdk = findPackageJSON('@pryx/sdk', join(resolve(folder), 'package.json'))
    return sdk === undefined || existsSync(join(dirname(sdk), 'src/index.ts'))
  } catch {
    return true // not installed: whoever does without it has only sources
  }
}

/** B3 */
const refuseNode: Plugin = {
  name: 'pryx-no-node',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({
      errors: [
        {
          text: `a plugin cannot import ${path}: its isolate has web standards, not Node. Ask for a capability instead (ctx.use(Fs), ctx.use(Net) …).`,
        },
      ],
    }))
  },
}

/** The map is written under the name the bundle will have. */
function ownMap(file: string): Plugin {
  return {
    name: 'pryx-own-map',
    setup(build) {
      build.initialOptions.footer = { js: `//# sourceMappingURL=${basename(file)}.map` }
    },
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, 'package.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new ManifestError('MANIFEST_MISSING', `${file} cannot be read`, {
      file,
      expected: 'a package.json with a "pryx" key',
      cause,
      hint: 'Run this in the folder of a plugin.',
    })
  }
  try {
    return parseManifest(JSON.parse(text), file)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new ManifestError('MANIFEST_SYNTAX', `${file} is not JSON: ${cause.message}`, {
      file,
      found: cause.message,
      expected: 'JSON',
      cause,
    })
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)
}

async function buildFailed(folder: string, failure: BuildFailure): Promise<UsageError> {
  const frames = await formatMessages(failure.errors, { kind: 'error', color: false })
  return new UsageError(
    'BUILD_FAILED',
    `${basename(folder)} does not build: ${placeOf(failure.errors[0])}\n${frames.join('\n')}`,
    {
      file: failure.errors[0]?.location?.file,
      line: failure.errors[0]?.location?.line,
      hint: 'Correct it and save; the version that runs stays until then.',
    },
  )
}

function placeOf(message: Message | undefined): string {
  const at = message?.location
  return at ? `${at.file}:${at.line}:${at.column + 1}: ${message.text}` : (message?.text ?? 'unknown error')
}
