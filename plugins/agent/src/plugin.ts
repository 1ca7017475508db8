// plugins/agent/src/plugin.ts: wiring only.
import { Models } from '@pryx/plugin-router/service'
import { Sessions } from '@pryx/plugin-sessions/service'
import { definePlugin, Fs, PryxError, Storage } from '@pryx/sdk'
import { z } from 'zod'
import { openAgent } from './agent.ts'
import type { Needed, Resolved } from './runs/asked.ts'
import { Agent } from './service.ts'

const INSTRUCTIONS = '${workspace}/AGENTS.md' // the driver fills it in

const config = z.object({
  instructions: z.string().max(32_000).default(''),
  lanes: z.record(z.string(), z.number().int().min(1).max(64)).default({}),
  maxSteps: z.number().int().min(1).max(200).default(25),
  parallelTools: z.number().int().min(1).max(32).default(4),
})

export default definePlugin({
  config,
  async activate(ctx) {
    const settings = { ...ctx.config, lanes: { main: 4, background: 2, ...ctx.config.lanes } }
    const agent = await openAgent(
      {
        sql: (await ctx.use(Storage)).sql,
        sessions: await ctx.use(Sessions),
        models: await ctx.use(Models),
        tools: ctx.tools,
        bell: {
          listen(needed, resolved) {
            const stops = [
              ctx.events.on('approval.needed', (data, { from }) => from === 'kernel' && needed(data as Needed)),
              ctx.events.on('approval.resolved', (data, { from }) => from === 'kernel' && resolved(data as Resolved)),
            ]
            return async () => {
              for (const stop of stops) await stop()
            }
          },
        },
        clock: {
          now: () => Date.now(),
          after(ms, fn) {
            const timer = setTimeout(fn, ms)
            return () => clearTimeout(timer)
          },
        },
        async instructions() {
          try {
            const fs = await ctx.use(Fs)
            return (await fs.exists(INSTRUCTIONS)) ? await fs.readText(INSTRUCTIONS, { maxBytes: 65_536 }) : undefined
          } catch (error) {
            if (!PryxError.is(error)) throw error
            ctx.log.warn('AGENTS.md is not read', error)
            return undefined
          }
        },
        nextId: () => crypto.randomUUID(),
        emit: (event, payload) => ctx.emit(event, payload),
        warn: (message, error) => ctx.log.warn(message, error),
      },
      settings,
    )
    ctx.effect(() => () => agent.end())
    ctx.provide(Agent, agent.service as unknown as Agent) // the face makes `wait` and `run` of `waitSome` and `answer`
  },
})
