// plugins/scheduler/src/assemble.ts: the scheduler, wired from its powers. The plugin and the tests make it in the same way.
import { type Release, UsageError } from '@pryx/sdk'
import { createWork } from './actions/work.ts'
import { createDesk } from './desk.ts'
import { NO_USAGE } from './money/usage.ts'
import type { Ports, Settings } from './ports.ts'
import { createEngine, type Engine } from './running/engine.ts'
import { createRunBook } from './runs.ts'
import type { Scheduler } from './service.ts'
import { isTimed, type Run, type Task } from './task.ts'
import { createTaskBook } from './tasks.ts'
import { createSentries } from './triggers/sentries.ts'
import { createWebhooks } from './triggers/webhooks.ts'
import { createJournal } from './workflow/journal.ts'

export interface WebhookPowers {
  /** Where hooks are served, such as `http://127.0.0.1:7780/hooks`. */
  address(): Promise<string>
  /** The key all secrets are derived from. */
  key(): Promise<string>
}

type Serve = (handler: (request: Request) => Promise<Response>) => Promise<void>

export function assemble(ports: Ports, settings: Settings, session: string, hooks: WebhookPowers) {
  const journal = createJournal(ports.store)
  // The engine needs somebody who works, and who works needs the engine's books: the first call comes long after both are made.
  const engine: Engine = createEngine(ports, settings, session, (task, run, signal) => work(task, run, signal))
  const { work, poke } = createWork({
    ...ports,
    journal,
    notices: engine.notices,
    progress: (run: Run, report) => engine.progress(run.id, report),
    maxCostUsd: (task: Task, run: Run) => budgetLeft(task, run),
  })
  const sentries = createSentries(engine, ports)
  const webhooks = createWebhooks(ports, sentries, secretOf)
  const tasks = createTaskBook(engine, ports, settings, (kind) => {
    if (kind === 'webhook') void serveIfWanted().catch((error) => ports.warn('webhooks cannot be taken', error))
    else if (!isTimed({ kind } as Task['trigger']) && kind !== 'manual') void sentries.refresh()
  })
  const runs = createRunBook(engine, ports, tasks, journal, poke)
  let serve: Serve | undefined
  let unlisten: Release = () => {}
  return { engine, sentries, webhooks, start, end, desk }

  /** @param serving Begins to serve webhooks; called once there is a task that wants one. */
  async function start(serving: Serve): Promise<void> {
    await engine.start()
    await sentries.refresh()
    unlisten = ports.senses.listen('plugin.removed', ({ from, payload }) => {
      if (from === 'kernel') orphan((payload as { plugin: string }).plugin)
    })
    serve = serving
    await serveIfWanted()
  }

  async function serveIfWanted(): Promise<void> {
    if (serve === undefined || (await ports.store.pushed(['webhook'])).length === 0) return
    const begin = serve
    serve = undefined
    await begin(webhooks.serve)
  }

  function orphan(plugin: string): void {
    tasks.orphan(plugin).catch((error) => ports.warn(`the tasks of ${plugin}, which was removed, still stand`, error))
  }

  async function end(): Promise<void> {
    await unlisten()
    await sentries.end()
    await engine.end()
  }

  function desk(caller: () => string): Scheduler {
    async function webhookOf({ id, name, trigger }: Task): Promise<{ url: string; secret: string }> {
      if (trigger.kind === 'webhook') return { url: `${await hooks.address()}/${id}`, secret: await secretOf(id) }
      throw new UsageError('TASK_INVALID', `${name} is not started by a webhook`, {
        hint: 'Give it a trigger of kind `webhook` first.',
      })
    }
    return createDesk({ engine, ports, settings, tasks, runs, webhookOf }, caller)
  }

  /** Derived, so that no secret lies in the tables or in an export. */
  async function secretOf(taskId: string): Promise<string> {
    const bytes = new TextEncoder()
    const key = await crypto.subtle.importKey(
      'raw',
      bytes.encode(await hooks.key()),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    const digest = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes.encode(taskId)))
    return `whsec_${btoa(String.fromCharCode(...digest))}`
  }

  async function budgetLeft(task: Task, run: Run): Promise<number | undefined> {
    const current = await ports.store.run(run.id)
    const lines = await engine.purse.lines(task, current?.usage ?? NO_USAGE)
    if (lines.length === 0) return undefined
    return Math.max(0, Math.min(...lines.map((line) => line.limitUsd - line.spentUsd)))
  }
}
