// packages/pryx/src/store/store.ts: packages by content, shared by all projects of a user, never changed once they are there (K10).
//   <root>/packages/<name>/{index.json,files/…}   what is installed
//   <root>/staging/<pid>-<n>/                      what is being written; of dead processes it is swept
//   <root>/pins/<name>.<pid>                       placed and not locked yet: collection leaves it
//   <root>/roots/<hash>                            which projects there are, for collection
//   T1  A package appears whole, by one rename, after everything in it is on disk.
//   T2  Opening proves it: every byte is hashed and compared, nothing may be missing or added.
//   T3  Nothing here is executed, and no link is written or followed.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { CapabilityError } from '@pryx/kernel/contract'
import { type ContentName, type IndexEntry, indexOf, nameOf, parseIndex, sha256 } from './content.ts'
import { syncFolder, writeAllSynced, writeSynced } from './durable.ts'
import type { PackageFiles } from './files.ts'

const INDEX = 'index.json'
const FILES = 'files'

/** Written, and not in the store yet. Dispose to drop it. */
export interface Staged extends Disposable {
  readonly name: ContentName
  /** Where its files lie now. */
  readonly folder: string
  /** Moves it into the store, where it stays until it is collected; pinned until `release`. */
  place(): { folder: string; release(): void }
}

export interface Store {
  readonly root: string
  /** Writes files aside. @throws STORE_WRITE */
  stage(files: PackageFiles): Promise<Staged>
  has(name: ContentName): boolean
  /** Proves a package and answers the folder of its files. @throws STORE_MISSING, STORE_DAMAGED naming the file */
  open(name: ContentName): string
  /** Makes a project known, so that what it uses is kept. */
  register(project: string): void
  /** Removes what none of the known projects uses; answers how many packages went. `uses` reads a project's names, undefined if it is gone. */
  collect(uses: (project: string) => Iterable<ContentName> | undefined): number
}

/** Where a user's packages lie: PRYX_STORE, or the data folder of the platform. */
export function storeRoot({ PRYX_STORE, XDG_DATA_HOME, HOME }: NodeJS.ProcessEnv = process.env): string {
  return PRYX_STORE || join(XDG_DATA_HOME || join(HOME || homedir(), '.local', 'share'), 'pryx', 'store')
}

let staged = 0

/** Opens the store; makes nothing before something is staged. */
export function openStore(root: string): Store {
  const packages = join(root, 'packages')
  const staging = join(root, 'staging')
  const pins = join(root, 'pins')
  const roots = join(root, 'roots')
  const folderOf = (name: ContentName) => join(packages, name)
  return { root, stage, has, open, register, collect }

  async function stage(files: PackageFiles): Promise<Staged> {
    const { name, text } = indexOf(files)
    sweep(staging)
    const aside = join(staging, `${process.pid}-${++staged}`)
    const drop = () => rmSync(aside, { recursive: true, force: true })
    try {
      drop()
      await writePackage(aside, files, text)
    } catch (cause) {
      drop()
      throw unwritable(root, cause)
    }
    return { name, folder: join(aside, FILES), place: () => place(name, aside), [Symbol.dispose]: drop }
  }

  /** T1 */
  function place(name: ContentName, aside: string): { folder: string; release(): void } {
    const pin = join(pins, `${name}.${process.pid}`)
    try {
      mkdirSync(pins, { recursive: true, mode: 0o700 })
      mkdirSync(packages, { recursive: true, mode: 0o700 })
      writeFileSync(pin, '')
      if (existsSync(folderOf(name))) {
        try {
          open(name)
          return { folder: join(folderOf(name), FILES), release: () => rmSync(pin, { force: true }) }
        } catch {
          renameSync(folderOf(name), join(staging, `${process.pid}-damaged-${++staged}`)) // replaced by a whole one
        }
      }
      moveInto(aside, folderOf(name))
      syncFolder(packages)
    } catch (cause) {
      rmSync(pin, { force: true })
      throw unwritable(root, cause)
    }
    return { folder: join(folderOf(name), FILES), release: () => rmSync(pin, { force: true }) }
  }

  function has(name: ContentName): boolean {
    return existsSync(join(folderOf(name), INDEX))
  }

  /** T2 */
  function open(name: ContentName): string {
    const folder = folderOf(name)
    if (!has(name)) throw missing(name)
    const file = join(folder, INDEX)
    const text = readFileSync(file, 'utf8')
    if (nameOf(text) !== name) throw damaged(file, 'it was changed')
    const files = join(folder, FILES)
    const present = new Set(list(files))
    for (const entry of parseIndex(text)) {
      prove(files, entry)
      present.delete(entry.path)
    }
    for (const path of present) throw damaged(join(files, path), 'it does not belong to the package')
    return files
  }

  function register(project: string): void {
    mkdirSync(roots, { recursive: true, mode: 0o700 })
    const file = join(roots, sha256(project).slice(0, 32))
    if (!existsSync(file)) writeSynced(file, project)
  }

  function collect(uses: (project: string) => Iterable<ContentName> | undefined): number {
    const kept = new Set<ContentName>()
    for (const file of entries(roots)) {
      const used = uses(readFileSync(join(roots, file), 'utf8'))
      if (used === undefined) rmSync(join(roots, file), { force: true })
      for (const name of used ?? []) kept.add(name)
    }
    sweep(pins)
    for (const pin of entries(pins)) kept.add(pin.slice(0, pin.lastIndexOf('.')))
    sweep(staging)
    const unused = entries(packages).filter((name) => !kept.has(name))
    for (const name of unused) remove(name)
    return unused.length
  }

  /** By a rename first: what is half removed must not look like a package. */
  function remove(name: ContentName): void {
    const aside = join(staging, `${process.pid}-removed-${++staged}`)
    mkdirSync(staging, { recursive: true, mode: 0o700 })
    renameSync(folderOf(name), aside)
    rmSync(aside, { recursive: true, force: true })
  }
}

