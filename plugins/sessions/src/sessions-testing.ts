// plugins/sessions/src/sessions-testing.ts: sessions in memory for tests: SQLite without a file, time that stands still.
import { DatabaseSync } from 'node:sqlite'
import type { Sql } from './ports.ts'
import { openSessions } from './sessions.ts'

export interface Told {
  name: string
  payload: Record<string, unknown>
}

export function createMemorySql(db = new DatabaseSync(':memory:')): Sql & { commits: number } {
  return {
    commits: 0,
    all: async (text, ...params) =>
      db
        .prepare(text)
        .all(...(params as never[]))
        .map((row) => ({ ...row })) as never,
    exec: async (script) => db.exec(script),
    async batch(statements) {
      this.commits++
      db.exec('BEGIN')
      try {
        const results = statements.map(({ sql, params = {}, rows }) => {
          const statement = db.prepare(sql)
          if (!rows) return { changes: Number(statement.run(params as never).changes) }
          const all = statement.all(params as never).map((row) => ({ ...row }))
          return { changes: all.length, rows: all }
        })
        db.exec('COMMIT')
        return results
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
  }
}

/** One life of the service on `sql`; `told` grows as it speaks. */
export async function openBench(sql = createMemorySql(), start = 1_000) {
  const told: Told[] = []
  const bench = { from: 'host', at: start }
  let ids = 0
  const sessions = await openSessions(
    {
      sql,
      now: () => ++bench.at,
      nextId: () => `id-${start}-${++ids}`,
      emit: async ({ name }, payload) => void told.push({ name, payload: payload as never }),
      caller: () => bench.from,
    },
    { agents: ['agent'] },
  )
  return Object.assign(bench, { sessions, told, sql })
}
