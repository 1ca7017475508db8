// packages/capabilities/src/secrets/vault-file.ts: secrets.json on disk: read whole, written whole.
//   F1  A write is a new file, synced, renamed over the old: after a crash there is the old vault or the new one.
//   F2  Several processes (the host, the command) take turns by a lock file; one left behind by a dead process is taken over.
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { corrupt, ioFailed } from './errors.ts'

const LOCK_STALE_MS = 10_000
const LOCK_RETRY_MS = 25
const MAX_FILE_BYTES = 16 * 1_024 * 1_024

const base64 = z.base64()
const sealed = z.strictObject({ iv: base64, tag: base64, data: base64 })
const vault = z.strictObject({
  format: z.literal('pryx-secrets-1'),
  key: z.strictObject({
    kind: z.enum(['passphrase', 'file']),
    salt: base64,
    cost: z.number().int().min(0).max(20),
    wrapped: sealed,
  }),
  /** By owner, then name. */
  values: z.record(z.string(), z.record(z.string(), sealed)),
})

/** AES-256-GCM, each part in base64. */
export type Sealed = z.infer<typeof sealed>
export type Vault = z.infer<typeof vault>

/** The vault, or undefined if there is none yet. @throws SECRETS_CORRUPT; SECRETS_IO. */
export async function readVault(file: string): Promise<Vault | undefined> {
  let text: string
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) throw corrupt(file, 'it is too long')
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code === 'ENOENT') return undefined
    throw code.startsWith('SECRETS_') ? error : ioFailed(file, error)
  }
  return parseVault(text, file)
}

export function parseVault(text: string, file: string): Vault {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw corrupt(file, 'it is not JSON') // the parser's own message would quote the file
  }
  const parsed = vault.safeParse(json)
  if (!parsed.success)
    throw corrupt(file, `${parsed.error.issues[0]?.path.join('.') || 'the file'} is not as it should be`)
  return parsed.data
}

export async function writeVault(file: string, content: Vault): Promise<void> {
  const next = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(next, 'wx', 0o600)
    await writeAndSync(handle, `${JSON.stringify(content, null, 2)}\n`)
    await rename(next, file)
    await syncFolder(dirname(file)) // F1
  } catch (error) {
    await rm(next, { force: true })
    throw ioFailed(file, error)
  }
}

/** Runs `work` while no other process writes (F2). */
export async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  await takeLock(lock, file)
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

async function takeLock(lock: string, file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw ioFailed(file, error)
  }
  for (;;) {
    try {
      return await (await open(lock, 'wx', 0o600)).close()
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw ioFailed(file, error)
    }
    const held = await stat(lock).catch(() => undefined)
    if (held !== undefined && Date.now() - held.mtimeMs > LOCK_STALE_MS) await rm(lock, { force: true })
    else await sleep(LOCK_RETRY_MS)
  }
}

async function writeAndSync(handle: FileHandle, text: string): Promise<void> {
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined) // not every platform opens folders
  await handle?.sync().catch(() => {})
  await handle?.close()
}
