// plugins/log-monitor/src/monitor-testing.ts: a disk and a store in memory for tests: files with identities, and refusals on demand.
import { createMonitor, type WatchedFile } from './monitor.ts'
import { compilePattern, DEFAULT_PATTERNS } from './patterns.ts'
import type { KeyValues, Ports, StorageOp } from './ports.ts'
import type { FileSource } from './tail.ts'

export function createMemoryFiles(chunkBytes = 65_536) {
  const files = new Map<string, { id: string; bytes: Uint8Array }>()
  let ids = 0
  const races: (() => void)[] = []
  let refusal: Error | undefined
  const source: FileSource = {
    async stat(path) {
      if (refusal) throw refusal
      const file = files.get(path)
      return file && { id: file.id, size: file.bytes.length }
    },
    async readFrom(path, offset) {
      if (refusal) throw refusal
      races.shift()?.()
      const { id, bytes } = files.get(path)!
      const rotated = offset > bytes.length
      const from = rotated ? 0 : offset
      const end = wholeCharacters(bytes, from, Math.min(bytes.length, from + chunkBytes))
      return {
        text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from, end)),
        nextOffset: end,
        rotated,
        id,
      }
    },
  }
  return {
    source,
    write: (path: string, text: string | Uint8Array) =>
      void files.set(path, { id: `inode-${++ids}`, bytes: toBytes(text) }),
    append(path: string, text: string | Uint8Array) {
      const file = files.get(path) ?? { id: `inode-${++ids}`, bytes: new Uint8Array() }
      files.set(path, { ...file, bytes: Buffer.concat([file.bytes, toBytes(text)]) })
    },
    rename(from: string, to: string) {
      files.set(to, files.get(from)!)
      files.delete(from)
    },
    copyTruncate(from: string, to: string) {
      const file = files.get(from)!
      files.set(to, { id: `inode-${++ids}`, bytes: file.bytes })
      files.set(from, { ...file, bytes: new Uint8Array() })
    },
    /** Happens just before the next read. */
    race: (happening: () => void) => void races.push(happening),
    refuse: (error: Error | undefined) => {
      refusal = error
    },
  }
}

export function createMemoryKeyValues() {
  const values = new Map<string, string>()
  let failing = 0
  const storage: KeyValues = {
    get: async <T>(key: string) => read<T>(values.get(key)),
    list: async <T>({ prefix, reverse, limit }: { prefix: string; reverse: boolean; limit: number }) => {
      const keys = [...values.keys()].filter((key) => key.startsWith(prefix)).sort()
      if (reverse) keys.reverse()
      return keys.slice(0, limit).map((key) => ({ key, value: read<T>(values.get(key)) as T }))
    },
    async batch(ops: StorageOp[]) {
      if (failing > 0 && --failing === 0) throw Object.assign(new Error('disk full'), { code: 'STORAGE_FULL' })
      for (const op of ops) op.op === 'set' ? values.set(op.key, JSON.stringify(op.value)) : values.delete(op.key)
    },
  }
  return {
    storage,
    /** The n-th batch from now fails without effect. */
    failBatch(n: number) {
      failing = n
    },
  }
}

export interface Told {
  name: string
  payload: Record<string, unknown>
}

/** One life of the monitor. */
export async function startMonitor(
  disk: ReturnType<typeof createMemoryFiles>,
  store: ReturnType<typeof createMemoryKeyValues>,
  clock: { now(): number },
  options: { files?: Partial<WatchedFile>[]; cooldownMs?: number } = {},
) {
  const told: Told[] = []
  const warnings: string[] = []
  const watched = new Set<string>()
  const ports: Ports = {
    storage: store.storage,
    source: disk.source,
    clock,
    emit: async (event, payload) => void told.push({ name: event.name, payload: payload as Told['payload'] }),
    watching: async (path) => void watched.add(path),
    unwatch: (path) => void watched.delete(path),
    warn: (message) => void warnings.push(message),
  }
  const defaults = { path: 'app.log', from: 'end' as const, patterns: DEFAULT_PATTERNS.map(compilePattern) }
  const files = (options.files ?? [{}]).map((file) => ({ ...defaults, ...file }))
  const monitor = createMonitor(ports, files, options.cooldownMs ?? 60_000)
  await monitor.start()
  return {
    ...monitor,
    told,
    warnings,
    watched,
    of: (name: string) => told.filter((each) => each.name === name).map((each) => each.payload),
  }
}

function read<T>(text: string | undefined): T | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text
}

/** The greatest end that does not cut a character of UTF-8. */
function wholeCharacters(bytes: Uint8Array, from: number, end: number): number {
  let start = end
  while (start > from && (bytes[start - 1]! & 0xc0) === 0x80) start--
  const lead = start > from ? bytes[start - 1]! : 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return start - 1 + length > end ? Math.max(from, start - 1) : end
}
