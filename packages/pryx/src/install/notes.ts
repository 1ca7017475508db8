// packages/pryx/src/install/notes.ts: what a user should know of a package before deciding, in plain words; and what its changelog says.
import type { Manifest, PluginId } from '@pryx/kernel/contract'
import type { Release } from '../registry/registry.ts'
import type { Proof } from '../registry/trust.ts'
import type { PackageFiles } from '../store/files.ts'
import type { LockEntry } from '../store/lock-file.ts'

const MAX_NOTES = 2_000 // characters of release notes
const SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']

interface Facts {
  files: PackageFiles
  manifest: Manifest
  proof: Proof
  release: Release | undefined
  before: LockEntry | undefined
  installed: Readonly<Record<PluginId, LockEntry>>
  id: PluginId
}

export function notesOf({ files, manifest, proof, release, before, installed, id }: Facts): string[] {
  const notes: string[] = []
  if (release?.deprecated !== undefined)
    notes.push(`Its author says not to use this version: ${release.deprecated.slice(0, 300)}`)
  if (before?.trust === 'provenance' && proof.trust !== 'provenance')
    notes.push('The version before came with a proof of its origin; this one does not.')
  if (proof.trust === 'unsigned')
    notes.push('Its registry does not sign what it publishes: only the checksum was verified.')
  const scripts = installScripts(files)
  if (scripts.length > 0)
    notes.push(`It has install scripts (${scripts.join(', ')}). They were not run, and never are.`)
  const twin = Object.entries(installed).find(([other, entry]) => other !== id && isNear(entry.name, manifest.name))
  if (twin) notes.push(`Its name is almost that of ${twin[1].name}, which you have. Is it the one you mean?`)
  return notes
}

function installScripts(files: PackageFiles): string[] {
  const { scripts = {} } = JSON.parse(Buffer.from(files.get('package.json') ?? []).toString('utf8')) as {
    scripts?: object
  }
  return SCRIPTS.filter((name) => Object.hasOwn(scripts, name))
}

/** One letter added, lost, changed or swapped, or the same but for marks and case. */
export function isNear(a: string, b: string): boolean {
  if (a === b) return false
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '')
  if (plain(a) === plain(b)) return true
  if (Math.abs(a.length - b.length) > 1) return false
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  const restA = a.slice(i)
  const restB = b.slice(i)
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}

/** The part of the changelog under the heading that names `version`. */
export function releaseNotes(files: PackageFiles, version: string): string | undefined {
  const path = [...files.keys()].find((one) => /^changelog(\.md|\.txt)?$/i.test(one))
  if (path === undefined) return undefined
  const lines = Buffer.from(files.get(path)!).toString('utf8').split(/\r?\n/)
  const heading = new RegExp(`^(#+)\\s.*(^|[^\\d.])v?${version.replace(/[.+]/g, '\\$&')}([^\\d.]|$)`)
  const from = lines.findIndex((line) => heading.test(line))
  if (from < 0) return undefined
  const depth = /^#+/.exec(lines[from]!)![0].length
  const until = lines.findIndex((line, i) => i > from && (/^#+(?=\s)/.exec(line)?.[0].length ?? 99) <= depth)
  const text = lines
    .slice(from + 1, until < 0 ? undefined : until)
    .join('\n')
    .trim()
  return text === '' ? undefined : text.length > MAX_NOTES ? `${text.slice(0, MAX_NOTES - 1)}…` : text
}
