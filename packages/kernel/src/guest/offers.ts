// packages/kernel/src/guest/offers.ts: what the plugin offers: services, tools and hook listeners, and how a call reaches them.
//   P1  Only methods that were announced can be called: own and inherited functions without a leading underscore.
//   P2  Input is checked by the token's or tool's schema before the plugin's code sees it.
//   P3  A name is offered once at a time; hook listeners of one plugin run in the order they came.
import type { z } from 'zod'
import { type PryxError, ServiceError, UsageError } from '../contract/errors.ts'
import type { HookAnswer, HookToken, ServiceToken } from '../contract/tokens.ts'
import type { GuestMessage, HostMessage } from '../contract/wire.ts'
import type { Caller } from './ambient.ts'
import { check } from './check.ts'
import { toJsonSchema } from './schemas.ts'

const MAX_METHODS = 256

export type HostCall = Extract<HostMessage, { t: 'call' }>
/** What of a call says where it goes. */
type Addressed = Pick<HostCall, 'kind' | 'name' | 'method'>
type Kind = 'service' | 'tool' | 'hook'
type Method = (...args: unknown[]) => unknown
type HookListener = (value: unknown, info: { from: string; trace: string }) => unknown

export interface Tool {
  name: string
  description?: string | undefined
  /** JSON Schema shown to callers. */
  schema?: unknown
  /** Checks and completes the input. */
  input(): z.ZodType | undefined
  run(input: unknown, call: Caller): unknown
}

interface Service {
  token: ServiceToken<object>
  methods: ReadonlySet<string>
  implementation: Record<string, Method>
}

interface Hook {
  token: HookToken<unknown>
  listeners: Set<HookListener>
}

export interface Offers {
  service(token: ServiceToken<object>, implementation: object): () => void
  tool(tool: Tool): () => void
  hook(token: HookToken<unknown>, listener: HookListener): () => void
  /** The answer or a promise of it. Throws what the plugin's code throws, and SERVICE_*, TOOL_*, HOOK_* refusals. */
  invoke(call: Addressed, args: unknown, caller: Caller): unknown
}

export function createOffers(post: (message: GuestMessage) => void): Offers {
  const services = new Map<string, Service>()
  const tools = new Map<string, Tool>()
  const hooks = new Map<string, Hook>()

  return {
    service(token, implementation) {
      const methods = methodNames(implementation)
      if (services.has(token.name)) throw taken('service', token.name) // P3
      post({ t: 'provide', kind: 'service', name: token.name, version: token.version, methods })
      services.set(token.name, {
        token,
        methods: new Set(methods),
        implementation: implementation as Record<string, Method>,
      })
      return () => withdraw('service', token.name, services)
    },
    tool(tool) {
      if (tools.has(tool.name)) throw taken('tool', tool.name) // P3
      const { name, description, schema } = tool
      const about = {
        ...(description !== undefined && { description }),
        ...(schema !== undefined && { input: schema }),
      }
      post({ t: 'provide', kind: 'tool', name, version: '0.0.0', methods: [], ...about })
      tools.set(name, tool)
      return () => withdraw('tool', name, tools)
    },
    hook: addHook,
    invoke(call, args, caller) {
      if (call.kind === 'service') return callService(call, args)
      if (call.kind === 'tool') return callTool(call.name, args, caller)
      return callHook(call.name, args, caller)
    },
  }

  function withdraw(kind: Kind, name: string, table: Map<string, unknown>): void {
    if (table.delete(name)) post({ t: 'withdraw', kind, name })
  }

  function addHook(token: HookToken<unknown>, listener: HookListener): () => void {
    let hook = hooks.get(token.name)
    if (hook === undefined) {
      hook = { token, listeners: new Set() }
      post({ t: 'provide', kind: 'hook', name: token.name, version: '0.0.0', methods: [] })
      hooks.set(token.name, hook)
    }
    const { listeners } = hook
    const entry: HookListener = (value, info) => listener(value, info) // the same function may listen twice
    listeners.add(entry)
    return () => {
      listeners.delete(entry)
      if (listeners.size === 0) withdraw('hook', token.name, hooks)
    }
  }

  function callService(call: Addressed, args: unknown): unknown {
    const service = services.get(call.name)
    if (service === undefined)
      throw new ServiceError('SERVICE_MISSING', `the service ${call.name} is not offered here`, { service: call.name })
    const { token, methods, implementation } = service
    const method = methods.has(call.method) ? implementation[call.method] : undefined // P1
    if (typeof method !== 'function') throw unknownMethod(service, call.method)
    const schema =
      token.methods && Object.hasOwn(token.methods, call.method) ? token.methods[call.method]?.input : undefined
    const tuple = schema === undefined ? args : check(schema, args, (mismatch) => badArguments(call, mismatch)) // P2
    return method.apply(implementation, Array.isArray(tuple) ? tuple : [])
  }

  function callTool(name: string, args: unknown, caller: Caller): unknown {
    const tool = tools.get(name)
    if (tool === undefined)
      throw new ServiceError('TOOL_MISSING', `the tool ${name} is not offered here`, { tool: name })
    const schema = tool.input()
    const input = schema === undefined ? args : check(schema, args, (mismatch) => badInput(name, mismatch)) // P2
    return tool.run(input, caller)
  }

  /** No listener (it has just gone) lets the value pass. */
  function callHook(name: string, args: unknown, caller: Caller): unknown {
    const hook = hooks.get(name)
    if (hook === undefined) return undefined
    const value = check(hook.token.schema, args, (mismatch) => badHookValue(name, mismatch))
    return runListeners([...hook.listeners], value, { from: caller.from, trace: caller.trace })
  }
}

