// packages/capabilities/src/process/records.ts: a note on disk of every child process, so that one that outlived its host is found (K11).
//   L1  A note is written as the process starts and goes with it. Another host that lives keeps its own: only a dead one's are reaped.
//   L2  A pid is trusted only with the time its process began: pids come around again.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endMarked } from '../shell/child.ts'

interface Note {
  mark: string
  pid: number
  began: string
  host: { pid: number; began: string }
}

export interface Records {
  add(mark: string, pid: number): void
  remove(mark: string): void
}

/** Notes in `folder`, which is made. Without one, nothing is kept. */
export function createRecords(folder: string | undefined): Records {
  if (folder === undefined) return { add: () => {}, remove: () => {} }
  const host = { pid: process.pid, began: beganAt(process.pid) ?? '' }
  return {
    add(mark, pid) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const note: Note = { mark, pid, began: beganAt(pid) ?? '', host }
      writeFileSync(fileOf(folder, mark), JSON.stringify(note), { mode: 0o600 })
    },
    remove: (mark) => rmSync(fileOf(folder, mark), { force: true }),
  }
}

/**
 * Ends what hosts that died left running. Call it as a host starts, with the folder its process capability keeps its notes in.
 *
 * @returns How many processes it ended.
 */
export function reapLeftovers(folder: string): number {
  let ended = 0
  for (const name of namesIn(folder)) {
    const note = readNote(join(folder, name))
    if (note !== undefined && isAlive(note.host)) continue // L1
    if (note !== undefined) ended += endMarked(note.mark) + endGroup(note)
    rmSync(join(folder, name), { force: true })
  }
  return ended
}

function endGroup(note: Note): number {
  if (!isAlive(note)) return 0
  try {
    process.kill(-note.pid, 'SIGKILL')
    return 1
  } catch {
    return 0
  }
}

function isAlive({ pid, began }: { pid: number; began: string }): boolean {
  return began !== '' && beganAt(pid) === began // L2
}

/** When a process began, as text to compare; undefined if there is none. */
function beganAt(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // the name before it may hold anything
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function readNote(file: string): Note | undefined {
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as Note
    return /^[0-9a-f]{24}$/.test(note.mark) && Number.isSafeInteger(note.pid) && note.pid > 1 ? note : undefined
  } catch {
    return undefined
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
}

function fileOf(folder: string, mark: string): string {
  return join(folder, `${mark}.json`)
}
