// packages/capabilities/src/secrets/vault.ts: secrets at rest (N4 D2). Each value is sealed under a data key, the data key under the master key.
//   A1  A sealed value is bound to its owner and name (AAD): moved to another place in the file, it does not open.
//   A2  Whatever does not open or parse is refused and left on disk as it is; nothing is ever written over it.
//   A3  Keys and plaintext buffers are zeroed when done with. (Strings cannot be: they live until collected.)
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { UsageError } from '@pryx/kernel/contract'
import { tampered, wrongKey } from './errors.ts'
import { isSecretName } from './grammar.ts'
import { KEY_BYTES, type KeyRecipe, type KeySource } from './key.ts'
import { locked, readVault, type Sealed, type Vault, writeVault } from './vault-file.ts'

/** Owner of what the user sets for all plugins that may read the name. No plugin can be called so. */
export const SHARED = '@shared'
const MAX_VALUE_BYTES = 65_536
const MAX_NAMES = 256 // of one owner

/** The vault of one host. Owners are plugin ids or `SHARED`. @throws SECRETS_WRONG_KEY, SECRETS_CORRUPT, SECRETS_TAMPERED, SECRETS_IO. */
export interface Secrets extends AsyncDisposable {
  get(owner: string, name: string): Promise<string | undefined>
  /** @param value At most 64 KiB of UTF-8. On disk when it resolves. */
  set(owner: string, name: string, value: string): Promise<void>
  /** @returns Whether it was there. */
  delete(owner: string, name: string): Promise<boolean>
  has(owner: string, name: string): Promise<boolean>
  /** Names only, sorted. */
  list(owner: string): Promise<string[]>
  owners(): Promise<string[]>
  /** Wraps the data key under another master key; the values stay as they are. */
  rekey(next: KeySource): Promise<void>
  /** Moves the vault away, to begin anew. @returns Where it lies now, undefined if there was none. */
  setAside(): Promise<string | undefined>
}

/** Opens `file` with `key`; both are touched at first use only, so a host without secrets needs neither. */
export function openSecrets({ file, key }: { file: string; key: KeySource }): Secrets {
  let source = key
  let opened: { wrapped: string; dataKey: Buffer } | undefined
  let turn: Promise<unknown> = Promise.resolve()
  return {
    get: (owner, name) => inTurn(async () => readValue(await readVault(file), owner, name)),
    set: (owner, name, value) => change((vault, dataKey) => putValue(vault, dataKey, { owner, name, value })),
    async delete(owner, name) {
      if (!(await this.has(owner, name))) return false
      return change((vault) => removeValue(vault, owner, name))
    },
    has: async (owner, name) => Object.hasOwn(namesOf(await readVault(file), owner), name),
    list: async (owner) => Object.keys(namesOf(await readVault(file), owner)).sort(),
    owners: async () => Object.keys((await readVault(file))?.values ?? {}).sort(),
    rekey: (next) =>
      change(async (vault, dataKey) => {
        vault.key = await wrapKey(next, dataKey, true)
        source = next
      }),
    setAside: () => inTurn(() => locked(file, () => moveAway(file))),
    async [Symbol.asyncDispose]() {
      await turn.catch(() => {})
      forget()
    },
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = turn.then(work, work)
    turn = next.catch(() => {})
    return next
  }

  /** Reads, changes and writes the vault, alone among processes. */
  function change<T>(apply: (vault: Vault, dataKey: Buffer) => T | Promise<T>): Promise<T> {
    return inTurn(() =>
      locked(file, async () => {
        const vault = (await readVault(file)) ?? (await newVault(source))
        const result = await apply(vault, await dataKeyOf(vault)) // A2: throws before anything is written
        await writeVault(file, vault)
        return result
      }),
    )
  }

  async function readValue(vault: Vault | undefined, owner: string, name: string): Promise<string | undefined> {
    const values = namesOf(vault, owner)
    if (vault === undefined || !Object.hasOwn(values, name)) return undefined
    const plain = unseal(await dataKeyOf(vault), values[name] as Sealed, bindingOf(owner, name))
    if (plain === undefined) throw tampered(file, name)
    const text = plain.toString('utf8')
    plain.fill(0) // A3
    return text
  }

  async function dataKeyOf(vault: Vault): Promise<Buffer> {
    const wrapped = JSON.stringify(vault.key)
    if (opened?.wrapped === wrapped) return opened.dataKey
    forget()
    if (vault.key.kind !== source.kind) throw wrongKey(file)
    const master = await source.masterKey(recipeOf(vault), false)
    const dataKey = unseal(master, vault.key.wrapped, 'pryx data key')
    master.fill(0)
    if (dataKey === undefined) throw wrongKey(file)
    opened = { wrapped, dataKey }
    return dataKey
  }

  function forget(): void {
    opened?.dataKey.fill(0) // A3
    opened = undefined
  }
}

