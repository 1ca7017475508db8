// src/plugin.ts: asks every feed at each round of the scheduler, keeps what it saw, and announces each new entry once.
//   F1  An entry is announced once: it is kept as seen only after it was announced, and no announced one is announced again.
//   F2  The first round of a feed announces nothing: its old entries are no news.
//   F3  A feed that fails does not keep the others from being read; the round is reported as failed, by their names.
//   F4  The secret goes to the feeds that are named for it, and to no other.
import { definePlugin, Secrets, Storage, z } from '@pryx/sdk'
import { feedEvents } from './events.ts'
import { type Entry, parseFeed } from './feed.ts'
import { Scheduler, taskEvents } from './scheduler.ts'

interface Seen extends Entry {
  feed: string
}

const keepNewest = 50
const keepIds = 1_000
const maxWaitMs = 8_000

export default definePlugin({
  config: z.object({
    feeds: z.array(z.url({ protocol: /^https?$/ })).default([]),
    withToken: z.array(z.url()).default([]),
    everyMinutes: z.int().min(1).default(15),
  }),
  async activate(ctx) {
    const storage = await ctx.use(Storage)
    const secrets = await ctx.use(Secrets)
    const scheduler = await ctx.use(Scheduler)
    const everyMs = ctx.config.everyMinutes * 60_000
    const task = await scheduler.createOrUpdate({ name: 'feed-watcher', trigger: { kind: 'interval', everyMs } })

    ctx.events.on(taskEvents.due, async ({ taskId, runId, attempt }) => {
      if (taskId !== task.id) return
      try {
        await scheduler.complete(runId, { ok: true, result: await readAll(), attempt })
      } catch (error) {
        await scheduler.complete(runId, { ok: false, error: String(error), attempt })
      }
    })
    ctx.tools.provide({
      name: 'feeds.latest',
      input: z.object({ count: z.int().min(1).max(keepNewest).default(10) }),
      run: async ({ count }) => (await latest()).slice(0, count),
    })
    await scheduler.attend()

    /** @returns How many entries were new. */
    async function readAll(): Promise<number> {
      const rounds = await Promise.allSettled(ctx.config.feeds.map((feed) => readOne(feed)))
      const failed = rounds.flatMap((round, at) =>
        round.status === 'rejected' ? `${ctx.config.feeds[at]}: ${round.reason}` : [],
      )
      if (failed.length > 0) throw new Error(failed.join('; ')) // F3
      return rounds.reduce((sum, round) => sum + (round.status === 'fulfilled' ? round.value : 0), 0)
    }

    async function readOne(feed: string): Promise<number> {
      const entries = parseFeed(await load(feed))
      const known = await storage.get<string[]>(`ids/${feed}`)
      const fresh = entries.filter(({ id }) => !known?.includes(id))
      if (known) for (const entry of fresh.toReversed()) await ctx.emit(feedEvents.published, { feed, ...entry }) // F2
      await remember(feed, fresh, known ?? []) // F1
      return known ? fresh.length : 0
    }

    async function load(feed: string): Promise<string> {
      const token = ctx.config.withToken.includes(feed) ? await secrets.get('feeds.token') : undefined // F4
      const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
      const response = await fetch(feed, { headers, signal: AbortSignal.timeout(maxWaitMs) })
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      return response.text()
    }

    async function remember(feed: string, fresh: Entry[], known: string[]): Promise<void> {
      const ids = [...fresh.map(({ id }) => id), ...known].slice(0, keepIds)
      await storage.set(
        'latest',
        [...fresh.map((entry) => ({ feed, ...entry })), ...(await latest())].slice(0, keepNewest),
      )
      await storage.set(`ids/${feed}`, ids)
    }

    async function latest(): Promise<Seen[]> {
      return (await storage.get<Seen[]>('latest')) ?? []
    }
  },
})
