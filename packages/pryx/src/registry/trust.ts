// packages/pryx/src/registry/trust.ts: is this what the registry and its author's CI vouched for? (K10, U5)
//   P1  The tarball's bytes are judged first: integrity, then signatures over that integrity, then attestations about it.
//   P2  A registry that signs must have signed this: a missing signature is as bad as a wrong one.
//   P3  An attestation that is offered and does not hold refuses the package; one that is not offered is told.
import { createPublicKey, verify } from 'node:crypto'
import { CapabilityError } from '@pryx/kernel/contract'
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import ssri from 'ssri'
import { z } from 'zod'
import type { Trust } from '../store/lock-file.ts'
import type { Registry, RegistryKey, Release } from './registry.ts'

const PROVENANCE = 'https://slsa.dev/provenance/'
const STRONG = ['sha512', 'sha384', 'sha256']

export type Bundle = Record<string, unknown>

/** Checks a sigstore bundle; resolves if it holds. `keys`: public keys by id, for those signed with the registry's own. */
export type VerifyBundle = (bundle: Bundle, keys: (hint: string) => string | undefined) => Promise<void>

export interface Proof {
  trust: Trust
  /** Repository and commit, where provenance was proved. */
  provenance?: string
}

/** P1. @throws INTEGRITY_MISSING, INTEGRITY_WRONG */
export function checkIntegrity(bytes: Uint8Array, integrity: string | undefined, label: string): string {
  const parsed = ssri.parse(integrity ?? '', { strict: false })
  const strong = STRONG.find((algorithm) => parsed?.[algorithm]?.length)
  if (parsed === null || strong === undefined)
    throw new CapabilityError('INTEGRITY_MISSING', `${label} comes without a strong checksum`, {
      found: integrity?.slice(0, 80) ?? 'nothing',
      expected: 'sha512',
      hint: 'Its registry is too old to be installed from safely.',
    })
  const wanted = parsed[strong]!.map(({ digest }) => `${strong}-${digest}`).join(' ') // never a weaker one
  const found = ssri.checkData(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), wanted)
  if (found === false)
    throw new CapabilityError(
      'INTEGRITY_WRONG',
      `${label} is not what the registry promised: its ${strong} is another`,
      {
        expected: wanted.slice(0, 256),
        hint: 'Nothing of it was kept. Somebody changed it on the way, or the registry is broken.',
      },
    )
  return found.toString()
}

/** Signatures and attestations of a release whose bytes have `integrity`. @throws SIGNATURE_*, PROVENANCE_WRONG, REGISTRY_* */
export async function prove(
  {
    registry,
    keys,
    verifyBundle,
    now,
  }: { registry: Registry; keys: readonly RegistryKey[]; verifyBundle: VerifyBundle; now: number },
  release: Release,
  integrity: string,
  signal?: AbortSignal,
): Promise<Proof> {
  if (keys.length > 0) checkSignatures(release, keys, now) // P2
  const offered = await registry.attestations(release, signal)
  let proof: Proof = { trust: keys.length > 0 ? 'signed' : 'unsigned' }
  for (const { predicateType, bundle } of offered) {
    const statement = await checkAttestation(release, integrity, bundle, verifyBundle, keys)
    if (predicateType.startsWith(PROVENANCE)) proof = { trust: 'provenance', ...originOf(statement) }
  }
  return proof
}

function checkSignatures(
  { name, version, integrity, signatures, publishedAt }: Release,
  keys: readonly RegistryKey[],
  now: number,
): void {
  const label = `${name}@${version}`
  const known = signatures.flatMap((one) => {
    const key = keys.find(({ keyid }) => keyid === one.keyid)
    return key === undefined ? [] : [{ ...one, key }]
  })
  if (known.length === 0)
    throw new CapabilityError(
      'SIGNATURE_MISSING',
      `${label} is not signed, though its registry signs what it publishes`,
      {
        found: signatures.length === 0 ? 'no signature' : 'signatures by unknown keys',
        hint: 'Do not use it. Tell the registry.',
      },
    )
  for (const { key, sig } of known) {
    if (key.expiresAt !== undefined && (publishedAt ?? now) > key.expiresAt)
      throw badSignature(label, 'its key had expired')
    if (!holds(`${name}@${version}:${integrity}`, sig, key.key)) throw badSignature(label, 'it does not fit')
  }
}

function holds(text: string, sig: string, key: string): boolean {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
    return verify('sha256', Buffer.from(text), publicKey, Buffer.from(sig, 'base64'))
  } catch {
    return false
  }
}

