// plugins/webhook/src/config.ts: what pryx.json may say of webhook.
import { z } from 'zod'

const endpoint = z.object({
  session: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}$/)
    .optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  perMinute: z.number().int().min(1).max(6_000).default(300),
})

export const configSchema = z.object({
  endpoints: z
    .record(z.string().regex(/^[a-z][a-z0-9]{0,31}$/, 'lower-case letters and digits'), endpoint)
    .refine((all) => Object.keys(all).length <= 100, 'at most 100 endpoints')
    .default({}),
})
export type Config = z.infer<typeof configSchema>
export type Endpoint = z.infer<typeof endpoint>
