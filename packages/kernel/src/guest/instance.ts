// packages/kernel/src/guest/instance.ts: the life of the one plugin instance in this isolate (K2, K7).
//   L1  `activate` is answered once, by `active` or `failed`; `deactivate` once, by `stopped`, whatever fails on the way.
//   L2  The end goes: the plugin's own `deactivate`, its effects newest first, `ctx.signal`, running calls and streams, `stopped`.
//   L3  `handover` never ends work; a state that cannot be had is reported and answered as none.
import type { z } from 'zod'
import { LifecycleError, ManifestError } from '../contract/errors.ts'
import type { Activated, PluginContext, PluginDefinition } from '../contract/plugin.ts'
import { createScope, type Scope } from '../contract/scope.ts'
import type { GuestMessage, HostMessage } from '../contract/wire.ts'
import { check } from './check.ts'
import { type ContextParts, createContext } from './context.ts'
import { failureToJson, shortFailure } from './failure.ts'
import { manifestTools } from './manifest-tools.ts'

export type Activate = Extract<HostMessage, { t: 'activate' }>
type ErrorMessage = 'failed' | 'stopped' | 'uncaught'

export interface Instance {
  /** Takes the entry's exports; the first ones count. */
  start(exports: object): void
  activate(message: Activate): Promise<void>
  handOver(): Promise<void>
  deactivate(): Promise<void>
  uncaught(error: unknown): void
}

export interface InstanceParts extends Omit<ContextParts, 'scope' | 'signal' | 'describeTool'> {
  /** Fails running calls and open streams. */
  endCrossings(error: Error): void
}

export function createInstance(parts: InstanceParts): Instance {
  let exports: object | undefined
  let activated: Activated | undefined
  let scope: Scope | undefined
  let controller: AbortController | undefined
  let stopping = false

  return {
    start(given) {
      exports ??= given
    },
    activate,
    handOver,
    deactivate,
    uncaught: (error) => tell('uncaught', error),
  }

  async function activate(message: Activate): Promise<void> {
    try {
      activated = (await run(message)) || undefined
      if (!stopping) parts.post({ t: 'active' }) // L1
    } catch (error) {
      if (stopping) return
      tell('failed', error)
      await collect([], () => scope?.[Symbol.asyncDispose]()) // the first failure is the one to tell
    }
  }

  async function run(message: Activate): Promise<Activated | undefined> {
    const definition = definitionOf(exports, message)
    scope = createScope(message.name)
    controller = new AbortController()
    const context = openContext(message, checkConfig(definition?.config, message))
    for (const tool of manifestTools(message.tools, exports ?? {}, context)) scope.effect(() => parts.offers.tool(tool))
    const answer = await definition?.activate(context)
    return answer ?? undefined
  }

  function openContext({ name, version, previous, tools }: Activate, config: unknown): PluginContext {
    const describeTool = (tool: string) => tools.find((known) => known.name === tool)?.description
    const owned = { scope: scope as Scope, signal: (controller as AbortController).signal, describeTool } // both made by `run`
    return createContext({ ...parts, ...owned }, { plugin: { name, version }, config, previous })
  }

  async function handOver(): Promise<void> {
    try {
      const has = typeof activated?.handOver === 'function'
      parts.post({ t: 'state', has, state: has ? await activated?.handOver?.() : undefined })
    } catch (error) {
      tell('uncaught', error) // L3
      parts.post({ t: 'state', has: false, state: undefined })
    }
  }

  async function deactivate(): Promise<void> {
    if (stopping) return
    stopping = true
    const failures: unknown[] = []
    await collect(failures, () => activated?.deactivate?.())
    await collect(failures, () => scope?.[Symbol.asyncDispose]())
    const ended = new LifecycleError('PLUGIN_STOPPED', 'the plugin has ended')
    await collect(failures, () => controller?.abort(ended))
    await collect(failures, () => parts.endCrossings(ended))
    if (failures.length === 0) parts.post({ t: 'stopped' })
    else tell('stopped', failures.length === 1 ? failures[0] : joined(failures))
  }

  function tell(t: ErrorMessage, error: unknown): void {
    try {
      parts.post({ t, error: failureToJson(error) } as GuestMessage)
    } catch {
      parts.post({ t, error: shortFailure(error) } as GuestMessage)
    }
  }
}

async function collect(failures: unknown[], step: () => unknown): Promise<void> {
  try {
    await step()
  } catch (error) {
    if (error instanceof AggregateError) failures.push(...error.errors)
    else failures.push(error)
  }
}

function joined(failures: readonly unknown[]): Error {
  const messages = failures.map((failure) => failureToJson(failure).message)
  return new LifecycleError(
    'PLUGIN_STOP_FAILED',
    `${failures.length} effects did not end cleanly: ${messages.join('; ')}`,
  )
}

/** The default export. A plugin of handlers alone needs none. */
function definitionOf(exports: object | undefined, { tools }: Activate): PluginDefinition | undefined {
  const found = exports && 'default' in exports ? (exports.default as Partial<PluginDefinition> | undefined) : undefined
  if (typeof found?.activate === 'function') return found as PluginDefinition
  if (found === undefined && tools.some((tool) => tool.handler !== undefined)) return undefined
  throw new ManifestError('PLUGIN_INVALID', 'the entry has no default export with an `activate` function', {
    path: 'pryx.entry',
    found: found === undefined ? 'no default export' : typeof found,
    expected: 'export default definePlugin({ activate(ctx) { … } })',
    hint: 'Export definePlugin({ … }) as default, or name a `handler` for each tool in the manifest.',
  })
}

function checkConfig(schema: z.ZodType | undefined, { name, config }: Activate): unknown {
  if (schema === undefined) return config
  return check(schema, config ?? {}, ({ path, message }) => {
    const at = path === '' ? 'config' : `config.${path}`
    return new ManifestError('CONFIG_INVALID', `${name}: ${at}: ${message}`, {
      path,
      expected: message,
      hint: `Correct ${at} of ${name} in pryx.json.`,
    })
  })
}
