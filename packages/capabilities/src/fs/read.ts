// packages/capabilities/src/fs/read.ts: reading files, folders and facts about them. Paths are real and judged.
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { special, tooBig } from './errors.ts'
import { atEntry, inFolder } from './pin.ts'

/** Up to here an answer is bytes; a larger one is a stream, for it would not fit one message. */
export const BYTES_AT_ONCE = 262_144
const CHUNK = 65_536
const O_READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other'
  /** Bytes. */
  size: number
  /** Epoch ms. */
  modifiedAt: number
  /** Epoch ms. */
  createdAt: number
}

export interface FolderEntry {
  name: string
  kind: FileFacts['kind']
}

/** A piece of a growing file. */
export interface TextPiece {
  text: string
  /** Where to go on, bytes. */
  nextOffset: number
  /** Size of the file, bytes. */
  size: number
  /** Which file it is; give it back with the next call. */
  id: string
  /** The file was replaced or cut short since: reading began anew at 0. */
  rotated: boolean
}

export async function statPath(real: string): Promise<FileFacts> {
  return factsOf(await lookAt(real))
}

export function lookAt(real: string): Promise<Stats> {
  return real === '/' ? lstat('/') : atEntry(real, (entry) => lstat(entry))
}

/** Entries after `after` in the order of their names' code units, at most `limit`. */
export async function listFolder(
  real: string,
  after: string,
  limit: number,
): Promise<{ entries: FolderEntry[]; more: boolean }> {
  const found = await inFolder(real, (base) => readdir(base, { withFileTypes: true }))
  const rest = found.filter(({ name }) => name > after).sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    entries: rest.slice(0, limit).map((each) => ({ name: each.name, kind: kindOf(each) })),
    more: rest.length > limit,
  }
}

export interface ReadOptions {
  path: string
  offset: number
  /** Undefined: to the end, and an error past `cap`. */
  maxBytes: number | undefined
  cap: number
}

/** Bytes from `offset` on; a stream of them if they are many. The size is that of the moment it was opened. */
export async function readFile(real: string, options: ReadOptions): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const { path, offset, maxBytes, cap } = options
  const file = await openRegular(real, O_READ, path)
  let handedOver = false
  try {
    const left = Math.max(0, (await file.stat()).size - offset)
    const bytes = Math.min(left, maxBytes ?? left)
    if (bytes > cap) throw tooBig(path, bytes, cap)
    if (bytes <= BYTES_AT_ONCE) return await readBytes(file, offset, bytes)
    handedOver = true
    return streamOf(file, offset, bytes)
  } finally {
    if (!handedOver) await file.close()
  }
}

/** Text from a place in a file that grows. Never ends within a character; `id` tells a file that was replaced. */
export async function readFrom(
  real: string,
  from: { path: string; offset: number; id?: string | undefined; maxBytes: number },
): Promise<TextPiece> {
  const file = await openRegular(real, O_READ, from.path)
  try {
    const { size, ino, dev, birthtimeMs } = await file.stat()
    const id = `${dev}-${ino}-${Math.round(birthtimeMs)}`
    const rotated = size < from.offset || (from.id !== undefined && from.id !== id)
    const offset = rotated ? 0 : from.offset
    const bytes = await readBytes(file, offset, Math.min(size - offset, from.maxBytes))
    const whole = bytes.subarray(0, bytes.byteLength - brokenTail(bytes))
    return {
      text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole),
      nextOffset: offset + whole.byteLength,
      size,
      id,
      rotated,
    }
  } finally {
    await file.close()
  }
}

/** Opens `real` if it is a regular file. Pipes do not block it, devices are not touched. @throws FS_SPECIAL, EISDIR, ELOOP … */
export function openRegular(real: string, flags: number, path: string, mode?: number): Promise<FileHandle> {
  return atEntry(real, async (entry) => {
    const before = await lstat(entry).catch(() => undefined)
    if (before !== undefined) checkRegular(before, path)
    const file = await open(entry, flags, mode)
    try {
      checkRegular(await file.stat(), path)
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  })
}

export function checkRegular(found: Stats, path: string): void {
  if (found.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' })
  if (found.isSymbolicLink()) throw Object.assign(new Error('a link'), { code: 'ELOOP' })
  if (!found.isFile()) throw special(path)
}

async function readBytes(file: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes)
  let filled = 0
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

function streamOf(file: FileHandle, offset: number, bytes: number): ReadableStream<Uint8Array> {
  let at = offset
  const end = offset + bytes
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await readBytes(file, at, Math.min(CHUNK, end - at))
          at += chunk.byteLength
          if (chunk.byteLength > 0) controller.enqueue(chunk)
          if (at < end && chunk.byteLength > 0) return
          await file.close()
          controller.close()
        } catch (error) {
          await file.close()
          throw error
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  )
}

/** How many bytes at the end begin a character that is not whole yet. */
function brokenTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.byteLength); back++) {
    const byte = bytes[bytes.byteLength - back] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
  }
  return 0
}

function factsOf(found: Stats): FileFacts {
  return {
    kind: kindOf(found),
    size: found.isFile() ? found.size : 0,
    modifiedAt: Math.round(found.mtimeMs),
    createdAt: Math.round(found.birthtimeMs),
  }
}

function kindOf(found: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileFacts['kind'] {
  return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
}
