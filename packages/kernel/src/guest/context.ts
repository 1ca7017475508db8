// packages/kernel/src/guest/context.ts: makes the PluginContext: all a plugin can reach, and everything made through it owned by one scope.
import { PryxError, ServiceError, UsageError } from '../contract/errors.ts'
import type { PluginContext, ToolCallOptions, ToolDefinition, ToolFacts } from '../contract/plugin.ts'
import type { Scope } from '../contract/scope.ts'
import type { HookToken, ServiceCaller, ServiceToken } from '../contract/tokens.ts'
import type { GuestMessage, LogLevel } from '../contract/wire.ts'
import type { Ambient } from './ambient.ts'
import { callSite } from './call-site.ts'
import type { Calls } from './calls.ts'
import { check } from './check.ts'
import { createFace } from './faces.ts'
import { logText } from './log-text.ts'
import { inputSchema, type Offers, type Tool } from './offers.ts'
import type { Carrier } from './outbox.ts'
import type { EventHandler, Subscriptions } from './subscriptions.ts'

export interface ContextParts {
  scope: Scope
  signal: AbortSignal
  calls: Calls
  offers: Offers
  subscriptions: Subscriptions
  ambient: Ambient
  post(message: GuestMessage): void
  /** Handles of one outgoing call, functions included. */
  carrier(): Carrier
  /** What the manifest says of a tool. */
  describeTool(name: string): string | undefined
}

export interface Identity {
  plugin: { name: string; version: string }
  config: unknown
  previous: unknown
}

export function createContext(parts: ContextParts, identity: Identity): PluginContext {
  const { scope, offers, ambient, calls, subscriptions } = parts
  const context: PluginContext = {
    plugin: Object.freeze({ ...identity.plugin }),
    config: identity.config,
    previous: identity.previous,
    signal: parts.signal,
    log: Object.freeze({ debug: logger('debug'), info: logger('info'), warn: logger('warn'), error: logger('error') }),
    get caller() {
      return ambient.caller()
    },
    use: async (token) => useService(parts, token),
    tryUse: async (token) => tryUseService(parts, token),
    provide: (token, implementation) => scope.effect(() => offers.service(token, implementation)),
    emit: async (event, payload) =>
      void (await calls.request({ t: 'emit', id: 0, name: event.name, data: payload, trace: ambient.trace() })),
    events: Object.freeze({
      on: (
        event: Parameters<Subscriptions['on']>[0],
        handler: EventHandler,
        options?: Parameters<Subscriptions['on']>[2],
      ) => scope.effect(() => subscriptions.on(event, handler, options)),
    }) as PluginContext['events'],
    hooks: Object.freeze({
      on: (hook: HookToken<unknown>, handler: Parameters<Offers['hook']>[1]) =>
        scope.effect(() => offers.hook(hook, handler)),
      run: async (hook: HookToken<unknown>, value: unknown) => runHook(parts, hook, value),
    }) as PluginContext['hooks'],
    tools: Object.freeze({
      provide: (tool: ToolDefinition<never>) => scope.effect(() => offers.tool(toTool(tool as ToolDefinition, parts))),
      call: async (name: string, input: unknown, { signal, timeoutMs }: ToolCallOptions = {}) => {
        const wait = timeoutMs === undefined ? {} : { timeoutMs }
        return calls.request(
          { t: 'tool', id: 0, name, input, trace: ambient.trace(), ...wait },
          parts.carrier(),
          signal,
        )
      },
      list: async () => (await calls.request({ t: 'tools', id: 0 })) as ToolFacts[],
    }) as PluginContext['tools'],
    effect: (acquire) => scope.effect(acquire),
    checkpoint: (state) => parts.post({ t: 'checkpoint', state }),
  }
  return Object.freeze(context)

  function logger(level: LogLevel): (...pieces: unknown[]) => void {
    return (...pieces) => {
      const place = callSite()
      parts.post({ t: 'log', level, text: logText(pieces), ...(place !== undefined && { place }) })
    }
  }
}

/** Calls any service or capability by name; the way below every face. */
export function serviceCaller(
  { calls, ambient, carrier }: Pick<ContextParts, 'calls' | 'ambient' | 'carrier'>,
  service: string,
  range: string,
): ServiceCaller {
  return (method, args, options) => {
    const trace = ambient.trace()
    return calls.request({ t: 'call', id: 0, service, range, method, args, trace }, carrier(), options?.signal)
  }
}

async function useService<T extends object>(parts: ContextParts, token: ServiceToken<T>): Promise<T> {
  await parts.calls.request({ t: 'use', id: 0, service: token.name, range: rangeOf(token), optional: false })
  return faceOf(parts, token)
}

async function tryUseService<T extends object>(parts: ContextParts, token: ServiceToken<T>): Promise<T | undefined> {
  try {
    const found = await parts.calls.request({
      t: 'use',
      id: 0,
      service: token.name,
      range: rangeOf(token),
      optional: true,
    })
    return found === false ? undefined : faceOf(parts, token)
  } catch (error) {
    if (error instanceof ServiceError || PryxError.is(error, 'PERMISSION_DENIED')) return undefined
    throw error
  }
}

function faceOf<T extends object>(parts: ContextParts, token: ServiceToken<T>): T {
  return createFace(token, serviceCaller(parts, token.name, rangeOf(token)))
}

function rangeOf(token: ServiceToken<object>): string {
  return `^${token.version}`
}

async function runHook({ calls, ambient }: ContextParts, hook: HookToken<unknown>, value: unknown): Promise<unknown> {
  const { name, timeoutMs, failure, schema } = hook
  const left = await calls.request({ t: 'hook', id: 0, name, value, timeoutMs, failure, trace: ambient.trace() })
  return check(schema, left, ({ path, message }) => {
    const text = `${name}: the value its listeners left${path && ` at ${path}`}: ${message}`
    return new UsageError('HOOK_VALUE', text, { hook: name, path, expected: message })
  })
}

function toTool(tool: ToolDefinition, parts: ContextParts): Tool {
  const { name, input } = tool
  return {
    name,
    description: tool.description ?? parts.describeTool(name),
    schema: input && inputSchema(input),
    input: () => input,
    run: (value, call) => tool.run(value, call),
  }
}
