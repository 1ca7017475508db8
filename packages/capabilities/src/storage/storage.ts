// packages/capabilities/src/storage/storage.ts: the capability `storage`: key-value and SQL, a SQLite file per plugin, off the host's process.
//   T1  A plugin that ran into the time limit works in a process of its own from then on, so it delays nobody twice.
//   T2  What crosses to the storage process is text and bytes; values are encoded and decoded here.
import { join } from 'node:path'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  type CapabilityMethod,
  decode,
  defineMethod,
  encode,
  type PluginId,
  UsageError,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import { createEngine } from './engine.ts'
import { coversStorage, parseStorage, storageConsent } from './grammar.ts'
import type { Job, Request, Statement, Stored, StoredEntry, StoredOp } from './job.ts'
import { createLane, failureError, type Lane } from './lane.ts'

const FILE = 'storage.db'
const DEFAULT_QUOTA_BYTES = 256 * 1_024 * 1_024
const STATEMENT_MS = 5_000
const IDLE_MS = 5_000
const MAX_KEY_BYTES = 1_024
const MAX_VALUE_BYTES = 1_048_576 // as stored
const MAX_OPS = 1_000 // of one batch
const MAX_LIST = 10_000

/** What the user should hear of, though no call is at fault. */
export interface StorageIncident {
  plugin: PluginId
  code: 'STORAGE_CORRUPT' | 'STORAGE_TIMEOUT'
  message: string
  /** The damaged file, where it was kept. */
  file?: string
}

export interface StorageOptions {
  /** Largest database, bytes; by plugin if a function. Default 256 MiB. */
  quotaBytes?: number | ((plugin: PluginId) => number)
  /** Longest statement, ms. Default 5,000. */
  statementMs?: number
  /** The storage process ends after this long without work, ms; the next call starts it again. Default 5,000. */
  idleMs?: number
  onIncident?(incident: StorageIncident): void
}

type Runner = (job: Job, signal: AbortSignal) => Promise<unknown>

/** Storage on disk, in `${data}/storage.db` of each plugin. Disposing it finishes what is queued and ends the process. */
export function createStorageCapability(options: StorageOptions = {}): Capability {
  const {
    statementMs = STATEMENT_MS,
    idleMs = IDLE_MS,
    quotaBytes = DEFAULT_QUOTA_BYTES,
    onIncident = () => {},
  } = options
  const lanes = new Map<string, Lane>([['', openLane()]]) // by file; '' is for all others
  return {
    ...describeCapability((call, request) => perform(call, request)),
    async [Symbol.asyncDispose]() {
      await Promise.all([...lanes.values()].map((lane) => lane.close()))
    },
  }

  async function perform(call: CapabilityCall, request: Request): Promise<unknown> {
    const job = { file: join(call.place.data, FILE), quotaBytes: quotaOf(call.plugin), request }
    try {
      return await (lanes.get(job.file) ?? shared()).run(job, call.signal)
    } catch (error) {
      report(call.plugin, error)
      throw error
    }
  }

  function openLane(): Lane {
    return createLane({ statementMs, idleMs, onRunaway: ({ file }) => quarantine(file) })
  }

  function quarantine(file: string): void {
    if (lanes.has(file)) return
    const own = openLane() // T1
    lanes.set(file, own)
    own.adopt(shared().release(file))
  }

  function shared(): Lane {
    return lanes.get('') as Lane
  }

  function quotaOf(plugin: PluginId): number {
    return typeof quotaBytes === 'function' ? quotaBytes(plugin) : quotaBytes
  }

  function report(plugin: PluginId, error: unknown): void {
    if (!(error instanceof CapabilityError)) return
    const { code, message, details } = error
    if (code !== 'STORAGE_CORRUPT' && code !== 'STORAGE_TIMEOUT') return
    onIncident({ plugin, code, message, ...(typeof details.file === 'string' && { file: details.file }) })
  }
}

/** The same storage, in memory and in this process: for tests. It forgets all when disposed, and has no time limit. */
export function createMemoryStorage(options: Pick<StorageOptions, 'quotaBytes'> = {}): Capability {
  const engine = createEngine()
  const { quotaBytes = DEFAULT_QUOTA_BYTES } = options
  const run: Runner = async (job) => {
    const result = engine.run(structuredClone(job))
    if ('value' in result) return result.value
    throw failureError(result.failure)
  }
  return {
    ...describeCapability(({ plugin, signal }, request) => {
      const quota = typeof quotaBytes === 'function' ? quotaBytes(plugin) : quotaBytes
      return run({ file: `:memory:${plugin}`, quotaBytes: quota, request }, signal)
    }),
    async [Symbol.asyncDispose]() {
      engine.close()
    },
  }
}

type Perform = (call: CapabilityCall, request: Request) => Promise<unknown>

function describeCapability(perform: Perform): Capability {
  return {
    name: 'storage',
    version: '1.0.0',
    summary: 'Key-value and SQL storage of its own for each plugin',
    parse: parseStorage,
    covers: coversStorage,
    consent: storageConsent,
    methods: { ...keyValueMethods(perform), ...sqlMethods(perform) },
  }
}

const key = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed(), 'a key of whole characters')
  .refine((text) => Buffer.byteLength(text) <= MAX_KEY_BYTES, `a key of at most ${MAX_KEY_BYTES} bytes`)
const bound = z
  .string()
  .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= MAX_KEY_BYTES + 1, 'the beginning of a key')
