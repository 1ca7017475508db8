// plugins/telegram/src/service.ts: the contract of telegram: a channel, and how chats are linked with it.
import { type Channel, channelMethods } from '@pryx/plugin-sessions/channel'
import { defineService } from '@pryx/sdk'
import { z } from 'zod'

export interface LinkCode {
  /** To be sent to the bot, by whoever shall be linked. One time, for ten minutes. */
  code: string
  /** Opens Telegram with the code filled in; absent until the bot's name is known. */
  url?: string
  /** Epoch ms. */
  expiresAt: number
}

export interface LinkedChat {
  chat: string
  /** As Telegram calls it. Chosen by its owner: not to be trusted as a name. */
  name: string
  private: boolean
  session: string
  /** Epoch ms. */
  linkedAt: number
  /** The bot was blocked or thrown out there; it goes on when somebody writes. */
  paused: boolean
}

/** Secret `telegram.token`, from @BotFather. Without it the state is `unconfigured`. Peers of `send` are ids of linked chats. */
export interface Telegram extends Channel {
  /** A new code; the one before is void. @throws CHANNEL_UNCONFIGURED without a token. */
  link(): Promise<LinkCode>
  links(): Promise<LinkedChat[]>
  /** @returns Whether it was linked. */
  unlink(chat: string): Promise<boolean>
}

export const Telegram = defineService<Telegram>('telegram', '1.0.0', {
  methods: {
    ...channelMethods,
    link: { input: z.tuple([]) },
    links: { input: z.tuple([]) },
    unlink: { input: z.tuple([z.string().min(1).max(32)]) },
  },
})
