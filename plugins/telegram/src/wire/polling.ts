// plugins/telegram/src/wire/polling.ts: long polling.
//   L1  Updates are kept before the next question tells Telegram that they were taken.
//   L2  Whatever fails, it is tried again within 15 s: back within 30 s after any break (B4). Only a refused token ends it.
import { PryxError } from '@pryx/sdk'
import { type Clock, sleep } from '../ports.ts'
import type { Client } from './client.ts'
import { statusOf } from './client.ts'
import { WANTED } from './updates.ts'

const POLL_SECONDS = 25
const BATCH = 50
const FIRST_DELAY_MS = 1_000
const MAX_DELAY_MS = 15_000

export interface PollingPorts {
  client: Pick<Client, 'call'>
  clock: Clock
  signal: AbortSignal
  offset(): Promise<number | undefined>
  /** L1 */
  keep(updates: unknown): Promise<void>
  online(): void
  /** It failed and is tried again at `retryAt`, epoch ms. */
  waiting(why: string, retryAt: number): void
  refused(why: string): void
}

export async function poll(ports: PollingPorts): Promise<void> {
  const { client, clock, signal } = ports
  let delayMs = FIRST_DELAY_MS
  while (!signal.aborted) {
    try {
      const offset = await ports.offset()
      const updates = await client.call(undefined, (api, ends) =>
        api.getUpdates(
          { ...(offset !== undefined && { offset }), limit: BATCH, timeout: POLL_SECONDS, allowed_updates: WANTED },
          ends,
        ),
      )
      ports.online()
      await ports.keep(updates)
      delayMs = FIRST_DELAY_MS
    } catch (error) {
      if (signal.aborted) return
      if (isFinal(error)) return ports.refused(reason(error))
      ports.waiting(reason(error), clock.now() + delayMs)
      await sleep(clock, delayMs, signal) // L2
      delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)
    }
  }
}

/** The token is not, or not any more, one of a bot. */
export function isFinal(error: unknown): boolean {
  const status = statusOf(error)
  return status === 401 || status === 404
}

export function reason(error: unknown): string {
  if (statusOf(error) === 409)
    return 'another program reads the messages of this bot; end it, or make a bot of your own'
  return PryxError.is(error) ? error.message : 'an unexpected failure'
}
