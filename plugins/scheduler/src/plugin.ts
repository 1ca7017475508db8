// plugins/scheduler/src/plugin.ts: wiring only.
import { definePlugin, type PluginContext, Storage, UsageError } from '@pryx/sdk'
import { z } from 'zod'
import { createEngine } from './engine.ts'
import type { Clock, Ports } from './ports.ts'
import { Scheduler } from './service.ts'
import { createStore } from './store.ts'
import { createTasks } from './tasks.ts'

const HANDED_OVER_MS = 30_000 // a state older than this is from a crash, not from the instance that works beside us

const config = z.object({
  timeZone: z.string().optional(),
  managers: z.array(z.string()).default(['web']),
  maxRunning: z.number().int().min(1).max(1_000).default(50),
  graceMs: z.number().int().min(1_000).max(3_600_000).default(30_000),
})

const handedOver = z.object({ session: z.string(), at: z.number() })

export default definePlugin({
  config,
  async activate(ctx) {
    const ports = portsOf(ctx, createStore((await ctx.use(Storage)).sql))
    const settings = { ...ctx.config, timeZone: ctx.config.timeZone ?? localZone() }
    const session = adopted(ctx.previous) ?? crypto.randomUUID()
    const engine = createEngine(ports, settings, session)
    ctx.effect(() => () => engine.end())
    await engine.start()
    ctx.provide(Scheduler, createTasks(engine, ports, settings, callerOf(ctx)))
    return { handOver: () => ({ session, at: Date.now() }) }
  },
})

function portsOf(ctx: PluginContext<unknown>, store: Ports['store']): Ports {
  return {
    store,
    clock: wallClock,
    nextId: () => crypto.randomUUID(),
    emit: (event, payload) => ctx.emit(event, payload),
    callTool: (name, input) => ctx.tools.call(name, input),
    warn: (message, error) => ctx.log.warn(message, error),
  }
}

const wallClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}

function callerOf(ctx: PluginContext<unknown>): () => string {
  return () => {
    const from = ctx.caller?.from
    if (from !== undefined) return from
    throw new UsageError('TASK_REFUSED', 'the scheduler cannot tell who is calling')
  }
}

/** The session of the instance that hands over to this one: its runs in progress are ours now. */
function adopted(previous: unknown): string | undefined {
  const state = handedOver.safeParse(previous)
  return state.success && Math.abs(Date.now() - state.data.at) < HANDED_OVER_MS ? state.data.session : undefined
}

function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}
