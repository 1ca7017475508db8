// packages/kernel/src/node/audit-file.ts: the audit log as files of JSON lines, `audit-000001.jsonl` and on, and `audit.head` (K8).
//   J1  Lines are only ever appended, flushed to disk before the head names them. The chain runs on across files.
//   J2  A last line cut short by a crash was never acknowledged: it is taken off, and that is noted in the chain.
//   J3  A log shorter than its head says has lost entries: noted in the chain, which then has a gap for ever.
import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditSink, SinkState } from '../audit/audit.ts'
import { type AuditLine, GENESIS, type Head } from '../audit/chain.ts'

const ROTATE_BYTES = 16 * 1_024 * 1_024
const TAIL_LINES = 1_000
const HEAD = 'audit.head'

export interface AuditFilesOptions {
  /** Size from which the next batch goes into a new file. */
  rotateBytes?: number
}

/** SHA-256 of UTF-8, in hex. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}

/** Audit files in `folder`, readable by their owner alone. */
export function createAuditFiles(folder: string, { rotateBytes = ROTATE_BYTES }: AuditFilesOptions = {}): AuditSink {
  let file: FileHandle | undefined
  let number = 0
  let size = 0
  return {
    async open() {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      number = (await auditFiles(folder)).length === 0 ? 1 : numberOf((await auditFiles(folder)).at(-1)!)
      file = await openFile()
      const cut = await healTail()
      return stateOf(await lastLines(folder), await readHead(folder), cut)
    },
    async append(lines, head) {
      if (size >= rotateBytes) await rotate()
      await writeAll(Buffer.from(`${lines.join('\n')}\n`), head)
    },
    read: () => readLines(folder),
    head: () => readHead(folder),
    async close() {
      await file?.close()
      file = undefined
    },
  }

  async function openFile(): Promise<FileHandle> {
    const handle = await open(join(folder, nameOf(number)), 'a+', 0o600)
    size = (await handle.stat()).size
    return handle
  }

  async function rotate(): Promise<void> {
    await file?.close()
    number++
    file = await openFile()
  }

  async function writeAll(bytes: Buffer, head: Head): Promise<void> {
    if (file === undefined) throw new Error('the audit log is closed')
    try {
      await file.appendFile(bytes)
      await file.datasync()
      await writeHead(folder, head) // J1
      size += bytes.length
    } catch (cause) {
      await file.truncate(size).catch(() => {}) // all or none: a full disk may have taken half of it
      throw cause
    }
  }

  /** Takes a partial last line off (J2). Answers its length in bytes. */
  async function healTail(): Promise<number> {
    const bytes = await readFile(join(folder, nameOf(number)))
    const end = bytes.lastIndexOf(0x0a) + 1
    if (end === bytes.length) return 0
    await file?.truncate(end)
    size = end
    return bytes.length - end
  }

  function stateOf(tail: string[], head: Head | undefined, cut: number): SinkState {
    const last = tail.length === 0 ? GENESIS : headOn(tail.at(-1)!)
    const notes: { act: string; detail: unknown }[] = []
    if (cut > 0) notes.push({ act: 'audit.healed', detail: { file: nameOf(number), bytes: cut } })
    if (head === undefined && tail.length > 0) notes.push({ act: 'audit.headless', detail: { file: nameOf(number) } })
    if (last === undefined) notes.push({ act: 'audit.damaged', detail: { file: nameOf(number), line: 'last' } })
    if (head !== undefined && head.seq > (last?.seq ?? 0)) {
      notes.push({ act: 'audit.lost', detail: { file: nameOf(number), after: last?.seq ?? 0, upTo: head.seq } }) // J3
      return { head, tail, notes }
    }
    return { head: last ?? head ?? GENESIS, tail, notes }
  }
}

/** What is stored, for `pryx audit verify` without a running kernel: pass both to `verifyChain`. */
export async function readAuditFiles(
  folder: string,
): Promise<{ lines: AsyncIterable<AuditLine>; head: Head | undefined }> {
  return { lines: readLines(folder), head: await readHead(folder) }
}

async function* readLines(folder: string): AsyncIterable<AuditLine> {
  for (const file of await auditFiles(folder)) yield* linesOf(join(folder, file), file)
}

/** Lines of one file. Bytes that are not UTF-8, or a last line without its end, are a line of their own: none can be an entry. */
async function* linesOf(path: string, file: string): AsyncIterable<AuditLine> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 0
  for await (const chunk of createReadStream(path)) {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    let start = 0
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
      yield { text: decoded(rest.subarray(start, end)), file, line: ++line }
      start = end + 1
    }
    rest = rest.subarray(start)
  }
  if (rest.length > 0) yield { text: `${decoded(rest)} (cut short)`, file, line: line + 1 }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return 'bytes that are not UTF-8'
  }
}

async function lastLines(folder: string): Promise<string[]> {
  for (const file of (await auditFiles(folder)).reverse()) {
    const text = await readFile(join(folder, file), 'utf8')
    if (text !== '') return text.slice(0, -1).split('\n').slice(-TAIL_LINES)
  }
  return []
}

function headOn(line: string): Head | undefined {
  try {
    return asHead(JSON.parse(line))
  } catch {
    return undefined
  }
}

async function readHead(folder: string): Promise<Head | undefined> {
  try {
    return headOn(await readFile(join(folder, HEAD), 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

async function writeHead(folder: string, { seq, hash }: Head): Promise<void> {
  const beside = join(folder, `${HEAD}.tmp`)
  await writeFile(beside, `${JSON.stringify({ seq, hash })}\n`, { mode: 0o600 })
  await rename(beside, join(folder, HEAD))
}

function asHead(json: unknown): Head | undefined {
  const { seq, hash } = (json ?? {}) as Partial<Head>
  return Number.isSafeInteger(seq) && typeof hash === 'string' ? { seq: seq as number, hash } : undefined
}

async function auditFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  return names.filter((name) => /^audit-\d{6,}\.jsonl$/.test(name)).sort((a, b) => numberOf(a) - numberOf(b))
}

function nameOf(number: number): string {
  return `audit-${String(number).padStart(6, '0')}.jsonl`
}

function numberOf(name: string): number {
  return Number(/\d+/.exec(name)?.[0])
}
