// plugins/webhook/src/plugin.ts: wiring.
import { Agent } from '@pryx/plugin-agent/service'
import { type ChannelMessage, type ChannelStatus, channelEvents } from '@pryx/plugin-sessions/channel'
import { Sessions, sessionEvents } from '@pryx/plugin-sessions/service'
import { definePlugin, Http, type PluginContext, Secrets, Storage, UsageError } from '@pryx/sdk'
import { type Config, configSchema } from './config.ts'
import { createInbound, ROUTE } from './inbound.ts'
import { createMirrors } from './mirrors.ts'
import { openOutbound } from './outbound.ts'
import { Webhook } from './service.ts'
import { type Key, keyOf } from './signature.ts'

const SECRET = /^whsec_[A-Za-z0-9+/=]{32,}$/

export default definePlugin({
  config: configSchema,
  async activate(ctx) {
    const { config } = ctx
    const names = Object.keys(config.endpoints)
    const secrets = await ctx.use(Secrets)
    const known = new Map<string, Key[]>()
    const last: Pick<ChannelStatus, 'lastMessageAt' | 'lastError'> = {}
    const talked = () => {
      last.lastMessageAt = Date.now()
    }
    const outbound = await openOutbound({
      sql: (await ctx.use(Storage)).sql,
      now: () => Date.now(),
      after,
      fetch: (input, init) => fetch(input, init),
      urlOf: (name) => config.endpoints[name]?.url,
      keyOf: (name) => known.get(name)?.[0],
      warn: (message) => ctx.log.warn(message),
      tried(endpoint, why) {
        if (why === undefined) talked()
        else last.lastError = { at: Date.now(), text: `${endpoint} did not take an answer: ${why}` }
      },
    })
    ctx.effect(() => () => outbound.end())
    const mirrors = createMirrors(await ctx.use(Sessions), outbound, config)
    const inbound = createInbound(
      { agent: await ctx.use(Agent), now: () => Date.now(), taken: talked, keysOf: (name) => known.get(name) ?? [] },
      config,
    )
    let current = statusOf('unconfigured', 0, names)
    let serving = false

    ctx.provide(Webhook, { status: async () => ({ ...current, ...last }), connect, send })
    ctx.events.on('secret.kept.webhook.*', connect)
    ctx.events.on('secret.removed.webhook.*', connect)
    await connect()

    /** Without an endpoint that has a secret nothing is served, and nothing wakes this plugin. */
    async function connect(): Promise<ChannelStatus> {
      for (const name of names) known.set(name, await readKeys(secrets, name))
      const ready = names.filter((name) => (known.get(name) ?? []).length > 0)
      if (ready.length > 0 && !serving) {
        serving = true
        await (await ctx.use(Http)).serve(ROUTE, inbound, { open: true }) // each request is judged by its signature
        await mirrors.begin(ready)
        ctx.events.on(sessionEvents.message, ({ session }) => mirrors.catchUp(session))
      }
      outbound.wake()
      const next = statusOf(ready.length > 0 ? 'online' : 'unconfigured', ready.length, names)
      if (next.text !== current.text) tell(ctx, next)
      current = next
      return current
    }

    async function send(to: string, { text, key }: ChannelMessage): Promise<void> {
      const out = names.filter((name) => (to === '*' || name === to) && config.endpoints[name]?.url !== undefined)
      if (out.length === 0)
        throw new UsageError('CHANNEL_PEER', `no endpoint ${to} with a url`, {
          hint: 'Add it to config.endpoints in pryx.json.',
        })
      const body = JSON.stringify({ type: 'message', timestamp: new Date().toISOString(), data: { text } })
      for (const endpoint of out)
        await outbound.add({
          id: `msg_${endpoint}.${key?.replace(/[^\w.-]/g, '_') ?? crypto.randomUUID()}`,
          endpoint,
          body,
        })
    }
  },
})

function tell(ctx: PluginContext<Config>, status: ChannelStatus): void {
  void ctx.emit(channelEvents.changed, status)
}

/** Two at a time, so that a secret can be changed without a break: the new one signs, both are taken. */
async function readKeys(secrets: Pick<Secrets, 'get'>, name: string): Promise<Key[]> {
  const both = await Promise.all([`webhook.${name}`, `webhook.${name}-old`].map((secret) => secrets.get(secret)))
  const keys = both.map((secret) => (secret && SECRET.test(secret) ? keyOf(secret) : undefined))
  const read = await Promise.allSettled(keys)
  return keys.filter((key, i): key is Key => key !== undefined && read[i]?.status === 'fulfilled')
}

function statusOf(state: 'online' | 'unconfigured', ready: number, names: readonly string[]): ChannelStatus {
  const name = names[0] ?? 'NAME'
  const todo =
    names.length === 0
      ? 'Name an endpoint in pryx.json: "endpoints": { "NAME": {} }'
      : `Keep a secret of at least 24 bytes for each: echo "whsec_$(openssl rand -base64 32)" | pryx secrets set webhook.${name}`
  const text = state === 'online' ? `${ready} of ${names.length} endpoints take messages at ${ROUTE}/NAME.` : todo
  return { channel: 'webhook', state, text, since: Date.now(), peers: ready }
}

function after(ms: number, fn: () => void): () => void {
  const timer = setTimeout(fn, ms)
  return () => clearTimeout(timer)
}
