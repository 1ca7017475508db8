// plugins/web/src/events.ts: the events of the control centre, and the shape of the live stream it sends to the page.
import { defineEvents } from '@pryx/sdk'
import { z } from 'zod'

export const webEvents = defineEvents('web', {
  /** The page is served and can be opened. */
  ready: z.object({ url: z.string() }),
})

/** An event of the host as the page gets it, in the order in which it was heard. */
export interface Heard {
  /** Goes up by one from 1; starts anew with a new `run` of the plugin. */
  seq: number
  name: string
  from: string
  /** Epoch ms. */
  at: number
  /** The payload; text cut at `MAX_PAYLOAD` characters of JSON if it is longer, with `clipped` set. */
  data: unknown
  clipped?: true
}
