// plugins/sessions/src/channel.ts: what every channel offers (B4): a surface of sessions that leads out of this machine.
//   One interface for all of them; each is a service of its own name (`telegram`, `webhook`), so that a host may have any of them or none.
import { defineEvents, defineService, type ServiceToken } from '@pryx/sdk'
import { z } from 'zod'

/**
 * `unconfigured`: something is to be set up first. `waiting`: it is tried again by itself at `retryAt`.
 * `refused`: the other side says no, and trying again would not help.
 */
export const CHANNEL_STATES = ['unconfigured', 'connecting', 'online', 'waiting', 'refused'] as const

export const channelStatusSchema = z.object({
  channel: z.string(),
  state: z.enum(CHANNEL_STATES),
  /** How it is, and what to do where something is to be done. Never holds a secret. */
  text: z.string(),
  /** Epoch ms of the last change of state. */
  since: z.number(),
  /** Chats or addresses it is linked with. */
  peers: z.number().int(),
  /** Epoch ms of the next try, while `waiting`. */
  retryAt: z.number().optional(),
  /** Epoch ms of the last message in or out, since it was started. */
  lastMessageAt: z.number().optional(),
  /** What last went wrong since then, though all may be well again. */
  lastError: z.object({ at: z.number(), text: z.string() }).optional(),
})
export type ChannelStatus = z.infer<typeof channelStatusSchema>

export interface ChannelMessage {
  /** Markdown, at most 131,072 characters. */
  text: string
  /** A file of the workspace to go with it, by its path there. */
  file?: string | undefined
  /** The sender's own id for this: sent again under it within a day, it counts once. */
  key?: string | undefined
}

/** @throws CHANNEL_UNCONFIGURED, CHANNEL_PEER for one it is not linked with, CHANNEL_FAILED if the other side did not take it. */
export interface Channel {
  status(): Promise<ChannelStatus>
  /** Looks at its secrets and settings again, and connects if they allow it. Answers at once. */
  connect(): Promise<ChannelStatus>
  /** To one peer, or with `*` to all. Resolves when it was taken on, on disk or by the other side. */
  send(to: string, message: ChannelMessage): Promise<void>
}

/** Told whenever the state of a channel changes. */
export const channelEvents = defineEvents('channel', { changed: channelStatusSchema })

export const channelMethods = {
  status: { input: z.tuple([]) },
  connect: { input: z.tuple([]) },
  send: {
    input: z.tuple([
      z.string().min(1).max(128),
      z.strictObject({
        text: z.string().min(1).max(131_072),
        file: z.string().min(1).max(1_024).optional(),
        key: z.string().min(1).max(128).optional(),
      }),
    ]),
  },
} as const

/** Any channel, by the name of its service. */
export function channelOf(name: string): ServiceToken<Channel> {
  return defineService<Channel>(name, '1.0.0', { methods: channelMethods })
}
