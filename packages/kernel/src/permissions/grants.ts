// packages/kernel/src/permissions/grants.ts: what the user has granted, kept through restarts (K4).
//   G1  Taking back is felt at once, before it is on disk; giving is felt only once it is on disk.
//   G2  Of two records the one asked for later is the newer, however long their writes take.
//   G3  A grant for once is used once: it is gone from memory before its call runs, and from disk as well.
//   G4  Grants for a session do not outlive it: a start drops them.
//   G5  What the user took back stays so under blanket consent; only a grant of its own gives it again.
//   G6  What comes while a write is under way shares the next one: a host with a thousand plugins writes a few times, not a thousand.
import {
  CapabilityError,
  type Permission,
  type PluginId,
  type PryxError,
  type Release,
  UsageError,
} from '../contract/index.ts'
import type { Clock, Ids } from '../powers.ts'
import { type Duration, expiryOf, type Grant, type GrantId, type GrantScope, grantsSchema, type Mode } from './grant.ts'

/** Where grants are kept. `load` answers undefined when there is nothing yet. */
export interface GrantStore {
  load(): Promise<unknown>
  /** Replaces all that is stored, whole or not at all. */
  save(json: unknown): Promise<void>
}

export interface GrantRequest {
  readonly plugin: PluginId
  /** In normal form. */
  readonly permission: Permission
  readonly mode?: Mode
  readonly duration: Duration
  readonly scope: GrantScope
  readonly by: string
}

export interface GrantChange {
  /** `used`: a grant for once was spent. `revoked`: taken back, `grant` is the deny that now stands. */
  readonly kind: 'granted' | 'revoked' | 'used'
  readonly grant: Grant
}

export interface Grants {
  /** Goes up with each change, so that a verdict can be remembered until then. */
  readonly revision: number
  /** Grants of one plugin, or of all; oldest first. */
  list(plugin?: PluginId): readonly Grant[]
  /** @throws PERMISSION_NOT_SAVED; nothing is granted then. */
  add(request: GrantRequest): Promise<Grant>
  /** Allows all of `permissions`, but for what the user has taken back (G5). @throws PERMISSION_NOT_SAVED */
  consent(
    plugin: PluginId,
    permissions: readonly Permission[],
    request: Omit<GrantRequest, 'plugin' | 'permission' | 'mode'>,
  ): Promise<Grant[]>
  /**
   * Takes back a grant by id, or a permission with all that is narrower. In force as the call returns; the promise is about the disk.
   *
   * @throws GRANT_UNKNOWN; PERMISSION_NOT_SAVED, in which case it holds until the next start only.
   */
  revoke(what: { id: GrantId } | { plugin: PluginId; permission: Permission }, by: string): Promise<Grant>
  /** Spends a grant for once. @throws PERMISSION_NOT_SAVED; it is spent all the same. */
  consume(id: GrantId): Promise<void>
  /** Drops every record of a plugin that has been removed. */
  forget(plugin: PluginId): Promise<void>
  watch(listener: (change: GrantChange) => void): Release
}

export interface GrantsOptions {
  store: GrantStore
  clock: Clock
  ids: Ids
  /** Says whether a permission covers another; both in normal form. */
  covers(granted: Permission, wanted: Permission): boolean
  onChange?: (change: GrantChange) => void
}

