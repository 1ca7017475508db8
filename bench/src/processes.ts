// bench/src/processes.ts: what a process and its children cost, as Linux counts it.
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10 // USER_HZ is 100 on every Linux that Node runs on

/** CPU time of all threads of `pid` so far, user and system, ms. Steps of 10 ms. */
export function cpuMs(pid: number): number {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** The same in steps of nanoseconds, of the threads there are now: for what is over before a thread ends. */
export function exactCpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const ran = (thread: string) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return threads.reduce((sum, thread) => sum + ran(thread), 0) / 1e6
}

/** CPU time of this process since `since`, all threads, ms. */
export function ownCpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

/** Resident memory of one process, MB: `rss` counts what is shared with others in full, `pss` its part of it. */
export function memoryOf(pid: number): { rss: number; pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1_024
  return { rss: read('Rss'), pss: read('Pss') }
}

/** Memory of `pid` and all processes below it, MB. */
export function memoryOfTree(pid: number): { rss: number; pss: number } {
  const all = treeOf(pid).map(memoryOf)
  return { rss: all.reduce((sum, { rss }) => sum + rss, 0), pss: all.reduce((sum, { pss }) => sum + pss, 0) }
}

/** CPU time of `pid` and all processes below it so far, those that have ended and were waited for included, ms. */
export function cpuMsOfTree(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + withEndedChildren(each), 0)
}

function withEndedChildren(pid: number): number {
  try {
    const [user, system, childrenUser, childrenSystem] = statOf(pid).slice(11, 15).map(Number)
    return (user! + system! + childrenUser! + childrenSystem!) * TICK_MS
  } catch {
    return 0 // it ended while we looked; its parent has its time
  }
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      parents.set(Number(name), Number(statOf(Number(name))[1]))
    } catch {
      // it ended while we looked
    }
  }
  const below = (pid: number): number[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ]
  return below(root)
}

/** Fields of /proc/PID/stat from the third on: the second, a name, may hold spaces. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
