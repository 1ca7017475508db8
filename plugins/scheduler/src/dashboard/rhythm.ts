// plugins/scheduler/src/dashboard/rhythm.ts: what is usual for a task, and which runs stand out (S14). Pure.
//   H1  A band is drawn around the middle of the good runs by how far they usually are from it, so that the few that stand out do not widen it.
//   H2  Below LEAST good runs nothing is called unusual but what was missed.
import type { Band, Rhythm, Unusual } from '../service.ts'
import type { Run } from '../task.ts'

const LEAST = 8
/** The median distance from the middle, times this, is a standard deviation where values are spread as usual. */
const TO_SIGMA = 1.4826
const SIGMAS = 4
/** However steady a task is: so much more or less of the middle is not worth a word. */
const SLACK = 0.5
const SLACK_MS = 1_000
const SLACK_USD = 0.01

type Seen = Pick<Run, 'id' | 'status' | 'occurrence' | 'startedAt' | 'finishedAt' | 'usage' | 'error' | 'count'>

/** @param runs Newest first. */
export function rhythmOf(runs: readonly Seen[]): Rhythm {
  const good = runs.filter(({ status }) => status === 'ok')
  const durationMs = bandOf(good.map(tookOf).filter(isNumber), SLACK_MS)
  const costUsd = bandOf(good.map(({ usage }) => usage?.costUsd).filter(isNumber), SLACK_USD)
  return {
    ...{ runs: runs.length, ok: good.length, failed: runs.filter(({ status }) => status === 'failed').length },
    ...(durationMs && { durationMs }),
    ...(costUsd && { costUsd }),
    unusual: runs.flatMap((run) => unusualIn(run, durationMs, costUsd)),
  }
}

function unusualIn(run: Seen, durationMs: Band | undefined, costUsd: Band | undefined): Unusual[] {
  const found: Unusual[] = []
  const add = (kind: Unusual['kind'], text: string) => found.push({ run: run.id, at: run.occurrence, kind, text })
  const took = tookOf(run)
  if (run.status === 'missed')
    add('missed', `${run.count > 1 ? `${run.count} times were` : 'was'} missed${run.error ? `: ${run.error}` : ''}`)
  if (run.status === 'ok' && took !== undefined && durationMs) {
    if (took > durationMs.high) add('slow', `took ${seconds(took)}, usually about ${seconds(durationMs.middle)}`)
    if (took < durationMs.low) add('fast', `took only ${seconds(took)}, usually about ${seconds(durationMs.middle)}`)
  }
  if (run.usage && costUsd && run.usage.costUsd > costUsd.high)
    add('costly', `cost ${dollars(run.usage.costUsd)}, usually about ${dollars(costUsd.middle)}`)
  return found
}

function bandOf(values: readonly number[], slack: number): Band | undefined {
  if (values.length < LEAST) return undefined // H2
  const middle = median(values)
  const spread = median(values.map((value) => Math.abs(value - middle))) * TO_SIGMA // H1
  const reach = Math.max(SIGMAS * spread, middle * SLACK, slack)
  return { low: Math.max(0, middle - reach), middle, high: middle + reach }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

function tookOf({ startedAt, finishedAt }: Seen): number | undefined {
  return startedAt === undefined || finishedAt === undefined ? undefined : finishedAt - startedAt
}

function seconds(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s` : `${Math.round(ms / 60_000)} min`
}

function dollars(usd: number): string {
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined
}
