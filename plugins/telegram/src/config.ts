// plugins/telegram/src/config.ts: what pryx.json may say of telegram.
import { z } from 'zod'

export const MAX_FILE_BYTES = 20_000_000 // what the Bot API hands out

const url = z.url({ protocol: /^https?$/ })

export const configSchema = z.object({
  mode: z.enum(['polling', 'webhook']).default('polling'),
  publicUrl: z.url({ protocol: /^https$/ }).optional(),
  apiRoot: url.default('https://api.telegram.org'),
  users: z.array(z.number().int()).max(1_000).default([]),
  session: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}$/)
    .default('main'),
  approvals: z.boolean().default(true),
  notices: z.boolean().default(true),
  maxFileBytes: z.number().int().min(0).max(MAX_FILE_BYTES).default(MAX_FILE_BYTES),
})
export type Config = z.infer<typeof configSchema>
