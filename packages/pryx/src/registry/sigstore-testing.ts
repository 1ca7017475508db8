// packages/pryx/src/registry/sigstore-testing.ts: a sigstore of one's own on the loopback: authority, certificate log and transparency log, by
//   sigstore's own doubles; and bundles that its own signer makes there.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { bundleToJSON } from '@sigstore/bundle'
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog, rekorHandler } from '@sigstore/mock'
import { HashAlgorithm, PublicKeyDetails, type TrustedRoot } from '@sigstore/protobuf-specs'
import { DSSEBundleBuilder, FulcioSigner, RekorWitness } from '@sigstore/sign'
import type { Bundle } from './trust.ts'

const STATEMENT = 'application/vnd.in-toto+json'

export interface TestSigstore extends AsyncDisposable {
  readonly root: TrustedRoot
  /** Signs a statement as a workflow of `repository` would, and enters it in the log. */
  attest(statement: object, repository?: string): Promise<Bundle>
}

export async function openTestSigstore(): Promise<TestSigstore> {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const ctlog = await initializeCTLog(keys())
  const ca = await initializeCA(keys(), ctlog)
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tlog = await initializeTLog(url, keys())
  const handlers = [fulcioHandler(ca, { strict: true }), rekorHandler(tlog, { strict: true })]
  server.on('request', async (request, response) => {
    const handler = handlers.find(({ path }) => path === request.url)
    const answer = await handler?.fn(await text(request))
    response.writeHead(answer?.statusCode ?? 404, { 'content-type': answer?.contentType ?? 'text/plain' })
    response.end(answer?.response)
  })
  const validFor = { start: new Date(0), end: undefined }
  const logOf = (publicKey: Buffer, keyId: Buffer) => ({
    baseUrl: url,
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes: publicKey, keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, validFor },
    logId: { keyId },
    checkpointKeyId: undefined,
    operator: 'test',
  })
  return {
    root: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [logOf(tlog.publicKey, createHash('sha256').update(tlog.publicKey).digest())],
      ctlogs: [logOf(ctlog.publicKey, bytesOf(ctlog.logID))],
      certificateAuthorities: [
        {
          subject: { commonName: 'test', organization: 'test' },
          uri: url,
          certChain: { certificates: [{ rawBytes: bytesOf(ca.rootCertificate) }] },
          validFor,
          operator: 'test',
        },
      ],
      timestampAuthorities: [],
    },
    async attest(statement, repository = 'octo/weather') {
      const builder = new DSSEBundleBuilder({
        signer: new FulcioSigner({
          fulcioBaseURL: url,
          identityProvider: { getToken: async () => tokenOf(repository) },
        }),
        witnesses: [new RekorWitness({ rekorBaseURL: url, entryType: 'intoto' })],
      })
      const bundle = await builder.create({ data: Buffer.from(JSON.stringify(statement)), type: STATEMENT })
      return bundleToJSON(bundle) as unknown as Bundle
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** What a CI shows the authority. The double reads it and believes it. */
function tokenOf(repository: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    sub: `repo:${repository}:ref:refs/tags/v1.0.0`,
    iss: 'https://token.test',
    aud: 'sigstore',
    repository,
  }
  return `${part({ alg: 'none' })}.${part(claims)}.`
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}
