import { expect, test } from 'vitest'
import type { Registry, Release } from './registry.ts'
import { openTestSigstore } from './sigstore-testing.ts'
import { type Bundle, createBundleVerifier, prove, type VerifyBundle } from './trust.ts'

const digest = Buffer.from('the tarball’s sha512, 64 bytes long, as the registry promised it.'.slice(0, 64))
const integrity = `sha512-${digest.toString('base64')}`
const PREDICATE = 'https://slsa.dev/provenance/v1'

const statement = (name = 'pryx-plugin-weather', sha512 = digest.toString('hex')) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: `pkg:npm/${name}@1.0.0`, digest: { sha512 } }],
  predicateType: PREDICATE,
  predicate: {
    buildDefinition: {
      externalParameters: { workflow: { repository: 'https://github.com/octo/weather' } },
      resolvedDependencies: [{ digest: { gitCommit: '0123456789abcdef0123' } }],
    },
  },
})

function proveWith(bundle: Bundle, verifyBundle: VerifyBundle) {
  const release = { name: 'pryx-plugin-weather', version: '1.0.0', integrity, signatures: [] } as unknown as Release
  const registry = { attestations: async () => [{ predicateType: PREDICATE, bundle }] } as unknown as Registry
  return prove({ registry, keys: [], verifyBundle, now: Date.now() }, release, integrity)
}

/** The bundle with its statement replaced, and the signature left as it was. */
function withStatement(bundle: Bundle, said: object): Bundle {
  const envelope = bundle.dsseEnvelope as object
  return { ...bundle, dsseEnvelope: { ...envelope, payload: Buffer.from(JSON.stringify(said)).toString('base64') } }
}

test('K10: a bundle that an authority certified and a log knows proves where a package was built', async () => {
  await using sigstore = await openTestSigstore()
  const bundle = await sigstore.attest(statement())

  const proof = await proveWith(
    bundle,
    createBundleVerifier(async () => sigstore.root),
  )

  expect(proof).toEqual({ trust: 'provenance', provenance: 'https://github.com/octo/weather@0123456789ab' })
})

test('K10: a bundle that was tampered with, is about another package, or comes from elsewhere is refused', async () => {
  await using sigstore = await openTestSigstore()
  await using elsewhere = await openTestSigstore()
  const verify = createBundleVerifier(async () => sigstore.root)
  const good = await sigstore.attest(statement())
  const { verificationMaterial } = good as { verificationMaterial: object }
  const refused = (bundle: Bundle) =>
    expect(proveWith(bundle, verify)).rejects.toMatchObject({ code: 'PROVENANCE_WRONG' })
  const another = statement()
  another.predicate.buildDefinition.externalParameters.workflow.repository = 'https://github.com/evil/weather'

  await refused(withStatement(good, another)) // the signature is of another text
  await refused({ ...good, verificationMaterial: { ...verificationMaterial, tlogEntries: [] } }) // no log knows it
  await refused(await elsewhere.attest(statement())) // an authority nobody here believes
  await refused(await sigstore.attest(statement('pryx-plugin-another')))
  await refused(await sigstore.attest(statement('pryx-plugin-weather', 'ab'.repeat(64))))
  await refused({ ...good, dsseEnvelope: {} })
  await refused({})
  await proveWith(good, verify) // which is still good
})
