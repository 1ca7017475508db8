// plugins/sessions/src/plugin.ts: wiring only.
import { definePlugin, Storage } from '@pryx/sdk'
import { z } from 'zod'
import { Sessions } from './service.ts'
import { openSessions } from './sessions.ts'

const config = z.object({ agents: z.array(z.string()).default(['agent']) })

export default definePlugin({
  config,
  async activate(ctx) {
    const { sql } = await ctx.use(Storage)
    const sessions = await openSessions(
      {
        sql,
        now: () => Date.now(),
        nextId: () => crypto.randomUUID(),
        emit: (event, payload) => ctx.emit(event, payload),
        caller: () => ctx.caller?.from ?? 'unknown',
      },
      ctx.config,
    )
    ctx.provide(Sessions, sessions as unknown as Sessions) // the face makes `export` of `exportPage`
  },
})
