// packages/kernel/src/node/process-figures.ts: what Linux says of another process.
import { readFileSync } from 'node:fs'

/** Processor time of a process, ms, in steps of 10; where it cannot be read, `unknown`: time itself, by default. */
export function processorMs(pid: number | undefined, unknown = performance.now()): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return unknown
  }
}

/** Resident memory of a process, bytes; 0 where it cannot be read. */
export function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096
  } catch {
    return 0 // not Linux, or already gone
  }
}
