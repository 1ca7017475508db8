// packages/kernel/src/contract/tokens.ts: a contract is a value. Provider and consumer import the same token; TypeScript knows the rest.
import type { z } from 'zod'
import { UsageError } from './errors.ts'
import { isEventName } from './pattern.ts'

const SERVICE_NAME = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/
const VERSION = /^\d+\.\d+\.\d+$/

/** Schemas of one service method: its arguments as a tuple and, if given, its result. */
export interface MethodSchema {
  input?: z.ZodType
  output?: z.ZodType
}

/** Names a service, the version a consumer was written against, and (by `T`) its shape. */
export interface ServiceToken<T> {
  readonly kind: 'service'
  readonly name: string
  readonly version: string
  readonly methods: Readonly<Record<string, MethodSchema>> | undefined
  /** Never present at run time; carries the type. */
  readonly shape?: T
  /** Dresses the bare caller for the consumer, inside the consumer's isolate: web types instead of wire types, for example. */
  readonly face?: (call: ServiceCaller) => T
}

/** Calls `method` of a service. Functions in `args` are allowed only towards the host's own capabilities. */
export type ServiceCaller = (method: string, args: unknown[], options?: { signal?: AbortSignal }) => Promise<unknown>

/**
 * Defines a service token.
 *
 * @param version Semver of the contract. A consumer accepts any provider version within `^version`.
 * @param options.methods Schemas by method; what has one is checked at the provider's wall before its code sees it.
 * @throws USAGE_TOKEN for a name or version that cannot be one.
 */
export function defineService<T extends object>(
  name: string,
  version: string,
  options: { methods?: Record<string, MethodSchema>; face?: (call: ServiceCaller) => T } = {},
): ServiceToken<T> {
  if (!SERVICE_NAME.test(name)) throw badToken('service name', name, 'lower-case words joined by dots, such as notes')
  if (!VERSION.test(version)) throw badToken('service version', version, 'a semver version such as 1.2.0')
  return Object.freeze({
    kind: 'service' as const,
    name,
    version,
    methods: options.methods,
    ...(options.face && { face: options.face }),
  })
}

/** Names an event and holds the schema its payload is checked against at the receiving wall. */
export interface EventToken<P> {
  readonly kind: 'event'
  readonly name: string
  readonly schema: z.ZodType<P>
}

/** Defines a family of events: `defineEvents('note', { saved: z.object({…}) })` gives `note.saved`. */
export function defineEvents<S extends Record<string, z.ZodType>>(
  namespace: string,
  schemas: S,
): { readonly [K in keyof S]: EventToken<z.infer<S[K]>> } {
  const tokens: Record<string, EventToken<unknown>> = {}
  for (const [key, schema] of Object.entries(schemas)) {
    const name = `${namespace}.${key}`
    if (!isEventName(name)) throw badToken('event name', name, 'words joined by dots, such as note.saved')
    tokens[key] = Object.freeze({ kind: 'event' as const, name, schema })
  }
  return Object.freeze(tokens) as { readonly [K in keyof S]: EventToken<z.infer<S[K]>> }
}

/** Names a point where listeners may change a value or veto what is about to happen. */
export interface HookToken<V> {
  readonly kind: 'hook'
  readonly name: string
  readonly schema: z.ZodType<V>
  /** What a listener that fails or is late means: `closed` vetoes, `open` goes on without it. */
  readonly failure: 'closed' | 'open'
  readonly timeoutMs: number
}

/** What a hook listener answers: nothing to let it pass, `{ value }` to change it, `{ veto }` with the reason to stop it. */
export type HookAnswer<V> = undefined | { value: V } | { veto: string }

/** Defines a hook, `before:tool.call` for example. Default: fails closed, after 5 s. */
export function defineHook<V>(
  name: string,
  schema: z.ZodType<V>,
  options: { failure?: 'closed' | 'open'; timeoutMs?: number } = {},
): HookToken<V> {
  if (!/^(before|after):/.test(name) || !isEventName(name.replace(/^\w+:/, '')))
    throw badToken('hook name', name, 'before: or after: and an event name, such as before:tool.call')
  const { failure = 'closed', timeoutMs = 5_000 } = options
  return Object.freeze({ kind: 'hook' as const, name, schema, failure, timeoutMs })
}

function badToken(what: string, found: string, expected: string): UsageError {
  return new UsageError('USAGE_TOKEN', `${what} "${found}" is not usable`, {
    found,
    expected,
    hint: `Use ${expected}.`,
  })
}
