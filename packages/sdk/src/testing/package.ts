// packages/sdk/src/testing/package.ts: makes a package out of what a test names: a folder, a file, a text, a few keys of a manifest.
//   P1  Nothing is written into the author's folder: sources are linked into a workbench and built there.
//   P2  A package that names no built entry is built as `pryx build` does it, so what is tested is what is shipped.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { openPluginFolder, type PluginPackage, parseJson, VERSION } from '@pryx/kernel'
import { type Manifest, UsageError } from '@pryx/kernel/contract'
import { openBuilder, type PluginBuilder } from '../build/build.ts'

const ENTRY = 'dist/plugin.js'

export interface PluginSource {
  /** Folder of the plugin's package. Without `plugin`, its src/plugin.ts is what is tested (or its built entry, where there are no sources). */
  folder?: string
  /** Path of a src/plugin.ts, or the text of one. A text may import @pryx/sdk, zod and, with `folder`, what lies beside its src/plugin.ts. */
  plugin?: string
  /** Keys of the manifest, over those of the folder's package.json. */
  manifest?: Partial<Omit<Manifest, 'name' | 'version' | 'description' | 'events'>> & {
    events?: Partial<Manifest['events']>
  }
}

/** A plugin that can be built again and again. */
export interface Workbench extends AsyncDisposable {
  build(): Promise<PluginPackage>
  /** Puts another text in place of src/plugin.ts. */
  write(text: string): Promise<void>
}

/** @param bench An empty folder for it; the caller's to remove. */
export async function openWorkbench(source: PluginSource, bench: string): Promise<Workbench> {
  const { folder, text } = locate(source)
  const file = folder && join(folder, 'package.json')
  const base = file
    ? (parseJson(await readFile(file, 'utf8'), file) as Record<string, unknown>)
    : { name: 'pryx-plugin-under-test', version: '1.0.0' }
  const built = text === undefined && folder !== undefined && !existsSync(join(folder, 'src/plugin.ts'))
  if (built) return openBuilt(folder)
  const pryx = { engine: `^${VERSION}`, ...(base.pryx as object), ...source.manifest, entry: ENTRY }
  await mkdir(join(bench, 'src'), { recursive: true })
  await mkdir(join(bench, 'dist'))
  await writeFile(join(bench, 'package.json'), JSON.stringify({ ...base, pryx }))
  await linkModules(bench, folder ?? process.cwd())
  if (folder && existsSync(join(folder, 'src'))) await linkSources(bench, folder, text !== undefined)
  if (text !== undefined) await writeFile(join(bench, 'src/plugin.ts'), text)
  let builder: PluginBuilder | undefined
  return {
    async build() {
      builder ??= await openBuilder(bench)
      await builder.build()
      const pkg = await openPluginFolder(bench)
      return folder ? { ...pkg, folder } : pkg // static files are served from where they are
    },
    write: (next) => writeSource(bench, text, next),
    [Symbol.asyncDispose]: async () => builder?.[Symbol.asyncDispose](),
  }
}

function locate({ folder, plugin }: PluginSource): { folder?: string; text?: string } {
  const own = folder === undefined ? {} : { folder: resolve(folder) }
  if (plugin === undefined) {
    if (folder !== undefined) return own
    throw new UsageError('USAGE_HARNESS', 'there is no plugin to test', {
      hint: 'Give the harness a folder, or a plugin: the path or text of a src/plugin.ts.',
    })
  }
  const isPath = !plugin.includes('\n') && /\.[mc]?[jt]s$/.test(plugin)
  return isPath ? { folder: dirname(dirname(resolve(plugin))) } : { ...own, text: plugin }
}

function openBuilt(folder: string): Workbench {
  return {
    build: () => openPluginFolder(folder),
    async write() {
      throw new UsageError('USAGE_HARNESS', `${folder} has no src/plugin.ts to put another text in place of`)
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Dependencies are those of the author's folder; @pryx/sdk is this one where that has none. */
async function linkModules(bench: string, folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  if (existsSync(join(modules, '@pryx/sdk'))) return symlink(modules, join(bench, 'node_modules'), 'junction')
  await mkdir(join(bench, 'node_modules/@pryx'), { recursive: true })
  await symlink(dirname(findPackageJSON(import.meta.url) as string), join(bench, 'node_modules/@pryx/sdk'), 'junction')
}

async function linkSources(bench: string, folder: string, ownText: boolean): Promise<void> {
  for (const name of await readdir(join(folder, 'src'))) {
    if (ownText && name === 'plugin.ts') continue
    await symlink(join(folder, 'src', name), join(bench, 'src', name))
  }
}

async function writeSource(bench: string, text: string | undefined, next: string): Promise<void> {
  if (text === undefined)
    throw new UsageError('USAGE_HARNESS', 'the plugin comes from a file', {
      hint: 'Edit the file and call reload(), or make the harness with a text.',
    })
  await writeFile(join(bench, 'src/plugin.ts'), next)
}
