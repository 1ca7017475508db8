// plugins/scheduler/src/desk.ts: the service: every method of the contract, led to who does it.
//   K1  Who calls is read before anything is awaited; changes happen one after the other.
import { UsageError } from '@pryx/sdk'
import { judge, problemOf } from './check.ts'
import { settleTrigger } from './clock/settle.ts'
import { preview } from './clock/trigger.ts'
import { instantText, wordsFor } from './clock/words.ts'
import { liveRuns } from './dashboard/live.ts'
import { daysOf, overview as overviewOf } from './dashboard/overview.ts'
import { rhythmOf } from './dashboard/rhythm.ts'
import { searchTasks, tallyTasks } from './dashboard/search.ts'
import { NO_USAGE, periodOf } from './money/usage.ts'
import type { Ports, Settings } from './ports.ts'
import { bounded, parsed, specOf } from './reading.ts'
import type { Engine } from './running/engine.ts'
import type { createRunBook } from './runs.ts'
import type { ImportResult, Plan, Problem, Scheduler, Spending } from './service.ts'
import { type Task, triggerSchema } from './task.ts'
import type { TaskBook } from './tasks.ts'
import { makeFromTemplate, templateViews } from './templates/templates.ts'
import { historyCsv } from './transfer/csv.ts'
import { readDocument, writeDocument } from './transfer/document.ts'
import { outlineOf } from './workflow/outline.ts'
import { parseFlow } from './workflow/parse.ts'

const MAX_PREVIEW = 100
const PAGE = 100

export interface DeskParts {
  engine: Engine
  ports: Ports
  settings: Settings
  tasks: TaskBook
  runs: ReturnType<typeof createRunBook>
  webhookOf(task: Task): Promise<{ url: string; secret: string }>
}

