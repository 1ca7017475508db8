// packages/pryx/src/cli/dev.ts: `pryx dev`: a host whose plugins are built and swapped in at each edit (K7).
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createClock, createReloader, openPluginFolder, type PluginPackage, parseJson, watchPaths } from '@pryx/kernel'
import {
  createScope,
  type PluginId,
  PryxError,
  parseManifest,
  type Release,
  shortName,
  UsageError,
} from '@pryx/kernel/contract'
import type { PluginBuilder } from '@pryx/sdk/build'
import { CONFIG_FILE, emptyConfig, type HostConfig, loadConfig } from '../host/config.ts'
import type { Host } from '../host/host.ts'
import type { Inspector } from '../inspect/server.ts'
import { isInstalled } from '../registry/source.ts'
import { codeFrame } from '../terminal/code-frame.ts'
import { errorText } from '../terminal/error-text.ts'
import { type Style, safe } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { runHost, type Surface, type UpOptions } from './run-host.ts'
import { requireTrust } from './trust.ts'

const INSPECT_PORT = 9_229 // where debuggers look

export interface DevOptions extends UpOptions {
  /** Port of the debugger's door; `true`: the usual one. */
  inspect?: number | true
}

export async function dev(output: Output, options: DevOptions, folder?: string): Promise<void> {
  await requireTrust(output, options.config ?? CONFIG_FILE, options)
  const { config, ids } = choose(options, folder)
  const workshops = new Map(ids.map((id) => [id, openWorkshop(config.plugins[id]!.source)]))
  await Promise.all(
    [...workshops.values()].map((one) =>
      one.build().catch((error: unknown) => output.note(errorText(error, output.style))),
    ),
  )
  if (options.inspect === undefined)
    return runHost(output, options, config, (host, surface) => watchAll(host, surface, workshops))
  const { openInspector } = await import('../inspect/server.ts')
  await using inspector = await openInspector({
    port: options.inspect === true ? INSPECT_PORT : options.inspect,
    plugins: ids,
  })
  const whileUp = (host: Host, surface: Surface) => {
    inspector.serve(host.kernel)
    tellInspector(inspector, surface)
    return watchAll(host, surface, workshops)
  }
  await runHost(output, options, config, whileUp, { inspect: new Set(ids) })
}

function tellInspector({ targets }: Inspector, { say, style }: Surface): void {
  for (const { plugin, webSocketDebuggerUrl } of targets())
    say(
      { event: 'dev.inspect', plugin, url: webSocketDebuggerUrl },
      `${style.magenta('◆')} ${style.bold(safe(plugin))} can be debugged: ${webSocketDebuggerUrl} ${style.dim('(chrome://inspect)')}`,
    )
}

/** The configuration, and which of its plugins are worked on. */
function choose(options: UpOptions, folder: string | undefined): { config: HostConfig; ids: PluginId[] } {
  const file = options.config ?? CONFIG_FILE
  if (folder === undefined && (options.config !== undefined || existsSync(file))) {
    const config = loadConfig(file, options)
    return { config, ids: Object.keys(config.plugins).filter((id) => !isInstalled(config.plugins[id]!.source)) }
  }
  const source = resolve(folder ?? '.')
  const config = existsSync(file) ? loadConfig(file, options) : emptyConfig(source, options)
  const known = Object.entries(config.plugins).find(([, entry]) => entry.source === source)
  if (known) return { config, ids: [known[0]] }
  const id = nameOf(source)
  if (config.plugins[id])
    throw new UsageError('USAGE_PLUGIN', `${config.file} has another plugin called "${id}"`, {
      file: config.file,
      hint: `Point its source to ${source}, or rename one of them.`,
    })
  config.plugins[id] = { source }
  return { config, ids: [id] }
}

function nameOf(folder: string): PluginId {
  const file = join(folder, 'package.json')
  if (!existsSync(file))
    throw new UsageError('USAGE_FOLDER', `${folder} is not a plugin: it has no package.json`, {
      file,
      hint: 'Go to the folder of a plugin, or name it: `pryx dev FOLDER`.',
    })
  return shortName(parseManifest(parseJson(readFileSync(file, 'utf8'), file), file).name)
}

