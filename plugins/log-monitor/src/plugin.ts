// plugins/log-monitor/src/plugin.ts: wiring only.
import { runTask, Scheduler } from '@pryx/plugin-scheduler/service'
import { definePlugin, Fs, type PluginContext, Storage } from '@pryx/sdk'
import { z } from 'zod'
import { configSchema, durationMs, type WatchedFile } from './config.ts'
import { createFileSource, createWatches } from './files.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import { compilePattern, DEFAULT_PATTERNS, severitySchema } from './patterns.ts'
import type { Ports } from './ports.ts'
import { LogMonitor } from './service.ts'

const SWEEP_TIMEOUT_MS = 60_000
const DEFAULT_ALERTS = 50
const LATEST = { policy: 'latest', capacity: 1 } as const

export default definePlugin({
  config: configSchema,
  async activate(ctx) {
    const monitor = createMonitor(
      await portsOf(ctx, () => look(monitor.scan)),
      filesOf(ctx.config.files),
      ctx.config.cooldownMs,
    )
    await monitor.start()
    ctx.provide(LogMonitor, {
      alerts: (limit = DEFAULT_ALERTS) => monitor.alerts(limit),
      scanNow: () => monitor.scan(),
    })
    ctx.tools.provide({ name: 'logs.recent', input: recentInput, run: (input) => recent(monitor, input) })
    ctx.events.on('permission.granted', () => look(monitor.retry), LATEST)
    ctx.events.on('permission.revoked', () => look(monitor.recheck), LATEST)
    await sweep(ctx, monitor)
    look(monitor.scan)

    /** Looks without being waited for: a failure is noted, and the next sweep tries again. */
    function look(scan: Monitor['scan']): void {
      scan().catch((error) => ctx.log.warn('the log files could not be looked at', error))
    }
  },
})

const recentInput = z.object({
  limit: z.number().int().min(1).max(500).default(20),
  severity: severitySchema.optional(),
})

async function recent(monitor: Monitor, { limit, severity }: z.output<typeof recentInput>) {
  if (severity === undefined) return monitor.alerts(limit)
  return (await monitor.alerts(500)).filter((alert) => alert.severity === severity).slice(0, limit)
}

/** The safety net under the watches: a scheduled look at everything. */
async function sweep(ctx: PluginContext<z.output<typeof configSchema>>, monitor: Monitor): Promise<void> {
  const spec = {
    name: 'sweep',
    trigger: { kind: 'interval' as const, everyMs: durationMs(ctx.config.every) },
    misfire: 'run-once' as const,
    timeoutMs: SWEEP_TIMEOUT_MS,
  }
  await runTask(ctx, await ctx.use(Scheduler), spec, async () => ({ result: await monitor.scan() }))
}

async function portsOf(ctx: PluginContext<unknown>, changed: () => void): Promise<Ports> {
  const fs = await ctx.use(Fs)
  return {
    storage: await ctx.use(Storage),
    source: createFileSource(fs),
    clock: { now: () => Date.now() },
    emit: (event, payload) => ctx.emit(event, payload),
    ...createWatches(fs, changed),
    warn: (message) => ctx.log.warn(message),
  }
}

function filesOf(files: readonly WatchedFile[]) {
  return files.map(({ path, from, patterns = DEFAULT_PATTERNS }) => ({
    path,
    from,
    patterns: patterns.map(compilePattern),
  }))
}
