// plugins/scheduler/src/triggers/condition.ts: a condition with duration and hysteresis, one look at a time (S1). Pure.
//   H1  It fires once when it has held without a break for `forMs`, and again only after it was released.
//   H2  Its state is plain data: kept on disk, it survives a restart; a gap between two looks longer than GAP_MS breaks what held.

const GAP_MS = 120_000

export interface ConditionState {
  /** Since when it has held, epoch ms. */
  since?: number
  fired: boolean
  /** The look before. */
  at: number
}

/** `holds` true: it is so. `released` true: it is so far from being so that it may fire again. */
export interface Look {
  holds: boolean
  released: boolean
}

export function judge(
  before: ConditionState | undefined,
  { holds, released }: Look,
  forMs: number,
  now: number,
): { state: ConditionState; fire: boolean } {
  const fired = (before?.fired ?? false) && !released
  if (!holds) return { state: { fired, at: now }, fire: false }
  const broken = before?.since === undefined || now - before.at > Math.max(GAP_MS, 3 * forMs) || now < before.at // H2
  const since = broken ? now : before.since!
  const fire = !fired && now - since >= forMs // H1
  return { state: { since, fired: fired || fire, at: now }, fire }
}

/** @param until Where it is released; between `than` and `until` nothing changes. */
export function look(value: number, is: 'above' | 'below', than: number, until: number = than): Look {
  return is === 'above'
    ? { holds: value > than, released: value <= until }
    : { holds: value < than, released: value >= until }
}
