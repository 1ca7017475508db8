// packages/capabilities/src/storage/engine.ts: keeps databases open and runs jobs on them, one after the other.
import { type Database, keepAside, openDatabase } from './database.ts'
import { type Job, type JobResult, type Request, StorageFailure } from './job.ts'
import { createKv, type Kv } from './kv.ts'
import { createSql, type Sql } from './sql.ts'

const MAX_OPEN = 32 // databases; the longest unused is closed first

interface Store {
  database: Database
  kv: Kv
  sql: Sql
}

export interface Engine {
  run(job: Job): JobResult
  /** What can wait for a quiet moment. */
  settle(): void
  close(): void
}

export function createEngine(): Engine {
  const open = new Map<string, Store>() // in order of use
  return {
    run(job) {
      try {
        return { value: perform(job) }
      } catch (error) {
        if (error instanceof StorageFailure) return { failure: error.json }
        return { failure: { code: 'STORAGE_IO', message: `storage failed: ${(error as Error).message}` } }
      }
    },
    settle() {
      for (const [file, { database }] of open) {
        try {
          database.settle()
        } catch {
          shut(file) // whoever comes next opens it anew and is told what is wrong
        }
      }
    },
    close() {
      for (const file of [...open.keys()]) shut(file)
    },
  }

  function perform(job: Job): unknown {
    const store = storeFor(job)
    try {
      return answer(store, job.request)
    } catch (error) {
      const failure = store.database.explain(error)
      if (failure.json.code !== 'STORAGE_CORRUPT') throw failure
      shut(job.file)
      throw keepAside(job.file)
    }
  }

  function storeFor(job: Job): Store {
    let store = open.get(job.file)
    if (store === undefined) {
      const database = openDatabase(job.file, job.quotaBytes)
      store = { database, kv: createKv(database), sql: createSql(database) }
    }
    open.delete(job.file)
    open.set(job.file, store)
    const oldest = open.keys().next().value as string
    if (open.size > MAX_OPEN && !oldest.startsWith(':memory:')) shut(oldest)
    return store
  }

  function shut(file: string): void {
    const store = open.get(file)
    open.delete(file)
    try {
      store?.database.close()
    } catch {
      // A damaged database may refuse even this; its file handle goes with the process.
    }
  }
}

function answer({ kv, sql }: Store, request: Request): unknown {
  switch (request.method) {
    case 'get':
      return kv.get(request.key)
    case 'set':
      return kv.set(request.key, request.value, request.durable)
    case 'delete':
      return kv.delete(request.key, request.durable)
    case 'cas':
      return kv.cas(request.key, request.expected, request.value, request.durable)
    case 'list':
      return kv.list(request.options)
    case 'batch':
      return kv.batch(request.ops, request.durable)
    case 'sqlAll':
      return sql.all(request.statement)
    case 'sqlRun':
      return sql.run(request.statement, request.durable)
    case 'sqlExec':
      return sql.exec(request.script, request.durable)
    case 'sqlBatch':
      return sql.batch(request.statements, request.durable)
  }
}
