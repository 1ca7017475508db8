// plugins/router/src/config.ts: what the user sets. Keys are not here: they are secrets, given with `connect`.
import { z } from 'zod'
import { overrideSchema } from './facts.ts'
import { abilitySchema, chooseSchema, strategySchema } from './request.ts'

const usd = z.number().min(0)
const pattern = z.string().min(1).max(256)
const providerId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)

const provider = overrideSchema.extend({
  /** The user's own door to it: a proxy, a server in the house. */
  baseUrl: z.url({ protocol: /^https?$/ }),
  requestsPerMinute: z.number().int().min(1),
  requestsPerHour: z.number().int().min(1),
  /** False: it is not asked, key or not. */
  enabled: z.boolean(),
  /** An OpenAI-compatible server without keys. */
  keyless: z.boolean(),
})

const rule = z.strictObject({
  when: z
    .strictObject({
      task: pattern,
      session: pattern,
      inputTokensOver: z.number().int().min(0),
      needs: z.array(abilitySchema),
    })
    .partial(),
  place: chooseSchema.shape.place,
  strategy: strategySchema.optional(),
})

export const configSchema = z.strictObject({
  strategy: strategySchema.default('balanced'),
  place: z.enum(['any', 'local', 'local-first', 'cloud-first']).default('any'),
  /** Models or patterns, best first, for the strategy `preferred`. */
  preferred: z.array(pattern).max(64).default([]),
  /** Where a job may run, by what it is; the first that fits counts. What the request itself says goes before. */
  rules: z.array(rule).max(64).default([]),
  /** Over what the catalogue says, by slug. */
  models: z.record(pattern, overrideSchema).default({}),
  providers: z.record(providerId, provider.partial()).default({}),
  /** Whether models.dev is asked for news, once in 24 h. */
  refresh: z.enum(['daily', 'never']).default('daily'),
  /** Local servers that are looked for. */
  detect: z
    .strictObject({
      ollama: z.string().default('http://127.0.0.1:11434'),
      llamacpp: z.string().default('http://127.0.0.1:8080'),
      enabled: z.boolean().default(true),
    })
    .prefault({}),
  budgets: z
    .strictObject({
      session: usd.optional(),
      task: usd.optional(),
      day: usd.optional(),
      month: usd.optional(),
      /** Of one task or session, over the general one: `{ "nightly": 0.5 }`. */
      tasks: z.record(z.string(), usd).default({}),
      sessions: z.record(z.string(), usd).default({}),
      /** Models without a known price while a budget holds. */
      unknownPrice: z.enum(['refuse', 'allow']).default('refuse'),
    })
    .prefault({}),
  /** Default: this machine's. Where days and months begin. */
  timeZone: z.string().optional(),
  /** Plugins that may set keys, overrides and budgets; the host always may. */
  managers: z.array(z.string()).default(['web']),
  retries: z.number().int().min(0).max(5).default(2),
})
export type Config = z.output<typeof configSchema>
