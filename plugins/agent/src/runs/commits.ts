// plugins/agent/src/runs/commits.ts: writes that come while one is on its way to the disk share the next commit, so that many cost few fsyncs.
//   C1  A write is answered once it is on disk (fsync), with its own result.
//   C2  Writes reach the disk in the order in which they were asked for.
//   C3  A commit that fails fails those that shared it, and no other.
import type { Sql } from '../ports.ts'

const MAX_WRITES = 64 // of one commit

type Statement = Parameters<Sql['batch']>[0][number]
type Result = Awaited<ReturnType<Sql['batch']>>[number]

interface Waiting {
  statement: Statement
  done: PromiseWithResolvers<Result>
}

export function createCommits(sql: Pick<Sql, 'batch'>): (statement: Statement) => Promise<Result> {
  const waiting: Waiting[] = []
  let busy = false
  return (statement) => {
    const done = Promise.withResolvers<Result>()
    waiting.push({ statement, done })
    if (!busy) void work()
    return done.promise
  }

  async function work(): Promise<void> {
    busy = true
    while (waiting.length > 0) await commit(waiting.splice(0, MAX_WRITES)) // C2
    busy = false
  }

  async function commit(all: readonly Waiting[]): Promise<void> {
    try {
      const results = await sql.batch(
        all.map(({ statement }) => statement),
        { durable: true },
      )
      for (const [i, { done }] of all.entries()) done.resolve(results[i] as Result) // C1
    } catch (error) {
      for (const { done } of all) done.reject(error) // C3
    }
  }
}
