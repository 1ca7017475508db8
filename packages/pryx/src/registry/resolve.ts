// packages/pryx/src/registry/resolve.ts: which version of a package is taken. Pure: the registry's answer, the wish and the clock in, a version out.
//   V1  A version younger than the minimum age is never chosen, only named with its reason; so is one on a deny list.
//   V2  A pre-release is taken only if the wish names one.
import { CapabilityError } from '@pryx/kernel/contract'
import semver from 'semver'
import type { PackageDocument } from './registry.ts'
import type { Want } from './source.ts'

const DAY_MS = 86_400_000

export interface Wishes {
  /** Epoch ms. */
  now: number
  minAgeDays: number
  /** Why a version is refused, if it is: a deny list, a policy. */
  refusal(version: string): string | undefined
}

/** Newest first: what `want` allows, before age and lists are looked at. @throws VERSION_UNKNOWN */
function wanted({ name, versions, tags }: PackageDocument, want: Want): readonly string[] {
  if (want.kind === 'version')
    return versions.includes(want.version) ? [want.version] : missing(name, want.version, versions)
  if (want.kind === 'range') {
    const found = versions.filter((version) => semver.satisfies(version, want.range))
    return found.length > 0 ? found : missing(name, want.range, versions)
  }
  const tag = want.kind === 'tag' ? want.tag : 'latest'
  const tagged = tags[tag]
  if (tagged === undefined || !versions.includes(tagged)) return missing(name, tag, [...versions, ...Object.keys(tags)])
  if (want.kind === 'tag' && tag !== 'latest') return [tagged]
  const older = versions.filter((version) => semver.lt(version, tagged) && semver.prerelease(version) === null)
  return [tagged, ...older] // V2
}

/**
 * The newest version that is wanted and may be taken.
 *
 * @returns `passedOver`: newer versions and why they were not taken.
 * @throws VERSION_UNKNOWN, RELEASE_TOO_NEW, RELEASE_REFUSED
 */
export function chooseVersion(
  document: PackageDocument,
  want: Want,
  wishes: Wishes,
): { version: string; passedOver: PassedOver[] } {
  const passedOver: PassedOver[] = []
  for (const version of wanted(document, want)) {
    const reason = wishes.refusal(version)
    if (reason !== undefined) {
      passedOver.push({ version, code: 'RELEASE_REFUSED', reason })
      continue
    }
    const young = tooYoung(document.publishedAt(version), wishes)
    if (young === undefined) return { version, passedOver }
    passedOver.push({ version, code: 'RELEASE_TOO_NEW', reason: young })
  }
  const { version, code, reason } = passedOver[0]! // `wanted` never answers an empty list
  throw new CapabilityError(code, `${document.name}@${version} is not taken: ${reason}`, {
    found: version,
    hint:
      code === 'RELEASE_TOO_NEW'
        ? 'Wait, or take the risk for this once with `--min-age 0`.'
        : 'Choose another version or another package.',
  })
}

export interface PassedOver {
  version: string
  code: 'RELEASE_TOO_NEW' | 'RELEASE_REFUSED'
  reason: string
}

/** V1 */
function tooYoung(publishedAt: number | undefined, { now, minAgeDays }: Wishes): string | undefined {
  if (minAgeDays <= 0) return undefined
  if (publishedAt === undefined)
    return `the registry does not say when it was published, and the minimum age is ${days(minAgeDays)}`
  const age = (now - publishedAt) / DAY_MS
  return age >= minAgeDays ? undefined : `it was published ${ago(age)}, and the minimum age is ${days(minAgeDays)}`
}

function days(n: number): string {
  return `${n} ${n === 1 ? 'day' : 'days'}`
}

function ago(age: number): string {
  if (age < 0) return 'in the future'
  const hours = Math.floor(age * 24)
  return hours < 48 ? `${hours} ${hours === 1 ? 'hour' : 'hours'} ago` : `${days(Math.floor(age))} ago`
}

function missing(name: string, wish: string, there: readonly string[]): never {
  throw new CapabilityError('VERSION_UNKNOWN', `${name} has no version ${wish.slice(0, 80)}`, {
    found: wish.slice(0, 80),
    hint: there.length > 0 ? `There are: ${there.slice(0, 12).join(', ')}.` : 'It has none at all.',
  })
}
