// plugins/telegram/src/plugin.ts: wiring only.
import { Agent } from '@pryx/plugin-agent/service'
import { Scheduler } from '@pryx/plugin-scheduler/service'
import { channelEvents } from '@pryx/plugin-sessions/channel'
import { type Kind, type SessionEvent, Sessions, sessionEvents } from '@pryx/plugin-sessions/service'
import { definePlugin, Fs, Http, Kernel, type PluginContext, Secrets, Storage } from '@pryx/sdk'
import { z } from 'zod'
import { SCHEDULER } from './chat/notices.ts'
import { configSchema } from './config.ts'
import type { Ports } from './ports.ts'
import { Telegram } from './service.ts'
import { openTelegram, type TelegramChannel } from './telegram.ts'

const ID = 'telegram' // under which pryx.json has it, unless the user gave it another; then the kernel refuses what this only avoids
const KINDS: readonly Kind[] = ['message', 'tool.requested', 'run.started', 'run.finished']

export default definePlugin({
  config: configSchema,
  async activate(ctx) {
    const telegram = await openTelegram(await portsOf(ctx), ctx.config, ID)
    ctx.effect(() => () => telegram.end())
    ctx.provide(Telegram, telegram.service)
    ctx.tools.provide({
      name: 'telegram.send',
      description: 'Sends a message to the linked Telegram chats, with a file of the workspace if one is named',
      input: z.strictObject({ text: z.string().min(1).max(131_072), file: z.string().min(1).max(1_024).optional() }),
      run: (message) => telegram.tell(message),
    })
    let listening = false
    const connect = async () => {
      const { state } = await telegram.service.connect()
      if (state === 'unconfigured' || listening) return
      listening = true // without a token nothing that is said anywhere wakes this plugin
      listen(ctx, telegram)
    }
    ctx.events.on('secret.kept.telegram.token', connect)
    ctx.events.on('secret.removed.telegram.token', connect)
    await connect()
  },
})

function listen(ctx: PluginContext, telegram: TelegramChannel): void {
  const hear = (event: unknown) => telegram.hear(event as SessionEvent)
  for (const kind of KINDS) ctx.events.on(`session.${kind}`, hear)
  ctx.events.on(sessionEvents.delta, ({ session, text, reset }) => telegram.delta(session, text, reset === true))
  ctx.events.on(
    'approval.needed',
    (payload, { from }) => void (from === 'kernel' && telegram.question('needed', payload)),
  )
  ctx.events.on(
    'approval.resolved',
    (payload, { from }) => void (from === 'kernel' && telegram.question('resolved', payload)),
  )
  for (const what of ['raised', 'acknowledged'] as const)
    ctx.events.on(
      `notice.${what}`,
      (payload, { from }) => void ((from === SCHEDULER || from === 'host') && telegram.notice(what, payload)),
    )
}

async function portsOf(ctx: PluginContext): Promise<Ports> {
  return {
    sql: (await ctx.use(Storage)).sql,
    clock: {
      now: () => Date.now(),
      after(ms, fn) {
        const timer = setTimeout(fn, ms)
        return () => clearTimeout(timer)
      },
    },
    sessions: await ctx.use(Sessions),
    agent: await ctx.use(Agent),
    secrets: await ctx.use(Secrets),
    http: () => ctx.use(Http),
    fs: () => ctx.use(Fs),
    kernel: () => ctx.use(Kernel),
    scheduler: () => ctx.tryUse(Scheduler),
    fetch: (input, init) => fetch(input, init),
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    changed: (status) => void ctx.emit(channelEvents.changed, status),
    warn: (message) => ctx.log.warn(message),
  }
}
