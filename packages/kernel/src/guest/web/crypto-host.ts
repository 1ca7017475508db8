// packages/kernel/src/guest/web/crypto-host.ts: the sandbox process's half of `crypto.subtle`. Pure but for the WebCrypto handed in.
//   Y1  Input is untrusted: unknown operations and algorithms are refused, and costs that grow with a number are bounded.
//   Y2  No key stays here: each operation brings the bytes of its keys and takes the result away.

export interface CryptoResult {
  json?: string
  data?: Uint8Array
}

/** A key as it travels: its bytes in one of three formats, and what it is for. */
export interface KeyJson {
  format: 'raw' | 'pkcs8' | 'spki'
  type: 'secret' | 'private' | 'public'
  algorithm: unknown
  usages: KeyUsage[]
  extractable: boolean
  /** Length of its bytes in the result's `data`. */
  bytes?: number
}

const ALGORITHMS = new Set(
  'SHA-1 SHA-256 SHA-384 SHA-512 HMAC AES-GCM AES-CBC AES-CTR AES-KW Ed25519 X25519 ECDSA ECDH HKDF PBKDF2 RSASSA-PKCS1-v1_5 RSA-PSS RSA-OAEP'
    .split(' ')
    .map((name) => name.toUpperCase()),
)
const MAX_ITERATIONS = 5_000_000 // PBKDF2
const MAX_MODULUS = 4_096 // bits, RSA
const MAX_BITS = 1_048_576 // deriveBits

/** The guest wraps by encrypting. */
const WRAP_USAGES: Readonly<Partial<Record<KeyUsage, KeyUsage>>> = { encrypt: 'wrapKey', decrypt: 'unwrapKey' }

type Parameters = Record<string, unknown>

/**
 * Runs one operation: `digest`, `encrypt`, `decrypt`, `sign`, `verify`, `deriveBits`, `generateKey`, `importKey`, `exportKey`.
 *
 * @param parameters JSON; `{ $bytes: i }` stands for `data[i]`, `{ $key: KeyJson & { at: i } }` for a key of these bytes.
 * @throws DOMException or TypeError as WebCrypto does; the caller passes on name and message.
 */
export async function runCrypto(
  webcrypto: Crypto,
  operation: string,
  parameters: string,
  data: readonly Uint8Array[],
): Promise<CryptoResult> {
  if (!Object.hasOwn(operations, operation)) throw refused(`there is no operation "${operation.slice(0, 32)}"`)
  const input = (await revive(webcrypto.subtle, JSON.parse(parameters), data, 0)) as Parameters
  checkCosts(input)
  return operations[operation]!(webcrypto.subtle, input)
}

const operations: Record<string, (subtle: SubtleCrypto, input: Parameters) => Promise<CryptoResult>> = {
  digest: async (subtle, { algorithm, bytes }) => ({
    data: view(await subtle.digest(algorithm as never, bytes as never)),
  }),
  encrypt: async (subtle, { algorithm, key, bytes }) => ({
    data: isWrap(key)
      ? await wrap(subtle, key, bytes)
      : view(await subtle.encrypt(algorithm as never, key as CryptoKey, bytes as never)),
  }),
  decrypt: async (subtle, { algorithm, key, bytes }) => ({
    data: isWrap(key)
      ? await unwrap(subtle, key, bytes)
      : view(await subtle.decrypt(algorithm as never, key as CryptoKey, bytes as never)),
  }),
  sign: async (subtle, { algorithm, key, bytes }) => ({
    data: view(await subtle.sign(algorithm as never, key as CryptoKey, bytes as never)),
  }),
  verify: async (subtle, { algorithm, key, signature, bytes }) => ({
    json: JSON.stringify(await subtle.verify(algorithm as never, key as CryptoKey, signature as never, bytes as never)),
  }),
  deriveBits: async (subtle, { algorithm, key, length }) => ({
    data: view(await subtle.deriveBits(algorithm as never, key as CryptoKey, length as number)),
  }),
  generateKey: async (subtle, { algorithm, extractable, usages }) => {
    const made = (await subtle.generateKey(algorithm as never, true, usages as never)) as CryptoKey | CryptoKeyPair
    return packKeys(subtle, 'privateKey' in made ? [made.privateKey, made.publicKey] : [made], extractable === true)
  },
  importKey: async (subtle, { format, key, algorithm, extractable, usages }) => {
    const made = await importAny(subtle, format, key, algorithm, usages)
    return packKeys(subtle, [made], extractable === true)
  },
  exportKey: async (subtle, { format, key }) => {
    const exported = await subtle.exportKey(format as never, key as CryptoKey)
    return format === 'jwk' ? { json: JSON.stringify(exported) } : { data: view(exported as unknown as ArrayBuffer) }
  },
}

// AES-KW wraps keys and nothing else; here any bytes are one, as the key of an HMAC.
const AS_KEY = { name: 'HMAC', hash: 'SHA-256' }

function isWrap(key: unknown): key is CryptoKey {
  return nameOf((key as CryptoKey).algorithm) === 'AES-KW'
}

async function wrap(subtle: SubtleCrypto, wrapping: CryptoKey, bytes: unknown): Promise<Uint8Array> {
  const key = await subtle.importKey('raw', bytes as never, AS_KEY, true, ['sign'])
  return view(await subtle.wrapKey('raw', key, wrapping, 'AES-KW'))
}

