// plugins/scheduler/src/plugin.ts: wiring only.
import { Agent } from '@pryx/plugin-agent/service'
import {
  definePlugin,
  defineService,
  Fs,
  Http,
  type PluginContext,
  PryxError,
  Secrets,
  Storage,
  UsageError,
} from '@pryx/sdk'
import { z } from 'zod'
import { assemble } from './assemble.ts'
import type { Clock, Hands, Ports, Senses } from './ports.ts'
import { Scheduler } from './service.ts'
import { overseen } from './store/distress.ts'
import { createStore, type Sql } from './store/store.ts'
import { PREFIX } from './triggers/webhooks.ts'

const HANDED_OVER_MS = 30_000 // a state older than this is from a crash, not from the instance that works beside us

const LONGEST_TOOL_MS = 600_000 // the kernel's own limit; the run's time-out is below it, or stops the tool
const LONGEST_PROMPT_MS = 3_600_000 // the agent's own limit
const MAX_KEY_CHARS = 128
const STARTING_MS = 30_000
const LOOK_AGAIN_MS = 250

const config = z.object({
  timeZone: z.string().optional(),
  managers: z.array(z.string()).default(['web']),
  messengers: z.array(z.string()).default(['telegram']),
  maxRunning: z.number().int().min(1).max(1_000).default(50),
  groupLimits: z.record(z.string(), z.number().int().min(1)).default({}),
  graceMs: z.number().int().min(1_000).max(3_600_000).default(30_000),
  lateMs: z.number().int().min(1_000).max(86_400_000).default(60_000),
  monthlyBudgetUsd: z.number().min(0).optional(),
  notices: z
    .array(
      z.object({
        kinds: z.array(z.string()).optional(),
        tag: z.string().optional(),
        quiet: z.tuple([z.string(), z.string()]).optional(),
      }),
    )
    .default([]),
})

const handedOver = z.object({ session: z.string(), at: z.number() })

/** The part of the capability `system` that is used. */
interface System {
  facts(kind: string): Promise<Record<string, unknown> | undefined>
}
const System = defineService<System>('system', '1.0.0')

export default definePlugin({
  config,
  async activate(ctx) {
    const ports = portsOf(ctx, (await ctx.use(Storage)).sql)
    const settings = {
      ...ctx.config,
      timeZone: ctx.config.timeZone ?? localZone(),
      monthlyBudgetUsd: ctx.config.monthlyBudgetUsd,
    }
    const session = adopted(ctx.previous) ?? crypto.randomUUID()
    const scheduler = assemble(ports, settings, session, { address: () => addressOf(ctx), key: () => webhookKey(ctx) })
    ctx.effect(() => () => scheduler.end())
    await scheduler.start((handler) => serveHooks(ctx, handler))
    ctx.provide(Scheduler, scheduler.desk(callerOf(ctx)))
    return { handOver: () => ({ session, at: Date.now() }) }
  },
})

function portsOf(ctx: PluginContext<unknown>, sql: Sql): Ports {
  const telling: Pick<Ports, 'clock' | 'emit' | 'warn'> = {
    clock: wallClock,
    emit: (event, payload) => ctx.emit(event, payload),
    warn: (message, error) => ctx.log.warn(message, error),
  }
  return {
    ...telling,
    store: createStore(overseen(sql, telling)),
    hands: handsOf(ctx),
    senses: sensesOf(ctx),
    nextId: () => crypto.randomUUID(),
    random: () => Math.random(),
  }
}

function handsOf(ctx: PluginContext<unknown>): Hands {
  const soon = startingUp()
  return {
    callTool: (name, input, signal) =>
      soon('TOOL_MISSING', signal, () => ctx.tools.call(name, input, { signal, timeoutMs: LONGEST_TOOL_MS })),
    async prompt(request, signal) {
      const agent = await soon('TASK_NO_AGENT', signal, () => agentOf(ctx))
      const { key, timeoutMs, ...what } = request
      const asked = {
        ...what,
        ...{ key: await shortKey(key), timeoutMs: Math.min(Math.max(timeoutMs, 1_000), LONGEST_PROMPT_MS) },
        ...{ surface: 'schedule', origin: 'a scheduled task', lane: 'background' },
      }
      const { id } = await agent.start(asked) // its key makes it the same run when it is asked again
      const stop = () => void agent.stop(id).catch((error) => ctx.log.warn('the agent could not be stopped', error))
      signal.addEventListener('abort', stop, { once: true })
      try {
        return await agent.run(asked)
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    emit: (name, payload) => ctx.emit({ kind: 'event', name, schema: z.unknown() }, payload),
  }
}

/** The agent takes keys of bounded length; the path of a step has none. */
async function shortKey(key: string): Promise<string> {
  if (key.length <= MAX_KEY_CHARS) return key
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function agentOf(ctx: PluginContext<unknown>): Promise<Agent> {
  const agent = await ctx.tryUse(Agent)
  if (agent !== undefined) return agent
  throw new UsageError('TASK_NO_AGENT', 'no agent is installed, so nobody can answer the prompt', {
    hint: 'Install a plugin that provides the service `agent`, and allow the scheduler to use it.',
  })
}

/** Plugins start one after another. Shortly after a start, what is not there yet is waited for: a workflow that goes on must not fail by it. */
function startingUp() {
  const until = performance.now() + STARTING_MS
  return async function soon<T>(code: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!PryxError.is(error, code) || performance.now() >= until || signal.aborted) throw error
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }
}

function sensesOf(ctx: PluginContext<unknown>): Senses {
  return {
    async fact(name) {
      const [kind, field] = name.split('.') as [string, string]
      const facts = await (await ctx.use(System)).facts(kind)
      const value = facts?.[field]
      return typeof value === 'number' ? value : undefined
    },
    async watch(path, onChanges) {
      return (await ctx.use(Fs)).watch(path, onChanges, { recursive: true })
    },
    async exists(path) {
      return (await ctx.use(Fs)).exists(path)
    },
    listen: (pattern, handler) =>
      ctx.events.on(pattern, (payload, { name, from, at }) => handler({ name, from, at, payload })),
  }
}

const wallClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
  breathe: () => new Promise((resolve) => setTimeout(resolve, 0)),
}

async function addressOf(ctx: PluginContext<unknown>): Promise<string> {
  return `${(await (await ctx.use(Http)).url()).replace(/\/$/, '')}${PREFIX}`
}

/** Without `http:serve` there are no webhooks; everything else works. */
async function serveHooks(
  ctx: PluginContext<unknown>,
  handler: (request: Request) => Promise<Response>,
): Promise<void> {
  try {
    await (await ctx.use(Http)).serve(PREFIX, handler, { open: true }) // each hook is judged by its signature
  } catch (error) {
    if (!PryxError.is(error)) throw error
    ctx.log.warn('webhooks cannot be taken', error)
  }
}

/** One key for all webhooks; each task's secret is derived from it. It never leaves the vault but into this isolate. */
async function webhookKey(ctx: PluginContext<unknown>): Promise<string> {
  const secrets = await ctx.use(Secrets)
  const known = await secrets.get('webhook-key')
  if (known !== undefined) return known
  const made = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
  await secrets.set('webhook-key', made)
  return made
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
