// plugins/agent/src/events.ts: facts about runs as a whole. What is said in them is told by sessions.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'

export const agentEvents = defineEvents('agent', {
  /** A run waits for its turn. */
  queued: z.object({ run: z.string(), session: z.string(), lane: z.string() }),
  started: z.object({ run: z.string(), session: z.string(), resumed: z.boolean() }),
  ended: z.object({
    run: z.string(),
    session: z.string(),
    status: z.string(),
    ms: z.number(),
    code: z.string().optional(),
  }),
  /** A run begins with a long prompt: what its first call may cost (M6). `usd` null: the price is unknown. */
  estimated: z.object({
    run: z.string(),
    session: z.string(),
    model: z.string(),
    tokens: z.number(),
    usd: z.number().nullable(),
  }),
  /** A session's prompt fills at least 80 % of the window of the model that answered (M1). */
  'window-filling': z.object({
    session: z.string(),
    model: z.string(),
    tokens: z.number(),
    window: z.number(),
    percent: z.number(),
  }),
})
