// plugins/router/src/plugin.ts: wiring only.
import { definePlugin, type PluginContext, Secrets, Storage } from '@pryx/sdk'
import { z } from 'zod'
import type { Ask } from './calls/attempt.ts'
import { createEcho } from './calls/echo.ts'
import { pause } from './calls/idle.ts'
import { configSchema } from './config.ts'
import type { Clock, Ports } from './ports.ts'
import { openRouter } from './router.ts'
import { Models } from './service.ts'

const HANDED_OVER_MS = 30_000 // a state older than this is from a crash

const handedOver = z.object({ boot: z.string(), at: z.number() })

export default definePlugin({
  config: configSchema,
  async activate(ctx) {
    const ports = await portsOf(ctx)
    const boot = crypto.randomUUID()
    const before = handedOver.safeParse(ctx.previous).data
    const adopted = before && ports.clock.now() - before.at < HANDED_OVER_MS ? before.boot : undefined
    const caller = () => ctx.caller?.from ?? 'unknown'
    ctx.provide(Models, await openRouter({ ports, config: ctx.config, ask: askOf(ports), boot, adopted, caller }))
    return { handOver: () => ({ boot, at: ports.clock.now() }) }
  },
})

/** Echo is at hand; the SDK is loaded with the first call that needs it. */
function askOf({ clock, fetch }: Ports): Ask {
  const echo = createEcho((ms, signal) => pause(ms, clock, signal))
  return async function* ask(question) {
    if (question.model.wire === 'echo') return yield* echo(question)
    const { askBySdk } = await import('./calls/sdk.ts')
    yield* askBySdk(question, fetch)
  }
}

async function portsOf(ctx: PluginContext<unknown>): Promise<Ports> {
  const storage = await ctx.use(Storage)
  return {
    clock: wallClock,
    sql: storage.sql,
    values: storage,
    keys: await ctx.use(Secrets),
    fetch: (...args) => globalThis.fetch(...args),
    nextId: () => crypto.randomUUID(),
    random: () => Math.random(),
    emit: (event, payload) => ctx.emit(event, payload),
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
