// packages/kernel/src/node/guest-loading.ts: a plugin's bundle as a module of its isolate, with what it may import, run once.
import type ivmTypes from 'isolated-vm'
import { createCodeCache } from './code-cache.ts'
import { importedNames, moduleSource, namesOf } from './guest-modules.ts'

/** Modules of the entry, which no bundle may name. */
const OURS: ReadonlySet<string> = new Set(['plugin', 'pryx:runtime'])
const ENTRY = `import * as plugin from 'plugin'\nimport { start } from 'pryx:runtime'\nstart(plugin)`
const HANDED_OVER = '__pryxModule' // a global for the moment in which a module of ours takes what it exports

const compiled = createCodeCache<ivmTypes.ExternalCopy<ArrayBuffer>>()

export interface Loading {
  isolate: ivmTypes.Isolate
  context: ivmTypes.Context
  /** What `__pryxBoot` answered. */
  runtime: ivmTypes.Reference<Record<string, unknown>>
  name: string
  code: string
  limitMs: number
}

/** @throws What the code throws, that it does not compile, that it imports what is not there, or that it ran out of time. */
export async function loadPlugin(loading: Loading): Promise<void> {
  const { isolate, context, limitMs } = loading
  const plugin = await compile(loading)
  const own = plugin.dependencySpecifiers.find((specifier) => OURS.has(specifier))
  if (own !== undefined) throw notSupplied(own)
  const entry = isolate.compileModuleSync(ENTRY, { filename: 'pryx-entry.js' })
  entry.instantiateSync(context, (specifier) => (specifier === 'plugin' ? plugin : supply(loading, specifier)))
  await entry.evaluate({ timeout: limitMs })
}

async function compile({ isolate, name, code }: Loading): Promise<ivmTypes.Module> {
  const { cached, worth } = compiled.find(code)
  const how = cached ? { cachedData: cached } : { produceCachedData: worth }
  const plugin = await isolate.compileModule(code, { filename: `${name}/plugin.js`, ...how })
  const { cachedData } = plugin as ivmTypes.CachedDataResult
  if (!cached && cachedData) compiled.keep(code, cachedData, cachedData.copy().byteLength)
  return plugin
}

/** A module of ours, with those of its names the bundle imports. */
function supply({ isolate, context, runtime, code }: Loading, specifier: string): ivmTypes.Module {
  const isRuntime = specifier === 'pryx:runtime'
  const names = isRuntime ? ['start'] : namesOf(runtime, specifier)
  if (names === undefined) throw notSupplied(specifier)
  context.global.setSync(HANDED_OVER, (isRuntime ? runtime : moduleOf(runtime, specifier)).derefInto())
  const exported = isRuntime ? names : importedNames(code, specifier, names)
  const module = isolate.compileModuleSync(moduleSource(HANDED_OVER, exported), { filename: `${specifier}.js` })
  module.instantiateSync(context, () => {
    throw new Error('a built-in module imports nothing')
  })
  module.evaluateSync({ timeout: 1_000 })
  context.global.deleteSync(HANDED_OVER)
  return module
}

function moduleOf(runtime: Loading['runtime'], specifier: string): ivmTypes.Reference {
  const modules = runtime.getSync('modules', { reference: true }) as ivmTypes.Reference<Record<string, unknown>>
  return modules.getSync(specifier, { reference: true }) as ivmTypes.Reference
}

function notSupplied(specifier: string): Error {
  const name = specifier.slice(0, 80)
  return new Error(
    `the bundle imports "${name}", which is not there; bundle it with \`pryx build\` (only zod is supplied)`,
  )
}