/** P3: each listener sees what the one before it left; the first veto ends it. */
async function runListeners(
  listeners: HookListener[],
  value: unknown,
  info: { from: string; trace: string },
): Promise<HookAnswer<unknown>> {
  let current = value
  let changed = false
  for (const listener of listeners) {
    const answer = (await listener(current, info)) as { value?: unknown; veto?: unknown } | null | undefined
    if (typeof answer !== 'object' || answer === null) continue
    if ('veto' in answer) return { veto: String(answer.veto) }
    if (!('value' in answer)) continue
    current = answer.value
    changed = true
  }
  return changed ? { value: current } : undefined
}

/** P1. */
function methodNames(implementation: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = implementation; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name === 'constructor' || name.startsWith('_') || name.length > 256) continue
      const value = Object.getOwnPropertyDescriptor(at, name)?.value
      if (typeof value === 'function' && names.size < MAX_METHODS) names.add(name)
    }
  }
  return [...names]
}

/** JSON Schema of a tool's input, for those who call it; undefined where the schema cannot be said in JSON Schema. */
export function inputSchema(schema: z.ZodType): unknown {
  try {
    return toJsonSchema(schema)
  } catch {
    return undefined
  }
}

function taken(kind: Kind, name: string): PryxError {
  return new UsageError('USAGE_PROVIDED_TWICE', `the ${kind} ${name} is already provided by this plugin`, {
    hint: 'Release the first one, or use another name.',
  })
}

function unknownMethod(service: Service, method: string): PryxError {
  const known = [...service.methods].slice(0, 20).join(', ')
  return new ServiceError('SERVICE_METHOD', `${service.token.name} has no method "${method.slice(0, 64)}"`, {
    service: service.token.name,
    method: method.slice(0, 64),
    hint: `It has: ${known || 'none'}.`,
  })
}

type Mismatch = { path: string; message: string }

function badArguments(call: Addressed, { path, message }: Mismatch): PryxError {
  return new UsageError('SERVICE_ARGUMENTS', `${call.name}.${call.method}: arguments${path}: ${message}`, {
    service: call.name,
    method: call.method,
    path,
    expected: message,
  })
}

function badInput(tool: string, { path, message }: Mismatch): PryxError {
  return new UsageError('TOOL_INPUT', `${tool}: input${path && ` at ${path}`}: ${message}`, {
    tool,
    path,
    expected: message,
  })
}

function badHookValue(hook: string, { path, message }: Mismatch): PryxError {
  return new UsageError('HOOK_VALUE', `${hook}: value${path && ` at ${path}`}: ${message}`, {
    hook,
    path,
    expected: message,
  })
}
