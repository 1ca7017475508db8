// packages/capabilities/src/secrets/key.ts: where the master key comes from. It wraps the data key and is never written beside what it opens.
import { randomBytes, scrypt } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from '@pryx/kernel/contract'
import { badKeyFile, ioFailed, keyMissing } from './errors.ts'

export const KEY_BYTES = 32

/** How a key was derived; kept in clear beside what it wraps. */
export interface KeyRecipe {
  kind: 'passphrase' | 'file'
  salt: Uint8Array
  /** log2 of scrypt's N. */
  cost: number
}

/** A power: answers the master key for a recipe, always the same. The caller zeroes what it gets. */
export interface KeySource {
  readonly kind: KeyRecipe['kind']
  /** For new vaults. */
  readonly cost: number
  /** @param fresh True if nothing is wrapped under this key yet, so that it may be made. */
  masterKey(recipe: KeyRecipe, fresh: boolean): Promise<Buffer>
}

const PASSPHRASE_COST = 17 // 128 MiB and about half a second: RFC 7914, OWASP's advice for scrypt
const MAX_COST = 20

/** The master key from a passphrase, by scrypt. @throws SECRETS_NO_PASSPHRASE for an empty one. */
export function createPassphraseKey(passphrase: string, cost = PASSPHRASE_COST): KeySource {
  if (passphrase === '')
    throw new UsageError('SECRETS_NO_PASSPHRASE', 'the passphrase is empty', {
      hint: 'Set PRYX_PASSPHRASE, or use a key file.',
    })
  return {
    kind: 'passphrase',
    cost,
    masterKey: ({ salt, cost }) => derive(passphrase, salt, Math.min(cost, MAX_COST)),
  }
}

/** The master key from a file outside the data folder, made at first use: 32 random bytes in hex, mode 0600. */
export function createKeyFile(file: string): KeySource {
  return {
    kind: 'file',
    cost: 0,
    async masterKey(_recipe, fresh) {
      const found = readKey(file)
      if (found !== undefined) return found
      if (!fresh) throw keyMissing(file)
      return makeKey(file)
    },
  }
}

function derive(passphrase: string, salt: Uint8Array, cost: number): Promise<Buffer> {
  const options = { N: 2 ** cost, r: 8, p: 1, maxmem: 2 ** cost * 1_024 + 1_048_576 }
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

function readKey(file: string): Buffer | undefined {
  let text: string
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
      throw badKeyFile(file, 'can be read by other users', `Run: chmod 600 ${file}`)
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    if ((error as { code?: string }).code?.startsWith('SECRETS_')) throw error
    throw ioFailed(file, error)
  }
  if (!/^[0-9a-f]{64}$/.test(text)) throw badKeyFile(file, 'does not hold a key', 'Restore it from a backup.')
  return Buffer.from(text, 'hex')
}

function makeKey(file: string): Buffer {
  const key = randomBytes(KEY_BYTES)
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, `${key.toString('hex')}\n`, { flag: 'wx', mode: 0o600, flush: true })
    chmodSync(file, 0o600)
  } catch (error) {
    // Another process may have made it in between: then its key is the key.
    const made = (error as { code?: string }).code === 'EEXIST' ? readKey(file) : undefined
    if (made === undefined) throw ioFailed(file, error)
    return made
  }
  return key
}
