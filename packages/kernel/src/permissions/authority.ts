// packages/kernel/src/permissions/authority.ts: what the user says of permissions, in whichever way: consent, grant, revoke (K4, K10).
//   Y1  Code of a plugin runs only after its consent was settled, where the host asks for consent.
//   Y2  What the user once decided is not asked again by a blanket consent; a revoked permission stays revoked.
//   Y3  What a manifest calls optional is in no consent: it is asked for when it is used, for what is used.
//   Every change of a grant is written to the audit log by the gate, which watches them.
import {
  consentedPermissions,
  declaredPermissions,
  type Manifest,
  type Permission,
  PermissionError,
  type PermissionStatus,
  type PluginId,
  type PluginPlace,
  UsageError,
} from '../contract/index.ts'
import type { Clock } from '../powers.ts'
import type { ApprovalAnswer, Approvals } from './approvals.ts'
import { type ConsentScreen, consentScreen } from './consent.ts'
import { consentTo, covers, type Grammars, normalPermission } from './grammar.ts'
import { type Duration, expiryOf, type Grant, holdsIn, type Mode } from './grant.ts'
import type { Grants } from './grants.ts'

export interface ConsentQuestion {
  plugin: PluginId
  manifest: Manifest
  /** What the manifest asks for and the user has not decided. */
  undecided: readonly Permission[]
  screen: ConsentScreen
}

/** What the user allows of what was asked, and how long; undefined: the plugin shall not run. */
export type ConsentAnswer = { allow: readonly Permission[]; duration: Duration; by: string } | undefined
export type ConsentPrompt = (question: ConsentQuestion) => Promise<ConsentAnswer>

export interface Authority {
  /** A manifest's permissions in normal form. @throws PERMISSION_UNKNOWN, PERMISSION_INVALID */
  declared(manifest: Manifest, place: PluginPlace): readonly Permission[]
  normal(permission: Permission, place: PluginPlace): Permission
  /** Learns what a plugin declares; before anything else is asked of it. */
  know(plugin: PluginId, declared: readonly Permission[], place: PluginPlace): void
  /** Asks for what is undecided; false if the plugin shall not run (Y1). What is answered once it is `gone` grants nothing. */
  settle(plugin: PluginId, manifest: Manifest, gone: AbortSignal): Promise<boolean>
  /** Waits for consent to what `next` declares beyond `before`. @throws PERMISSION_DENIED naming what was refused; the reason of `gone` */
  widen(plugin: PluginId, before: Manifest, next: Manifest, place: PluginPlace, gone: AbortSignal): Promise<void>
  /** Every declared permission of a plugin with what the user has said of it. */
  list(plugin: PluginId): PermissionStatus[]
  screen(plugin: PluginId): ConsentScreen
  /** What a manifest asks for, before its plugin is taken in. @throws PERMISSION_UNKNOWN, PERMISSION_INVALID */
  preview(manifest: Manifest, place: PluginPlace): ConsentScreen
  /** True if `granted` allows `wanted`; both in normal form. */
  covers(granted: Permission, wanted: Permission): boolean
  /** @throws PLUGIN_UNKNOWN, PERMISSION_UNDECLARED */
  grant(plugin: PluginId, permission: Permission, choice: { mode: Mode; duration: Duration; by: string }): Promise<void>
  /** In force as the call returns. @throws PLUGIN_UNKNOWN */
  revoke(plugin: PluginId, permission: Permission, by: string): Promise<void>
  forget(plugin: PluginId): Promise<void>
}

export interface AuthorityOptions {
  grants: Grants
  grammars: Grammars
  approvals: Approvals
  clock: Clock
  workspace: string
  prompt?: ConsentPrompt | undefined
}

interface Known {
  declared: readonly Permission[]
  place: PluginPlace
}