/** @param caller Who makes the call being served; read before anything is awaited. */
export function createDesk(
  { engine, ports, settings, tasks, runs, webhookOf }: DeskParts,
  caller: () => string,
): Scheduler {
  const { store, clock } = ports
  return {
    create: (spec) => change((who) => tasks.create(who, tasks.read(spec))),
    createOrUpdate: (spec) => change((who) => tasks.createOrUpdate(who, tasks.read(spec))),
    update: (id, changes) => change(async (who) => tasks.update(who, await tasks.own(who, id), changes)),
    list: (filter) => read((who) => tasks.list(who, filter)),
    get: (id) => read((who) => tasks.own(who, id)),
    pause: (id) => change(async (who) => tasks.pause(await tasks.own(who, id))),
    resume: (id) => change(async (who) => tasks.resume(await tasks.own(who, id))),
    remove: (id) => change(async (who) => tasks.remove(await tasks.own(who, id))),
    runNow: (id, input) => woken(async (who) => runs.runNow(await tasks.own(who, id), input)),
    runEach: (id, inputs) => woken(async (who) => runs.runEach(await tasks.own(who, id), inputs)),
    history: (id, options) => read((who) => runs.history(who, id, options?.limit)),
    historyCsv: (id) => read(async (who) => historyCsv(await runs.history(who, id, undefined))),
    run: (runId) => read((who) => runs.run(who, runId)),
    preview: (trigger, count) => read(async () => planOf(trigger, count).next),
    plan: (trigger, count) => read(async () => planOf(trigger, count)),
    complete: (runId, completion) => read((who) => runs.complete(who, runId, completion)),
    progress: (runId, report) => read((who) => runs.progress(who, runId, report)),
    cancel: (runId) => read((who) => runs.cancel(who, runId)),
    attend: () => read((who) => engine.announceOpen(who)),
    ledger: (id, from, to) => read(async (who) => engine.keeper.window(await tasks.own(who, id), from, to)),
    steps: (runId) => read((who) => runs.steps(who, runId)),
    stepOutput: (runId, path) => read((who) => runs.output(who, runId, path)),
    answer: (runId, path, answer) => change((who) => runs.answer(who, runId, path, answer)),
    dryRun: (id, input) => woken(async (who) => runs.runNow(await tasks.own(who, id), input, 'dry')),
    replay: (runId) => woken((who) => runs.repeat(who, runId)),
    compare: (a, b) => read((who) => runs.compare(who, a, b)),
    webhook: (id) => read(async (who) => webhookOf(await tasks.own(who, id))),
    spending: (id) => read(async (who) => spendingOf(id === undefined ? managed(who) : await tasks.own(who, id))),
    notices: (limit) => read((who) => noticesFor(who, limit)),
    acknowledge: (noticeId) => read((who) => acknowledge(who, noticeId)),
    overview: (filter) =>
      read(async (who) => overviewOf(store, ownerFor(who, filter?.owner), clock.now(), settings.timeZone, filter)),
    search: (query) =>
      read(async (who) => searchTasks(store, ownerFor(who, query?.owner), query, clock.now(), settings.timeZone)),
    tally: () => read((who) => tallyTasks(store, ownerFor(who, undefined))),
    live: (limit) => read((who) => liveRuns(store, ownerFor(who, undefined), limit)),
    outline: (id) =>
      read(async (who) => {
        const { action } = await tasks.own(who, id)
        return action.kind === 'workflow' ? outlineOf(parseFlow(action.flow)) : []
      }),
    rhythm: (id) => read(async (who) => rhythmOf(await runs.history(who, id, undefined))),
    check: (spec, id) => read((who) => checked(who, spec, id)),
    days: (options) => read(async (who) => daysFor(who, options)),
    templates: () => read(async () => templateViews()),
    fromTemplate: (template, name, parameters) =>
      change(async (who) => {
        managed(who)
        return tasks.create(who, tasks.read(makeFromTemplate(template, name, parameters)))
      }),
    exportTasks: (options) => read((who) => exported(who, options?.format ?? 'json')),
    importTasks: (text) => change((who) => imported(who, text)),
  }

  /** One change after the other; the clockwork looks again after each. */
  async function change<T>(work: (who: string) => Promise<T>): Promise<T> {
    const who = caller() // K1
    const result = await engine.alone(() => work(who))
    engine.wake()
    return result
  }

  /** One transaction that needs no other to stand still; the clockwork looks again after it. */
  async function woken<T>(work: (who: string) => Promise<T>): Promise<T> {
    const result = await work(caller()) // K1
    engine.wake()
    return result
  }

  async function read<T>(work: (who: string) => Promise<T>): Promise<T> {
    return work(caller())
  }

  function managed(who: string): undefined {
    if (tasks.isManager(who)) return undefined
    throw new UsageError('TASK_REFUSED', `${who} sees its own tasks only`, {
      hint: 'Name one of your tasks, or ask the host.',
    })
  }

  function ownerFor(who: string, owner: string | undefined): string | undefined {
    if (owner === undefined || owner === who) return tasks.isManager(who) && owner === undefined ? undefined : who
    managed(who)
    return owner === '*' ? undefined : owner
  }

  function planOf(trigger: unknown, count: number | undefined): Plan {
    const now = clock.now()
    const settled = settleTrigger(parsed(triggerSchema, trigger, 'the trigger'), now, settings.timeZone)
    const timeZone = settled.kind === 'cron' ? (settled.timeZone ?? settings.timeZone) : settings.timeZone
    const next = preview(settled, now, bounded(count, 5, MAX_PREVIEW))
    return {
      ...{ trigger: settled, words: wordsFor(settled, timeZone), timeZone, next },
      ...(settled.kind === 'cron' && { expression: settled.expression }),
      nextText: next.map((at) => instantText(at, timeZone)),
    }
  }

  async function checked(who: string, given: unknown, id: string | undefined) {
    const task = id === undefined ? undefined : await tasks.own(who, id)
    const { problems, spec } = judge(given, clock.now(), settings.timeZone)
    if (spec === undefined) return withPlan(given, problems)
    const plan = planOf(spec.trigger, undefined)
    try {
      await tasks.admit(who, spec, task)
      return { problems, plan }
    } catch (error) {
      return { problems: [problemOf(error, given)], plan }
    }
  }

  /** Whatever else is wrong: when it would run is told, or why that cannot be said. */
  function withPlan(given: unknown, problems: Problem[]): { problems: Problem[]; plan?: Plan } {
    if (problems.some(({ path }) => path.startsWith('trigger'))) return { problems }
    try {
      return { problems, plan: planOf((given as { trigger?: unknown }).trigger, undefined) }
    } catch (error) {
      return { problems: [...problems, problemOf(error, given)] }
    }
  }

  async function spendingOf(task: Task | undefined): Promise<Spending> {
    const { timeZone } = settings
    const now = clock.now()
    const who = task?.id ?? '*'
    const month = await engine.purse.spent(who, periodOf(now, timeZone, 'month'))
    const dayOfMonth = Number(periodOf(now, timeZone, 'day').slice(8))
    return {
      ...{ timeZone, day: await engine.purse.spent(who, periodOf(now, timeZone, 'day')), month },
      ...(task !== undefined && { ever: await engine.purse.spent(who, 'ever') }),
      budgets: await engine.purse.lines({ id: who, budget: task?.budget }, NO_USAGE),
      ...(month.calls > 0 && { forecastUsd: (month.costUsd / dayOfMonth) * 30.4 }),
    }
  }

  async function noticesFor(who: string, limit: number | undefined) {
    managed(who)
    return engine.notices.list(bounded(limit, 50, 200))
  }

  async function acknowledge(who: string, noticeId: string): Promise<boolean> {
    if (!settings.messengers.includes(who)) managed(who)
    const done = await engine.notices.acknowledge(noticeId, who)
    if (done) engine.facts.acknowledged(noticeId, who)
    return done
  }

  async function daysFor(who: string, { id, days }: { id?: string; days?: number } = {}) {
    if (id === undefined) managed(who)
    else await tasks.own(who, id)
    return daysOf(store, id, bounded(days, 90, 366), clock.now(), settings.timeZone)
  }

  async function everyTask(who: string): Promise<Task[]> {
    const all: Task[] = []
    for (;;) {
      const page = await store.tasks(tasks.isManager(who) ? undefined : who, PAGE, all.at(-1)?.id)
      all.push(...page)
      if (page.length < PAGE) return all
    }
  }

  async function exported(who: string, format: 'json' | 'yaml'): Promise<string> {
    const all = await everyTask(who)
    return writeDocument(
      all.map((task) => ({ task, spec: specOf(task) })),
      format,
    )
  }

  /** Judged as a whole first, and then made: a document that is wrong in one place changes nothing. */
  async function imported(who: string, text: string): Promise<ImportResult> {
    const entries = readDocument(text, who)
    const ready = entries.map(({ owner, paused, spec }) => {
      if (owner !== who) managed(who)
      return { owner, paused, spec: tasks.read(spec) }
    })
    const result: ImportResult = { created: [], updated: [], unchanged: [] }
    for (const { owner, paused, spec } of ready) {
      const before = await store.taskNamed(owner, spec.name)
      const task = await tasks.createOrUpdate(who, spec, owner)
      if (paused && task.state !== 'paused') await tasks.pause(task)
      const kind = before === undefined ? 'created' : before.updatedAt === task.updatedAt ? 'unchanged' : 'updated'
      result[kind].push(spec.name)
    }
    return result
  }
}
