// packages/kernel/src/contract/plugin.ts: what a plugin is, and what it is handed. The guest runtime makes the context; the SDK types it.
import type { z } from 'zod'
import type { Release } from './scope.ts'
import type { EventToken, HookAnswer, HookToken, ServiceToken } from './tokens.ts'
import type { LogLevel, QueuePolicy } from './wire.ts'

/** An event as a subscriber gets it. */
export interface EventInfo {
  readonly name: string
  /** The plugin that published it, or `kernel` or `host`. */
  readonly from: string
  /** When it was published, epoch ms. */
  readonly at: number
  readonly trace: string
}

export interface SubscribeOptions {
  /** Default `drop-oldest`. */
  policy?: QueuePolicy
  /** Events that may wait for this subscription. Default 256, at most the plugin's queue limit. */
  capacity?: number
}

export interface ToolDefinition<I = unknown> {
  name: string
  description?: string
  input?: z.ZodType<I>
  run(input: I, call: { signal: AbortSignal; from: string; trace: string }): unknown
}

/** A tool as one who may call it sees it. */
export interface ToolFacts {
  readonly name: string
  /** Whose it is. */
  readonly plugin: string
  readonly description: string
  /** JSON Schema, if it has one. */
  readonly input?: unknown
}

export interface ToolCallOptions {
  /** Its abort cancels the tool. */
  signal?: AbortSignal
  /** ms for the tool itself, at most 600,000; questions to the user do not count. Default: the plugin's `callMs`. */
  timeoutMs?: number
}

/** Everything a plugin can reach. What it makes through this belongs to the instance and ends with it, newest first. */
export interface PluginContext<C = unknown> {
  readonly plugin: { readonly name: string; readonly version: string }
  readonly config: C
  /** What the instance before this one handed over or checkpointed; undefined at a first start. */
  readonly previous: unknown
  /** Aborts as the instance ends. */
  readonly signal: AbortSignal
  readonly log: Readonly<Record<LogLevel, (...parts: unknown[]) => void>>
  /** Who makes the call that is being served, and its cancel signal. Readable in a method or handler until its first `await`. */
  readonly caller: { readonly from: string; readonly trace: string; readonly signal: AbortSignal } | undefined
  /**
   * A service of another plugin or a capability of the host, by its token.
   *
   * @throws SERVICE_MISSING if nothing provides it, SERVICE_VERSION if only another major does, PERMISSION_* if not allowed.
   */
  use<T extends object>(token: ServiceToken<T>): Promise<T>
  /** As `use`, but undefined where the service is not to be had. */
  tryUse<T extends object>(token: ServiceToken<T>): Promise<T | undefined>
  /** Offers a service. Every method is async for the consumer; arguments are checked against the token's schemas first. */
  provide<T extends object>(token: ServiceToken<T>, implementation: T): Release
  /** Publishes an event. Resolves at once, or for subscribers with `block` once they have room. */
  emit<P>(event: EventToken<P>, payload: P): Promise<void>
  readonly events: {
    /** By token the payload is checked before the handler sees it; by pattern (`task.*`) it is `unknown`. One event at a time, in order. */
    on<P>(event: EventToken<P>, handler: (payload: P, info: EventInfo) => unknown, options?: SubscribeOptions): Release
    on(pattern: string, handler: (payload: unknown, info: EventInfo) => unknown, options?: SubscribeOptions): Release
  }
  readonly hooks: {
    on<V>(
      hook: HookToken<V>,
      handler: (
        value: V,
        info: { from: string; trace: string },
      ) => HookAnswer<V> | void | Promise<HookAnswer<V> | void>,
    ): Release
    /** Runs the hook's listeners in order and answers the value they leave. @throws HOOK_VETOED with the reason. */
    run<V>(hook: HookToken<V>, value: V): Promise<V>
  }
  readonly tools: {
    provide<I>(tool: ToolDefinition<I>): Release
    /** Calls a tool of any plugin, through the `before:tool.call` and `after:tool.call` hooks. Needs `tools:NAME`. */
    call(name: string, input: unknown, options?: ToolCallOptions): Promise<unknown>
    /** Tools that the manifest's `tools:NAME` permissions cover, by name; also of plugins that start at first use. Not its own. */
    list(): Promise<ToolFacts[]>
  }
  /** Owns a resource for the life of the instance. */
  effect(acquire: () => Release): Release
  /** Keeps `state` for the instance that follows a crash. Cheap: call it after each change that matters. Cloneable, within the message limit. */
  checkpoint(state: unknown): void
}

/** What `activate` may answer. */
export interface Activated {
  /** The state for the next instance (hot reload, update, migration), which finds it as `ctx.previous`. */
  handOver?(): unknown
  /** Called before the instance's effects are undone. */
  deactivate?(): void | Promise<void>
}

export interface PluginDefinition<C = unknown> {
  /** Checks and completes the configuration; the manifest's JSON Schema is for editors and forms. */
  config?: z.ZodType<C>
  activate(ctx: PluginContext<C>): Activated | void | Promise<Activated | void>
}

/** Types a plugin; answers it as it is. The entry's default export. */
export function definePlugin<C = unknown>(plugin: PluginDefinition<C>): PluginDefinition<C> {
  return plugin
}
