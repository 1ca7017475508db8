// src/plugin.ts: looks for new messages until the plugin ends. A message is told once: how far we are is stored with each one.
import { definePlugin, Secrets, Storage, z } from '@pryx/sdk'
import { createChat } from './chat.ts'
import { Sample, sampleEvents } from './service.ts'

const MAX_BACKOFF_MS = 60_000

export default definePlugin({
  config: z.object({ pollMs: z.number().int().min(100).default(2_000) }),
  async activate(ctx) {
    const storage = await ctx.use(Storage)
    const secrets = await ctx.use(Secrets)
    const chat = createChat(() => secrets.get('sample.token'))

    ctx.provide(Sample, { send: chat.send })
    void poll()

    async function poll(): Promise<void> {
      let waitMs = ctx.config.pollMs
      while (!ctx.signal.aborted) {
        try {
          await look()
          waitMs = ctx.config.pollMs
        } catch (error) {
          waitMs = Math.min(waitMs * 2, MAX_BACKOFF_MS)
          if (!ctx.signal.aborted) ctx.log.warn(`no messages; next look in ${waitMs} ms`, error)
        }
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }

    async function look(): Promise<void> {
      const seen = (await storage.get<number>('seen')) ?? 0
      for (const message of await chat.after(seen, ctx.signal)) {
        await ctx.emit(sampleEvents.received, message)
        await storage.set('seen', message.id)
      }
    }
  },
})
