// packages/pryx/src/install/candidate.ts: a package fetched, proved and read, so that the user can decide; nothing of it has run (K10).
//   D1  The order is fixed: policy of name and source, bytes, integrity, signatures, unpacking, manifest, policy of permissions.
//   D2  What the tarball says of itself must be what was asked for.
//   D3  Until it is placed it lies aside, and goes when it is disposed of.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type ConsentScreen, openPluginFolder } from '@pryx/kernel'
import {
  type Manifest,
  ManifestError,
  type Permission,
  type PluginId,
  type PluginPlace,
  parseManifest,
  shortName,
  UsageError,
} from '@pryx/kernel/contract'
import ssri from 'ssri'
import type { Policy } from '../policy/policy.ts'
import type { OnProgress, Registry, Release } from '../registry/registry.ts'
import { chooseVersion, type PassedOver } from '../registry/resolve.ts'
import { type Source, sourceText } from '../registry/source.ts'
import { checkIntegrity, type Proof, prove, type VerifyBundle } from '../registry/trust.ts'
import { LIMITS, type PackageFiles, tooLarge } from '../store/files.ts'
import { readFolder } from '../store/folder.ts'
import type { LockEntry } from '../store/lock-file.ts'
import type { Staged, Store } from '../store/store.ts'
import { readTarball } from '../store/tarball.ts'
import { notesOf, releaseNotes } from './notes.ts'

/** What the kernel knows of permissions. */
export interface Judge {
  declared(manifest: Manifest, place: PluginPlace): readonly Permission[]
  normal(permission: Permission, place: PluginPlace): Permission
  preview(manifest: Manifest, place: PluginPlace): ConsentScreen
  covers(granted: Permission, wanted: Permission): boolean
}

export interface Workshop {
  store: Store
  registry: Registry
  registryOf(name: string): string
  policy: Policy
  judge: Judge
  verifyBundle: VerifyBundle
  /** Of pryx.json. */
  folder: string
  place(plugin: PluginId, packageFolder: string): PluginPlace
  /** What is locked now. */
  installed(): Readonly<Record<PluginId, LockEntry>>
  now(): number
}

export interface ObtainOptions {
  /** Name within the host. Default: the package's short name. */
  id?: PluginId | undefined
  minAgeDays?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: OnProgress | undefined
}

export interface Candidate extends Disposable {
  readonly id: PluginId
  /** As it will stand in the lock file, without what the user allows. */
  readonly entry: LockEntry
  readonly manifest: Manifest
  /** What it declares, in normal form. */
  readonly declared: readonly Permission[]
  readonly screen: ConsentScreen
  /** What it declares and the version before it did not. */
  readonly wider: readonly Permission[]
  /** What the user should know before deciding, in plain words. */
  readonly notes: readonly string[]
  /** What its changelog says of this version. */
  readonly releaseNotes: string | undefined
  /** Newer versions that were not taken, and why. */
  readonly passedOver: readonly PassedOver[]
  readonly staged: Staged
}

interface Fetched {
  files: PackageFiles
  resolved: string
  integrity?: string
  proof: Proof
  release?: Release
  passedOver: PassedOver[]
}

/** Fetches what `source` names and reads it. @throws PACKAGE_*, REGISTRY_*, INTEGRITY_*, SIGNATURE_*, PROVENANCE_WRONG, MANIFEST_*, POLICY_REFUSED, PLUGIN_TAKEN */
export async function obtain(
  source: Exclude<Source, { kind: 'live' }>,
  workshop: Workshop,
  options: ObtainOptions = {},
): Promise<Candidate> {
  const fetched =
    source.kind === 'npm' ? await fromRegistry(source, workshop, options) : await fromDisk(source, workshop)
  options.signal?.throwIfAborted()
  const staged = await workshop.store.stage(fetched.files)
  try {
    return await read(source, fetched, staged, workshop, options)
  } catch (error) {
    staged[Symbol.dispose]()
    throw error
  }
}

async function fromRegistry(
  { name, want }: Extract<Source, { kind: 'npm' }>,
  { registry, registryOf, policy, verifyBundle, now }: Workshop,
  { minAgeDays, signal, onProgress }: ObtainOptions,
): Promise<Fetched> {
  const registryUrl = registryOf(name)
  const keys = registry.keys(registryUrl, signal) // on their way meanwhile
  keys.catch(() => {}) // told when they are needed
  const document = await registry.document(name, signal)
  const { version, passedOver } = chooseVersion(document, want, {
    now: now(),
    minAgeDays: policy.minAgeDays(minAgeDays),
    refusal: (one) => policy.refusal(name, one),
  })
  const release = document.release(version)
  const label = `${name}@${version}`
  const bytes = await registry.tarball(release, { signal, onProgress })
  const integrity = checkIntegrity(bytes, release.integrity, label)
  const proof = await prove({ registry, keys: await keys, verifyBundle, now: now() }, release, integrity, signal)
  const files = await readTarball(bytes, label)
  const self = identityOf(files, label)
  if (self.name !== name || self.version !== version) throw anotherPackage(label, self) // D2
  return { files, resolved: release.tarball, integrity, proof, release, passedOver }
}