/** Another process may have put the same content there meanwhile: then that is as good. */
function moveInto(aside: string, folder: string): void {
  try {
    renameSync(aside, folder)
  } catch (error) {
    if (!existsSync(join(folder, INDEX))) throw error
  }
}

async function writePackage(aside: string, files: PackageFiles, index: string): Promise<void> {
  const root = join(aside, FILES)
  const folders = new Set([aside, root])
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const content = new Map<string, string | Uint8Array>([[join(aside, INDEX), index]])
  for (const [path, bytes] of files) {
    const file = join(root, ...path.split('/'))
    if (!folders.has(dirname(file))) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      folders.add(dirname(file))
    }
    content.set(file, bytes)
  }
  await writeAllSynced(content, 0o444)
  for (const folder of folders) syncFolder(folder)
}

function prove(files: string, { path, bytes, sha256: expected }: IndexEntry): void {
  const file = join(files, ...path.split('/'))
  const stat = lstatSync(file, { throwIfNoEntry: false })
  if (stat === undefined) throw damaged(file, 'it is missing')
  if (!stat.isFile()) throw damaged(file, 'it is not a file any more')
  if (stat.size !== bytes) throw damaged(file, `it has ${stat.size} bytes instead of ${bytes}`)
  if (sha256(readFileSync(file)) !== expected) throw damaged(file, 'its content was changed')
}

function list(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
}

/** Removes what processes that have ended left; names end or begin with the process's id. */
function sweep(folder: string): void {
  for (const name of entries(folder)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? /\.(\d+)$/.exec(name)?.[1])
    if (pid === process.pid || isThere(pid)) continue
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function isThere(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

function missing(name: ContentName): CapabilityError {
  return new CapabilityError('STORE_MISSING', `the package ${name.slice(0, 19)}… is not in the store`, {
    file: name,
    hint: 'Run `pryx add` without a name: it fetches what the lock file names.',
  })
}

function damaged(file: string, what: string): CapabilityError {
  return new CapabilityError('STORE_DAMAGED', `${file}: ${what}`, {
    file,
    found: what,
    hint: 'It is not loaded. Run `pryx add` without a name: it fetches the package again.',
  })
}

function unwritable(root: string, cause: unknown): CapabilityError {
  return new CapabilityError('STORE_WRITE', `the store ${root} cannot be written: ${(cause as Error).message}`, {
    file: root,
    cause,
    hint: 'Make room and make it writable for you, or name another with PRYX_STORE.',
  })
}
