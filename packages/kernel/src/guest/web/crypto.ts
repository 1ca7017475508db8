// packages/kernel/src/guest/web/crypto.ts: Web Crypto. Randomness and algorithms are the host's, keys stay in the guest as bytes.
// @see https://w3c.github.io/webcrypto
import type { KeyJson } from './crypto-host.ts'
import { bytesOf } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { webHost } from './host.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

const MAX_RANDOM = 65_536 // bytes, by the standard
const INTERNAL = Symbol('internal')

interface KeyHeld {
  info: KeyJson
  bytes: Uint8Array
}

let heldBy: (key: CryptoKey) => KeyHeld
const USAGES: readonly KeyUsage[] = [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'deriveKey',
  'deriveBits',
  'wrapKey',
  'unwrapKey',
]

export class CryptoKey {
  readonly #held: KeyHeld
  // What the key is decided by is `#held`; these are copies for whoever looks, and always the same ones.
  #algorithm: unknown
  #usages: KeyUsage[] | undefined

  static {
    heldBy = (key) => key.#held
  }

  constructor(key?: symbol, held?: KeyHeld) {
    if (key !== INTERNAL || held === undefined) throw new TypeError('Illegal constructor')
    this.#held = held
  }

  get type(): KeyJson['type'] {
    return this.#held.info.type
  }
  get extractable(): boolean {
    return this.#held.info.extractable
  }
  get algorithm(): unknown {
    this.#algorithm ??= JSON.parse(JSON.stringify(this.#held.info.algorithm), (_key, value) =>
      value?.$list ? new Uint8Array(value.$list) : value,
    )
    return this.#algorithm
  }
  get usages(): KeyUsage[] {
    this.#usages ??= USAGES.filter((usage) => this.#held.info.usages.includes(usage))
    return this.#usages
  }
}

export class SubtleCrypto {
  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
  }

  async digest(algorithm: unknown, bytes: BufferSource): Promise<ArrayBuffer> {
    return this.#run('digest', { algorithm, bytes: source(bytes) })
  }

  async encrypt(algorithm: unknown, key: CryptoKey, bytes: BufferSource): Promise<ArrayBuffer> {
    return this.#run('encrypt', { algorithm, key: usable(key, 'encrypt', algorithm), bytes: source(bytes) })
  }

  async decrypt(algorithm: unknown, key: CryptoKey, bytes: BufferSource): Promise<ArrayBuffer> {
    return this.#run('decrypt', { algorithm, key: usable(key, 'decrypt', algorithm), bytes: source(bytes) })
  }

  async sign(algorithm: unknown, key: CryptoKey, bytes: BufferSource): Promise<ArrayBuffer> {
    return this.#run('sign', { algorithm, key: usable(key, 'sign', algorithm), bytes: source(bytes) })
  }

  async verify(algorithm: unknown, key: CryptoKey, signature: BufferSource, bytes: BufferSource): Promise<boolean> {
    const input = {
      algorithm,
      key: usable(key, 'verify', algorithm),
      signature: source(signature),
      bytes: source(bytes),
    }
    return JSON.parse((await this.#call('verify', input)).json ?? 'false') as boolean
  }

  async deriveBits(algorithm: unknown, key: CryptoKey, length: number | null = null): Promise<ArrayBuffer> {
    return this.#run('deriveBits', { algorithm, key: usable(key, 'deriveBits', algorithm), length })
  }

  async deriveKey(
    algorithm: unknown,
    key: CryptoKey,
    wanted: unknown,
    extractable: boolean,
    usages: KeyUsage[],
  ): Promise<CryptoKey> {
    const deriving = usedAs(usable(key, 'deriveKey', algorithm), 'deriveBits')
    const bits = await this.#run('deriveBits', { algorithm, key: deriving, length: lengthOf(wanted) })
    return this.importKey('raw', bits, wanted, extractable, usages)
  }

  async generateKey(
    algorithm: unknown,
    extractable: boolean,
    usages: KeyUsage[],
  ): Promise<CryptoKey | { privateKey: CryptoKey; publicKey: CryptoKey }> {
    const [first, second] = unpack(
      await this.#call('generateKey', { algorithm, extractable: Boolean(extractable), usages: [...usages] }),
    )
    return second ? { publicKey: second, privateKey: first! } : first!
  }

  async importKey(
    format: KeyFormat,
    key: unknown,
    algorithm: unknown,
    extractable: boolean,
    usages: Iterable<KeyUsage>,
  ): Promise<CryptoKey> {
    const given = format === 'jwk' ? key : source(key as BufferSource)
    if (extractable && /^(?:HKDF|PBKDF2)$/.test(nameOf(algorithm)))
      throw new DOMException('key material for deriving is never extractable', 'SyntaxError')
    const [made] = unpack(
      await this.#call('importKey', {
        format,
        key: given,
        algorithm,
        extractable: Boolean(extractable),
        usages: [...usages],
      }),
    )
    return made!
  }

  async exportKey(format: KeyFormat, key: CryptoKey): Promise<unknown> {
    const { info, bytes } = heldBy(key)
    if (!info.extractable) throw new DOMException('key is not extractable', 'InvalidAccessError')
    if (format === info.format) return bytes.slice().buffer
    const { json, data } = await this.#call('exportKey', { format, key })
    return format === 'jwk' ? JSON.parse(json ?? '{}') : exactBuffer(data)
  }

  async wrapKey(format: KeyFormat, key: CryptoKey, wrappingKey: CryptoKey, algorithm: unknown): Promise<ArrayBuffer> {
    const wrapping = usedAs(usable(wrappingKey, 'wrapKey', algorithm), 'encrypt')
    const exported = await this.exportKey(format, key)
    const bytes = format === 'jwk' ? encodeUtf8(JSON.stringify(exported)) : source(exported)
    return this.#run('encrypt', { algorithm, key: wrapping, bytes })
  }

  async unwrapKey(
    format: KeyFormat,
    wrapped: BufferSource,
    unwrappingKey: CryptoKey,
    algorithm: unknown,
    keyAlgorithm: unknown,
    extractable: boolean,
    usages: Iterable<KeyUsage>,
  ): Promise<CryptoKey> {
    const unwrapping = usedAs(usable(unwrappingKey, 'unwrapKey', algorithm), 'decrypt')
    const bytes = await this.#run('decrypt', { algorithm, key: unwrapping, bytes: source(wrapped) })
    const key = format === 'jwk' ? parseJwk(new Uint8Array(bytes)) : bytes
    return this.importKey(format, key, keyAlgorithm, extractable, usages)
  }

  // Private, so that methods refuse what is no SubtleCrypto.
  #run(operation: string, input: Record<string, unknown>): Promise<ArrayBuffer> {
    return run(operation, input)
  }
  #call(operation: string, input: Record<string, unknown>): ReturnType<typeof call> {
    return call(operation, input)
  }
}

