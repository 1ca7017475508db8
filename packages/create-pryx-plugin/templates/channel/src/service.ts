// src/service.ts: what others see of the channel. They hear `sample.received` and answer by `send`.
import { defineEvents, defineService, z } from '@pryx/sdk'

export const messageSchema = z.object({
  /** Goes up by one with each message of the server. */
  id: z.number().int(),
  from: z.string(),
  text: z.string(),
})
export type Message = z.infer<typeof messageSchema>

export interface Sample {
  /** Sends a message. @throws SAMPLE_REFUSED with the server's status. */
  send(to: string, text: string): Promise<void>
}

export const Sample = defineService<Sample>('sample', '1.0.0', {
  methods: { send: { input: z.tuple([z.string(), z.string().max(4_096)]) } },
})

export const sampleEvents = defineEvents('sample', { received: messageSchema })
