// plugins/scheduler/src/running/claim.ts: turns due occurrences into rows (E2).
import { type Due, dueUntil, MAX_COUNTED } from '../clock/trigger.ts'
import type { Notices } from '../notify/notices.ts'
import type { Ports, Settings } from '../ports.ts'
import type { Outlook } from '../store/outlook.ts'
import * as db from '../store/statements.ts'
import { closeEpoch } from '../store/statements.ts'
import type { DueTask } from '../store/store.ts'
import { isTimed, type Task } from '../task.ts'
import { LEVELS } from './choose.ts'
import type { Endings } from './endings.ts'
import type { Facts } from './facts.ts'
import { messageOf } from './failure.ts'
import { type PlannedRun, planDue } from './plan.ts'

const NEWER = 'a newer occurrence took its place'

export interface Claimed {
  /** There may be more that is due. */
  more: boolean
  /** Whose rows have grown. */
  tasks: string[]
  /** How things stand after it; undefined if nothing was due after all. */
  outlook?: Outlook
}

export interface Claimer {
  /**
   * Claims tasks that are due, and looks how things stand: one transaction.
   *
   * @param limit Tasks at once.
   * @param considered Waiting runs to weigh.
   */
  claim(now: number, limit: number, considered: number): Promise<Claimed>
}

export function createClaimer(
  ports: Ports,
  settings: Settings,
  facts: Facts,
  endings: Endings,
  notices: Notices,
): Claimer {
  const { store } = ports
  return { claim }

  async function claim(now: number, limit: number, considered: number): Promise<Claimed> {
    const due = await store.dueTasks(now, limit)
    const claims: { due: DueTask; planned: PlannedRun[]; statements: db.Statement[]; movedAt: number }[] = []
    let walked = 0
    for (const each of due) {
      if (walked > MAX_COUNTED) break // E3
      if (each.open > 0 && each.task.overlap === 'cancel-old') await endings.cancelOpen(each.task, NEWER, now)
      const claimed = claimOf(each, now)
      walked += claimed.walked
      claims.push({ due: each, ...claimed })
    }
    if (claims.length === 0) return { more: false, tasks: [] }
    const [results, outlook] = await store.commitAndLook(
      claims.flatMap((each) => each.statements),
      now,
      considered,
    )
    let at = 0
    for (const { due, planned, statements, movedAt } of claims) {
      if (results[at + movedAt]?.changes === 1) for (const run of planned) facts.missed(due.task, run)
      at += statements.length
    }
    const more = due.length === limit || claims.length < due.length
    return { more, tasks: claims.map(({ due }) => due.task.id), outlook }
  }

  function claimOf({ task, open, newest }: DueTask, now: number) {
    const due = readDue(task, now)
    const stillOpen = task.overlap === 'cancel-old' ? 0 : open
    const planned = 'problem' in due ? [lost(task, due.problem)] : planDue(task, due, now, stillOpen, settings.graceMs)
    const priority = LEVELS[task.priority ?? 'low']
    const statements = planned.map((run) => {
      const same = newest?.status === run.status && newest.error === run.reason && run.status === 'skipped'
      return same
        ? db.mergePlanned(task, run, newest.seq, now)
        : db.addPlanned(task, run, ports.nextId(), now, priority)
    })
    for (const run of planned) if (run.status === 'missed') statements.push(...notices.raise(missedNotice(task, run)))
    const movedAt = statements.length
    if ('problem' in due)
      statements.push(
        db.moveOn(task, undefined, 'broken', due.problem),
        closeEpoch(task.id, task.nextDue!, due.problem),
      )
    else statements.push(db.moveOn(task, due.next, due.next === undefined ? 'done' : 'active', undefined))
    const walked = !('problem' in due) && task.trigger.kind === 'cron' ? due.count : 1
    return { planned, statements, movedAt, walked }
  }

  /** A trigger that cannot be computed stops its own task and no other (E4). */
  function readDue(task: Task, now: number): Due | { problem: string } {
    try {
      if (!isTimed(task.trigger)) throw new Error(`a trigger of kind ${task.trigger.kind} has no time`)
      const newest = task.misfire.kind === 'run-all' ? task.misfire.limit : 1
      return dueUntil(task.trigger, task.nextDue!, now, newest + 1)
    } catch (error) {
      ports.warn(`task ${task.name} of ${task.owner} is stopped`, error)
      return { problem: messageOf(error) }
    }
  }
}

function lost(task: Task, problem: string): PlannedRun {
  return { status: 'missed', since: task.nextDue!, occurrence: task.nextDue!, count: 1, exact: false, reason: problem }
}

function missedNotice(task: Task, run: PlannedRun) {
  return {
    ...{ id: `missed:${task.id}:${run.since}`, kind: 'missed' as const, level: 'warning' as const, task },
    title: `${task.name} missed ${run.count === 1 ? 'a run' : `${run.exact ? '' : 'at least '}${run.count} runs`}`,
    text: run.reason ?? '',
  }
}