export class Crypto {
  readonly #subtle: SubtleCrypto

  constructor(key?: symbol) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    this.#subtle = new SubtleCrypto(INTERNAL)
  }

  get subtle(): SubtleCrypto {
    return this.#subtle
  }

  getRandomValues<T extends ArrayBufferView>(array: T): T {
    const kind = Object.prototype.toString.call(array).slice(8, -1)
    if (!/^(?:Big)?(?:Uint|Int)\d+(?:Clamped)?Array$/.test(kind))
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError')
    if (array.byteLength > MAX_RANDOM)
      throw new DOMException(`at most ${MAX_RANDOM} bytes at once`, 'QuotaExceededError')
    bytesOf(array)!.set(webHost().random(array.byteLength))
    return array
  }

  randomUUID(): string {
    const bytes = webHost().random(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}

export function createCrypto(): Crypto {
  return new Crypto(INTERNAL)
}

async function run(operation: string, input: Record<string, unknown>): Promise<ArrayBuffer> {
  return exactBuffer((await call(operation, input)).data)
}

async function call(operation: string, input: Record<string, unknown>): Promise<{ json?: string; data?: Uint8Array }> {
  const data: Uint8Array[] = []
  const parameters = JSON.stringify(pack(input, data))
  try {
    return await webHost().crypto(operation, parameters, data)
  } catch (error) {
    throw asThrown(error)
  }
}

/** Bytes and keys leave the text and travel beside it. */
function pack(value: unknown, data: Uint8Array[]): unknown {
  if (value instanceof CryptoKey) {
    const { info, bytes } = heldBy(value)
    return { $key: { ...info, at: data.push(bytes) - 1 } }
  }
  const bytes = bytesOf(value)
  if (bytes) return { $bytes: data.push(bytes.slice()) - 1 }
  if (Array.isArray(value)) return value.map((item) => pack(item, data))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item, data)]))
}

function unpack({ json, data }: { json?: string; data?: Uint8Array }): CryptoKey[] {
  let at = 0
  return (JSON.parse(json ?? '[]') as KeyJson[]).map(({ bytes = 0, ...info }) => {
    at += bytes
    return new CryptoKey(INTERNAL, { info, bytes: data!.slice(at - bytes, at) })
  })
}

function usable(key: unknown, usage: KeyUsage, algorithm: unknown): CryptoKey {
  if (!(key instanceof CryptoKey)) throw new TypeError('the key must be a CryptoKey')
  const { info } = heldBy(key)
  if (nameOf(algorithm) !== nameOf(info.algorithm))
    throw new DOMException('Key algorithm mismatch', 'InvalidAccessError')
  if (!info.usages.includes(usage)) throw new DOMException(`Unable to use this key to ${usage}`, 'InvalidAccessError')
  return key
}

/** The same key, for a step that another of its usages is made of. */
function usedAs(key: CryptoKey, usage: KeyUsage): CryptoKey {
  const { info, bytes } = heldBy(key)
  return new CryptoKey(INTERNAL, { info: { ...info, usages: [usage] }, bytes })
}

export function copyKey(key: CryptoKey): CryptoKey {
  return new CryptoKey(INTERNAL, heldBy(key))
}

function parseJwk(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes))
  } catch {
    throw new DOMException('what was wrapped is no JWK', 'DataError')
  }
}

function nameOf(algorithm: unknown): string {
  const name = typeof algorithm === 'object' && algorithm !== null ? (algorithm as { name?: unknown }).name : algorithm
  return String(name).toUpperCase()
}

/** Bits that a derived key of this algorithm needs. */
function lengthOf(algorithm: unknown): number | null {
  const { length, hash } = (typeof algorithm === 'object' ? algorithm : {}) as { length?: number; hash?: unknown }
  if (length !== undefined) return length
  if (nameOf(algorithm) !== 'HMAC') return null
  return /-(384|512)$/.test(nameOf(hash)) ? 1_024 : 512 // the block size of the hash
}

function source(bytes: unknown): Uint8Array {
  const view = bytesOf(bytes)
  if (view === undefined) throw new TypeError('the data must be an ArrayBuffer or a view of one')
  return view
}

function exactBuffer(data: Uint8Array | undefined): ArrayBuffer {
  return (data ?? new Uint8Array()).slice().buffer
}

/** The host sends a name and a message; here they become what Web Crypto throws. */
function asThrown(error: unknown): unknown {
  const { name = 'OperationError', message = '' } = (error ?? {}) as { name?: string; message?: string }
  return name === 'TypeError'
    ? new TypeError(message)
    : new DOMException(message, name === 'Error' ? 'OperationError' : name)
}
