// plugins/log-monitor/src/events.ts: facts about trouble in log files. An alert is emitted after it is on disk, at least once, told apart by `id`.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'
import { severitySchema } from './patterns.ts'

export const alertSchema = z.object({
  id: z.string(),
  file: z.string(),
  /** The line that matched, at most 500 characters; so are the others. */
  line: z.string(),
  /** From 1; absent where reading began in the middle of the file. */
  lineNumber: z.number().optional(),
  pattern: z.string(),
  severity: severitySchema,
  /** How many times: more than 1 where repeats were held back during the cooldown. */
  count: z.number(),
  /** Epoch ms. */
  at: z.number(),
  /** Up to 2 lines before, and up to 20 lines of the stack trace after it. */
  before: z.array(z.string()),
  after: z.array(z.string()),
})
export type Alert = z.infer<typeof alertSchema>

export const alertEvents = defineEvents('alert', {
  raised: alertSchema,
  /** A file cannot be read, told once: for example because the permission was revoked. Nothing is lost; reading goes on from there. */
  blocked: z.object({ file: z.string(), code: z.string(), reason: z.string(), at: z.number() }),
  /** It can be read again. */
  unblocked: z.object({ file: z.string(), at: z.number() }),
})
