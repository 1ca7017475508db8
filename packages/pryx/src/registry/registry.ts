// packages/pryx/src/registry/registry.ts: an npm registry, asked for what an install needs; every answer is a stranger's (K10).
//   G1  What does not come within bounds of time and size is given up, with an error that says which.
//   G2  An answer is read through a schema; what does not fit is refused, not guessed.
//   G3  Tokens go to the registry they are for and into no error.
import { setTimeout as delay } from 'node:timers/promises'
import { CapabilityError, PryxError } from '@pryx/kernel/contract'
import semver from 'semver'
import { z } from 'zod'
import { LIMITS } from '../store/files.ts'
import type { RegistrySettings } from './settings.ts'
import { type Answer, ask } from './transport.ts'

const STALL_MS = 15_000 // without a byte
const MAX_DOCUMENT_BYTES = 64 * 1_048_576 // the longest histories on npm have some 20 MB
const MAX_SMALL_BYTES = 4 * 1_048_576
const RETRIES = 2
const RETRY_MS = 300

const signature = z.object({ keyid: z.string().max(256), sig: z.string().max(1_024) })
const versionSchema = z.object({
  name: z.string(),
  version: z.string(),
  deprecated: z.union([z.string(), z.boolean()]).optional().catch(undefined),
  _npmUser: z
    .object({ name: z.string().max(128) })
    .optional()
    .catch(undefined),
  dist: z.object({
    tarball: z.string().max(2_048),
    integrity: z.string().max(512).optional(),
    shasum: z.string().max(64).optional(),
    signatures: z.array(signature).max(16).optional().catch(undefined),
    attestations: z
      .object({ url: z.string().max(2_048) })
      .optional()
      .catch(undefined),
  }),
})
const documentSchema = z.object({
  name: z.string(),
  'dist-tags': z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), z.unknown()).default({}),
  time: z.record(z.string(), z.unknown()).default({}),
})
const keysSchema = z.object({
  keys: z.array(z.object({ keyid: z.string(), key: z.string().max(4_096), expires: z.string().nullish() })).max(64),
})
const attestationsSchema = z.object({
  attestations: z.array(z.object({ predicateType: z.string(), bundle: z.record(z.string(), z.unknown()) })).max(32),
})

/** One published version, as the registry tells of it. */
export interface Release {
  readonly name: string
  readonly version: string
  /** Epoch ms; undefined if the registry does not say. */
  readonly publishedAt: number | undefined
  /** The author's words, where the version is deprecated. */
  readonly deprecated: string | undefined
  readonly publisher: string | undefined
  readonly tarball: string
  /** Subresource integrity of the tarball. */
  readonly integrity: string | undefined
  readonly signatures: readonly { keyid: string; sig: string }[]
  /** Where attestations are served, if there are any. */
  readonly attestations: string | undefined
}

export interface PackageDocument {
  readonly name: string
  readonly registry: string
  readonly tags: Readonly<Record<string, string>>
  /** Newest version first, whether good or not. */
  readonly versions: readonly string[]
  publishedAt(version: string): number | undefined
  /** @throws REGISTRY_ANSWER if what it says of the version is of no use */
  release(version: string): Release
}

export interface RegistryKey {
  readonly keyid: string
  /** SPKI, DER in base64. */
  readonly key: string
  /** Epoch ms. */
  readonly expiresAt: number | undefined
}

export type OnProgress = (progress: { bytes: number; total: number | undefined }) => void

export interface Registry {
  /** @throws PACKAGE_UNKNOWN, REGISTRY_* */
  document(name: string, signal?: AbortSignal): Promise<PackageDocument>
  /** The bytes, unproved. @throws REGISTRY_*, PACKAGE_TOO_LARGE */
  tarball(
    release: Release,
    options?: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined },
  ): Promise<Uint8Array>
  /** The keys a registry signs with; none if it does not sign. */
  keys(registry: string, signal?: AbortSignal): Promise<readonly RegistryKey[]>
  attestations(
    release: Release,
    signal?: AbortSignal,
  ): Promise<readonly { predicateType: string; bundle: Record<string, unknown> }[]>
}

export interface RegistryOptions {
  settings: RegistrySettings
  stallMs?: number
}

