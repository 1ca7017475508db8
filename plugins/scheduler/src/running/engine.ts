// plugins/scheduler/src/running/engine.ts: the clockwork: sees what is due, claims it, starts runs, ends them (S1 S5 S8).
//   E1  Wall-clock time decides. One timer, to the next thing to do and at most 1 s ahead, so sleep and clock jumps are noticed.
//   E2  A claim is one transaction: the rows of the occurrences and the task's next time, or neither. No occurrence is lost or taken twice.
//   E3  A turn is bounded: MAX_PER_TURN claims, MAX_STARTS starts, MAX_COUNTED walked occurrences; what is left comes in the next turn.
//   E4  Changes happen one after the other (`alone`); nothing a task does, and no failure of the disk, ends the clockwork.
//   E5  What ran when the last life ended is resumed where its journal says how (workflows), and otherwise marked `interrupted`.
//   E6  A commit whose answer was lost may have started runs: they are looked up and taken up before anything else is started.
import { createKeeper } from '../ledger/keeper.ts'
import { createPurse } from '../money/purse.ts'
import { createNotices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { Outlook, Waiting } from '../store/outlook.ts'
import type { OpenRun } from '../store/rows.ts'
import * as db from '../store/statements.ts'
import type { Task } from '../task.ts'
import { chooseStarts } from './choose.ts'
import { createClaimer } from './claim.ts'
import { createEndings, type ProgressReport } from './endings.ts'
import { createFacts } from './facts.ts'
import { createHarvest } from './harvest.ts'
import { createJumps } from './jumps.ts'
import { createLateness } from './lateness.ts'
import { createWorking, type Work, type Worked } from './working.ts'

const LONGEST_SLEEP_MS = 1_000
const LONGEST_BLIND_MS = 30_000 // how long the clockwork trusts its own memory of when there is something to do
const MAX_PER_TURN = 100 // claims, time-outs
const MAX_STARTS = 500
const MAX_CONSIDERED = 500 // waiting runs that are weighed against one another
const JUST_STARTED_MS = 100 // what has started may end at once: until then it is not asked when there is something to do next
const MANY_ROWS = 1_000 // of one task, not kept any more: they are folded even while there is other work
const NOTHING = { any: false, more: false }
const TIMED_OUT = 'no report before the time-out'

export type Engine = ReturnType<typeof createEngine>

/**
 * @param session Names this life of the scheduler; a successor that adopts it continues the runs it has started.
 * @param work Does what the tasks say that are not the owners' to do.
 */
export function createEngine(ports: Ports, settings: Settings, session: string, work: Work) {
  const { store, clock } = ports
  const facts = createFacts(ports)
  const notices = createNotices(ports, settings)
  const purse = createPurse(ports, settings, notices)
  const working = createWorking(work, ports)
  const keeper = createKeeper(ports)
  const endings = createEndings(ports, settings, facts, working, purse, notices)
  const claimer = createClaimer(ports, settings, facts, endings, notices)
  const woken = new Set<() => void>()
  const jumps = createJumps(ports, facts, () => {
    for (const look of woken) look()
  })
  const lateness = createLateness(ports, settings, facts, notices)
  const harvest = createHarvest(ports, settings, { endings, facts, keeper, notices, working })
  let gathering = false
  let waking = false // the timer is set to look at once
  let queue: Promise<unknown> = Promise.resolve()
  let next: Promise<number> | undefined // the turn that waits for what is being changed
  let cancelTimer: () => unknown = () => {}
  let idleUntil = 0 // nothing to do before, epoch ms: the disk is left alone until then
  let ended = false
  let line: db.Line | undefined // the task whose runs alone were seen to wait
  let unsure = false // what the last commit started is not known (E6)
  return {
    facts,
    notices,
    purse,
    keeper,
    working,
    alone,
    start,
    turn,
    wake,
    complete,
    progress,
    cancel,
    cancelWithin: endings.cancel,
    announceOpen,
    /** Called after a gap: whoever looks at something every so often looks now. */
    woken,
    end,
  }

  /** Runs `work` when nothing else is changing tasks or runs (E4). */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  /** Recovers what an earlier life left (E5) and sets the clockwork going. */
  async function start(): Promise<void> {
    await alone(async () => {
      await store.prepare()
      await jumps.look(clock.now())
      const left = (await store.running()).filter((run) => run.session !== session)
      const resumed = await resumable(left)
      await endings.interrupt(left.filter((run) => !resumed.has(run.id)))
      for (const { task, run } of resumed.values()) await resume(task, run)
    })
    wake()
  }

  async function resumable(runs: readonly OpenRun[]): Promise<Map<string, { task: Task; run: OpenRun }>> {
    const found = new Map<string, { task: Task; run: OpenRun }>()
    for (const run of runs) {
      const task = await store.task(run.taskId)
      if (task?.action.kind === 'workflow') found.set(run.id, { task, run: (await store.run(run.id)) ?? run })
    }
    return found
  }

  async function resume(task: Task, run: OpenRun): Promise<void> {
    const sql = `UPDATE runs SET session = ? WHERE id = ? AND status = 'running' AND session IS ?`
    const [changed] = await store.commit([{ sql, params: [session, run.id, run.session ?? null] }])
    if (changed === 1) launch(task, { ...run, session })
  }

  /** Something may be due at once: look now. */
  function wake(): void {
    idleUntil = 0
    if (waking) return
    waking = true
    sleepFor(0)
  }

  function sleepFor(ms: number): void {
    void cancelTimer()
    if (ended) return
    cancelTimer = clock.after(ms, () => void turnAndSleep())
  }

  async function turnAndSleep(): Promise<void> {
    waking = false
    let rest = Math.min(LONGEST_SLEEP_MS, idleUntil - clock.now())
    try {
      if (rest <= 0 || jumps.jumped(clock.now())) rest = await turn()
    } catch (error) {
      rest = LONGEST_SLEEP_MS
      ports.warn('the scheduler could not read or write its tasks; it tries again in a second', error) // E4
    }
    if (!waking) sleepFor(rest)
  }

  /** Does what is due now. One turn waits at a time: it sees all that was changed before it. @returns How long nothing needs to be done, ms, at most a second (E1). */
  function turn(): Promise<number> {
    next ??= alone(async () => {
      next = undefined
      if (ended) return recordLast()
      const now = clock.now()
      await jumps.look(now)
      if (unsure) await takeUp()
      const reaped = await reap(now)
      let { outlook } = reaped
      const overdue = outlook.due.deadline <= now && (await timeOut(now))
      const claimed = outlook.due.task <= now ? await claim(now) : { more: false }
      if (claimed.outlook !== undefined) outlook = claimed.outlook
      else if (overdue) outlook = await store.look(now, MAX_CONSIDERED)
      const begun = await startWaiting(outlook, now)
      const anyBegun = reaped.begun || begun.any
      await lateness.look(now)
      if (notices.fresh || outlook.due.notice <= now) await notices.deliver(now)
      const moreToTidy = await keeper.tidy(claimed.more || anyBegun || harvest.size > 0 ? MANY_ROWS : undefined)
      if (claimed.more || begun.more || moreToTidy || harvest.size > 0) return 0
      if (anyBegun) return JUST_STARTED_MS
      const wakeAt = (await store.nextWake()) ?? Number.POSITIVE_INFINITY
      const idleMs = wakeAt <= now ? LONGEST_SLEEP_MS : Math.min(LONGEST_BLIND_MS, wakeAt - now) // in the past: it waits for room
      idleUntil = now + idleMs
      return Math.min(LONGEST_SLEEP_MS, idleMs)
    })
    return next
  }

  /** Records the ends that have come in, starts what needs no choice, and looks how things stand after that: one transaction. */
  async function reap(now: number): Promise<{ outlook: Outlook; begun: boolean }> {
    const sheaf = harvest.take()
    const { statements: ends } = sheaf
    const next = ends.length > 0 && sheaf.plain ? line : undefined
    const starts = next === undefined ? [] : [db.startLine(next, session, now, settings.maxRunning, MAX_STARTS)]
    try {
      let [results, outlook] = await starting(starts, () =>
        store.commitAndLook([...ends, ...starts], now, MAX_CONSIDERED),
      )
      if (await sheaf.landed(results.slice(0, ends.length))) outlook = await store.look(now, MAX_CONSIDERED)
      const rows = results.slice(ends.length).flatMap((result) => result.rows ?? [])
      for (const row of rows) await started(db.readStarted(row, () => next!.task, session, now))
      if (outlook.waiting.length > 0) line = isFree(outlook.line) ? outlook.line : undefined
      return { outlook, begun: rows.length > 0 }
    } catch (error) {
      sheaf.failed(error)
      throw error
    }
  }

  /** Nothing but room decides whether its runs start. */
  function isFree(one: db.Line | undefined): boolean {
    return one !== undefined && one.task.group === undefined && purse.unlimited(one.task)
  }

  async function timeOut(now: number): Promise<boolean> {
    const overdue = await store.overdue(now, MAX_PER_TURN)
    for (const run of overdue) await endings.settle(run, { ok: false, error: TIMED_OUT })
    return overdue.length > 0
  }

  async function claim(now: number): Promise<{ more: boolean; outlook?: Outlook }> {
    const claimed = await claimer.claim(now, MAX_PER_TURN, MAX_CONSIDERED)
    for (const id of claimed.tasks) keeper.note(id)
    return claimed
  }

  async function startWaiting(outlook: Outlook, now: number): Promise<{ any: boolean; more: boolean }> {
    const { running } = outlook
    if (running.length >= settings.maxRunning) return NOTHING
    const waiting = await weighed(outlook, now)
    const chosen = chooseStarts(waiting, { ...settings, running }, now).slice(0, MAX_STARTS)
    if (chosen.length === 0) return NOTHING
    const ready: Waiting[] = []
    const refused: db.Statement[] = []
    for (const each of chosen) {
      const reason = await purse.refusal(each.task)
      if (reason === undefined) ready.push(each)
      else refused.push(db.refuseRun(each.run.seq, reason, now))
    }
    const starts = ready.length === 0 ? [] : [db.startRuns(ready, session, now)]
    const results = await starting(starts, () => store.exchange([...refused, ...starts]))
    const rows = starts.length === 0 ? [] : (results.at(-1)?.rows ?? [])
    const tasks = new Map(ready.map(({ task, run }) => [run.seq, task]))
    for (const row of rows) await started(db.readStarted(row, (seq) => tasks.get(seq)!, session, now))
    const more = (chosen.length === MAX_STARTS || outlook.full) && running.length + ready.length < settings.maxRunning
    return { any: rows.length > 0, more }
  }

  /** All that could start; where some tasks' lines fill the window, those who stand behind them too (L1). */
  async function weighed(outlook: Outlook, now: number): Promise<Waiting[]> {
    const waiting = [...outlook.waiting]
    const crowding = [...outlook.crowding]
    for (let full = outlook.full; full && crowding.length > 0 && waiting.length < MAX_STARTS; ) {
      const without = [...crowding, ...waiting.map(({ task }) => task.id)]
      const behind = await store.look(now, MAX_CONSIDERED, without)
      waiting.push(...behind.waiting)
      crowding.push(...behind.crowding)
      full = behind.full && behind.crowding.length > 0
    }
    return waiting
  }

  /** E6 */
  async function starting<T>(starts: readonly db.Statement[], commit: () => Promise<T>): Promise<T> {
    try {
      return await commit()
    } catch (error) {
      unsure ||= starts.length > 0
      throw error
    }
  }

  /** Begins what is marked as running and nobody here has begun. Its owner may have been told before: by the same key. */
  async function takeUp(): Promise<void> {
    for (const brief of await store.running()) {
      if (brief.session !== session || working.knows(brief.id)) continue
      const [task, run] = [await store.task(brief.taskId), await store.run(brief.id)]
      if (task === undefined || run?.status !== 'running') continue
      if (task.action.kind !== 'event') facts.started(task, run)
      facts.due(task, run)
      launch(task, run)
    }
    unsure = false
  }

  async function started({ task, run, longInput }: db.Started): Promise<void> {
    const whole = longInput ? { ...run, input: (await store.run(run.id))?.input } : run
    facts.started(task, whole)
    facts.due(task, whole)
    launch(task, whole)
  }

  function launch(task: Task, run: OpenRun): void {
    if (task.action.kind !== 'event') working.launch(task, run, (completion) => complete(task, run, completion))
  }

  /** Records the end of the attempt in progress. False if that attempt is over already. */
  async function complete(task: Task, run: OpenRun, completion: Worked): Promise<boolean> {
    if (ended && working.has(run.id)) return false
    const recorded = harvest.add(task, run, completion)
    void gather()
    return recorded
  }

  /** Takes turns as long as ends come in: each records what has come while the disk was busy, and starts what that made room for. */
  async function gather(): Promise<void> {
    if (gathering) return
    gathering = true
    while (harvest.size > 0) {
      idleUntil = 0
      await turnAndSleep()
    }
    gathering = false
  }

  /** Ends that came after the last turn: nothing more is started. */
  async function recordLast(): Promise<number> {
    const sheaf = harvest.take()
    try {
      await sheaf.landed(sheaf.statements.length === 0 ? [] : await store.exchange(sheaf.statements))
      return LONGEST_SLEEP_MS
    } catch (error) {
      sheaf.failed(error)
      throw error
    }
  }

  /** What a run is at, and what it has used. @returns Whether it may go on. */
  async function progress(runId: string, report: ProgressReport): Promise<{ go: boolean; reason?: string }> {
    const answer = await alone(async () => {
      const run = await store.run(runId)
      return run === undefined ? { go: false, reason: 'there is no such run' } : endings.progress(run, report)
    })
    if (!answer.go) wake()
    return answer
  }

  async function cancel(run: OpenRun, reason: string): Promise<boolean> {
    const cancelled = await alone(() => endings.cancel(run, reason))
    wake()
    return cancelled
  }

  /** Tells the owner once more of its runs in progress: it may have missed the first telling. */
  async function announceOpen(owner: string): Promise<void> {
    for (const run of await store.running()) {
      const task = await store.task(run.taskId)
      if (task?.owner === owner) facts.due(task, run)
    }
  }

  /** Stops the clockwork. What this instance works on ends with it; event runs go on at their owners, workflows at the successor. */
  async function end(): Promise<void> {
    ended = true
    void cancelTimer()
    await alone(async () => {
      await recordLast().catch((error) => ports.warn('the last ends could not be recorded', error))
      const own = working.ids
      for (const id of own) working.abort(id, 'the scheduler ends')
      if (own.size === 0) return
      const runs = (await store.running()).filter((run) => own.has(run.id) && run.session === session)
      const resumed = await resumable(runs)
      await endings.interrupt(runs.filter((run) => !resumed.has(run.id)))
    })
  }
}
