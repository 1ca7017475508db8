// plugins/telegram/src/chat/files.ts: files that come in lie in the workspace; files that go out come from there.
//   A name is the sender's to choose: only plain characters of it are kept, and never a path.
import { UsageError } from '@pryx/sdk'
import type { Ports } from '../ports.ts'
import type { Client } from '../wire/client.ts'
import type { SentFile } from '../wire/updates.ts'

const FOLDER = 'inbox/telegram'
const MAX_OUT_BYTES = 16 * 1_048_576
const MAX_NAME = 80

/** @returns Its path in the workspace: the same for the same message, so that it is taken once. */
export async function takeFile(
  { fs: useFs }: Pick<Ports, 'fs'>,
  client: Client,
  { chat, message, file }: { chat: number; message: number; file: SentFile },
  maxBytes: number,
): Promise<string> {
  const fs = await useFs()
  const path = `${FOLDER}/${chat}-${message}-${plainName(file.name)}`
  await fs.mkdir(FOLDER)
  await fs.write(path, await client.download(file.id, maxBytes))
  return path
}

/** @throws CHANNEL_FILE past 16 MiB. */
export async function readFile(
  { fs: useFs }: Pick<Ports, 'fs'>,
  path: string,
): Promise<{ bytes: Uint8Array; name: string }> {
  const fs = await useFs()
  const { size, kind } = await fs.stat(path)
  if (kind !== 'file' || size > MAX_OUT_BYTES)
    throw new UsageError('CHANNEL_FILE', `${path} is no file of at most 16 MiB`, { path, size })
  return { bytes: await fs.read(path), name: plainName(path.split('/').at(-1) ?? '') }
}

export function plainName(name: string): string {
  const kept = name
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}._ -]+/gu, '_')
    .replace(/^[. ]+/, '')
  return kept.length <= MAX_NAME ? kept || 'file' : `${kept.slice(0, MAX_NAME - 12)}_${kept.slice(-11)}`
}
