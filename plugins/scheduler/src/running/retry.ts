// plugins/scheduler/src/running/retry.ts: how long a failed attempt waits for the next one (S9). Pure.
//   R1  Within [(1 - jitter) × d, (1 + jitter) × d], and never more than `maxDelayMs`, where d is what the policy says for this attempt.
import type { Retry } from '../task.ts'

/** @param attempt The one that failed, from 1. @param random In [0, 1). @returns ms */
export function retryDelay(retry: Retry, attempt: number, random: number): number {
  const plain = Math.min(retry.maxDelayMs, plainDelay(retry, attempt))
  const shaken = plain * (1 + retry.jitter * (2 * random - 1))
  return Math.min(retry.maxDelayMs, Math.round(shaken)) // R1
}

function plainDelay({ sequenceMs, growth, backoffMs, factor }: Retry, attempt: number): number {
  if (sequenceMs !== undefined) return sequenceMs[Math.min(attempt, sequenceMs.length) - 1]!
  return growth === 'linear' ? backoffMs * attempt : backoffMs * factor ** (attempt - 1)
}
