// plugins/log-monitor/src/repeats.ts: the same trouble again is counted, not told again until its cooldown is over. Pure.
//   C1  The counts of the alerts add up to the incidents seen: what was held back is told later as `count`.
//   C2  Memory is bounded: MAX_KNOWN kinds of trouble; the longest unseen is let go, and told if it was held back.
import type { Incident } from './incident.ts'

const MAX_KNOWN = 200

export interface Known {
  file: string
  incident: Incident
  /** Quiet until then, epoch ms. */
  until: number
  held: number
}

export interface Raised {
  file: string
  incident: Incident
  count: number
}

/** Kinds of trouble by key, in order of last seen: a plain map, so that it can be stored. */
export type Repeats = Map<string, Known>

/** Weighs one incident. @returns The alerts it makes due. */
export function weigh(repeats: Repeats, file: string, incident: Incident, now: number, cooldownMs: number): Raised[] {
  const key = keyOf(file, incident)
  const known = repeats.get(key)
  repeats.delete(key) // and added again below: order of last seen
  const bare = { ...incident, before: [], after: [] } // what is kept for later is small
  if (known && now < known.until) {
    repeats.set(key, { ...known, incident: bare, held: known.held + 1 })
    return []
  }
  repeats.set(key, { file, incident: bare, until: now + cooldownMs, held: 0 })
  return [{ file, incident, count: (known?.held ?? 0) + 1 }, ...forgetOldest(repeats)]
}

/** Trouble whose cooldown is over: what was held back becomes an alert (C1), the rest is forgotten. */
export function release(repeats: Repeats, now: number, cooldownMs: number): Raised[] {
  const raised: Raised[] = []
  for (const [key, known] of repeats) {
    if (now < known.until) continue
    if (known.held === 0) {
      repeats.delete(key)
      continue
    }
    raised.push({ file: known.file, incident: known.incident, count: known.held })
    repeats.set(key, { ...known, until: now + cooldownMs, held: 0 })
  }
  return raised
}

function forgetOldest(repeats: Repeats): Raised[] {
  if (repeats.size <= MAX_KNOWN) return []
  const [key, { file, incident, held }] = repeats.entries().next().value as [string, Known]
  repeats.delete(key)
  return held > 0 ? [{ file, incident, count: held }] : []
}

/** Lines that differ only in numbers, ids and times are the same trouble. */
function keyOf(file: string, { pattern, line }: Incident): string {
  const shape = line
    .replace(/\b[0-9a-f]{8,64}\b/gi, '#')
    .replace(/0x[0-9a-f]{1,16}/gi, '#')
    .replace(/\d{1,32}/g, '#')
  return `${file}\0${pattern}\0${shape.slice(0, 200)}`
}
