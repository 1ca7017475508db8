// src/plugin.ts: one task, kept by the scheduler: it fires also after a restart, and its history tells how each run ended.
import { definePlugin, z } from '@pryx/sdk'
import { sampleEvents } from './events.ts'
import { Scheduler, taskEvents } from './scheduler.ts'

export default definePlugin({
  config: z.object({
    cron: z.string().default('0 9 * * 1-5'),
    text: z.string().default('Stand up and stretch'),
  }),
  async activate(ctx) {
    const scheduler = await ctx.use(Scheduler)
    const trigger = { kind: 'cron' as const, expression: ctx.config.cron }
    const task = await scheduler.createOrUpdate({ name: 'sample', trigger })

    ctx.events.on(taskEvents.due, async ({ taskId, runId, attempt }) => {
      if (taskId !== task.id) return // another plugin's
      try {
        const result = await remind()
        await scheduler.complete(runId, { ok: true, result, attempt })
      } catch (error) {
        await scheduler.complete(runId, { ok: false, error: String(error), attempt }) // the scheduler retries and tells
      }
    })
    await scheduler.attend()

    /** The work. It may be repeated after a crash. */
    async function remind(): Promise<string> {
      await ctx.emit(sampleEvents.reminded, { text: ctx.config.text })
      return ctx.config.text
    }
  },
})
