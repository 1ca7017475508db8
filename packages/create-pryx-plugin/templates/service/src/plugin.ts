// src/plugin.ts: wiring only.
import { definePlugin, Storage } from '@pryx/sdk'
import { Sample, sampleEvents } from './service.ts'

export default definePlugin({
  async activate(ctx) {
    const storage = await ctx.use(Storage)

    ctx.provide(Sample, {
      async save(text) {
        const id = crypto.randomUUID()
        await storage.set(`note/${id}`, text)
        await ctx.emit(sampleEvents.saved, { id })
        return id
      },
      read: (id) => storage.get<string>(`note/${id}`),
    })
  },
})