interface Workshop {
  readonly folder: string
  /** True for what the build itself writes. */
  isOutput(path: string): boolean
  /** Builds from sources; does nothing where there are none. */
  build(): Promise<void>
  close(): Promise<void>
}

/** Where one plugin is built. Its builder is made at first use: a manifest that is broken now may be mended later. */
function openWorkshop(folder: string): Workshop {
  const hasSources = existsSync(join(folder, 'src/plugin.ts'))
  let builder: PluginBuilder | undefined
  const outputs = () => (builder === undefined ? [] : [builder.file]) // its map and what is being written begin alike
  return {
    folder,
    isOutput: (path) => hasSources && (path === join(folder, 'dist') || outputs().some((one) => path.startsWith(one))),
    async build() {
      if (!hasSources) return
      const { openBuilder } = await import('@pryx/sdk/build')
      builder ??= await openBuilder(folder)
      await builder.build()
    },
    close: async () => builder?.[Symbol.asyncDispose](),
  }
}

function watchAll(host: Host, surface: Surface, workshops: ReadonlyMap<PluginId, Workshop>): Release {
  const scope = createScope('dev')
  for (const [id, workshop] of workshops) watchOne(host, surface, { id, workshop, scope })
  surface.say(
    { event: 'dev.watching', plugins: [...workshops.keys()] },
    surface.style.dim(`Watching ${[...workshops.keys()].join(', ')}`),
  )
  return async () => {
    await scope[Symbol.asyncDispose]()
    await Promise.all([...workshops.values()].map((one) => one.close()))
  }
}

function watchOne(
  host: Host,
  { say, style }: Surface,
  { id, workshop, scope }: { id: PluginId; workshop: Workshop; scope: ReturnType<typeof createScope> },
): void {
  let editedAt = 0 // of the first edit that is not live yet, epoch ms
  createReloader({
    scope,
    clock: createClock(),
    watch: (onChange) =>
      watchPaths(
        [workshop.folder],
        () => {
          editedAt ||= Date.now()
          onChange()
        },
        { ignore: workshop.isOutput, onReady: onChange }, // an edit may have come while it began
      ),
    build: workshop.build,
    open: () => openPluginFolder(workshop.folder),
    current: () => (host.broken.has(id) ? NOTHING : host.kernel.package(id)),
    consent: async () => {}, // the kernel asks for what is new as it swaps
    swap: (next) => (host.broken.has(id) ? host.reload(id) : host.kernel.reload(id, next)),
    onSame: () => {
      editedAt = 0
    },
    onReloaded(_next, swapMs) {
      const tookMs = editedAt === 0 ? swapMs : Date.now() - editedAt
      editedAt = 0
      say(
        { event: 'dev.live', plugin: id, tookMs },
        `${style.green('↻')} ${style.bold(safe(id))} is live ${style.dim(`${tookMs} ms after the edit`)}`,
      )
    },
    onError(error) {
      editedAt = 0
      void frameOf(workshop.folder, error, style).then((frame) =>
        say(
          { event: 'dev.failed', plugin: id, error: PryxError.is(error) ? error.toJSON() : String(error) },
          [errorText(error, style), frame, `  ${style.dim(`${safe(id)} goes on as it was.`)}`]
            .filter(Boolean)
            .join('\n'),
        ),
      )
    },
  })
}

/** Where in the author's sources an error of running code comes from. An error of the build has its own frame. */
async function frameOf(folder: string, error: unknown, style: Style): Promise<string | undefined> {
  if (!(error instanceof Error) || PryxError.is(error, 'BUILD_FAILED')) return undefined
  const mapped = await openPluginFolder(folder)
    .then((pkg) => pkg.mapStack(`${error.message}\n${error.stack ?? ''}`))
    .catch(() => error.message) // the manifest itself is what is wrong: its place is in the message
  return codeFrame(mapped, folder, style)
}

const NOTHING = { revision: '' } as PluginPackage // what a plugin that could not be opened runs
