// packages/capabilities/src/fs/write.ts: changing files and folders. Paths are real and judged.
//   W1  An atomic write is seen whole or not at all, also after a crash: a file beside it is written, synced and renamed.
//   W2  Nothing is followed on the way: a link that appears in the middle is an error or is itself what is removed.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { changed, tooBig } from './errors.ts'
import { atEntry, inSubfolder } from './pin.ts'
import { checkRegular, lookAt, openRegular } from './read.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants
const MODE = 0o666 // less the umask

export type FileContent = string | Uint8Array | ReadableStream<Uint8Array>

export interface WriteOptions {
  path: string
  /** Most bytes. */
  cap: number
  signal: AbortSignal
}

/** Replaces the file, or makes it (W1). Keeps the mode of the one it replaces. */
export function writeAtomic(real: string, content: FileContent, options: WriteOptions): Promise<void> {
  return atEntry(real, async (entry) => {
    const before = await lstat(entry).catch(() => undefined)
    if (before !== undefined) checkRegular(before, options.path)
    const beside = join(dirname(entry), `.pryx-${randomBytes(8).toString('hex')}.tmp`)
    const file = await open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
    try {
      await using _closed = closing(file)
      if (before !== undefined) await file.chmod(before.mode & 0o777)
      await fill(file, content, options)
      await file.datasync()
    } catch (error) {
      await unlink(beside).catch(() => {})
      throw error
    }
    await rename(beside, entry).catch(async (error) => {
      await unlink(beside).catch(() => {})
      throw error
    })
  })
}

/** Writes over the file in place: its readers and watchers keep their hold of it. */
export async function writeInPlace(real: string, content: FileContent, options: WriteOptions): Promise<void> {
  const file = await openRegular(real, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, options.path, MODE)
  await using _closed = closing(file)
  await file.truncate(0) // only now is it known to be a regular file
  await fill(file, content, options)
}

export async function appendTo(real: string, content: FileContent, options: WriteOptions): Promise<void> {
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK
  const file = await openRegular(real, flags, options.path, MODE)
  await using _closed = closing(file)
  await fill(file, content, options)
}

/** Makes the folder and those above it that are missing; one that is there is fine. */
export async function makeFolder(real: string): Promise<void> {
  const found = await lookAt(real).catch((error: { code?: string }) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  if (found?.isDirectory()) return
  if (found !== undefined) throw Object.assign(new Error('not a folder'), { code: 'EEXIST' })
  if (dirname(real) !== real) await makeFolder(dirname(real))
  await atEntry(real, (entry) => mkdir(entry)).catch((error: { code?: string }) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Removes a file, a link itself, an empty folder, or with `recursive` a folder and all in it. */
export function removeEntry(real: string, recursive: boolean): Promise<void> {
  return atEntry(real, async (entry) => {
    const isFolder = (await lstat(entry)).isDirectory()
    if (!isFolder) return unlink(entry)
    return recursive ? removeTree(entry) : rmdir(entry)
  })
}

/** `isFolder`: what `from` was when it was judged; a folder takes all below it along. */
export function renameEntry(from: string, to: string, isFolder: boolean): Promise<void> {
  return atEntry(from, (source) =>
    atEntry(to, async (target) => {
      if ((await lstat(source)).isDirectory() !== isFolder) throw changed()
      await rename(source, target)
    }),
  )
}

async function removeTree(entry: string): Promise<void> {
  await inSubfolder(entry, async (base) => {
    for (const each of await readdir(base, { withFileTypes: true })) {
      const path = join(base, each.name)
      await (each.isDirectory() ? removeTree(path) : unlink(path)) // W2
    }
  })
  await rmdir(entry)
}

async function fill(file: FileHandle, content: FileContent, { path, cap, signal }: WriteOptions): Promise<void> {
  let written = 0
  for await (const chunk of chunksOf(content)) {
    signal.throwIfAborted()
    written += chunk.byteLength
    if (written > cap) throw tooBig(path, written, cap)
    for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten
  }
}

async function* chunksOf(content: FileContent): AsyncGenerator<Uint8Array> {
  if (typeof content === 'string') yield new TextEncoder().encode(content)
  else if (content instanceof Uint8Array) yield content
  else
    for await (const chunk of content as ReadableStream<unknown>) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a file is made of bytes')
      yield chunk
    }
}

function closing(file: FileHandle): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => file.close() }
}
