// plugins/scheduler/src/running/choose.ts: which of the waiting runs start now. Pure.
//   C1  Never more than `maxRunning` in all, nor more of a group than its limit.
//   C2  The higher priority first; a run that waits rises one step every AGING_MS, so none waits for ever.
//   C3  Within one priority the owner with the fewest runs in progress comes first: nobody's thousand tasks hold up another's one.
import type { Waiting } from '../store/outlook.ts'
import type { Priority } from '../task.ts'

const AGING_MS = 120_000
export const LEVELS: Readonly<Record<Priority, number>> = { low: 0, medium: 1, high: 2 }

export interface Room {
  maxRunning: number
  groupLimits: Readonly<Record<string, number>>
  running: readonly { owner: string; group: string | undefined }[]
}

/** @param waiting In the order they have come. */
export function chooseStarts(waiting: readonly Waiting[], room: Room, now: number): Waiting[] {
  const owners = tally(room.running.map(({ owner }) => owner))
  const groups = tally(room.running.flatMap(({ group }) => (group === undefined ? [] : [group])))
  const free = room.maxRunning - room.running.length
  const queues = byLevelAndOwner(waiting, now)
  const chosen: Waiting[] = []
  for (const level of [...queues.keys()].sort((a, b) => b - a)) {
    const left = queues.get(level)!
    while (chosen.length < free && left.size > 0) {
      const owner = leastBusy(left.keys(), owners)
      const next = left.get(owner)!.shift()
      if (next === undefined) left.delete(owner)
      else if (hasRoom(next, groups, room.groupLimits)) {
        chosen.push(next)
        count(owners, owner)
        if (next.task.group !== undefined) count(groups, next.task.group)
      }
    }
  }
  return chosen
}

function byLevelAndOwner(waiting: readonly Waiting[], now: number): Map<number, Map<string, Waiting[]>> {
  const queues = new Map<number, Map<string, Waiting[]>>()
  for (const each of waiting) {
    const level = Math.min(LEVELS.high, each.run.priority + Math.floor(Math.max(0, now - each.run.startAt) / AGING_MS)) // C2
    const owners = queues.get(level) ?? new Map<string, Waiting[]>()
    queues.set(level, owners)
    const own = owners.get(each.task.owner) ?? []
    owners.set(each.task.owner, own)
    own.push(each)
  }
  return queues
}

function leastBusy(owners: Iterable<string>, busy: ReadonlyMap<string, number>): string {
  let best: string | undefined
  for (const owner of owners) if (best === undefined || (busy.get(owner) ?? 0) < (busy.get(best) ?? 0)) best = owner
  return best!
}

function hasRoom({ task }: Waiting, groups: ReadonlyMap<string, number>, limits: Room['groupLimits']): boolean {
  return task.group === undefined || (groups.get(task.group) ?? 0) < (limits[task.group] ?? Number.POSITIVE_INFINITY) // C1
}

function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) count(counts, name)
  return counts
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