async function newVault(source: KeySource): Promise<Vault> {
  const dataKey = randomBytes(KEY_BYTES)
  const key = await wrapKey(source, dataKey, true)
  dataKey.fill(0)
  return { format: 'pryx-secrets-1', key, values: {} }
}

async function wrapKey(source: KeySource, dataKey: Buffer, fresh: boolean): Promise<Vault['key']> {
  const recipe: KeyRecipe = { kind: source.kind, salt: randomBytes(16), cost: source.cost }
  const master = await source.masterKey(recipe, fresh)
  const wrapped = seal(master, dataKey, 'pryx data key')
  master.fill(0)
  return { ...recipe, salt: Buffer.from(recipe.salt).toString('base64'), wrapped }
}

function recipeOf({ key }: Vault): KeyRecipe {
  return { kind: key.kind, salt: Buffer.from(key.salt, 'base64'), cost: key.cost }
}

function putValue(
  vault: Vault,
  dataKey: Buffer,
  { owner, name, value }: { owner: string; name: string; value: string },
): void {
  checkName(name)
  const plain = Buffer.from(value, 'utf8')
  const values = { ...namesOf(vault, owner) }
  if (plain.byteLength > MAX_VALUE_BYTES) throw tooBig('a secret', plain.byteLength, MAX_VALUE_BYTES)
  if (!Object.hasOwn(values, name) && Object.keys(values).length >= MAX_NAMES)
    throw tooBig('the number of secrets', MAX_NAMES + 1, MAX_NAMES)
  values[name] = seal(dataKey, plain, bindingOf(owner, name))
  plain.fill(0) // A3
  vault.values[owner] = values
}

function removeValue(vault: Vault, owner: string, name: string): boolean {
  const { [name]: removed, ...rest } = namesOf(vault, owner)
  vault.values[owner] = rest
  if (Object.keys(rest).length === 0) delete vault.values[owner]
  return removed !== undefined
}

function namesOf(vault: Vault | undefined, owner: string): Record<string, Sealed> {
  return vault !== undefined && Object.hasOwn(vault.values, owner)
    ? (vault.values[owner] as Record<string, Sealed>)
    : {}
}

async function moveAway(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined
  let n = 1
  while (existsSync(`${file}.aside-${n}`)) n++
  await rename(file, `${file}.aside-${n}`)
  return `${file}.aside-${n}`
}

function seal(key: Buffer, plain: Buffer, binding: string): Sealed {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(Buffer.from(binding))
  const data = Buffer.concat([cipher.update(plain), cipher.final()])
  return { iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') }
}

/** The plaintext, or undefined if key, binding or text is not the one it was sealed with. */
function unseal(key: Buffer, { iv, tag, data }: Sealed, binding: string): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(binding)).setAuthTag(Buffer.from(tag, 'base64'))
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()])
  } catch {
    return undefined
  }
}

/** A1. JSON keeps the two apart whatever they hold. */
function bindingOf(owner: string, name: string): string {
  return JSON.stringify(['pryx secret', owner, name])
}

function checkName(name: string): void {
  if (isSecretName(name)) return
  throw new UsageError('SECRETS_NAME', `"${name.slice(0, 80)}" cannot be the name of a secret`, {
    hint: 'Use letters, digits, _ and -, joined by dots, such as telegram.token.',
  })
}

function tooBig(what: string, used: number, max: number): UsageError {
  return new UsageError('SECRETS_TOO_BIG', `${what} is ${used}; the most is ${max}`, {
    used,
    max,
    hint: 'Keep large data in storage.',
  })
}
