// packages/pryx/src/install/outdated.ts: which plugins could be newer, and which were withdrawn or deprecated since.
import type { PluginId } from '@pryx/kernel/contract'
import { PryxError } from '@pryx/kernel/contract'
import semver from 'semver'
import { chooseVersion } from '../registry/resolve.ts'
import { parseSource } from '../registry/source.ts'
import type { LockEntry } from '../store/lock-file.ts'
import type { Workshop } from './candidate.ts'

export interface Outdated {
  id: PluginId
  name: string
  version: string
  /** The newest version that its source allows and that is old enough; the one it has if there is none. */
  wanted: string
  /** The registry's `latest`. */
  latest: string
  /** False: the user named no version, so only `pryx update NAME` moves it (K10). */
  follows: boolean
  /** The author's words about the version that is there. */
  deprecated?: string
  /** The version is not in the registry any more. */
  withdrawn?: boolean
  /** Why nothing could be found out. */
  problem?: string
}

/** Looks all npm plugins up, or those of `ids`. */
export function findOutdated(
  shop: Workshop,
  {
    ids,
    minAgeDays,
    signal,
  }: { ids?: readonly PluginId[]; minAgeDays?: number | undefined; signal?: AbortSignal } = {},
): Promise<Outdated[]> {
  const entries = Object.entries(shop.installed()).filter(
    ([id, { source }]) => source.startsWith('npm:') && (ids?.includes(id) ?? true),
  )
  return Promise.all(entries.map(([id, entry]) => lookUp(shop, id, entry, minAgeDays, signal)))
}

async function lookUp(
  shop: Workshop,
  id: PluginId,
  entry: LockEntry,
  minAgeDays: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Outdated> {
  const { name, version, source } = entry
  const parsed = parseSource(source)
  const want = parsed.kind === 'npm' ? parsed.want : { kind: 'any' as const }
  const same = { id, name, version, wanted: version, latest: version, follows: want.kind !== 'any' }
  try {
    const document = await shop.registry.document(name, signal)
    const latest = document.tags.latest ?? version
    const there = document.versions.includes(version)
    const deprecated = there ? document.release(version).deprecated : undefined
    return {
      ...same,
      latest,
      wanted: newest(shop, document, want, version, minAgeDays),
      ...(deprecated !== undefined && { deprecated }),
      ...(!there && { withdrawn: true }),
    }
  } catch (error) {
    if (signal?.aborted || !PryxError.is(error)) throw error
    return { ...same, problem: error.message }
  }
}

function newest(
  shop: Workshop,
  document: Parameters<typeof chooseVersion>[0],
  want: Parameters<typeof chooseVersion>[1],
  version: string,
  minAgeDays: number | undefined,
): string {
  try {
    const chosen = chooseVersion(document, want, {
      now: shop.now(),
      minAgeDays: shop.policy.minAgeDays(minAgeDays),
      refusal: (one) => shop.policy.refusal(document.name, one),
    }).version
    return semver.gt(chosen, version) ? chosen : version
  } catch (error) {
    if (!PryxError.is(error)) throw error
    return version // nothing newer may be taken
  }
}