export function createRegistry({ settings, stallMs = STALL_MS }: RegistryOptions): Registry {
  return {
    async document(name, signal) {
      const registry = settings.registryOf(name)
      const bytes = await get(registry + encodeName(name), {
        registry,
        signal,
        maxBytes: MAX_DOCUMENT_BYTES,
        missing: () => unknown(name, registry),
      })
      return documentOf(json(bytes, registry), name, registry)
    },
    tarball(release, { signal, onProgress } = {}) {
      const registry = settings.registryOf(release.name)
      return get(tarballUrl(release, registry), { registry, signal, maxBytes: LIMITS.packed, onProgress })
    },
    async keys(registry, signal) {
      const bytes = await get(`${registry}-/npm/v1/keys`, {
        registry,
        signal,
        maxBytes: MAX_SMALL_BYTES,
        missing: () => undefined,
      })
      if (bytes.length === 0) return []
      const { keys } = fitting(keysSchema, json(bytes, registry), registry)
      return keys.map(({ keyid, key, expires }) => ({
        keyid,
        key,
        expiresAt: expires ? Date.parse(expires) : undefined,
      }))
    },
    async attestations(release, signal) {
      const registry = settings.registryOf(release.name)
      if (release.attestations === undefined) return []
      if (!release.attestations.startsWith(registry)) throw answer(registry, 'attestations lie at another place')
      const bytes = await get(release.attestations, { registry, signal, maxBytes: MAX_SMALL_BYTES })
      return fitting(attestationsSchema, json(bytes, registry), registry).attestations
    },
  }

  interface Asked {
    registry: string
    maxBytes: number
    signal?: AbortSignal | undefined
    onProgress?: OnProgress | undefined
    /** The error for a 404, or undefined for an empty answer. */
    missing?: () => PryxError | undefined
  }

  /** G1 */
  async function get(url: string, { registry, maxBytes, signal, onProgress, missing }: Asked): Promise<Uint8Array> {
    const stop = new AbortController()
    const stalled = () => stop.abort(stallError(registry, stallMs))
    let timer = setTimeout(stalled, stallMs)
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(stalled, stallMs)
    }
    const cancelled = () => stop.abort(signal?.reason)
    signal?.addEventListener('abort', cancelled, { once: true })
    try {
      signal?.throwIfAborted()
      const response = await askTwice(url, { signal: stop.signal, headers: headersFor(url) })
      heard()
      if (response.status === 404 && missing !== undefined) {
        response.body.destroy()
        const told = missing()
        if (told === undefined) return new Uint8Array()
        throw told
      }
      if (response.status < 200 || response.status > 299) throw badStatus(registry, response.status)
      return await collect(response, { registry, maxBytes, heard, onProgress })
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason
      throw PryxError.is(error) ? error : refused(error, registry)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancelled)
      stop.abort()
    }
  }

  /** G3: the token of the longest address that fits. It is dropped where a redirect leads elsewhere. */
  function headersFor(url: string): Record<string, string> {
    const address = url.replace(/^https?:/, '')
    const fitting = Object.keys(settings.auth)
      .filter(
        (key) =>
          key.endsWith(':_authToken') &&
          address.startsWith(`${key.slice(0, -':_authToken'.length).replace(/\/$/, '')}/`),
      )
      .sort((a, b) => b.length - a.length)[0]
    return {
      'user-agent': `pryx node/${process.version}`,
      accept: '*/*',
      ...(fitting !== undefined && { authorization: `Bearer ${settings.auth[fitting]}` }),
    }
  }
}

/** A registry that stumbles is asked again, a moment later. */
async function askTwice(url: string, init: Parameters<typeof ask>[1]): Promise<Answer> {
  for (let retries = RETRIES; ; retries--) {
    try {
      const response = await ask(url, init)
      if (response.status < 500 || retries === 0) return response
      response.body.destroy()
    } catch (error) {
      if (retries === 0 || init.signal.aborted) throw error
    }
    await delay(RETRY_MS, undefined, { signal: init.signal })
  }
}

interface Collecting {
  registry: string
  maxBytes: number
  heard(): void
  onProgress: OnProgress | undefined
}

async function collect(
  { headers, body }: Answer,
  { registry, maxBytes, heard, onProgress }: Collecting,
): Promise<Uint8Array> {
  const length = Number(headers['content-length'])
  const total = headers['content-encoding'] === undefined && length > 0 ? length : undefined
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    heard()
    bytes += chunk.length
    if (bytes > maxBytes) throw tooMuch(registry, maxBytes)
    chunks.push(chunk)
    onProgress?.({ bytes, total })
  }
  return Buffer.concat(chunks)
}

