// src/events.ts: what is announced.
import { defineEvents, z } from '@pryx/sdk'

export const feedEvents = defineEvents('feeds', {
  published: z.object({ feed: z.url(), id: z.string(), title: z.string(), link: z.string() }),
})
