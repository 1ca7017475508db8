// packages/capabilities/src/shell/child.ts: a child process that leaves nothing behind (K11).
//   C1  It leads a process group of its own; ending it ends the group, politely, then for good after GRACE_MS; or for good at once, when its permission is gone.
//   C2  Every process it starts inherits a mark in its environment; on Linux those that left the group are found by it and ended too.
//   C3  On Linux with setpriv it dies with the host's process, also on SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type CapabilityCall, PryxError } from '@pryx/kernel/contract'
import type { Program } from './command.ts'

export const MARK = 'PRYX_CHILD'
const GRACE_MS = 2_000 // between SIGTERM and SIGKILL; K11 allows 3 s in all
const LAST_MS = 500 // until what was killed is collected
const LINUX = process.platform === 'linux'
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => LINUX && existsSync(path))

export interface Child {
  readonly process: ChildProcess
  /** Resolves when the program has ended; undefined `exitCode` after a signal. Never rejects. */
  readonly exited: Promise<Exit>
  /** Ends the program and all it started. Resolves when nothing is left. Safe to call again; `at once` overtakes a polite end under way. */
  end(how?: Ending): Promise<void>
}

export type Ending = 'politely' | 'at once'

export interface Exit {
  exitCode: number | undefined
  signal: string | undefined
  /** Why it could not start. */
  error?: Error
}

/** @param mark Unique for ever, of letters and digits. */
export function startChild(program: Program, args: readonly string[], mark: string): Child {
  const { file, cwd } = program
  const env = { ...program.env, [MARK]: mark }
  const [first, ...rest] = SETPRIV === undefined ? [file] : [SETPRIV, '--pdeathsig', 'KILL', '--', file] // it becomes the program: pid and group stay
  const child = spawn(first as string, [...rest, ...args], { cwd, env, detached: true })
  child.stdin.on('error', () => {}) // a program that does not read its input
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: undefined, signal: undefined, error }))
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }))
  })
  let ending: Promise<void> | undefined
  let over = false // its pid may be another's from then on
  return { process: child, exited, end }

  function end(how: Ending = 'politely'): Promise<void> {
    if (ending !== undefined && how === 'at once' && !over && child.pid !== undefined) kill(child.pid, mark)
    ending ??= endGroup(child, mark, how).finally(() => {
      over = true
    })
    return ending
  }
}

/** How what `call` started is to end: what the user has taken back has no time to say goodbye (K4). */
export function endingOf({ signal }: Pick<CapabilityCall, 'signal'>): Ending {
  return signal.aborted && PryxError.is(signal.reason, 'PERMISSION_REVOKED') ? 'at once' : 'politely'
}

async function endGroup({ pid }: ChildProcess, mark: string, how: Ending): Promise<void> {
  if (pid === undefined) return
  if (how === 'politely') {
    signalGroup(pid, 'SIGTERM')
    await gone(() => isGroupAlive(pid), GRACE_MS)
  }
  kill(pid, mark)
  await gone(() => isGroupAlive(pid), LAST_MS)
}

function kill(pid: number, mark: string): void {
  signalGroup(pid, 'SIGKILL')
  endMarked(mark) // C2
}

/** Ends every process that carries the mark. @returns How many there were. */
export function endMarked(mark: string): number {
  if (!LINUX) return 0
  let ended = 0
  for (let round = 0; round < 5; round++) {
    const pids = markedPids(mark)
    if (pids.length === 0) break
    ended += pids.length
    for (const pid of pids) signal(pid, 'SIGKILL')
  }
  return ended
}

function markedPids(mark: string): number[] {
  const sign = Buffer.from(`${MARK}=${mark}\0`)
  return allPids()
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`).includes(sign) // empty for a process that has ended and waits to be collected
      } catch {
        return false // it has ended, or is another user's
      }
    })
    .map(Number)
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  signal(-pid, name)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {} // it has ended by itself
}

/** True while a process of the group runs. Those that have ended and wait to be collected do not count: some hosts take their time. */
function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0)
  } catch {
    return false
  }
  return !LINUX || allPids().some((each) => isRunningIn(each, pid))
}

function isRunningIn(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // the name before it may hold anything
    return Number(pgrp) === group && state !== 'Z'
  } catch {
    return false
  }
}

function allPids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
}

async function gone(isAlive: () => boolean, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs
  for (let wait = 5; isAlive() && performance.now() < until; wait = Math.min(wait * 2, 100))
    await new Promise((resolve) => setTimeout(resolve, wait))
}