const statementSchema = z.object({
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha512: z.string() }) })).min(1),
  predicate: z.unknown(),
})

/** P3: the bundle holds, and it speaks of this tarball. */
async function checkAttestation(
  { name, version }: Release,
  integrity: string,
  bundle: Bundle,
  verifyBundle: VerifyBundle,
  keys: readonly RegistryKey[],
): Promise<z.infer<typeof statementSchema>> {
  const label = `${name}@${version}`
  const statement = statementOf(bundle, label)
  const { name: subject, digest } = statement.subject[0]!
  if (subject !== purl(name, version)) throw badProvenance(label, `it is about ${subject.slice(0, 120)}`)
  if (Buffer.from(digest.sha512, 'hex').toString('base64') !== ssri.parse(integrity)?.sha512?.[0]?.digest)
    throw badProvenance(label, 'it is about another tarball')
  try {
    await verifyBundle(bundle, (hint) => pem(keys.find(({ keyid }) => keyid === hint)))
  } catch (cause) {
    throw badProvenance(label, cause instanceof Error ? cause.message : String(cause))
  }
  return statement
}

function statementOf(bundle: Bundle, label: string): z.infer<typeof statementSchema> {
  const { payload } = (bundle.dsseEnvelope ?? {}) as { payload?: unknown }
  try {
    return statementSchema.parse(JSON.parse(Buffer.from(String(payload), 'base64').toString('utf8')))
  } catch {
    throw badProvenance(label, 'it cannot be read')
  }
}

function originOf({ predicate }: { predicate?: unknown }): { provenance?: string } {
  const { buildDefinition } = (predicate ?? {}) as {
    buildDefinition?: {
      externalParameters?: { workflow?: { repository?: unknown } }
      resolvedDependencies?: { digest?: { gitCommit?: unknown } }[]
    }
  }
  const repository = buildDefinition?.externalParameters?.workflow?.repository
  const commit = buildDefinition?.resolvedDependencies?.[0]?.digest?.gitCommit
  if (typeof repository !== 'string') return {}
  return { provenance: `${repository}${typeof commit === 'string' ? `@${commit.slice(0, 12)}` : ''}`.slice(0, 512) }
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`
}

function pem(key: RegistryKey | undefined): string | undefined {
  return key && `-----BEGIN PUBLIC KEY-----\n${key.key}\n-----END PUBLIC KEY-----`
}

/** Which authorities and logs are believed. */
export type TrustRoot = () => Promise<TrustedRoot>

/** A verifier of sigstore bundles: its certificate or key, its place in a public log, its signature, by what `root` names. */
export function createBundleVerifier(root: TrustRoot = publicGoodRoot): VerifyBundle {
  return async (bundle, keys) => {
    const { default: sigstore } = await import('@sigstore/verify') // in a bundle, CommonJS has its default export alone
    const { default: serial } = await import('@sigstore/bundle')
    const { toSignedEntity, toTrustMaterial, VerificationError, Verifier } = sigstore
    const findKey = (hint: string) => {
      const key = keys(hint)
      if (key === undefined)
        throw new VerificationError({ code: 'PUBLIC_KEY_ERROR', message: `it is signed with an unknown key: ${hint}` })
      return { publicKey: createPublicKey(key), validFor: () => true }
    }
    const verifier = new Verifier(toTrustMaterial(await root(), findKey), { tlogThreshold: 1 })
    verifier.verify(toSignedEntity(serial.bundleFromJSON(bundle as never)))
  }
}

/** Of sigstore's public good instance, kept current by TUF. */
async function publicGoodRoot(): Promise<TrustedRoot> {
  const { default: tuf } = await import('@sigstore/tuf')
  return tuf.getTrustedRoot({ retry: 1, timeout: 10_000 })
}

function badSignature(label: string, why: string): CapabilityError {
  return new CapabilityError('SIGNATURE_WRONG', `the registry's signature of ${label} is wrong: ${why}`, {
    found: why,
    hint: 'Nothing of it was kept. Do not use it; tell the registry.',
  })
}

function badProvenance(label: string, why: string): CapabilityError {
  return new CapabilityError(
    'PROVENANCE_WRONG',
    `what is said of the origin of ${label} does not hold: ${why.slice(0, 300)}`,
    {
      found: why.slice(0, 300),
      hint: 'Nothing of it was kept. Do not use it; tell its author.',
    },
  )
}
