// bench/src/scheduler-claims.ts: with a million tasks, how long "what is due next" and one claim take through the capability `storage`:
//   its methods' input checks, its process, SQLite, fsync. What is added by a sandbox is in the other figures.
//   Beside them what they are made of: the statement alone in this process, the way to the storage process and back, one fsync.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createStorageCapability } from '@pryx/capabilities'
import type { Capability, CapabilityCall } from '@pryx/kernel/contract'
import * as db from '../../plugins/scheduler/src/store/statements.ts'
import type { Sql } from '../../plugins/scheduler/src/store/store.ts'
import { createStore, NEXT_WAKE } from '../../plugins/scheduler/src/store/store.ts'
import { type Figures, quantile } from './rounds.ts'
import { HOUR_MS, QUOTA_BYTES } from './scheduler-host.ts'

const TIMES = 1_000
const WARM_UP = 50

/** @param folder The scheduler's own data folder. @param first When the first of the seeded tasks is due; each millisecond one more is. */
export async function claimLatencies(folder: string, first: number): Promise<Figures> {
  const storage = createStorageCapability({ quotaBytes: QUOTA_BYTES })
  try {
    const sql = sqlOf(storage, folder)
    const store = createStore(sql)
    const looks: number[] = []
    const ways: number[] = []
    const claims: number[] = []
    for (let i = 0; i < WARM_UP + TIMES; i++) {
      const begun = performance.now()
      await store.nextWake()
      const looked = performance.now()
      await sql.all('SELECT 1')
      const back = performance.now()
      await claimOne(first + i)
      const claimed = performance.now()
      await store.commit([db.cancelRun(`claim-${first + i}`, 'for the bench', first + i)]) // what waits is not part of the question
      if (i < WARM_UP) continue
      looks.push(looked - begun)
      ways.push(back - looked)
      claims.push(claimed - back)
    }
    return {
      ...spread('nextDue', looks),
      ...spread('nextDueSql', statementAlone(join(folder, 'storage.db'))),
      ...spread('way', ways),
      ...spread('claim', claims),
      ...spread('fsync', fsyncs(folder)),
    }

    /** As the scheduler claims: reads the task that is due, writes its run, moves the task on; one of each. */
    async function claimOne(now: number): Promise<void> {
      const [due] = await store.dueTasks(now, 1)
      if (due === undefined) throw new Error('no task was due, so there was nothing to claim')
      const { task } = due
      const run = { status: 'queued' as const, since: now, occurrence: now, count: 1, exact: true }
      const statements = [
        db.addPlanned(task, run, `claim-${now}`, now, 0),
        db.moveOn(task, now + 1_000 * HOUR_MS, 'active', undefined),
      ]
      const changes = await store.commit(statements)
      if (changes.some((changed) => changed !== 1)) throw new Error('the claim was not made')
    }
  } finally {
    await storage[Symbol.asyncDispose]?.()
  }
}

function spread(name: string, times: readonly number[]): Figures {
  return { [`${name}P50Ms`]: quantile(times, 0.5), [`${name}P99Ms`]: quantile(times, 0.99) }
}

/** The question for what is due next, by a connection of this process. */
function statementAlone(file: string): number[] {
  const db = new DatabaseSync(file, { readOnly: true })
  const question = db.prepare(NEXT_WAKE)
  const times = timed(() => void question.get())
  db.close()
  return times
}

/** A page written and synced, in the same folder. */
function fsyncs(folder: string): number[] {
  const path = join(folder, 'fsync-probe')
  const file = openSync(path, 'w')
  const page = new Uint8Array(4_096)
  const times = timed(() => {
    writeSync(file, page)
    fdatasyncSync(file)
  })
  closeSync(file)
  rmSync(path)
  return times
}

function timed(work: () => void): number[] {
  return Array.from({ length: TIMES }, () => {
    const begun = performance.now()
    work()
    return performance.now() - begun
  })
}

function sqlOf(storage: Capability, data: string): Sql {
  const call = {
    plugin: 'scheduler',
    place: { data },
    trace: '',
    signal: new AbortController().signal,
    effect: () => () => {},
    check: async () => {},
  } as unknown as CapabilityCall // what the driver looks at
  const ask = async (name: string, args: unknown[]): Promise<never> => {
    const method = storage.methods[name]!
    return (await method.run(method.input.parse(args) as never, call)) as never
  }
  return {
    all: (sql, ...params) => ask('sqlAll', [sql, params]),
    exec: (script, options) => ask('sqlExec', [script, options]),
    batch: (statements, options) => ask('sqlBatch', [statements, options]),
  }
}
