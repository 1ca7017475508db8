// plugins/scheduler/src/running/lateness.ts: raises the alarm for what should have happened and has not (S8).
//   A1  A run that has waited `lateMs` for its start is told of once; so is a task without a success for its `expectWithinMs`.
import type { Notices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { Facts } from './facts.ts'

const LOOK_EVERY_MS = 10_000
const AT_ONCE = 50

interface Late {
  id: string
  name: string
  owner: string
  spec: string
  run: string | null
  since: number
}

export function createLateness({ store }: Pick<Ports, 'store'>, { lateMs }: Settings, facts: Facts, notices: Notices) {
  let looked = Number.NEGATIVE_INFINITY
  return {
    async look(now: number): Promise<void> {
      if (Math.abs(now - looked) < LOOK_EVERY_MS) return
      looked = now
      for (const late of await waiting(now))
        await tell(late, `it is due and has not started: other runs take all the room`)
      for (const late of await silent(now)) await tell(late, 'it has not succeeded for too long')
    },
  }

  function waiting(now: number): Promise<Late[]> {
    return store.sql.all<Late>(
      `SELECT t.id, t.name, t.owner, t.spec, r.id run, r.start_at since FROM runs r JOIN tasks t ON t.id = r.task
       WHERE r.status = 'queued' AND r.start_at <= ? AND r.late_told = 0 ORDER BY r.start_at LIMIT ?`,
      ...[now - lateMs, AT_ONCE],
    )
  }

  function silent(now: number): Promise<Late[]> {
    return store.sql.all<Late>(
      `SELECT id, name, owner, spec, NULL run, COALESCE(last_ok, created_at) since FROM tasks
       WHERE state IN ('active', 'broken') AND late_told IS NULL AND instr(spec, '"expectWithinMs"') > 0
         AND COALESCE(last_ok, created_at) + json_extract(spec, '$.expectWithinMs') <= ? LIMIT ?`,
      ...[now, AT_ONCE],
    )
  }

  async function tell({ id, name, owner, spec, run, since }: Late, reason: string): Promise<void> {
    const { tags } = JSON.parse(spec) as { tags?: string[] }
    const told =
      run === null
        ? { sql: 'UPDATE tasks SET late_told = ? WHERE id = ?', params: [since, id] }
        : { sql: 'UPDATE runs SET late_told = 1 WHERE id = ?', params: [run] }
    const notice = {
      ...{
        id: `late:${run ?? `${id}:${since}`}`,
        kind: 'late' as const,
        level: 'warning' as const,
        task: { id, tags },
        run: run ?? undefined,
      },
      ...{ title: `${name} is late`, text: reason },
    }
    await store.commit([told, ...notices.raise(notice)]) // A1
    facts.late({ id, name, owner }, run ?? undefined, since, reason)
  }
}
