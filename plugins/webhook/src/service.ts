// plugins/webhook/src/service.ts: the contract of webhook: a channel whose peers are the endpoints of its configuration.
import { type Channel, channelMethods } from '@pryx/plugin-sessions/channel'
import { defineService } from '@pryx/sdk'

/** `send` queues on disk; a queued message is delivered, or given up after a day. Peers are names of endpoints with a `url`. */
export type Webhook = Channel
export const Webhook = defineService<Webhook>('webhook', '1.0.0', { methods: channelMethods })
