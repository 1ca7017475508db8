// packages/pryx/src/store/tarball.ts: reads a package's tarball into memory (K10). It has been proved by then to be the one that was promised.
//   B1  Regular files only: no links, devices or pipes, whatever they point to.
//   B2  What it unpacks to is bounded while it unpacks, so a small file cannot fill the memory.
//   B3  Nothing is skipped in silence: what cannot be understood is refused.
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ManifestError, PryxError } from '@pryx/kernel/contract'
import type { ReadEntry } from 'tar'
import { createFileBook, LIMITS, type PackageFiles, tooLarge, unsafe } from './files.ts'

const BLOCK = 512
const MAX_HEADERS = LIMITS.files * 8 * BLOCK // beside the files: headers, padding, long names
const MAX_META_BYTES = 65_536 // one extended header
const PACKED_AGAIN = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
]

/**
 * The files of a gzipped tarball, without its first folder (`package/`).
 *
 * @param label Names it in errors.
 * @throws PACKAGE_DAMAGED, PACKAGE_UNSAFE, PACKAGE_TOO_LARGE
 */
export async function readTarball(packed: Uint8Array, label: string): Promise<PackageFiles> {
  if (packed.length > LIMITS.packed) throw tooLarge(label, `it has more than ${LIMITS.packed} bytes`)
  const archive = await unzip(packed, label)
  if (PACKED_AGAIN.some((magic) => magic.every((byte, i) => archive[i] === byte)))
    throw damaged(label, 'it is packed twice')
  const { Parser } = await import('tar')
  const book = createFileBook(label)
  let problem: unknown
  const fail = (error: unknown) => {
    problem ??= error
  }
  const taken: Promise<void>[] = []
  const parser = new Parser({
    strict: true, // B3
    brotli: false,
    zstd: false,
    maxMetaEntrySize: MAX_META_BYTES,
    onReadEntry(entry) {
      if (problem !== undefined || taken.length > LIMITS.files * 2) {
        fail(tooLarge(label, `it has more than ${LIMITS.files} files`))
        return void entry.resume()
      }
      taken.push(takeEntry(entry, label, book.add).catch(fail))
    },
  })
  let ended = false
  parser.on('eof', () => {
    ended = true
  })
  parser.on('error', (cause: Error) => fail(damaged(label, cause.message)))
  parser.on('ignoredEntry', (entry: ReadEntry) =>
    fail(unsafe(label, entry.path, `is of a kind (${entry.type}) that is not taken`)),
  )
  await feed(parser, archive, () => problem !== undefined)
  if (problem === undefined) await Promise.all(taken)
  if (problem !== undefined) throw PryxError.is(problem) ? problem : damaged(label, String(problem))
  if (!ended) throw damaged(label, 'its end is missing')
  if (book.files.size === 0) throw damaged(label, 'it has no files')
  return book.files
}

async function unzip(packed: Uint8Array, label: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: LIMITS.unpacked + MAX_HEADERS }) // B2
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(label, `it unpacks to more than ${LIMITS.unpacked} bytes`)
    throw damaged(label, (cause as Error).message)
  }
}

interface TarReader {
  write(chunk: Buffer): boolean
  end(): unknown
  on(event: 'end' | 'error', listener: () => void): unknown
}

/** In pieces, so that a refused archive is not read to its end. */
async function feed(parser: TarReader, archive: Uint8Array, refused: () => boolean): Promise<void> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  const done = new Promise<void>((resolve) => {
    parser.on('end', resolve)
    parser.on('error', resolve)
  })
  for (let at = 0; at < bytes.length; at += FEED_BYTES) {
    if (refused()) return
    parser.write(bytes.subarray(at, at + FEED_BYTES))
    await Promise.resolve() // entries end in between
  }
  if (refused()) return
  parser.end()
  await done
}

const FEED_BYTES = 262_144

async function takeEntry(
  entry: ReadEntry,
  label: string,
  add: (path: string, content: Uint8Array) => void,
): Promise<void> {
  const path = String(entry.path)
  if (entry.type === 'Directory' || entry.type === 'GNUDumpDir') {
    entry.resume()
    const folder = path.replace(/\/+$/, '')
    if (folder.startsWith('/') || folder.split('/').includes('..'))
      throw unsafe(label, path, 'leads out of the package')
    return
  }
  if (entry.type !== 'File' && entry.type !== 'OldFile') {
    entry.resume()
    throw unsafe(label, path, KINDS[entry.type] ?? `is of a kind (${entry.type}) that is not taken`) // B1
  }
  if (path.startsWith('/')) {
    entry.resume()
    throw unsafe(label, path, 'is absolute')
  }
  if (entry.size > LIMITS.unpacked) {
    entry.resume()
    throw tooLarge(label, `"${path.slice(0, 80)}" has ${entry.size} bytes`)
  }
  const content = await entry.concat()
  add(withoutFirst(path, label), content as Buffer)
}

const KINDS: Record<string, string> = {
  SymbolicLink: 'is a symbolic link',
  Link: 'is a hard link',
  CharacterDevice: 'is a device',
  BlockDevice: 'is a device',
  FIFO: 'is a pipe',
}

function withoutFirst(path: string, label: string): string {
  const slash = path.indexOf('/')
  if (slash <= 0 || path.slice(0, slash) === '..') throw unsafe(label, path, 'lies outside the folder of the package')
  return path.slice(slash + 1)
}

function damaged(label: string, problem: string): ManifestError {
  return new ManifestError('PACKAGE_DAMAGED', `${label} is not a whole package: ${problem}`, {
    found: problem,
    expected: 'a gzipped tarball as `npm pack` makes it',
    hint: 'Fetch it again; if it stays so, tell its author.',
  })
}
