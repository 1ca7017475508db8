// packages/capabilities/src/system/machine.ts: what this machine says of itself.
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, loadavg, platform, release, totalmem, uptime } from 'node:os'
import { join } from 'node:path'

const POWER = '/sys/class/power_supply'
const FIRST_WINDOW_MS = 100

export interface Machine {
  /** `percent` of all processors since the last call, 0 to 100; the first call measures a moment. `load`: over 1, 5 and 15 min. */
  cpu(): Promise<{ percent: number; cores: number; load: [number, number, number] }>
  /** Bytes; `free` is what programs can have without swapping. */
  memory(): Promise<{ total: number; free: number; percentUsed: number }>
  /** Bytes of the disk that holds `folder`; `free` is what this user may take. */
  disk(folder: string): Promise<{ total: number; free: number; percentUsed: number }>
  os(): { platform: string; release: string; arch: string }
  /** `now` epoch ms; `zone` IANA; `uptimeMs` of the machine. */
  time(): { now: number; zone: string; uptimeMs: number }
  /** Undefined without a battery, or where nobody tells. */
  battery(): { percent: number; charging: boolean } | undefined
}

export function createMachine(): Machine {
  let before = cpuTimes()
  let measured = false
  return {
    async cpu() {
      if (!measured) await new Promise((resolve) => setTimeout(resolve, FIRST_WINDOW_MS))
      const [from, to] = [before, cpuTimes()]
      if (to.total > from.total) [before, measured] = [to, true] // two calls within a tick share a window
      const span = to.total - from.total
      const percent = span > 0 ? percentOf(span - (to.idle - from.idle), span) : 0
      return { percent, cores: availableParallelism(), load: loadavg() as [number, number, number] }
    },
    async memory() {
      const [total, free] = [totalmem(), await availableMemory()]
      return { total, free, percentUsed: percentOf(total - free, total) }
    },
    async disk(folder) {
      const { blocks, bavail, bsize } = await statfs(folder)
      return { total: blocks * bsize, free: bavail * bsize, percentUsed: percentOf(blocks - bavail, blocks) }
    },
    os: () => ({ platform: platform(), release: release(), arch: process.arch }),
    time: () => ({
      now: Date.now(),
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      uptimeMs: Math.round(uptime() * 1_000),
    }),
    battery,
  }
}

function cpuTimes(): { idle: number; total: number } {
  let [idle, total] = [0, 0]
  for (const { times } of cpus()) {
    idle += times.idle
    total += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { idle, total }
}

async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1]
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1_024
}

function battery(): { percent: number; charging: boolean } | undefined {
  try {
    const name = readdirSync(POWER).find((each) => each.startsWith('BAT'))
    if (name === undefined) return undefined
    const read = (file: string) => readFileSync(join(POWER, name, file), 'utf8').trim()
    return { percent: Number(read('capacity')), charging: read('status') !== 'Discharging' }
  } catch {
    return undefined
  }
}

/** With one digit after the point. */
function percentOf(part: number, whole: number): number {
  return whole > 0 ? Math.round(Math.min(1, Math.max(0, part / whole)) * 1_000) / 10 : 0
}
