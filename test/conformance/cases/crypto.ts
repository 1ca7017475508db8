// test/conformance/cases/crypto.ts: Web Crypto. Vectors: FIPS 180-4, RFC 4231, RFC 5869, RFC 6070, RFC 8032, RFC 7748, NIST SP 800-38A. @see https://w3c.github.io/webcrypto
import type { Area, Case } from '../case.ts'
import { always, bytes, hex, nameOf, thrown, unhex, utf8 } from '../case.ts'

const { subtle } = crypto
type Pair = CryptoKeyPair
const ABC = utf8('abc')
const DIGESTS: readonly (readonly [name: string, digest: string])[] = [
  ['SHA-1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['SHA-256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['SHA-384', 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7'],
  [
    'SHA-512',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
]
const KEY_128 = unhex('2b7e151628aed2a6abf7158809cf4f3c')
const BLOCK = unhex('6bc1bee22e409f96e93d7e117393172a')
const IV = unhex('000102030405060708090a0b0c0d0e0f')
const ED_SEED = unhex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
const ED_PUBLIC = unhex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
const ED_SIGNATURE =
  'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
const ED_PKCS8 = unhex(`302e020100300506032b657004220420${hex(ED_SEED)}`)

const BOB = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'
const ALICE_PUBLIC = '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'

type Made = { algorithm: unknown; usages: KeyUsage[] }
const KINDS: Record<string, Made> = {
  HMAC: { algorithm: { name: 'HMAC', hash: 'SHA-256' }, usages: ['sign', 'verify'] },
  'AES-GCM': { algorithm: { name: 'AES-GCM', length: 256 }, usages: ['encrypt', 'decrypt'] },
  'AES-CBC': { algorithm: { name: 'AES-CBC', length: 128 }, usages: ['encrypt', 'decrypt'] },
  'AES-CTR': { algorithm: { name: 'AES-CTR', length: 192 }, usages: ['encrypt', 'decrypt'] },
  'AES-KW': { algorithm: { name: 'AES-KW', length: 256 }, usages: ['wrapKey', 'unwrapKey'] },
  ECDSA: { algorithm: { name: 'ECDSA', namedCurve: 'P-256' }, usages: ['sign', 'verify'] },
  ECDH: { algorithm: { name: 'ECDH', namedCurve: 'P-384' }, usages: ['deriveBits'] },
  Ed25519: { algorithm: { name: 'Ed25519' }, usages: ['sign', 'verify'] },
  X25519: { algorithm: { name: 'X25519' }, usages: ['deriveBits'] },
  'RSA-PSS': {
    algorithm: { name: 'RSA-PSS', modulusLength: 2048, publicExponent: bytes(1, 0, 1), hash: 'SHA-256' },
    usages: ['sign', 'verify'],
  },
}
/** Making an RSA key takes a processor a second: one for all cases. */
const made = new Map<string, Promise<CryptoKey | Pair>>()

function keyOf(kind: string): Promise<CryptoKey | Pair> {
  const known = made.get(kind)
  if (known) return known
  const { algorithm, usages } = KINDS[kind]!
  const key = subtle.generateKey(algorithm as never, true, usages) as Promise<CryptoKey | Pair>
  made.set(kind, key)
  return key
}
const pairOf = (kind: string) => keyOf(kind) as Promise<Pair>
const secretOf = (kind: string) => keyOf(kind) as Promise<CryptoKey>

async function signed(kind: string, algorithm: unknown): Promise<unknown[]> {
  const key = await keyOf(kind)
  const [priv, pub] = 'privateKey' in key ? [key.privateKey, key.publicKey] : [key, key]
  const signature = await subtle.sign(algorithm as never, priv, ABC)
  return [
    await subtle.verify(algorithm as never, pub, signature, ABC),
    await subtle.verify(algorithm as never, pub, signature, utf8('abd')),
    await subtle.verify(algorithm as never, pub, bytes(1), ABC),
  ]
}

/** A key written in `format` and read again writes the same. */
async function again(kind: string, format: KeyFormat, half?: 'privateKey' | 'publicKey'): Promise<boolean> {
  const key = await keyOf(kind)
  const one = half ? (key as Pair)[half] : (key as CryptoKey)
  const written = await subtle.exportKey(format as 'raw', one)
  const two = await subtle.importKey(
    format as 'raw',
    written as never,
    KINDS[kind]!.algorithm as never,
    true,
    one.usages,
  )
  const [a, b] = [await subtle.exportKey('jwk', one), await subtle.exportKey('jwk', two)]
  return JSON.stringify(a) === JSON.stringify(b)
}

const ROUND_TRIPS: readonly (readonly [kind: string, format: KeyFormat, half?: 'privateKey' | 'publicKey'])[] = [
  ['HMAC', 'raw'],
  ['HMAC', 'jwk'],
  ['AES-GCM', 'raw'],
  ['AES-GCM', 'jwk'],
  ['AES-KW', 'raw'],
  ['ECDSA', 'spki', 'publicKey'],
  ['ECDSA', 'pkcs8', 'privateKey'],
  ['ECDSA', 'jwk', 'privateKey'],
  ['ECDSA', 'raw', 'publicKey'],
  ['ECDH', 'jwk', 'publicKey'],
  ['Ed25519', 'raw', 'publicKey'],
  ['Ed25519', 'jwk', 'privateKey'],
  ['Ed25519', 'pkcs8', 'privateKey'],
  ['X25519', 'raw', 'publicKey'],
  ['X25519', 'spki', 'publicKey'],
  ['RSA-PSS', 'spki', 'publicKey'],
  ['RSA-PSS', 'pkcs8', 'privateKey'],
  ['RSA-PSS', 'jwk', 'publicKey'],
]

const raw = (algorithm: unknown, key: Uint8Array<ArrayBuffer>, usages: KeyUsage[], extractable = true) =>
  subtle.importKey('raw', key, algorithm as never, extractable, usages)

export const webCrypto: Area = {
  name: 'Web Crypto',
  standard: 'https://w3c.github.io/webcrypto',
  cases: [
    ...DIGESTS.map(
      ([name, digest]): Case => [`${name} of "abc"`, async () => hex(await subtle.digest(name, ABC)), digest],
    ),
    ...ROUND_TRIPS.map(
      ([kind, format, half]): Case => [
        `${kind} ${half ?? 'key'} as ${format} and back`,
        () => again(kind, format, half),
        true,
      ],
    ),
    ...['HMAC', 'AES-GCM', 'ECDSA', 'Ed25519', 'X25519', 'AES-KW'].map(
      (kind): Case => [
        `a new ${kind} key says what it is`,
        async () => {
          const key = await keyOf(kind)
          const one = 'privateKey' in key ? key.privateKey : key
          return [one instanceof CryptoKey, one.type, one.extractable, (one.algorithm as { name: string }).name]
        },
        [true, ['HMAC', 'AES-GCM', 'AES-KW'].includes(kind) ? 'secret' : 'private', true, kind],
      ],
    ),
    [
      'getRandomValues fills and answers the array',
      () => {
        const a = new Uint8Array(64)
        const b = crypto.getRandomValues(a)
        return [a === b, a.some((x) => x !== 0)]
      },
      [true, true],
    ],
    [
      'getRandomValues of other integer arrays',
      () =>
        [new Int8Array(2), new Uint16Array(2), new Int32Array(2), new BigUint64Array(2), new Uint8ClampedArray(2)].map(
          (a) => crypto.getRandomValues(a) === a,
        ),
      [true, true, true, true, true],
    ],
    [
      'getRandomValues fills only the view',
      () => {
        const whole = new Uint8Array(64)
        crypto.getRandomValues(whole.subarray(32))
        return whole.subarray(0, 32).every((x) => x === 0)
      },
      true,
    ],
    [
      'getRandomValues refuses floats and DataView',
      async () => [
        await thrown(() => crypto.getRandomValues(new Float32Array(1) as never)),
        await thrown(() => crypto.getRandomValues(new DataView(new ArrayBuffer(1)) as never)),
      ],
      ['TypeMismatchError', 'TypeMismatchError'],
    ],
    [
      'getRandomValues has a quota',
      async () => [
        crypto.getRandomValues(new Uint8Array(65_536)).length,
        await thrown(() => crypto.getRandomValues(new Uint8Array(65_537))),
      ],
      [65_536, 'QuotaExceededError'],
    ],
    [
      'randomUUID is a version 4',
      () => /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(crypto.randomUUID()),
      true,
    ],
    ['randomUUID is new each time', () => !always(() => crypto.randomUUID()), true],
    ['subtle is always the same', () => always(() => crypto.subtle), true],
    [
      'digest takes an object and any case',
      async () => hex(await subtle.digest({ name: 'sha-1' }, ABC)),
      DIGESTS[0]![1],
    ],
    [
      'digest takes views where they lie',
      async () => hex(await subtle.digest('SHA-1', new Uint8Array(utf8('xabcx').buffer, 1, 3))),
      DIGESTS[0]![1],
    ],
    [
      'digest copies what it is given',
      async () => {
        const data = utf8('abc')
        const digest = subtle.digest('SHA-1', data)
        data[0] = 0
        return hex(await digest)
      },
      DIGESTS[0]![1],
    ],
    ['digest of an unknown algorithm', () => thrown(() => subtle.digest('MD5', ABC)), 'NotSupportedError'],
    ['digest of text is TypeError', () => thrown(() => subtle.digest('SHA-1', 'abc' as never)), 'TypeError'],
    [
      'errors come as rejections',
      () => {
        const p = subtle.digest('nope', ABC)
        return p.then(() => 'fine', nameOf)
      },
      'NotSupportedError',
    ],
    [
      'HMAC-SHA-256 by RFC 4231',
      async () =>
        hex(
          await subtle.sign(
            'HMAC',
            await raw({ name: 'HMAC', hash: 'SHA-256' }, utf8('Jefe'), ['sign']),
            utf8('what do ya want for nothing?'),
          ),
        ),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['HMAC signs and verifies', () => signed('HMAC', 'HMAC'), [true, false, false]],
    [
      'HMAC key as JWK',
      async () =>
        subtle
          .exportKey('jwk', await raw({ name: 'HMAC', hash: 'SHA-256' }, utf8('Jefe'), ['sign']))
          .then((jwk) => [jwk.kty, jwk.k, jwk.alg, jwk.key_ops, jwk.ext]),
      ['oct', 'SmVmZQ', 'HS256', ['sign'], true],
    ],
    [
      'an empty HMAC key is DataError',
      () => thrown(() => raw({ name: 'HMAC', hash: 'SHA-256' }, bytes(), ['sign'])),
      'DataError',
    ],
    ['HMAC without a hash is TypeError', () => thrown(() => raw({ name: 'HMAC' }, bytes(1), ['sign'])), 'TypeError'],
    [
      'the length of a generated HMAC key is the block of its hash',
      async () =>
        ((await subtle.generateKey({ name: 'HMAC', hash: 'SHA-512' }, true, ['sign'])).algorithm as HmacKeyAlgorithm)
          .length,
      1024,
    ],
    [
      'AES-CBC by SP 800-38A',
      async () =>
        hex(await subtle.encrypt({ name: 'AES-CBC', iv: IV }, await raw('AES-CBC', KEY_128, ['encrypt']), BLOCK)).slice(
          0,
          32,
        ),
      '7649abac8119b246cee98e9b12e9197d',
    ],
    [
      'AES-CTR by SP 800-38A',
      async () =>
        hex(
          await subtle.encrypt(
            { name: 'AES-CTR', counter: unhex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), length: 128 },
            await raw('AES-CTR', KEY_128, ['encrypt']),
            BLOCK,
          ),
        ),
      '874d6191b620e3261bef6864990db6ce',
    ],
    [
      'AES-GCM there and back, with more data',
      async () => {
        const key = await secretOf('AES-GCM')
        const algorithm = { name: 'AES-GCM', iv: bytes(...Array(12).keys()), additionalData: ABC, tagLength: 128 }
        const sealed = await subtle.encrypt(algorithm, key, BLOCK)
        return [sealed.byteLength, hex(await subtle.decrypt(algorithm, key, sealed))]
      },
      [32, hex(BLOCK)],
    ],
    [
      'AES-GCM with another tag is OperationError',
      async () => {
        const key = await secretOf('AES-GCM')
        const algorithm = { name: 'AES-GCM', iv: IV }
        const sealed = new Uint8Array(await subtle.encrypt(algorithm, key, BLOCK))
        sealed[0]! ^= 1
        return thrown(() => subtle.decrypt(algorithm, key, sealed))
      },
      'OperationError',
    ],
    [
      'AES-GCM with an odd tag length is OperationError',
      async () =>
        thrown(async () => subtle.encrypt({ name: 'AES-GCM', iv: IV, tagLength: 13 }, await secretOf('AES-GCM'), ABC)),
      'OperationError',
    ],
    [
      'AES-CBC with a short iv is OperationError',
      async () => thrown(async () => subtle.encrypt({ name: 'AES-CBC', iv: bytes(1) }, await secretOf('AES-CBC'), ABC)),
      'OperationError',
    ],
    [
      'AES without an iv is TypeError',
      async () => thrown(async () => subtle.encrypt({ name: 'AES-GCM' } as never, await secretOf('AES-GCM'), ABC)),
      'TypeError',
    ],
    [
      'an AES key of another length is DataError',
      () => thrown(() => raw('AES-GCM', bytes(1, 2, 3), ['encrypt'])),
      'DataError',
    ],
    [
      'generating AES with another length is OperationError',
      () => thrown(() => subtle.generateKey({ name: 'AES-GCM', length: 100 }, true, ['encrypt'])),
      'OperationError',
    ],
    ['RSA-PSS', () => signed('RSA-PSS', { name: 'RSA-PSS', saltLength: 32 }), [true, false, false]],
    [
      'the algorithm of an RSA key',
      async () => {
        const a = (await pairOf('RSA-PSS')).publicKey.algorithm as RsaHashedKeyAlgorithm
        return [a.name, a.modulusLength, a.publicExponent, a.hash]
      },
      ['RSA-PSS', 2048, bytes(1, 0, 1), { name: 'SHA-256' }],
    ],
    [
      'RSASSA-PKCS1-v1_5 with an imported key',
      async () => {
        const jwk = await subtle.exportKey('jwk', (await pairOf('RSA-PSS')).privateKey)
        delete jwk.alg
        const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
        const key = await subtle.importKey('jwk', { ...jwk, key_ops: ['sign'] }, algorithm, false, ['sign'])
        const pub = await subtle.importKey('jwk', { kty: 'RSA', n: jwk.n!, e: jwk.e! }, algorithm, true, ['verify'])
        return subtle.verify(algorithm, pub, await subtle.sign(algorithm, key, ABC), ABC)
      },
      true,
    ],
    [
      'RSA-OAEP with an imported key',
      async () => {
        const jwk = await subtle.exportKey('jwk', (await pairOf('RSA-PSS')).privateKey)
        delete jwk.alg
        const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' }
        const key = await subtle.importKey('jwk', { ...jwk, key_ops: ['decrypt'] }, algorithm, false, ['decrypt'])
        const pub = await subtle.importKey('jwk', { kty: 'RSA', n: jwk.n!, e: jwk.e! }, algorithm, true, ['encrypt'])
        return hex(await subtle.decrypt(algorithm, key, await subtle.encrypt(algorithm, pub, ABC)))
      },
      hex(ABC),
    ],
    ['ECDSA', () => signed('ECDSA', { name: 'ECDSA', hash: 'SHA-256' }), [true, false, false]],
    [
      'a signature of ECDSA is two numbers',
      async () =>
        (await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, (await pairOf('ECDSA')).privateKey, ABC)).byteLength,
      64,
    ],
    [
      'an unknown curve is NotSupportedError',
      () => thrown(() => subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-1' }, true, ['sign'])),
      'NotSupportedError',
    ],
    [
      'Ed25519 by RFC 8032',
      async () =>
        hex(
          await subtle.sign('Ed25519', await subtle.importKey('pkcs8', ED_PKCS8, 'Ed25519', false, ['sign']), bytes()),
        ),
      ED_SIGNATURE,
    ],
    [
      'Ed25519 verifies by RFC 8032',
      async () => subtle.verify('Ed25519', await raw('Ed25519', ED_PUBLIC, ['verify']), unhex(ED_SIGNATURE), bytes()),
      true,
    ],
    [
      'Ed25519 as JWK',
      async () =>
        subtle
          .exportKey('jwk', await subtle.importKey('pkcs8', ED_PKCS8, 'Ed25519', true, ['sign']))
          .then((jwk) => [jwk.kty, jwk.crv, jwk.x, jwk.d]),
      ['OKP', 'Ed25519', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'],
    ],
    [
      'ECDH agrees',
      async () => {
        const a = await pairOf('ECDH')
        const b = (await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, true, ['deriveBits'])) as Pair
        const [x, y] = await Promise.all([
          subtle.deriveBits({ name: 'ECDH', public: b.publicKey }, a.privateKey, 256),
          subtle.deriveBits({ name: 'ECDH', public: a.publicKey }, b.privateKey, 256),
        ])
        return [hex(x) === hex(y), x.byteLength]
      },
      [true, 32],
    ],
    [
      'X25519 by RFC 7748',
      async () => {
        const priv = await subtle.importKey('pkcs8', unhex(`302e020100300506032b656e04220420${BOB}`), 'X25519', false, [
          'deriveBits',
        ])
        return hex(
          await subtle.deriveBits({ name: 'X25519', public: await raw('X25519', unhex(ALICE_PUBLIC), []) }, priv, 256),
        )
      },
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    ],
    [
      'X25519 agrees',
      async () => {
        const a = await pairOf('X25519')
        const b = (await subtle.generateKey('X25519', true, ['deriveBits'])) as Pair
        const [x, y] = await Promise.all([
          subtle.deriveBits({ name: 'X25519', public: b.publicKey }, a.privateKey, null),
          subtle.deriveBits({ name: 'X25519', public: a.publicKey }, b.privateKey, null),
        ])
        return [hex(x) === hex(y), x.byteLength]
      },
      [true, 32],
    ],
    [
      'HKDF by RFC 5869',
      async () =>
        hex(
          await subtle.deriveBits(
            {
              name: 'HKDF',
              hash: 'SHA-256',
              salt: unhex('000102030405060708090a0b0c'),
              info: unhex('f0f1f2f3f4f5f6f7f8f9'),
            },
            await raw('HKDF', unhex('0b'.repeat(22)), ['deriveBits'], false),
            336,
          ),
        ),
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      'PBKDF2 by RFC 6070',
      async () =>
        hex(
          await subtle.deriveBits(
            { name: 'PBKDF2', hash: 'SHA-1', salt: utf8('salt'), iterations: 4096 },
            await raw('PBKDF2', utf8('password'), ['deriveBits'], false),
            160,
          ),
        ),
      '4b007901b765489abead49d926f721d065a429c1',
    ],
    [
      'PBKDF2 without iterations is OperationError',
      async () =>
        thrown(async () =>
          subtle.deriveBits(
            { name: 'PBKDF2', hash: 'SHA-1', salt: ABC, iterations: 0 },
            await raw('PBKDF2', ABC, ['deriveBits'], false),
            8,
          ),
        ),
      'OperationError',
    ],
    [
      'deriveKey makes an AES key',
      async () => {
        const key = await subtle.deriveKey(
          { name: 'PBKDF2', hash: 'SHA-256', salt: ABC, iterations: 2 },
          await raw('PBKDF2', ABC, ['deriveKey'], false),
          { name: 'AES-GCM', length: 256 },
          true,
          ['encrypt'],
        )
        return [(key.algorithm as AesKeyAlgorithm).length, key.usages, hex(await subtle.exportKey('raw', key)).length]
      },
      [256, ['encrypt'], 64],
    ],
    [
      'deriveKey makes an HMAC key as long as its block',
      async () => {
        const key = await subtle.deriveKey(
          { name: 'HKDF', hash: 'SHA-256', salt: ABC, info: bytes() },
          await raw('HKDF', ABC, ['deriveKey'], false),
          { name: 'HMAC', hash: 'SHA-256' },
          true,
          ['sign'],
        )
        return (key.algorithm as HmacKeyAlgorithm).length
      },
      512,
    ],
    ['a password cannot be extractable', () => thrown(() => raw('PBKDF2', ABC, ['deriveBits'], true)), 'SyntaxError'],
    [
      'wrapKey and unwrapKey by AES-KW',
      async () => {
        const wrapper = await secretOf('AES-KW')
        const key = await secretOf('AES-GCM')
        const wrapped = await subtle.wrapKey('raw', key, wrapper, 'AES-KW')
        const back = await subtle.unwrapKey('raw', wrapped, wrapper, 'AES-KW', 'AES-GCM', true, ['encrypt'])
        return [
          wrapped.byteLength,
          hex(await subtle.exportKey('raw', back)) === hex(await subtle.exportKey('raw', key)),
          back.usages,
        ]
      },
      [40, true, ['encrypt']],
    ],
    [
      'wrapKey and unwrapKey of a JWK by AES-GCM',
      async () => {
        const wrapper = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey'])
        const key = (await pairOf('ECDSA')).privateKey
        const algorithm = { name: 'AES-GCM', iv: bytes(...Array(12).keys()) }
        const back = await subtle.unwrapKey(
          'jwk',
          await subtle.wrapKey('jwk', key, wrapper, algorithm),
          wrapper,
          algorithm,
          { name: 'ECDSA', namedCurve: 'P-256' },
          true,
          ['sign'],
        )
        return (
          JSON.stringify(await subtle.exportKey('jwk', back)) === JSON.stringify(await subtle.exportKey('jwk', key))
        )
      },
      true,
    ],
    [
      'wrapKey needs the usage',
      async () =>
        thrown(async () =>
          subtle.wrapKey('raw', await secretOf('HMAC'), await secretOf('AES-GCM'), { name: 'AES-GCM', iv: IV }),
        ),
      'InvalidAccessError',
    ],
    [
      'a key is only for its usages',
      async () => {
        const key = await raw('AES-GCM', KEY_128, ['decrypt'])
        return thrown(() => subtle.encrypt({ name: 'AES-GCM', iv: IV }, key, ABC))
      },
      'InvalidAccessError',
    ],
    [
      'a key is only for its algorithm',
      async () => thrown(async () => subtle.sign('HMAC', await secretOf('AES-GCM'), ABC)),
      'InvalidAccessError',
    ],
    [
      'a key that is not extractable stays',
      async () => thrown(async () => subtle.exportKey('raw', await raw('AES-GCM', KEY_128, ['encrypt'], false))),
      'InvalidAccessError',
    ],
    [
      'public keys are always extractable',
      async () => {
        const pair = (await subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as Pair
        return [pair.privateKey.extractable, pair.publicKey.extractable, pair.publicKey.usages, pair.privateKey.usages]
      },
      [false, true, ['verify'], ['sign']],
    ],
    [
      'a secret key without usages is SyntaxError',
      async () => [
        await thrown(() => raw('AES-GCM', KEY_128, [])),
        await thrown(() => subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, true, [])),
      ],
      ['SyntaxError', 'SyntaxError'],
    ],
    ['a usage that does not fit is SyntaxError', () => thrown(() => raw('AES-GCM', KEY_128, ['sign'])), 'SyntaxError'],
    ['a usage that is none is TypeError', () => thrown(() => raw('AES-GCM', KEY_128, ['x' as never])), 'TypeError'],
    [
      'an unknown format is TypeError',
      () => thrown(() => subtle.importKey('x' as never, KEY_128, 'AES-GCM', true, ['encrypt'])),
      'TypeError',
    ],
    [
      'a JWK with other operations is DataError',
      () =>
        thrown(() =>
          subtle.importKey(
            'jwk',
            { kty: 'oct', k: 'SmVmZQ', key_ops: ['verify'] },
            { name: 'HMAC', hash: 'SHA-256' },
            true,
            ['sign'],
          ),
        ),
      'DataError',
    ],
    [
      'a JWK of another kind is DataError',
      () =>
        thrown(() =>
          subtle.importKey('jwk', { kty: 'EC', k: 'SmVmZQ' }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']),
        ),
      'DataError',
    ],
    [
      'a JWK that is not extractable stays so',
      () =>
        thrown(() =>
          subtle.importKey('jwk', { kty: 'oct', k: 'SmVmZQ', ext: false }, { name: 'HMAC', hash: 'SHA-256' }, true, [
            'sign',
          ]),
        ),
      'DataError',
    ],
    [
      'broken key bytes are DataError',
      () =>
        thrown(() =>
          subtle.importKey('spki', bytes(1, 2, 3), { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']),
        ),
      'DataError',
    ],
    [
      'usages are always the same array',
      async () => {
        const key = await secretOf('HMAC')
        return [always(() => key.usages), always(() => key.algorithm)]
      },
      [true, true],
    ],
    [
      'usages come in the order of the standard',
      async () => (await raw({ name: 'HMAC', hash: 'SHA-1' }, ABC, ['verify', 'sign', 'sign'])).usages,
      ['sign', 'verify'],
    ],
    [
      'class strings',
      async () => [
        Object.prototype.toString.call(crypto),
        Object.prototype.toString.call(subtle),
        Object.prototype.toString.call(await secretOf('HMAC')),
      ],
      ['[object Crypto]', '[object SubtleCrypto]', '[object CryptoKey]'],
    ],
    ['methods refuse foreign objects', () => thrown(() => subtle.digest.call({} as never, 'SHA-1', ABC)), 'TypeError'],
  ],
}