async function fromDisk({ path }: Extract<Source, { kind: 'file' }>, { folder }: Workshop): Promise<Fetched> {
  const file = resolve(folder, path)
  if (!existsSync(file))
    throw new UsageError('USAGE_SOURCE', `there is no ${file}`, {
      file,
      hint: 'Name a folder or a .tgz file that is there; a package of the registry is written without a path.',
    })
  const proof: Proof = { trust: 'local' }
  const stat = statSync(file)
  if (stat.isDirectory()) {
    const manifest = manifestIn(file)
    return { files: readFolder(file, manifest), resolved: path, proof, passedOver: [] }
  }
  if (stat.size > LIMITS.packed) throw tooLarge(file, `it has ${stat.size} bytes`)
  const bytes = readFileSync(file)
  const integrity = ssri.fromData(bytes, { algorithms: ['sha512'] }).toString()
  return { files: await readTarball(bytes, basename(file)), resolved: path, integrity, proof, passedOver: [] }
}

async function read(
  source: Exclude<Source, { kind: 'live' }>,
  { files, resolved, integrity, proof, release, passedOver }: Fetched,
  staged: Staged,
  workshop: Workshop,
  options: ObtainOptions,
): Promise<Candidate> {
  const { manifest } = await openPluginFolder(staged.folder).catch((error: unknown) => {
    throw withoutStaging(error, staged.folder, release === undefined ? resolved : `${release.name}@${release.version}`)
  })
  const id = options.id ?? shortName(manifest.name)
  const before = workshop.installed()[id]
  if (before !== undefined && before.name !== manifest.name) throw taken(id, before.name, manifest.name)
  const place = workshop.place(id, staged.folder)
  const declared = workshop.judge.declared(manifest, place)
  const origin = source.kind === 'npm' ? workshop.registryOf(manifest.name) : 'file'
  workshop.policy.check(
    { origin, name: manifest.name, version: manifest.version, trust: proof.trust, permissions: declared },
    workshop.judge.covers,
  )
  const old = before && (await manifestBefore(workshop, before))
  const had = old === undefined ? [] : workshop.judge.declared(old, place)
  return {
    id,
    entry: {
      source: sourceText(source),
      name: manifest.name,
      version: manifest.version,
      resolved,
      ...(integrity !== undefined && { integrity }),
      content: staged.name,
      permissions: [],
      ...proof,
    },
    manifest,
    declared,
    screen: workshop.judge.preview(manifest, place),
    wider: declared.filter((one) => !had.some((granted) => workshop.judge.covers(granted, one))),
    notes: notesOf({ files, manifest, proof, release, before, installed: workshop.installed(), id }),
    releaseNotes: releaseNotes(files, manifest.version),
    passedOver,
    staged,
    [Symbol.dispose]: staged[Symbol.dispose],
  }
}

/** Undefined if the old version cannot be read any more: then all of the new one's wishes are new. */
async function manifestBefore({ store }: Workshop, { content }: LockEntry): Promise<Manifest | undefined> {
  try {
    return (await openPluginFolder(store.open(content))).manifest
  } catch {
    return undefined
  }
}

function identityOf(files: PackageFiles, label: string): { name: string; version: string } {
  const bytes = files.get('package.json')
  try {
    const { name, version } = JSON.parse(Buffer.from(bytes ?? []).toString('utf8')) as {
      name?: unknown
      version?: unknown
    }
    return { name: String(name), version: String(version) }
  } catch (cause) {
    throw new ManifestError('PACKAGE_DAMAGED', `${label} has no package.json that can be read`, {
      found: bytes === undefined ? 'none' : 'not JSON',
      cause,
      hint: 'Tell its author.',
    })
  }
}

function manifestIn(folder: string): { entry: string; files?: unknown } {
  const file = resolve(folder, 'package.json')
  if (!existsSync(file))
    throw new UsageError('USAGE_FOLDER', `${folder} is not a plugin: it has no package.json`, {
      file,
      hint: 'Name the folder of a plugin.',
    })
  const json = JSON.parse(readFileSync(file, 'utf8')) as { files?: unknown }
  return { entry: parseManifest(json, file).entry, files: json.files }
}

function anotherPackage(label: string, { name, version }: { name: string; version: string }): ManifestError {
  return new ManifestError(
    'PACKAGE_OTHER',
    `the tarball of ${label} says it is ${name.slice(0, 80)}@${version.slice(0, 40)}`,
    {
      found: `${name.slice(0, 80)}@${version.slice(0, 40)}`,
      expected: label,
      hint: 'Nothing of it was kept. Do not use it; tell the registry.',
    },
  )
}

/** Errors name the package, not the place where it lay for a moment. */
function withoutStaging(error: unknown, folder: string, label: string): unknown {
  if (!(error instanceof ManifestError)) return error
  const clean = (text: string) => text.replaceAll(`${folder}/`, `${label}: `).replaceAll(folder, label)
  const { file: _file, ...details } = error.details
  return new ManifestError(error.code, clean(error.message), {
    ...details,
    hint: 'This package is not a plugin that Pryx can use. Tell its author.',
  })
}

function taken(id: PluginId, before: string, now: string): UsageError {
  return new UsageError('PLUGIN_TAKEN', `"${id}" is ${before} here, and this is ${now}`, {
    plugin: id,
    found: now,
    expected: before,
    hint: `Give it another name with --id, or remove ${id} first.`,
  })
}
