// plugins/web/src/installs.ts: installs that were asked for on the page. The page proposes; the user says yes where this plugin cannot.
//   I1  A job stands until it is done or has failed, and is then kept for a while, so that every open page sees how it ended.
import { type InstalledPlugin, type InstallPlan, type OutdatedPlugin, type Plugins, PryxError } from '@pryx/sdk'
import type { Clock } from './watch.ts'

const MAX_JOBS = 12
const MAX_PLANS = 8

export interface Job {
  id: string
  plugin: string
  name: string
  version: string
  /** Of the version whose place it takes. */
  before?: string
  /** Epoch ms. */
  at: number
  state: 'asking' | 'done' | 'failed'
  error?: { code: string; message: string; hint?: string }
}

export interface Shelf {
  installed: InstalledPlugin[]
  jobs: Job[]
  /** Where the user answers; a question's id goes after it. */
  window: string
}

export interface Installs {
  shelf(): Promise<Shelf>
  outdated(): Promise<OutdatedPlugin[]>
  plan(wanted: { spec: string } | { plugin: string }): Promise<InstallPlan>
  /** Asks the user and goes on in the background. */
  apply(plan: string, allow: readonly string[]): Job
  rollback(plugin: string): Promise<void>
  remove(plugin: string, keepData: boolean): Promise<void>
  logs(plugin: string): ReturnType<Plugins['logs']>
}

export function createInstalls(plugins: Plugins, clock: Pick<Clock, 'now'>): Installs {
  const plans = new Map<string, InstallPlan>()
  let jobs: Job[] = []
  return {
    async shelf() {
      const [installed, window] = await Promise.all([plugins.installed(), plugins.window()])
      return { installed, jobs, window }
    },
    outdated: () => plugins.outdated(),
    async plan(wanted) {
      const plan = await ('spec' in wanted ? plugins.plan(wanted.spec) : plugins.planUpdate(wanted.plugin))
      plans.set(plan.plan, plan)
      if (plans.size > MAX_PLANS) plans.delete(plans.keys().next().value!)
      return plan
    },
    apply(id, allow) {
      const { plugin = id, name = id, version = '', before } = plans.get(id) ?? {}
      plans.delete(id)
      const job: Job = { id, plugin, name, version, ...(before && { before }), at: clock.now(), state: 'asking' }
      jobs = [job, ...jobs.filter((one) => one.id !== id)].slice(0, MAX_JOBS)
      plugins.apply(id, allow).then(
        () => end(job, { state: 'done' }),
        (error: unknown) => end(job, { state: 'failed', error: wordsOf(error) }),
      )
      return job
    },
    rollback: (plugin) => plugins.rollback(plugin),
    remove: (plugin, keepData) => plugins.remove(plugin, { keepData }),
    logs: (plugin) => plugins.logs(plugin),
  }

  /** I1 */
  function end(job: Job, how: Pick<Job, 'state' | 'error'>): void {
    jobs = jobs.map((one) => (one === job ? { ...job, ...how } : one))
  }
}

function wordsOf(error: unknown): NonNullable<Job['error']> {
  const { code, hint } = PryxError.is(error) ? error : { code: 'WEB_FAILED', hint: undefined }
  return { code, message: error instanceof Error ? error.message : String(error), ...(hint && { hint }) }
}
