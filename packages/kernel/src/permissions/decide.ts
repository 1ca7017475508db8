// packages/kernel/src/permissions/decide.ts: may it? Pure policy; asking and auditing stay outside (K4).
//   D1  What was not declared is denied, whatever was granted.
//   D2  Among the grants that hold here and now the newest wins; none means ask.
//   D3  A deny bites on all that reaches into it: what it covers, and what would cover it.
import type { Permission } from '../contract/index.ts'
import { expiryOf, type Grant, holdsIn, type Where } from './grant.ts'

/** `until`: epoch ms from which it may be otherwise though no grant changes; Infinity if time alone changes nothing. */
export type Decision = { readonly until: number } & (
  | { readonly kind: 'allow'; readonly grant: Grant }
  | { readonly kind: 'deny'; readonly code: 'PERMISSION_UNDECLARED' | 'PERMISSION_DENIED' }
  /** `declared` is the permission of the manifest that covers what was wanted. */
  | { readonly kind: 'ask'; readonly declared: Permission }
)

export interface Circumstances {
  /** What the manifest asks for, in normal form. */
  readonly declared: readonly Permission[]
  /** The plugin's grants, oldest first. */
  readonly grants: readonly Grant[]
  readonly where: Where
  /** Epoch ms. */
  readonly now: number
  covers(granted: Permission, wanted: Permission): boolean
}

/** Decides one use of `wanted`, a permission in normal form. */
export function decide(wanted: Permission, { declared, grants, where, now, covers }: Circumstances): Decision {
  const asked = declared.find((permission) => covers(permission, wanted))
  if (asked === undefined) return { kind: 'deny', code: 'PERMISSION_UNDECLARED', until: Number.POSITIVE_INFINITY } // D1
  const grant = grants.findLast((grant) => now < expiryOf(grant) && holdsIn(grant.scope, where) && speaksOf(grant)) // D2
  const until = grant === undefined ? Number.POSITIVE_INFINITY : expiryOf(grant)
  if (grant === undefined || grant.mode === 'ask') return { kind: 'ask', declared: asked, until }
  return grant.mode === 'allow' ? { kind: 'allow', grant, until } : { kind: 'deny', code: 'PERMISSION_DENIED', until }

  function speaksOf(grant: Grant): boolean {
    return covers(grant.permission, wanted) || (grant.mode === 'deny' && covers(wanted, grant.permission)) // D3
  }
}
