// packages/kernel/src/services/tools.ts: what agents and people can have done, by name (K6).
//   R1 to R4 of routes.ts hold here too.
//   T1  There is one way to a tool: before:tool.call → the tool → after:tool.call, whoever calls.
//   T2  A hook may change the input before and the result after, never which tool runs, whose it is or who asked.
//   T3  before: fails closed, so a broken guard lets nothing pass. after: fails open, for the deed is done, and a
//       caller who is told it failed would do it twice.
import { z } from 'zod'
import {
  DEFAULT_LIMITS,
  defineHook,
  type HookToken,
  type PluginId,
  type Release,
  ServiceError,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { Hooks } from './hooks.ts'
import { nearest } from './nearest.ts'
import { createRoutes, type Routed } from './routes.ts'

const about = {
  tool: z.string(),
  /** Whose tool it is. */
  plugin: z.string(),
  /** Who calls: a plugin id, `kernel` or `host`. */
  from: z.string(),
  input: z.unknown(),
}

/** The hooks around every tool call. */
export const ToolCallHooks = {
  before: defineHook('before:tool.call', z.object(about), { failure: 'closed' }),
  after: defineHook('after:tool.call', z.object({ ...about, result: z.unknown() }), { failure: 'open' }),
} as const

export interface ToolInvocation {
  readonly input: unknown
  readonly from: string
  readonly trace: string
  readonly signal: AbortSignal
}

export interface Tool extends Routed {
  readonly name: string
  readonly plugin: PluginId
  readonly description: string
  /** JSON Schema of the input, if it has one. */
  readonly input?: unknown
  /** Checks the input against its own schema, at the provider's wall, and does the work. */
  invoke(call: ToolInvocation): Promise<unknown>
}

export type ToolInfo = Omit<Tool, 'invoke'>

export interface ToolCall {
  name: string
  input: unknown
  from: string
  trace: string
  signal?: AbortSignal | undefined
  /** ms for the tool itself, default 10 s; 0 means as long as the signal lives. Hooks have their own. */
  timeoutMs?: number
}

export interface Tools {
  /** @throws TOOL_TAKEN naming the holder. */
  register(tool: Tool): Release
  list(): ToolInfo[]
  /**
   * Calls a tool through its hooks (T1).
   *
   * @throws TOOL_MISSING, TOOL_TIMEOUT, TOOL_GONE, TOOL_BUSY, HOOK_VETOED, HOOK_FAILED, the abort reason of `signal`, or
   *   what the tool answers.
   */
  call(call: ToolCall): Promise<unknown>
  /** Makes callers of `name` wait until released: its plugin reloads, restarts or is being started for them. */
  hold(name: string): Release
}

export function createTools({ clock, hooks }: { clock: Clock; hooks: Hooks }): Tools {
  const routes = createRoutes<Tool>(clock, 'tool')
  return {
    register: routes.register,
    list: () => routes.list().map(({ invoke: _, ...info }) => info),
    call,
    hold: routes.hold,
  }

  async function call({ name, input, from, trace, signal, timeoutMs = DEFAULT_LIMITS.callMs }: ToolCall) {
    const askedAt = clock.now()
    const { plugin } = routes.isHeld(name) ? await resumed(name, timeoutMs, signal) : found(name, routes.get(name))
    const waitedMs = clock.now() - askedAt
    const asked = { tool: name, plugin, from, input }
    const around = { from, trace, ...(signal && { signal }) }
    const judged = await pass(ToolCallHooks.before, asked, around)
    const leftMs = timeoutMs > 0 ? Math.max(1, timeoutMs - waitedMs) : 0
    const result = await routes.run({ name, timeoutMs: leftMs, signal }, (tool, inner) => {
      if (tool?.plugin !== plugin) throw missing(name) // T2: it changed hands while hooks judged it
      return tool.invoke({ input: judged.input, from, trace, signal: inner })
    })
    return (await pass(ToolCallHooks.after, { ...asked, input: judged.input, result }, around)).result
  }

  /** Waits while the tool is held: hooks must be told whose it is, so they come after. */
  function resumed(name: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Tool> {
    return routes.run({ name, timeoutMs, signal }, async (tool) => found(name, tool))
  }

  function found(name: string, tool: Tool | undefined): Tool {
    if (tool === undefined) throw missing(name)
    return tool
  }

  async function pass<V>(
    token: HookToken<V>,
    value: V,
    around: { from: string; trace: string; signal?: AbortSignal },
  ): Promise<V> {
    const { name, failure, timeoutMs, schema } = token
    // Each listener gets what only the kernel can vouch for as it is, whatever the one before it wrote there (T2).
    const check = (given: unknown): V => ({ ...value, ...pickChanged(schema.parse(given)) })
    return (await hooks.run({ name, value, failure, timeoutMs, check, ...around })) as V

    function pickChanged(given: V): Partial<V> {
      const key = (token.name === ToolCallHooks.before.name ? 'input' : 'result') as keyof V
      return { [key]: given[key] } as unknown as Partial<V>
    }
  }

  function missing(name: string): ServiceError {
    const meant = nearest(
      name,
      routes.list().map((tool) => tool.name),
    )
    return new ServiceError('TOOL_MISSING', `there is no tool "${name}"`, {
      tool: name,
      hint: meant
        ? `There is "${meant}"; was that meant?`
        : 'Install a plugin that provides it; list() names those there are.',
    })
  }
}
