// packages/sdk/src/capabilities/fs.ts: the token and face of fs: files and folders. Each path needs `fs:read:PATTERN` or `fs:write:PATTERN`.
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

const BYTES_AT_ONCE = 262_144 // more goes as a stream, for it would not fit one message
const MAX_LIST = 100_000

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

export interface ReadOptions {
  /** Bytes to skip. Default 0. */
  offset?: number
  /** Stops after so many bytes. Default: the whole file, and an error past 16 MiB. */
  maxBytes?: number
}

export interface WriteOptions {
  /** The file is seen whole or as it was, also after a crash. False writes in place, so that others keep their hold of it. Default true. */
  atomic?: boolean
}

export interface TextPiece {
  text: string
  /** Where to go on, bytes. */
  nextOffset: number
  /** Size of the file, bytes. */
  size: number
  /** Which file it is; give it, or this whole piece, back as the options of the next call. */
  id: string
  /** The file was replaced or cut short since, and `text` begins at 0 again. */
  rotated: boolean
}

export interface FileChange {
  /** `overflow`: too much happened to tell; look for yourself. */
  kind: 'added' | 'changed' | 'removed' | 'overflow'
  /** Relative to what is watched; empty for itself. */
  path: string
}

export type FileContent = string | Uint8Array | ReadableStream<Uint8Array>

/**
 * Files and folders. Paths are absolute, relative to the workspace, or begin with `${workspace}`, `${data}`, `${package}` or `~`.
 * Links are followed and judged by where they lead; `remove` and `rename` mean the link itself. Names with `*` are not reachable.
 *
 * @throws FS_NOT_FOUND, FS_ACCESS, FS_EXISTS, FS_IS_FOLDER, FS_NOT_FOLDER, FS_NOT_EMPTY, FS_FULL, FS_NAME, FS_LINK, FS_OTHER_DISK;
 *   FS_TOO_BIG past 16 MiB in one call; FS_SPECIAL for devices, pipes, sockets, /proc, /sys, /dev; FS_PROTECTED for what is Pryx's own;
 *   FS_CHANGED if a link took the path's place in the middle.
 */
export interface Fs {
  /** UTF-8; what is not becomes U+FFFD. A byte order mark is dropped. */
  readText(path: string, options?: ReadOptions): Promise<string>
  read(path: string, options?: ReadOptions): Promise<Uint8Array>
  /** What has been added since `offset`, at most `maxBytes` (default and most 256 KiB), never half a character. For logs. */
  readFrom(path: string, offset: number, options?: { id?: string; maxBytes?: number }): Promise<TextPiece>
  stat(path: string): Promise<FileFacts>
  exists(path: string): Promise<boolean>
  /** Sorted by name, at most 100,000. */
  list(folder: string): Promise<FolderEntry[]>
  writeText(path: string, text: string, options?: WriteOptions): Promise<void>
  /** Folders above it must exist, but for `${data}`, which is made. */
  write(path: string, content: FileContent, options?: WriteOptions): Promise<void>
  append(path: string, content: FileContent): Promise<void>
  /** With those above it; one that is there is fine. */
  mkdir(folder: string): Promise<void>
  /** A file, a link or an empty folder; with `recursive` a folder and all in it, which needs `fs:write:` for the tree. */
  remove(path: string, options?: { recursive?: boolean }): Promise<void>
  /** Replaces a file that is at `to`. Needs `fs:read:` of `from` too. */
  rename(from: string, to: string): Promise<void>
  /**
   * Tells of changes, at most every 50 ms and one batch at a time. The path need not exist yet. At most 32 watches a plugin.
   *
   * @param options.ignore Names that are left out. Default `node_modules` and `.git`.
   * @returns Stops it; it ends with the instance anyway.
   */
  watch(
    path: string,
    onChanges: (changes: FileChange[]) => void | Promise<void>,
    options?: { recursive?: boolean; ignore?: string[] },
  ): Promise<() => Promise<void>>
}

export const Fs = defineService<Fs>('fs', '1.0.0', { face: fsFace })

/** Dresses the bare caller; exported for tests that hold one. */
export function fsFace(call: ServiceCaller): Fs {
  const read: Fs['read'] = async (path, options) =>
    collected((await call('read', [path, options])) as Uint8Array | ReadableStream<Uint8Array>)
  const write: Fs['write'] = async (path, content, options) =>
    void (await call('write', [path, parcelled(content), options]))
  return {
    read,
    write,
    readText: async (path, options) => new TextDecoder().decode(await read(path, options)),
    readFrom: (path, offset, { id, maxBytes } = {}) =>
      call('readFrom', [path, offset, { id, maxBytes }]) as Promise<TextPiece>,
    stat: (path) => call('stat', [path]) as Promise<FileFacts>,
    exists: (path) => call('exists', [path]) as Promise<boolean>,
    list: (folder) => listAll(call, folder),
    writeText: write,
    append: async (path, content) => void (await call('append', [path, parcelled(content)])),
    mkdir: async (folder) => void (await call('mkdir', [folder])),
    remove: async (path, options) => void (await call('remove', [path, options])),
    rename: async (from, to) => void (await call('rename', [from, to])),
    async watch(path, onChanges, options) {
      const id = await call('watch', [path, onChanges, options])
      return async () => void (await call('unwatch', [id]))
    },
  }
}

async function listAll(call: ServiceCaller, folder: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  for (;;) {
    const after = entries.at(-1)?.name
    const page = (await call('list', [folder, after === undefined ? undefined : { after }])) as {
      entries: FolderEntry[]
      more: boolean
    }
    entries.push(...page.entries)
    if (!page.more || entries.length >= MAX_LIST) return entries
  }
}

async function collected(content: Uint8Array | ReadableStream<Uint8Array>): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content
  const chunks: Uint8Array[] = []
  const reader = content.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

function parcelled(content: FileContent): FileContent {
  if (typeof content === 'string')
    return content.length * 3 <= BYTES_AT_ONCE ? content : parcelled(new TextEncoder().encode(content))
  return content instanceof Uint8Array && content.byteLength > BYTES_AT_ONCE ? piecewise(content) : content
}

function piecewise(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at + BYTES_AT_ONCE))
      at += BYTES_AT_ONCE
      if (at >= bytes.byteLength) controller.close()
    },
  })
}