async function unwrap(subtle: SubtleCrypto, wrapping: CryptoKey, bytes: unknown): Promise<Uint8Array> {
  const key = await subtle.unwrapKey('raw', bytes as never, wrapping, 'AES-KW', AS_KEY, true, ['sign'])
  return view(await subtle.exportKey('raw', key))
}

/** Keys of a password or of key material cannot be exported by WebCrypto; the raw bytes the guest gave are the key. */
async function importAny(
  subtle: SubtleCrypto,
  format: unknown,
  key: unknown,
  algorithm: unknown,
  usages: unknown,
): Promise<CryptoKey | RawKey> {
  const name = nameOf(algorithm)
  const derivesOnly = name === 'HKDF' || name === 'PBKDF2'
  const made = await subtle.importKey(format as never, key as never, algorithm as never, !derivesOnly, usages as never)
  return derivesOnly ? { made, raw: key as Uint8Array } : made
}

interface RawKey {
  made: CryptoKey
  raw: Uint8Array
}

async function packKeys(
  subtle: SubtleCrypto,
  keys: readonly (CryptoKey | RawKey)[],
  extractable: boolean,
): Promise<CryptoResult> {
  const packed: KeyJson[] = []
  const chunks: Uint8Array[] = []
  for (const item of keys) {
    const key = 'raw' in item ? item.made : item
    const format = key.type === 'secret' ? 'raw' : key.type === 'private' ? 'pkcs8' : 'spki'
    const bytes = 'raw' in item ? item.raw : view(await subtle.exportKey(format, key))
    chunks.push(bytes)
    packed.push({
      format,
      type: key.type,
      algorithm: plainAlgorithm(key.algorithm),
      usages: [...key.usages],
      extractable: extractable || key.type === 'public',
      bytes: bytes.byteLength,
    })
  }
  return { json: JSON.stringify(packed), data: join(chunks) }
}

function plainAlgorithm(algorithm: object): unknown {
  return JSON.parse(
    JSON.stringify(algorithm, (_key, value: unknown) => (value instanceof Uint8Array ? { $list: [...value] } : value)),
  )
}

async function revive(
  subtle: SubtleCrypto,
  value: unknown,
  data: readonly Uint8Array[],
  depth: number,
): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value
  if (depth > 8) throw refused('the parameters are nested too deeply')
  if (Array.isArray(value)) return Promise.all(value.map((item) => revive(subtle, item, data, depth + 1)))
  const object = value as Record<string, unknown>
  if (Object.hasOwn(object, '$bytes')) return bytesAt(data, object.$bytes)
  if (Object.hasOwn(object, '$list')) return listOf(object.$list)
  if (Object.hasOwn(object, '$key')) return reviveKey(subtle, object.$key as KeyJson & { at: number }, data)
  const entries = Object.entries(object).map(
    async ([key, item]) => [key, await revive(subtle, item, data, depth + 1)] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

async function reviveKey(
  subtle: SubtleCrypto,
  key: KeyJson & { at: number },
  data: readonly Uint8Array[],
): Promise<CryptoKey> {
  const algorithm = (await revive(subtle, key.algorithm, data, 1)) as never
  const derivesOnly = ['HKDF', 'PBKDF2'].includes(nameOf(algorithm))
  const usages = nameOf(algorithm) === 'AES-KW' ? key.usages.map((usage) => WRAP_USAGES[usage] ?? usage) : key.usages
  return subtle.importKey(key.format, bytesAt(data, key.at) as never, algorithm, !derivesOnly, usages)
}

function checkCosts(input: Parameters): void {
  const name = nameOf(input.algorithm)
  if (input.algorithm !== undefined && !ALGORITHMS.has(name))
    throw notSupported(`the algorithm "${name.slice(0, 32)}" is not offered`)
  const { iterations, modulusLength } = (typeof input.algorithm === 'object' ? input.algorithm : {}) as Parameters
  const tooMuch =
    Number(iterations ?? 0) > MAX_ITERATIONS ||
    Number(modulusLength ?? 0) > MAX_MODULUS ||
    Number(input.length ?? 0) > MAX_BITS
  if (tooMuch)
    throw refused(`at most ${MAX_ITERATIONS} iterations, ${MAX_MODULUS} bits of modulus and ${MAX_BITS} derived bits`) // Y1
}

function nameOf(algorithm: unknown): string {
  const name = typeof algorithm === 'object' && algorithm !== null ? (algorithm as { name?: unknown }).name : algorithm
  return String(name ?? '').toUpperCase()
}

function bytesAt(data: readonly Uint8Array[], index: unknown): Uint8Array {
  const bytes = typeof index === 'number' ? data[index] : undefined
  if (bytes === undefined) throw refused('bytes are missing')
  return bytes
}

/** Y1: a number in place of a list would be a length, and take that much memory here. */
function listOf(list: unknown): Uint8Array {
  if (!Array.isArray(list)) throw refused('a list of bytes is none')
  return new Uint8Array(list as number[])
}

function view(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer)
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.byteLength
  }
  return joined
}

function refused(message: string): Error {
  return new TypeError(message)
}

function notSupported(message: string): Error {
  return Object.assign(new Error(message), { name: 'NotSupportedError' })
}
