// src/events.ts
import { defineEvents, z } from '@pryx/sdk'

export const sampleEvents = defineEvents('sample', { reminded: z.object({ text: z.string() }) })
