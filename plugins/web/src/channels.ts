// plugins/web/src/channels.ts: channels as the page shows them.
//   C1  A channel that sleeps has nothing set up (it starts when its secret is there), and is not woken to say so.
import { type Channel, type ChannelStatus, channelOf } from '@pryx/plugin-sessions/channel'
import { type PluginContext, PryxError, ServiceError } from '@pryx/sdk'
import type { Hono } from 'hono/tiny'
import type { Picture } from './watch.ts'

const NAMES = ['telegram', 'webhook'] as const
type Name = (typeof NAMES)[number]
const ASLEEP: Record<Name, string> = {
  telegram: 'Not set up: it wants the token of a bot of yours.',
  webhook: 'Not set up: name an endpoint in pryx.json and keep a secret for it. The guide “webhooks” shows how.',
}

/** `failed`: it does not answer. */
export type ChannelView = Omit<ChannelStatus, 'state'> & { state: ChannelStatus['state'] | 'failed' }

/** Of telegram; a code to be sent to the bot. */
export interface LinkCode {
  code: string
  url?: string
  expiresAt: number
}

export interface Channels {
  list(): Promise<ChannelView[]>
  /** @throws WEB_NO_CHANNEL */
  telegram(): Promise<{ link(): Promise<LinkCode> }>
}

export function createChannels(
  ctx: Pick<PluginContext, 'tryUse'>,
  look: () => Promise<Pick<Picture, 'plugins'>>,
): Channels {
  return {
    async list() {
      const { plugins } = await look()
      const here = NAMES.flatMap((name) => {
        const plugin = plugins.find(({ services }) => services.some((one) => one.startsWith(`${name}@`)))
        return plugin === undefined ? [] : [{ name, awake: plugin.stage === 'active' }]
      })
      return Promise.all(here.map(({ name, awake }) => (awake ? ask(name) : asleep(name)))) // C1
    },
    telegram: async () => (await use('telegram')) as Channel & { link(): Promise<LinkCode> },
  }

  async function ask(name: Name): Promise<ChannelView> {
    try {
      return await (await use(name)).status()
    } catch (error) {
      if (!PryxError.is(error)) throw error
      return { ...asleep(name), state: 'failed', text: error.message }
    }
  }

  async function use(name: Name): Promise<Channel> {
    const found = await ctx.tryUse(channelOf(name))
    if (found !== undefined) return found
    throw new ServiceError('WEB_NO_CHANNEL', `nothing here provides ${name}`, {
      hint: `Install @pryx/plugin-${name}, or allow this page to use it.`,
    })
  }
}

function asleep(channel: Name): ChannelView {
  return { channel, state: 'unconfigured', text: ASLEEP[channel], since: 0, peers: 0 }
}

export function addChannelRoutes(api: Hono, channels: Channels): void {
  api.get('/channels', async (c) => c.json({ channels: await channels.list() }))
  api.post('/channels/telegram/link', async (c) => c.json(await (await channels.telegram()).link()))
}
