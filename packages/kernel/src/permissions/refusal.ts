// packages/kernel/src/permissions/refusal.ts: what a plugin is told that may not do something, and what the audit log calls it.
import type { Outcome } from '../audit/chain.ts'
import { type Permission, PermissionError, type PluginId, type PryxError, stackless } from '../contract/index.ts'

const REFUSALS = {
  PERMISSION_UNDECLARED: {
    says: 'its manifest does not declare it',
    hint: 'Add it to "permissions" in the plugin’s package.json.',
  },
  PERMISSION_DENIED: { says: 'the user said no', hint: 'Allow it with `pryx permissions grant`.' },
  PERMISSION_REVOKED: {
    says: 'the user has taken it back, or its time is over',
    hint: 'Allow it again with `pryx permissions grant`.',
  },
}
const OUTCOMES: Readonly<Record<string, Outcome>> = { CAPABILITY_CANCELLED: 'cancelled', PLUGIN_STOPPED: 'cancelled' }

/** @param by Who said no, where somebody did. */
export function refused(
  plugin: PluginId,
  permission: Permission,
  code: keyof typeof REFUSALS,
  by?: string,
): PermissionError {
  const { says, hint } = REFUSALS[code]
  const reason = by === 'timeout' ? 'nobody answered in time' : says
  const details = { plugin, access: permission, hint, ...(by && { by }) }
  return stackless(() => new PermissionError(code, `${plugin} may not use ${permission}: ${reason}`, details))
}

/** Of an act that had not begun. */
export function outcomeOf({ code }: PryxError): Outcome {
  return OUTCOMES[code] ?? (code.startsWith('PERMISSION_') || code.startsWith('APPROVAL_') ? 'denied' : 'failed')
}

/** Of an act that had begun: it may have had its effect, so it was not denied. */
export function outcomeOfBegun(error: PryxError): Outcome {
  if (error.code === 'PERMISSION_REVOKED') return 'cancelled'
  return outcomeOf(error)
}

/** What the call stood on and, if it was refused, the permission that was missing. */
export function withRefused(permissions: readonly Permission[], error: PryxError | undefined): readonly Permission[] {
  const missing = error?.details.access
  return typeof missing === 'string' && !permissions.includes(missing) ? [...permissions, missing] : permissions
}
