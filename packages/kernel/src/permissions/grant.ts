// packages/kernel/src/permissions/grant.ts: what the user has said about one permission of one plugin, and where and how long it holds (K4).
import { z } from 'zod'
import type { Permission, PluginId } from '../contract/index.ts'

export type GrantId = string
export type Mode = 'allow' | 'ask' | 'deny'

/** `until` is epoch ms; the grant no longer holds at that moment. */
export type Duration = 'once' | 'session' | 'forever' | { readonly until: number }

/** `host`: everywhere on this host. The others hold for one key: a workspace's path, a network's or an integration's name. */
export type GrantScope =
  | { readonly kind: 'host' }
  | { readonly kind: 'workspace' | 'network' | 'integration'; readonly key: string }

export interface Grant {
  readonly id: GrantId
  readonly plugin: PluginId
  /** In normal form. */
  readonly permission: Permission
  readonly mode: Mode
  readonly duration: Duration
  readonly scope: GrantScope
  /** When it was given, epoch ms. Order in the list, not this, says which is newer: clocks jump. */
  readonly at: number
  /** Who said so: a surface, `consent`, or a user's name. */
  readonly by: string
  /** A deny the user made by taking something back: blanket consent does not overrule it. */
  readonly revoked?: true | undefined
}

/** Where a call happens: what grants that hold for one key are compared with. */
export interface Where {
  readonly workspace: string
  readonly network?: string | undefined
  readonly integration?: string | undefined
}

const text = z.string().min(1).max(1_024)

export const grantScopeSchema: z.ZodType<GrantScope> = z.union([
  z.strictObject({ kind: z.literal('host') }),
  z.strictObject({ kind: z.enum(['workspace', 'network', 'integration']), key: z.string().min(1).max(4_096) }),
])

export const durationSchema: z.ZodType<Duration> = z.union([
  z.enum(['once', 'session', 'forever']),
  z.strictObject({ until: z.number().int().nonnegative() }),
])

const grantSchema = z.strictObject({
  id: text,
  plugin: text,
  permission: text,
  mode: z.enum(['allow', 'ask', 'deny']),
  duration: durationSchema,
  scope: grantScopeSchema,
  at: z.number().int().nonnegative(),
  by: text,
  revoked: z.literal(true).optional(),
})

/** What is stored: oldest first. */
export const grantsSchema = z.strictObject({ version: z.literal(1), grants: z.array(grantSchema).max(100_000) })

export function holdsIn(scope: GrantScope, where: Where): boolean {
  return scope.kind === 'host' || where[scope.kind] === scope.key
}

/** Epoch ms from which the grant no longer holds; Infinity if time does not end it. */
export function expiryOf(grant: Grant): number {
  return typeof grant.duration === 'object' ? grant.duration.until : Number.POSITIVE_INFINITY
}
