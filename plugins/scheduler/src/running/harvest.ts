// plugins/scheduler/src/running/harvest.ts: ends of runs, gathered while the disk is busy and recorded together.
//   H1  Who reports an end hears that it is recorded after the transaction that holds it; if that fails, hears why.
//   H2  Ends that went well and are followed by nothing share one transaction; every other is settled by itself (endings.ts).
//   H3  Whether an end counts is decided by the row on disk, not by what is known here (D2): told twice, it counts once.
import type { Keeper } from '../ledger/keeper.ts'
import { periodOf } from '../money/usage.ts'
import type { Notices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { Result } from '../store/outlook.ts'
import type { OpenRun } from '../store/rows.ts'
import * as db from '../store/statements.ts'
import { MAX_RESULT_CHARS, type Run, type Task } from '../task.ts'
import type { Endings } from './endings.ts'
import type { Facts } from './facts.ts'
import { resultText } from './failure.ts'
import type { Worked, Working } from './working.ts'

/** The ends of one transaction. */
export interface Sheaf {
  readonly statements: db.Statement[]
  /** Nothing follows from its ends: what may start after them is known beforehand (H2). */
  readonly plain: boolean
  /** The transaction is on disk: tells of it, and settles what needs more. @returns Whether more has changed. */
  landed(results: readonly Result[]): Promise<boolean>
  /** Nothing of it is on disk. */
  failed(error: unknown): void
}

export interface Harvest {
  readonly size: number
  /** Resolves with whether the end counted (H1). */
  add(task: Task, run: OpenRun, completion: Worked): Promise<boolean>
  /** Takes all that has come in. */
  take(): Sheaf
}

interface Parts {
  endings: Endings
  facts: Facts
  keeper: Keeper
  notices: Notices
  working: Working
}

interface End {
  task: Task
  run: OpenRun
  completion: Worked
  resolve(recorded: boolean): void
  reject(error: unknown): void
}

type EndedRow = { seq: number; progress: string | null; usage: string | null }

export function createHarvest(
  { clock, store }: Pick<Ports, 'clock' | 'store'>,
  { timeZone }: Pick<Settings, 'timeZone'>,
  { endings, facts, keeper, notices, working }: Parts,
): Harvest {
  let waiting: End[] = []
  return {
    get size() {
      return waiting.length
    },
    add: (task, run, completion) =>
      new Promise((resolve, reject) => void waiting.push({ task, run, completion, resolve, reject })),
    take() {
      const ends = waiting
      waiting = []
      return sheafOf(ends)
    },
  }

  function sheafOf(ends: readonly End[]): Sheaf {
    const now = clock.now()
    const seen = new Set<string>()
    const [plain, others]: [End[], End[]] = [[], []]
    for (const end of ends) {
      const first = !seen.has(end.run.id)
      seen.add(end.run.id)
      if (first && isPlain(end)) plain.push(end)
      else others.push(end) // H3: what was told of the same run before counts, and this is judged after it
    }
    const pieces = ends.flatMap(({ completion }) => completion.notes?.pieces ?? [])
    const endings = plain.length === 0 ? [] : db.endWell(plain.map(successOf), periodOf(now, timeZone, 'day'), now)
    return {
      statements: [...pieces, ...deedsOf(others), ...endings],
      plain: others.length === 0,
      async landed(results) {
        if (plain.length > 0) await tell(plain, (results.at(-1)?.rows ?? []) as unknown as EndedRow[], now)
        for (const end of others) await settle(end)
        for (const { run } of ends) if (run.source !== 'schedule') keeper.note(run.taskId) // those were noted as they were claimed
        return others.length > 0
      },
      failed: (error) => {
        for (const { reject } of ends) reject(error)
      },
    }
  }

  /** H2 */
  function isPlain({ task, completion: { ok, usage } }: End): boolean {
    return ok && (usage === undefined || usage.calls === 0) && !notices.wanted('succeeded', task)
  }

  async function tell(ends: readonly End[], rows: readonly EndedRow[], now: number): Promise<void> {
    const ended = new Map(rows.map((row) => [row.seq, row]))
    const late: End[] = []
    for (const end of ends) {
      const row = ended.get(end.run.seq)
      if (row === undefined) late.push(end)
      else tellOne(end, row, now)
    }
    await note(late)
  }

  function tellOne({ task, run, resolve }: End, row: EndedRow, now: number): void {
    working.abort(run.id, 'the run is over')
    const over = { status: 'ok', finishedAt: now, deadline: undefined, error: undefined } as const
    facts.finished(task, { ...run, ...notedOf(row), ...over })
    resolve(true)
  }

  /** What was done for runs that were over before: it does not count as their end, and is not forgotten. */
  async function note(late: readonly End[]): Promise<void> {
    const notes = deedsOf(late)
    const noted = notes.length === 0 ? Promise.resolve([]) : store.commit(notes)
    const told = noted.then(
      () => late.forEach(({ resolve }) => void resolve(false)),
      (error) => late.forEach(({ reject }) => void reject(error)),
    )
    await told
  }

  async function settle({ run, completion, resolve, reject }: End): Promise<void> {
    const { notes: _notes, ...rest } = completion
    await endings.settle(run, rest).then(resolve, reject)
  }
}

function successOf({ run, completion }: End): db.Success {
  const log = completion.log?.slice(-MAX_RESULT_CHARS)
  return { run, result: resultText(completion.result), log, deed: completion.notes?.deed }
}

function deedsOf(ends: readonly End[]): db.Statement[] {
  const deeds = ends.flatMap(({ run, completion: { notes } }) => (notes ? [{ run, deed: notes.deed }] : []))
  return deeds.length === 0 ? [] : [db.noteDeeds(deeds)]
}

/** What was noted of the run while it worked. */
function notedOf({ progress, usage }: EndedRow): Pick<Run, 'progress' | 'usage'> {
  return {
    ...(progress !== null && { progress: JSON.parse(progress) as Run['progress'] }),
    ...(usage !== null && { usage: JSON.parse(usage) as Run['usage'] }),
  }
}