export function createAuthority({
  grants,
  grammars,
  approvals,
  clock,
  workspace,
  prompt,
}: AuthorityOptions): Authority {
  const known = new Map<PluginId, Known>()
  return {
    declared,
    normal,
    know,
    settle,
    widen,
    list,
    screen,
    preview: (manifest, place) => consentScreen(declared(manifest, place), grammars),
    covers: (granted, wanted) => covers(grammars, granted, wanted),
    grant,
    revoke,
    forget,
  }

  function normal(permission: Permission, place: PluginPlace): Permission {
    return normalPermission(grammars, permission, place)
  }

  function declared(manifest: Manifest, place: PluginPlace): readonly Permission[] {
    return [...new Set(declaredPermissions(manifest).map((permission) => normal(permission, place)))]
  }

  /** Y3 */
  function consented(manifest: Manifest, place: PluginPlace): readonly Permission[] {
    return [...new Set(consentedPermissions(manifest).map((permission) => normal(permission, place)))]
  }

  function know(plugin: PluginId, wanted: readonly Permission[], place: PluginPlace): void {
    known.set(plugin, { declared: wanted, place })
  }

  async function settle(plugin: PluginId, manifest: Manifest, gone: AbortSignal): Promise<boolean> {
    const wanted = consented(manifest, find(plugin).place)
    const undecided = wanted.filter((permission) => said(plugin, permission) === undefined) // Y2
    if (undecided.length === 0 || prompt === undefined) return true
    const answer = await prompt({ plugin, manifest, undecided, screen: consentScreen(wanted, grammars) })
    if (answer === undefined || gone.aborted) return false
    const allowed = answer.allow.filter((permission) => undecided.includes(permission))
    if (allowed.length === 0) return true
    await grants.consent(plugin, allowed, {
      duration: answer.duration,
      scope: { kind: 'workspace', key: workspace },
      by: answer.by,
    })
    return true
  }

  async function widen(
    plugin: PluginId,
    before: Manifest,
    next: Manifest,
    place: PluginPlace,
    signal: AbortSignal,
  ): Promise<void> {
    const had = consented(before, place)
    const more = consented(next, place).filter(
      (permission) => !had.some((one) => covers(grammars, one, permission)) && said(plugin, permission) === undefined,
    )
    for (const permission of more) {
      const { text, risk } = consentTo(grammars, permission)
      let saved: Promise<unknown> | undefined
      const onAnswer = (given: ApprovalAnswer) => {
        if (given.answer === 'deny') return
        saved = grants.add({
          plugin,
          permission,
          mode: 'allow',
          duration: given.duration === 'once' ? 'session' : given.duration,
          scope: { kind: 'workspace', key: workspace },
          by: given.by,
        })
        saved.catch(() => {}) // told below
      }
      const { answer } = await approvals.ask({ plugin, permission, sentence: text, risk, trace: '', signal, onAnswer })
      if (answer === 'deny') throw refusedMore(plugin, permission)
      await saved
    }
    signal.throwIfAborted()
    known.set(plugin, { declared: declared(next, place), place })
  }

  function list(plugin: PluginId): PermissionStatus[] {
    return find(plugin).declared.map((permission) => {
      const { text, risk } = consentTo(grammars, permission)
      const grant = said(plugin, permission)
      return { permission, text, risk, mode: grant?.mode ?? 'ask', ...(grant && spanOf(grant)) }
    })
  }

  function screen(plugin: PluginId): ConsentScreen {
    return consentScreen(find(plugin).declared, grammars)
  }

  async function grant(
    plugin: PluginId,
    permission: Permission,
    { mode, duration, by }: { mode: Mode; duration: Duration; by: string },
  ): Promise<void> {
    const { declared: own, place } = find(plugin)
    const wanted = normal(permission, place)
    if (!own.some((one) => covers(grammars, one, wanted))) throw undeclared(plugin, wanted, own)
    if (mode === 'deny') return revoke(plugin, wanted, by)
    await grants.add({ plugin, permission: wanted, mode, duration, scope: { kind: 'workspace', key: workspace }, by })
  }

  async function revoke(plugin: PluginId, permission: Permission, by: string): Promise<void> {
    const wanted = normal(permission, find(plugin).place)
    await grants.revoke({ plugin, permission: wanted }, by)
  }

  async function forget(plugin: PluginId): Promise<void> {
    known.delete(plugin)
    await grants.forget(plugin)
  }

  /** The newest grant that speaks of all of `permission` here and now. */
  function said(plugin: PluginId, permission: Permission): Grant | undefined {
    const now = clock.now()
    return grants
      .list(plugin)
      .findLast(
        (one) =>
          now < expiryOf(one) && holdsIn(one.scope, { workspace }) && covers(grammars, one.permission, permission),
      )
  }

  function find(plugin: PluginId): Known {
    const found = known.get(plugin)
    if (found === undefined)
      throw new UsageError('PLUGIN_UNKNOWN', `there is no plugin "${plugin}"`, {
        plugin,
        hint: `There are: ${[...known.keys()].join(', ') || 'none'}.`,
      })
    return found
  }
}

function spanOf(grant: Grant): Pick<PermissionStatus, 'duration' | 'expiresAt' | 'grantId'> {
  const { duration, id } = grant
  return typeof duration === 'object' ? { expiresAt: duration.until, grantId: id } : { duration, grantId: id }
}

function undeclared(plugin: PluginId, permission: Permission, declared: readonly Permission[]): PermissionError {
  return new PermissionError('PERMISSION_UNDECLARED', `${plugin} does not declare ${permission}`, {
    plugin,
    access: permission,
    hint: `Its manifest asks for: ${declared.join(', ') || 'nothing'}.`,
  })
}

function refusedMore(plugin: PluginId, permission: Permission): PermissionError {
  return new PermissionError(
    'PERMISSION_DENIED',
    `the new version of ${plugin} wants ${permission}, which was refused; the old version goes on`,
    {
      plugin,
      access: permission,
      hint: `Grant it with \`pryx permissions grant ${plugin} ${permission}\` and reload.`,
    },
  )
}
