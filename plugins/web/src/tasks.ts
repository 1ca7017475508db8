// plugins/web/src/tasks.ts: the scheduler as the page sees it. It may be absent, come later, or go.
//   K1  What comes next is asked for once, and again only after an event says that something changed, or after `STALE_MS` in case an event
//       was lost: each question costs the scheduler a read and a line in the audit log.
//   K2  One answer serves all pages; a page asks for its own list itself.
import { type FoundTask, Scheduler } from '@pryx/plugin-scheduler/service'
import { type PluginContext, UsageError } from '@pryx/sdk'

const COMING = 20
const STALE_MS = 30_000

/** A task as a list shows it: with its last run, its success and its cost. */
export type TaskRow = FoundTask

/** What is due next. */
export type ComingTask = FoundTask['task']

export interface Tasks {
  /** The next that fall due; undefined where no scheduler is to be had. */
  list(): Promise<ComingTask[] | undefined>
  /** @throws WEB_NO_SCHEDULER */
  scheduler(): Promise<Scheduler>
  /** Takes note of a `task.*` event, or of a change made through the page. */
  changed(): void
}

/** @param now Epoch ms. */
export function createTasks(ctx: Pick<PluginContext, 'tryUse'>, now: () => number): Tasks {
  let found: Scheduler | undefined
  // A promise: an event that comes while it is under way drops it, and what it brings is not kept.
  let known: { rows: Promise<ComingTask[]>; at: number } | undefined

  return {
    async list() {
      found ??= await ctx.tryUse(Scheduler)
      if (found === undefined) return undefined
      if (known === undefined || now() - known.at >= STALE_MS) known = { rows: coming(found), at: now() } // K1
      const asked = known
      try {
        return await asked.rows
      } catch {
        if (known === asked) known = undefined
        found = undefined // gone, or not allowed for now: ask anew next time
        return undefined
      }
    },
    async scheduler() {
      found ??= await ctx.tryUse(Scheduler)
      if (found !== undefined) return found
      throw new UsageError('WEB_NO_SCHEDULER', 'no scheduler is running', {
        hint: 'Install @pryx/plugin-scheduler, or allow this page to use it.',
      })
    },
    changed() {
      known = undefined
    },
  }
}

async function coming(scheduler: Scheduler): Promise<ComingTask[]> {
  const { tasks } = await scheduler.search({ sort: 'next', limit: COMING })
  return tasks.map(({ task }) => task)
}