/** G2 */
function documentOf(answered: unknown, name: string, registry: string): PackageDocument {
  const document = fitting(documentSchema, answered, registry)
  if (document.name !== name)
    throw answer(registry, `it answered with "${document.name.slice(0, 80)}" where ${name} was asked for`)
  const publishedAt = (version: string) => {
    const at = Date.parse(String(document.time[version]))
    return Number.isNaN(at) ? undefined : at
  }
  return {
    name,
    registry,
    tags: document['dist-tags'],
    versions: Object.keys(document.versions)
      .filter((version) => semver.valid(version) === version)
      .sort(semver.rcompare),
    publishedAt,
    release(version) {
      const found = fitting(versionSchema, document.versions[version], registry)
      if (found.name !== name || found.version !== version)
        throw answer(
          registry,
          `its entry for ${name}@${version} is about ${found.name.slice(0, 80)}@${found.version.slice(0, 40)}`,
        )
      const { dist, deprecated, _npmUser } = found
      return {
        name,
        version,
        publishedAt: publishedAt(version),
        deprecated:
          deprecated === undefined || deprecated === false || deprecated === '' ? undefined : String(deprecated),
        publisher: _npmUser?.name,
        tarball: dist.tarball,
        integrity: dist.integrity ?? (dist.shasum && `sha1-${Buffer.from(dist.shasum, 'hex').toString('base64')}`),
        signatures: dist.signatures ?? [],
        attestations: dist.attestations?.url,
      }
    },
  }
}

function tarballUrl({ tarball, name, version }: Release, registry: string): string {
  const from = new URL(registry)
  const url = URL.canParse(tarball) ? new URL(tarball) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw answer(registry, `the tarball of ${name}@${version} has no address`)
  if (from.protocol === 'https:' && url.protocol !== 'https:')
    throw answer(registry, `the tarball of ${name}@${version} would come unencrypted`)
  return url.href
}

function encodeName(name: string): string {
  return name.replace('/', '%2f')
}

function json(bytes: Uint8Array, registry: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch {
    throw answer(registry, 'its answer is not JSON')
  }
}

function fitting<T>(schema: z.ZodType<T>, value: unknown, registry: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw answer(registry, `${issue?.path.map(String).join('.') || 'its answer'}: ${issue?.message}`)
}

function answer(registry: string, problem: string): CapabilityError {
  return new CapabilityError('REGISTRY_ANSWER', `${registry} answers what cannot be used: ${problem}`, {
    registry,
    found: problem,
    hint: 'Is it an npm registry? Name another with --registry.',
  })
}

function unknown(name: string, registry: string): CapabilityError {
  return new CapabilityError('PACKAGE_UNKNOWN', `${registry} has no package ${name}`, {
    registry,
    found: name,
    hint: 'Check the spelling. A folder is written as ./FOLDER.',
  })
}

function stallError(registry: string, stallMs: number): CapabilityError {
  return new CapabilityError('REGISTRY_STALLED', `${registry} sent nothing for ${stallMs / 1_000} s`, {
    registry,
    hint: 'Try again later. What is installed goes on without a network.',
  })
}

function tooMuch(registry: string, maxBytes: number): CapabilityError {
  return new CapabilityError('PACKAGE_TOO_LARGE', `${registry} sends more than ${maxBytes} bytes`, { registry })
}

/** G3: the code only; a message of the transport may carry headers. */
function refused(error: unknown, registry: string): CapabilityError {
  const { code } = ((error as { cause?: unknown }).cause ?? error) as { code?: string }
  if (code === undefined || code.startsWith('HPE_')) return answer(registry, 'it does not speak HTTP as it should')
  return new CapabilityError('REGISTRY_UNREACHABLE', `${registry} cannot be reached (${code})`, {
    registry,
    code,
    hint: 'Are you online? Is the address right? What is installed goes on without a network.',
  })
}

function badStatus(registry: string, status: number): CapabilityError {
  return new CapabilityError('REGISTRY_STATUS', `${registry} answered ${status}`, {
    registry,
    status,
    hint: status === 401 || status === 403 ? 'It wants a login: `npm login --registry …`.' : 'Try again later.',
  })
}
