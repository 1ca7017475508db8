// plugins/router/src/calls/health.ts: which models to leave alone for now, which providers are at their limits, and how fast each was.
//   H1  A model that failed rests: as long as its provider asks for, else 30 s, 1 and 5 min; one good answer and all is forgotten.
//   H2  What one model did says nothing about another: a rest never holds back other deployments.
import type { Situation } from '../choice/situation.ts'
import type { Config } from '../config.ts'
import type { Sql } from '../ports.ts'
import type { Failure } from './failure.ts'

const RESTS_MS = [30_000, 60_000, 300_000]
const KEY_REST_MS = 600_000 // a refused key does not mend by itself
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const RECENT = 20 // calls that diversity looks back on
const WEEK_MS = 7 * 24 * HOUR_MS
const SMOOTHING = 0.3

export interface Health {
  /** Learns from the ledger how fast models were. */
  open(now: number): Promise<void>
  situation(now: number): Pick<Situation, 'cooling' | 'limited' | 'speeds' | 'recent'>
  /** A request goes out. */
  asked(provider: string, now: number): void
  answered(model: string, speed: { firstMs: number; ms: number; outputTokens: number }): void
  /** @returns Until when it rests, epoch ms; undefined if this kind of failure is not the model's. */
  failed(model: string, failure: Failure, now: number): number | undefined
  /** The user has changed something about this provider. */
  forgive(provider: string): void
}

export function createHealth(sql: Sql, limits: Config['providers']): Health {
  const rests = new Map<string, { until: number; strikes: number }>()
  const speeds = new Map<string, { firstMs: number; tokensPerSecond: number }>()
  const sent = new Map<string, number[]>()
  const recent: string[] = []
  return {
    async open(now) {
      const rows = await sql.all<{ model: string; first: number; rate: number | null }>(
        `SELECT model, avg(first_ms) AS first, sum(output) * 1000.0 / nullif(sum(ms - first_ms), 0) AS rate FROM calls
          WHERE outcome = 'done' AND first_ms IS NOT NULL AND at > ? GROUP BY model LIMIT 1000`,
        now - WEEK_MS,
      )
      for (const { model, first, rate } of rows) if (rate) speeds.set(model, { firstMs: first, tokensPerSecond: rate })
    },
    situation: (now) => ({
      cooling: Object.fromEntries(
        [...rests].filter(([, { until }]) => until > now).map(([model, { until }]) => [model, until]),
      ),
      limited: limitedAt(now),
      speeds: Object.fromEntries(speeds),
      recent: countOf(recent),
    }),
    asked(provider, now) {
      recent.push(provider)
      if (recent.length > RECENT) recent.shift()
      const { requestsPerMinute, requestsPerHour } = limits[provider] ?? {}
      if (requestsPerMinute === undefined && requestsPerHour === undefined) return
      sent.set(provider, [...within(sent.get(provider), now), now])
    },
    answered(model, { firstMs, ms, outputTokens }) {
      rests.delete(model) // H1
      const tokensPerSecond = (outputTokens * 1_000) / Math.max(1, ms - firstMs)
      const before = speeds.get(model)
      const blend = (old: number, now: number) => old + SMOOTHING * (now - old)
      speeds.set(
        model,
        before
          ? { firstMs: blend(before.firstMs, firstMs), tokensPerSecond: blend(before.tokensPerSecond, tokensPerSecond) }
          : { firstMs, tokensPerSecond: Math.max(1, tokensPerSecond) },
      )
    },
    failed(model, { code, retryAfterMs }, now) {
      if (code === 'MODELS_REQUEST' || code === 'MODELS_CONTEXT' || code === 'MODELS_NOT_ALLOWED') return undefined
      const strikes = (rests.get(model)?.strikes ?? 0) + 1
      const own =
        code === 'MODELS_KEY' || code === 'MODELS_CREDIT' || code === 'MODELS_GONE'
          ? KEY_REST_MS
          : RESTS_MS[Math.min(strikes, RESTS_MS.length) - 1]
      const until = now + (retryAfterMs ?? (own as number))
      rests.set(model, { until, strikes })
      return until
    },
    forgive(provider) {
      for (const model of [...rests.keys()]) if (model.startsWith(`${provider}/`)) rests.delete(model)
    },
  }

  function limitedAt(now: number): Record<string, number> {
    const limited: Record<string, number> = {}
    for (const [provider, all] of sent) {
      const { requestsPerMinute, requestsPerHour } = limits[provider] ?? {}
      const until = Math.max(fullUntil(all, requestsPerMinute, MINUTE_MS), fullUntil(all, requestsPerHour, HOUR_MS))
      if (until > now) limited[provider] = until
    }
    return limited
  }
}

/** When the window has room again: as the oldest of the last `max` requests falls out of it. */
function fullUntil(sent: readonly number[], max: number | undefined, windowMs: number): number {
  const oldest = max === undefined ? undefined : sent.at(-max)
  return oldest === undefined ? 0 : oldest + windowMs
}

function within(sent: readonly number[] = [], now: number): number[] {
  return sent.filter((at) => at > now - HOUR_MS)
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
