// packages/capabilities/src/storage/job.ts: what passes between the host and the storage process. Plain data only; this file imports nothing,
// so that the process that runs plugins' SQL starts fast and holds little.

/** A value as it lies on disk: JSON text as contract/codec.ts writes it, and the byte buffers that stand beside it. */
export interface Stored {
  text: string
  buffers: Uint8Array[]
}

/** A cell of a row. Integers beyond 2^53 are bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array

export interface Statement {
  sql: string
  /** By position, or by name without its `:`, `@` or `$`. */
  params?: SqlValue[] | Record<string, SqlValue> | undefined
  /** In a batch: answer the rows it reads or returns, instead of counts alone. */
  rows?: boolean | undefined
}

export interface StoredOp {
  op: 'set' | 'delete' | 'check'
  key: string
  value?: Stored | undefined
  /** For `check`: the version the key must have; undefined means it must not exist. */
  version?: number | undefined
}

export interface ListOptions {
  prefix?: string | undefined
  /** First key, included. */
  start?: string | undefined
  /** Where to stop, itself left out. */
  end?: string | undefined
  limit?: number | undefined
  reverse?: boolean | undefined
}

export interface StoredEntry {
  key: string
  value: Stored
  version: number
}

export type Request =
  | { method: 'get'; key: string }
  | { method: 'set'; key: string; value: Stored; durable: boolean }
  | { method: 'delete'; key: string; durable: boolean }
  | { method: 'cas'; key: string; expected: number | undefined; value: Stored; durable: boolean }
  | { method: 'list'; options: ListOptions }
  | { method: 'batch'; ops: StoredOp[]; durable: boolean }
  | { method: 'sqlAll'; statement: Statement }
  | { method: 'sqlRun'; statement: Statement; durable: boolean }
  | { method: 'sqlExec'; script: string; durable: boolean }
  | { method: 'sqlBatch'; statements: Statement[]; durable: boolean }

/** One call of one plugin. */
export interface Job {
  /** Absolute path of its database, or `:memory:NAME` for one that is forgotten. */
  file: string
  quotaBytes: number
  request: Request
}

export interface FailureJson {
  code: string
  message: string
  hint?: string | undefined
  details?: Record<string, string | number> | undefined
}

export type JobResult = { value: unknown } | { failure: FailureJson }

/** What went wrong inside the storage process; becomes a CapabilityError outside. */
export class StorageFailure extends Error {
  readonly json: FailureJson

  constructor(code: string, message: string, rest: { hint?: string; details?: Record<string, string | number> } = {}) {
    super(message)
    this.json = { code, message, ...rest }
  }
}

/** True for SQL, which may run away; the rest is bounded by its own limits. */
export function mayRunAway(job: Job): boolean {
  return job.request.method.startsWith('sql')
}
