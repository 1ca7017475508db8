// test/packages/src/jose.ts: tokens signed and verified, messages sealed and opened, by every family of keys.
import {
  CompactEncrypt,
  calculateJwkThumbprint,
  compactDecrypt,
  createLocalJWKSet,
  EncryptJWT,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  generateSecret,
  importJWK,
  importPKCS8,
  importSPKI,
  jwtDecrypt,
  jwtVerify,
  SignJWT,
} from 'jose'
import { pluginOf } from './work.ts'

export const SIGNING = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256'] as const
export const SEALING = ['RSA-OAEP-256', 'ECDH-ES+A256KW', 'ECDH-ES'] as const
const CLAIMS = { sub: 'user', admin: true }
const shared = new TextEncoder().encode('a secret of at least 32 bytes, as HS256 wants it')

export async function work(): Promise<unknown> {
  return {
    signed: await Promise.all(SIGNING.map(signedBy)),
    hmac: await hmac(),
    sealed: await Promise.all(SEALING.map(sealedBy)),
    direct: await direct(),
    wrapped: await wrapped(),
    password: await password(),
    refused: await refused(),
  }
}

/** Signed here, verified with the public key after a way through text. */
async function signedBy(algorithm: string): Promise<unknown> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const own = await importPKCS8(await exportPKCS8(privateKey), algorithm)
  const token = await new SignJWT(CLAIMS)
    .setProtectedHeader({ alg: algorithm, kid: 'k' })
    .setIssuedAt()
    .setExpirationTime('2h')
    .setIssuer('pryx')
    .sign(own)
  const spki = await importSPKI(await exportSPKI(publicKey), algorithm)
  const { payload, protectedHeader } = await jwtVerify(token, spki, { issuer: 'pryx' })
  const set = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: algorithm }] })
  const bySet = await jwtVerify(token, set)
  return [
    algorithm,
    protectedHeader.alg,
    payload.sub,
    payload.admin,
    (payload.exp ?? 0) - (payload.iat ?? 0),
    bySet.payload.sub,
  ]
}

/** The token of RFC 7515, appendix A.1. */
async function hmac(): Promise<unknown> {
  const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256' }).sign(shared)
  const key = await importJWK(
    { kty: 'oct', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow' },
    'HS256',
  )
  const known =
    'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const { payload } = await jwtVerify(known, key, { currentDate: new Date(1_300_819_000_000) })
  return [
    token,
    (await jwtVerify(token, shared)).payload,
    payload,
    await calculateJwkThumbprint({ kty: 'oct', k: 'AAAA' }),
  ]
}

async function sealedBy(algorithm: string): Promise<unknown> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  return [algorithm, await through(publicKey, privateKey, algorithm, 'A256GCM')]
}

async function direct(): Promise<unknown> {
  const key = await generateSecret('A256GCM', { extractable: true })
  return [
    await through(key, key, 'dir', 'A256GCM'),
    await through(crypto.getRandomValues(new Uint8Array(64)), undefined, 'dir', 'A256CBC-HS512'),
  ]
}

async function wrapped(): Promise<unknown> {
  const key = await generateSecret('A256KW', { extractable: true })
  const gcm = await generateSecret('A128GCMKW', { extractable: true })
  return [await through(key, key, 'A256KW', 'A128CBC-HS256'), await through(gcm, gcm, 'A128GCMKW', 'A128GCM')]
}

async function password(): Promise<unknown> {
  return through(shared, undefined, 'PBES2-HS256+A128KW', 'A128GCM')
}

async function through(
  into: CryptoKey | Uint8Array,
  out: CryptoKey | Uint8Array | undefined,
  alg: string,
  enc: string,
): Promise<string> {
  const sealed = await new CompactEncrypt(new TextEncoder().encode('é 😀'))
    .setProtectedHeader({ alg, enc })
    .encrypt(into)
  const { plaintext } = await compactDecrypt(sealed, out ?? into, { keyManagementAlgorithms: [alg] })
  return new TextDecoder().decode(plaintext)
}

async function refused(): Promise<unknown> {
  const late = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(1).sign(shared)
  const sealed = await new EncryptJWT(CLAIMS)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(shared.slice(0, 32))
  return [
    await codeOf(() => jwtVerify(late, shared)),
    await codeOf(() => jwtVerify(`${late}x`, shared)),
    await codeOf(() => jwtVerify(late, shared.slice(1))),
    await codeOf(() => jwtDecrypt(sealed, shared.slice(1, 33))),
    (await jwtDecrypt(sealed, shared.slice(0, 32))).payload.sub,
  ]
}

async function codeOf(run: () => Promise<unknown>): Promise<unknown> {
  return run().then(
    () => 'taken',
    (error: { code?: string }) => error.code,
  )
}

export default pluginOf(work)
