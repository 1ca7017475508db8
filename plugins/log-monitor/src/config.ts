// plugins/log-monitor/src/config.ts: what to watch.
import { z } from 'zod'
import { MAX_PATTERNS, patternSchema } from './patterns.ts'

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const
const DURATION = /^(\d{1,5})(s|m|h)$/

const file = z.strictObject({
  path: z.string().min(1).max(1_024),
  /** In place of the default patterns. */
  patterns: z.array(patternSchema).min(1).max(MAX_PATTERNS).optional(),
  /** Where reading begins when the file is seen for the first time. */
  from: z.enum(['start', 'end']).default('end'),
})
export type WatchedFile = z.output<typeof file>

export const configSchema = z.strictObject({
  files: z
    .array(file)
    .max(64)
    .default([])
    .refine((files) => new Set(files.map((each) => each.path)).size === files.length, 'each file once'),
  /** How often to look even if nothing reports a change: `30s`, `5m`, `1h`. */
  every: z.string().regex(DURATION, 'a duration such as 30s, 5m or 1h').default('30s'),
  /** How long the same trouble in the same file is counted and not told again, ms. */
  cooldownMs: z.number().int().min(0).max(86_400_000).default(300_000),
})

/** `30s` as ms. */
export function durationMs(text: string): number {
  const [, number, unit] = DURATION.exec(text) ?? []
  return Math.max(1_000, Number(number) * UNITS[unit as keyof typeof UNITS])
}