/** Reads the store and keeps it. @throws GRANTS_INVALID if what is stored is not a list of grants. */
export async function openGrants({ store, clock, ids, covers, onChange }: GrantsOptions): Promise<Grants> {
  const watchers = new Set<(change: GrantChange) => void>(onChange ? [onChange] : [])
  let order = 0
  let records = parseGrants(await store.load())
    .filter((grant) => grant.duration !== 'session') // G4
    .map((grant) => ({ grant, order: order++ }))
  let byPlugin = indexed(records)
  let revision = 0
  let writing: Promise<unknown> = Promise.resolve()
  /** What waits to be written, and its turn. */
  const gathered: OrderedGrant[] = []
  let giving: Promise<void> | undefined
  let saving: Promise<void> | undefined
  /** Plugins that were removed while something was being given, and when (G2). */
  const forgotten = new Map<PluginId, number>()

  return {
    get revision() {
      return revision
    },
    list: (plugin) => (plugin === undefined ? records.map((record) => record.grant) : (byPlugin.get(plugin) ?? [])),
    async add(request) {
      const [grant] = await give([newRecord(request)])
      return grant!
    },
    async consent(plugin, permissions, request) {
      const taken = lastingDenies(plugin)
      const wanted = permissions.filter((permission) => !taken.some((deny) => covers(deny.permission, permission)))
      const given = wanted.map((permission) => newRecord({ ...request, plugin, permission }))
      const renewed = taken.map((grant) => ({ grant, order: order++ })) // G5: newer than what was just given
      return (await give([...given, ...renewed])).slice(0, given.length)
    },
    async revoke(what, by) {
      const { deny, gone } = takenBack(what, by)
      put(without(gone), [{ grant: deny, order: order++ }]) // G1
      tell({ kind: 'revoked', grant: deny })
      await save()
      return deny
    },
    async consume(id) {
      const record = records.find((record) => record.grant.id === id)
      if (record === undefined) throw unknownGrant(id)
      put(without(new Set([record.grant.id])), []) // G3
      tell({ kind: 'used', grant: record.grant })
      await save()
    },
    async forget(plugin) {
      const at = order++
      forgotten.set(plugin, at)
      void writing.then(() => forgotten.get(plugin) === at && forgotten.delete(plugin)) // all that was asked for before has its answer
      put(
        records.filter((record) => record.grant.plugin !== plugin),
        [],
      )
      await save()
    },
    watch(listener) {
      watchers.add(listener)
      return () => void watchers.delete(listener)
    },
  }

  /** Saves first, then gives (G1). What happened meanwhile keeps its place in the order (G2). */
  async function give(added: OrderedGrant[]): Promise<Grant[]> {
    gathered.push(...added)
    giving ??= inTurn(giveGathered) // G6
    await giving
    return added.map((record) => record.grant)
  }

  async function giveGathered(): Promise<void> {
    const asked = gathered.splice(0)
    giving = undefined
    await saveAs(merged(records, asked.filter(isWanted)))
    const added = asked.filter(isWanted) // a removal may have come meanwhile; it writes after this
    put(records, added)
    for (const { grant } of added) if (grant.revoked !== true) tell({ kind: 'granted', grant })
  }

  function isWanted({ grant, order }: OrderedGrant): boolean {
    return order > (forgotten.get(grant.plugin) ?? -1)
  }

  function newRecord({ mode = 'allow', ...request }: GrantRequest): OrderedGrant {
    return { grant: { id: ids.next('grant'), ...request, mode, at: clock.now() }, order: order++ }
  }

  function takenBack(what: { id: GrantId } | { plugin: PluginId; permission: Permission }, by: string) {
    const named = 'id' in what ? records.find((record) => record.grant.id === what.id)?.grant : undefined
    if ('id' in what && named === undefined) throw unknownGrant(what.id)
    const { plugin, permission } = named ?? (what as { plugin: PluginId; permission: Permission })
    const scope: GrantScope = named?.scope ?? { kind: 'host' }
    const gone = (grant: Grant) =>
      named ? grant.id === named.id : grant.plugin === plugin && covers(permission, grant.permission)
    const deny: Grant = {
      id: ids.next('grant'),
      plugin,
      permission,
      mode: 'deny',
      duration: 'forever',
      scope,
      at: clock.now(),
      by,
      revoked: true,
    }
    return { deny, gone: new Set(records.filter((record) => gone(record.grant)).map((record) => record.grant.id)) }
  }

  /** Denies made by revocation that nothing newer has overruled. */
  function lastingDenies(plugin: PluginId): Grant[] {
    const own = byPlugin.get(plugin) ?? []
    return own.filter((deny, at) => deny.revoked === true && !own.slice(at + 1).some((newer) => overrules(newer, deny)))
  }

  function overrules(newer: Grant, deny: Grant): boolean {
    const everywhere =
      newer.scope.kind === 'host' || keyOf({ ...newer, permission: '' }) === keyOf({ ...deny, permission: '' })
    return newer.mode !== 'deny' && newer.duration !== 'once' && everywhere && covers(newer.permission, deny.permission)
  }

  function without(gone: ReadonlySet<GrantId>): OrderedGrant[] {
    return records.filter((record) => !gone.has(record.grant.id))
  }

  function put(kept: readonly OrderedGrant[], added: readonly OrderedGrant[]): void {
    const now = clock.now()
    records = merged(kept, added).filter((record) => now < expiryOf(record.grant))
    byPlugin = indexed(records)
    revision++
  }

  function tell(change: GrantChange): void {
    for (const watcher of [...watchers]) watcher(change)
  }

  function save(): Promise<void> {
    saving ??= inTurn(() => {
      saving = undefined
      return saveAs(records) // G6: as they are now, with all that was changed since this was asked for
    })
    return saving
  }

  async function saveAs(list: readonly OrderedGrant[]): Promise<void> {
    try {
      await store.save({ version: 1, grants: list.map((record) => record.grant) })
    } catch (cause) {
      throw notSaved(cause)
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = writing.then(work)
    writing = done.catch(() => {})
    return done
  }
}

/** @throws GRANTS_INVALID */
export function parseGrants(json: unknown): Grant[] {
  if (json === undefined) return []
  const parsed = grantsSchema.safeParse(json)
  if (parsed.success) return parsed.data.grants
  const [issue] = parsed.error.issues
  throw new UsageError(
    'GRANTS_INVALID',
    `stored grants are damaged at ${issue?.path.join('.') || 'the top'}: ${issue?.message}`,
    {
      path: issue?.path.join('.'),
      hint: 'Grant again what plugins need; the damaged file is kept aside.',
    },
  )
}

interface OrderedGrant {
  readonly grant: Grant
  readonly order: number
}

/** Both lists in order, without what a newer lasting record of the same permission and scope has replaced. */
function merged(kept: readonly OrderedGrant[], added: readonly OrderedGrant[]): OrderedGrant[] {
  const lasting = new Map<string, number>()
  for (const record of added) if (record.grant.duration === 'forever') lasting.set(keyOf(record.grant), record.order)
  const left = kept.filter((record) => !(record.order < (lasting.get(keyOf(record.grant)) ?? -1)))
  return [...left, ...added].sort((a, b) => a.order - b.order)
}

function keyOf({ plugin, permission, scope }: Grant): string {
  return JSON.stringify([plugin, permission, scope.kind, 'key' in scope ? scope.key : ''])
}

function indexed(records: readonly OrderedGrant[]): Map<PluginId, Grant[]> {
  return Map.groupBy(
    records.map((record) => record.grant),
    (grant) => grant.plugin,
  )
}

function unknownGrant(id: GrantId): UsageError {
  return new UsageError('GRANT_UNKNOWN', `there is no grant "${id}"`, {
    found: id,
    hint: '`pryx permissions` lists the grants.',
  })
}

function notSaved(cause: unknown): PryxError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CapabilityError('PERMISSION_NOT_SAVED', `the change of permissions could not be saved: ${reason}`, {
    cause,
    hint: 'Free some space, or make the data folder writable, and try again.',
  })
}
