// packages/pryx/src/host/lock.ts: one host per data folder.
//   L1  The lock is the operating system's, on an open file: it ends with the process, however that ends, and no stale file blocks anyone.
//   L2  Who holds it is written beside it, for people; that file decides nothing.
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CapabilityError, UsageError } from '@pryx/kernel/contract'

const WAIT_MS = 300 // a command that only writes a grant is done by then
const BUSY = 5
const NOT_A_DATABASE = 26

/** Who holds a data folder. */
export interface Holder {
  pid: number
  /** Epoch ms. */
  startedAt: number
}

/**
 * Takes `data` for this process alone, until the result is disposed.
 *
 * @throws HOST_RUNNING naming the process that has it; HOST_DATA
 */
export function lockFolder(data: string): Disposable {
  const database = acquire(join(data, 'host.lock'), data)
  const note = holderFile(data)
  writeFileSync(note, `${JSON.stringify({ pid: process.pid, startedAt: Date.now() } satisfies Holder)}\n`, {
    mode: 0o600,
  })
  return {
    [Symbol.dispose]() {
      rmSync(note, { force: true })
      database.close() // L1
    },
  }
}

/** Who wrote that it holds `data`; it may be gone by now. */
export function readHolder(data: string): Holder | undefined {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(holderFile(data), 'utf8')) as Partial<Holder>
    return typeof pid === 'number' && typeof startedAt === 'number' ? { pid, startedAt } : undefined
  } catch {
    return undefined
  }
}

function holderFile(data: string): string {
  return join(data, 'host.json')
}

function acquire(file: string, data: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: WAIT_MS })
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (cause) {
    database?.close()
    const { errcode } = cause as { errcode?: number }
    if (errcode === BUSY) throw running(data)
    if (errcode !== NOT_A_DATABASE) throw unusable(file, cause)
    truncateSync(file) // the file never holds anything; whoever has the lock keeps it
    return acquire(file, data)
  }
}

function unusable(file: string, cause: unknown): CapabilityError {
  return new CapabilityError('HOST_DATA', `${file} cannot be locked: ${(cause as Error).message}`, {
    file,
    cause,
    hint: 'Make the data folder writable for this user, or name another with --data.',
  })
}

function running(data: string): UsageError {
  const pid = readHolder(data)?.pid
  const who = pid === undefined ? 'another host' : `a host (process ${pid})`
  return new UsageError('HOST_RUNNING', `${who} is running on ${data} already`, {
    file: data,
    ...(pid !== undefined && { pid }),
    hint: `Use it, stop it with Ctrl-C${pid === undefined ? '' : ` or \`kill ${pid}\``}, or give this one a data folder of its own with --data.`,
  })
}
