// plugins/router/src/decisions.ts: the last decisions, with all they were made of, so that each can be explained and made again (R4).
import { UsageError } from '@pryx/sdk'
import type { Situation } from './choice/situation.ts'
import type { Decision } from './decision.ts'
import type { Sql } from './ports.ts'
import type { ChooseRequest, Strategy } from './request.ts'

const KEPT = 500
const TIDY_EVERY = 50

interface Inputs {
  request: ChooseRequest
  situation: Situation
  catalogue: string
  strategy: Strategy
}

export interface Decisions {
  keep(decision: Decision, situation: Situation): Promise<void>
  /** The newest without an id. @throws MODELS_UNKNOWN */
  get(id?: string): Promise<Decision>
  inputs(id: string): Promise<Inputs>
}

export function createDecisions(sql: Sql): Decisions {
  let kept = 0
  return {
    async keep(decision, situation) {
      await sql.run(
        'INSERT OR REPLACE INTO decisions (id, at, inputs) VALUES (?, ?, ?)',
        decision.id,
        decision.at,
        JSON.stringify({ decision, situation }),
      )
      if (kept++ % TIDY_EVERY === 0)
        await sql.run(
          `DELETE FROM decisions WHERE rowid NOT IN (SELECT rowid FROM decisions ORDER BY rowid DESC LIMIT ${KEPT})`,
        )
    },
    get: async (id) => (await find(id)).decision,
    async inputs(id) {
      const { decision, situation } = await find(id)
      return { request: decision.request, situation, catalogue: decision.catalogue, strategy: decision.strategy }
    },
  }

  async function find(id: string | undefined): Promise<{ decision: Decision; situation: Situation }> {
    const [row] =
      id === undefined
        ? await sql.all<{ inputs: string }>('SELECT inputs FROM decisions ORDER BY rowid DESC LIMIT 1')
        : await sql.all<{ inputs: string }>('SELECT inputs FROM decisions WHERE id = ?', id)
    if (row) return JSON.parse(row.inputs) as { decision: Decision; situation: Situation }
    throw new UsageError(
      'MODELS_UNKNOWN',
      id === undefined ? 'no decision was made yet' : `there is no decision "${id}"`,
      { hint: `The last ${KEPT} are kept.` },
    )
  }
}