const version = z.number().int().positive()
const writeOptions = z.strictObject({ durable: z.boolean().optional() }).optional()
const listOptions = z
  .strictObject({
    prefix: bound.optional(),
    start: bound.optional(),
    end: bound.optional(),
    limit: z.number().int().min(1).max(MAX_LIST).optional(),
    reverse: z.boolean().optional(),
  })
  .optional()
const op = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('set'), key, value: z.unknown() }),
  z.strictObject({ op: z.literal('delete'), key }),
  z.strictObject({ op: z.literal('check'), key, version: version.optional() }),
])

function keyValueMethods(perform: Perform): Record<string, CapabilityMethod<never>> {
  return {
    get: defineMethod({
      input: z.tuple([key]),
      access,
      run: async ([key], call) => unstored((await perform(call, { method: 'get', key })) as StoredEntry | undefined),
    }),
    entry: defineMethod({
      input: z.tuple([key]),
      access,
      run: async ([key], call) => {
        const found = (await perform(call, { method: 'get', key })) as StoredEntry | undefined
        return found && { key, value: unstored(found), version: found.version }
      },
    }),
    set: defineMethod({
      input: z.tuple([key, z.unknown(), writeOptions]),
      access,
      run: ([key, value, options], call) =>
        perform(call, { method: 'set', key, value: stored(value), durable: durable(options) }),
      redact: ([key]) => key,
    }),
    delete: defineMethod({
      input: z.tuple([key, writeOptions]),
      access,
      run: ([key, options], call) => perform(call, { method: 'delete', key, durable: durable(options) }),
      redact: ([key]) => key,
    }),
    cas: defineMethod({
      input: z.tuple([key, version.optional(), z.unknown(), writeOptions]),
      access,
      run: ([key, expected, value, options], call) =>
        perform(call, { method: 'cas', key, expected, value: stored(value), durable: durable(options) }),
      redact: ([key]) => key,
    }),
    list: defineMethod({
      input: z.tuple([listOptions]),
      access,
      run: async ([options = {}], call) => {
        const page = (await perform(call, { method: 'list', options })) as { entries: StoredEntry[]; more: boolean }
        return { entries: page.entries.map((entry) => ({ ...entry, value: unstored(entry) })), more: page.more }
      },
    }),
    batch: defineMethod({
      input: z.tuple([z.array(op).max(MAX_OPS), writeOptions]),
      access,
      run: ([ops, options], call) =>
        perform(call, { method: 'batch', ops: ops.map(storedOp), durable: durable(options) }),
      redact: ([ops]) => ops.map(({ op, key }) => `${op} ${key}`).slice(0, 32),
    }),
  }
}

const sqlText = z.string().min(1).max(1_048_576)
const cell = z.union([
  z.null(),
  z.number(),
  z.bigint(),
  z.string(),
  z.instanceof(Uint8Array),
  z.boolean().transform(Number),
])
const params = z.union([z.array(cell).max(32_766), z.record(z.string(), cell)]).optional()
const statement = z.strictObject({ sql: sqlText, params, rows: z.boolean().optional() })

function sqlMethods(perform: Perform): Record<string, CapabilityMethod<never>> {
  return {
    sqlAll: defineMethod({
      input: z.tuple([sqlText, params]),
      access,
      run: ([sql, params], call) => perform(call, { method: 'sqlAll', statement: { sql, params } }),
      redact: ([sql]) => sql,
    }),
    sqlRun: defineMethod({
      input: z.tuple([sqlText, params, writeOptions]),
      access,
      run: ([sql, params, options], call) =>
        perform(call, { method: 'sqlRun', statement: { sql, params }, durable: durable(options) }),
      redact: ([sql]) => sql,
    }),
    sqlExec: defineMethod({
      input: z.tuple([sqlText, writeOptions]),
      access,
      run: ([script, options], call) => perform(call, { method: 'sqlExec', script, durable: durable(options) }),
      redact: ([script]) => script,
    }),
    sqlBatch: defineMethod({
      input: z.tuple([z.array(statement).max(MAX_OPS), writeOptions]),
      access,
      run: ([statements, options], call) =>
        perform(call, { method: 'sqlBatch', statements: statements as Statement[], durable: durable(options) }),
      redact: ([statements]) => statements.map(({ sql }) => sql).slice(0, 32),
    }),
  }
}

function access(): readonly string[] {
  return ['']
}

function durable(options: { durable?: boolean | undefined } | undefined): boolean {
  return options?.durable ?? false
}

function storedOp(op: {
  op: 'set' | 'delete' | 'check'
  key: string
  value?: unknown
  version?: number | undefined
}): StoredOp {
  return op.op === 'set' ? { ...op, value: stored(op.value) } : (op as StoredOp)
}

/** T2. @throws USAGE_NOT_CLONEABLE, STORAGE_VALUE_TOO_BIG. */
function stored(value: unknown): Stored {
  const parcel = { buffers: [] as Uint8Array[] }
  const text = JSON.stringify(encode(value, parcel))
  const bytes = Buffer.byteLength(text) + parcel.buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
  if (bytes <= MAX_VALUE_BYTES) return { text, buffers: parcel.buffers }
  throw new UsageError('STORAGE_VALUE_TOO_BIG', `the value takes ${bytes} bytes; the most is ${MAX_VALUE_BYTES}`, {
    hint: 'Split it over several keys, or keep it in a file.',
    used: bytes,
    max: MAX_VALUE_BYTES,
  })
}

function unstored(entry: { value: Stored } | undefined): unknown {
  return entry && decode(JSON.parse(entry.value.text), { buffers: entry.value.buffers })
}
