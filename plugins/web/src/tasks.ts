// plugins/web/src/tasks.ts: the scheduler as the page sees it. It may be absent, come later, or go.
//   K1  A task's last run is asked for once, and again only after an event says that it changed.
//   K2  So is the list; and after `STALE_MS`, in case an event was lost. Each question costs the scheduler a read and a line in the audit log.
import { type Run, Scheduler, type Task } from '@pryx/plugin-scheduler/service'
import { type PluginContext, UsageError } from '@pryx/sdk'

const MAX_SHOWN = 500
const HISTORY = 50 // runs
const STALE_MS = 30_000

/** A task with its newest run. */
export type TaskRow = Task & { lastRun?: Run | undefined }

export interface Tasks {
  /** Undefined where no scheduler is to be had. */
  list(): Promise<TaskRow[] | undefined>
  /** Newest first. */
  history(id: string): Promise<Run[]>
  act(id: string, action: TaskAction): Promise<void>
  /** Takes note of a `task.*` event. */
  heard(data: unknown): void
}

export type TaskAction = 'pause' | 'resume' | 'run'

/** @param now Epoch ms. */
export function createTasks(ctx: Pick<PluginContext, 'tryUse'>, now: () => number): Tasks {
  // Promises: an event that comes while one is under way drops it, and what it brings is not kept.
  const lastRuns = new Map<string, Promise<Run | undefined>>()
  let found: Scheduler | undefined
  let known: { rows: Promise<TaskRow[]>; at: number } | undefined

  return {
    async list() {
      found ??= await ctx.tryUse(Scheduler)
      if (found === undefined) return undefined
      if (known === undefined || now() - known.at >= STALE_MS) known = { rows: rows(found), at: now() } // K2
      const asked = known
      try {
        return await asked.rows
      } catch {
        if (known === asked) known = undefined
        found = undefined // gone, or not allowed for now: ask anew next time
        return undefined
      }
    },
    history: async (id) => (await scheduler()).history(id, { limit: HISTORY }),
    async act(id, action) {
      const tasks = await scheduler()
      if (action === 'pause') await tasks.pause(id)
      else if (action === 'resume') await tasks.resume(id)
      else await tasks.runNow(id)
      lastRuns.delete(id)
      known = undefined
    },
    heard(data) {
      known = undefined
      const { task, taskId } = (data ?? {}) as { task?: { id?: unknown }; taskId?: unknown }
      const id = task?.id ?? taskId
      if (typeof id === 'string') lastRuns.delete(id)
    },
  }

  async function rows(tasks: Scheduler): Promise<TaskRow[]> {
    const all = await tasks.list({ owner: '*', limit: MAX_SHOWN })
    forgetOthers(all)
    return Promise.all(all.map(async (task) => ({ ...task, lastRun: await lastRun(tasks, task.id) })))
  }

  function lastRun(tasks: Scheduler, id: string): Promise<Run | undefined> {
    const asked = lastRuns.get(id) ?? tasks.history(id, { limit: 1 }).then((runs) => runs[0]) // K1
    lastRuns.set(id, asked)
    asked.catch(() => lastRuns.get(id) === asked && lastRuns.delete(id))
    return asked
  }

  function forgetOthers(all: readonly Task[]): void {
    const ids = new Set(all.map((task) => task.id))
    for (const id of lastRuns.keys()) if (!ids.has(id)) lastRuns.delete(id)
  }

  async function scheduler(): Promise<Scheduler> {
    found ??= await ctx.tryUse(Scheduler)
    if (found !== undefined) return found
    throw new UsageError('WEB_NO_SCHEDULER', 'no scheduler is running', {
      hint: 'Install @pryx/plugin-scheduler, or allow this page to use it.',
    })
  }
}
