// packages/pryx/src/cli/tasks.ts: `pryx tasks`. The scheduler is a plugin like any other: it is asked through the service it provides.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { UsageError } from '@pryx/kernel/contract'
import { dateTime, type Style, safe, table } from '../terminal/style.ts'
import type { Output } from './output.ts'
import { type CommonOptions, runningHost } from './target.ts'

const SERVICE = ['scheduler', '1.1.0'] as const
const PAGE = 200
const DAY_MS = 86_400_000

/** The parts of the scheduler's answers that are shown. */
interface TaskLine {
  task: { id: string; name: string; owner: string; state: string; nextDue?: number; problem?: string }
  action: string
  lastRun?: RunLine
  monthUsd: number
  monthUnpriced: number
}
export interface RunLine {
  id: string
  status: string
  occurrence: number
  count?: number
  attempt?: number
  startedAt?: number
  finishedAt?: number
  error?: string
  ambiguous?: boolean
  progress?: { step: string; done?: number; total?: number }
  usage?: { costUsd: number; unpriced: number }
}
interface PlanLine {
  trigger: unknown
  expression?: string
  words: string
  timeZone: string
  next: number[]
  nextText: string[]
}

export type Ask = <T>(method: string, ...args: unknown[]) => Promise<T>

export async function listTasks(output: Output, options: CommonOptions): Promise<void> {
  const lines = await everyTask(await connect(options))
  const { style } = output
  const head = ['', 'task', 'next', 'last', 'cost this month', ''].map((text) => style.dim(text))
  output.result(
    lines,
    lines.length === 0
      ? 'There are no tasks yet. `pryx tasks add` makes one.'
      : table([head, ...lines.map((line) => row(line, style))]),
  )
}

export async function showTask(output: Output, options: CommonOptions, wanted: string): Promise<void> {
  const ask = await connect(options)
  const line = await find(ask, wanted)
  const task = await ask<Record<string, unknown>>('get', line.task.id)
  const spending = await ask<{ budgets: { scope: string; spentUsd: number; limitUsd: number }[] }>(
    'spending',
    line.task.id,
  )
  const plan = await ask<PlanLine>('plan', task.trigger)
  const { style } = output
  const rows = [
    ['state', stateText(line, style)],
    ['owner', safe(line.task.owner)],
    ['when', safe(plan.words)],
    ['does', safe(line.action)],
    ...plan.nextText.slice(0, 3).map((text, i) => [i === 0 ? 'next' : '', safe(text)]),
    ['last', line.lastRun === undefined ? 'never' : runText(line.lastRun, style)],
    ...spending.budgets.map(({ scope, spentUsd, limitUsd }) => [
      'budget',
      `${scope}: $${spentUsd.toFixed(2)} of $${limitUsd.toFixed(2)}`,
    ]),
    ['id', style.dim(line.task.id)],
  ]
  output.result(
    { ...line, task, plan, spending },
    `${style.bold(safe(line.task.name))}\n${table(rows.map(([name = '', text = '']) => [`  ${style.dim(name)}`, text]))}`,
  )
}

export async function planTask(
  output: Output,
  options: CommonOptions & { zone?: string },
  when: string,
): Promise<void> {
  const plan = await (await connect(options))<PlanLine>('plan', triggerOf(when, options.zone))
  output.result(plan, planText(plan, output.style))
}

export interface AddOptions extends CommonOptions {
  zone?: string
  say?: string
  prompt?: string
  tool?: string
  input?: string
  flow?: string
  yes?: boolean
}

export async function addTask(output: Output, options: AddOptions, name: string, when: string): Promise<void> {
  const action = actionOf(options)
  const ask = await connect(options)
  const plan = await ask<PlanLine>('plan', triggerOf(when, options.zone))
  output.note(planText(plan, output.style))
  if (!options.yes && !(await confirmed()))
    throw new UsageError('TASK_NOT_KEPT', 'nothing was kept', { hint: 'Say --yes to keep it without being asked.' })
  const task = await ask<{ id: string }>('create', { name, trigger: plan.trigger, action })
  output.result(task, `${output.style.green('✔')} ${safe(name)} is kept.`)
}

export async function ruleTasks(
  output: Output,
  options: CommonOptions,
  verb: 'pause' | 'resume' | 'remove',
  wanted: readonly string[],
): Promise<void> {
  const ask = await connect(options)
  const found = await Promise.all(wanted.map((each) => find(ask, each))) // all must be there before any is touched
  const done = { pause: 'is paused', resume: 'goes on', remove: 'is removed' }[verb]
  for (const { task } of found) {
    const result = await ask<unknown>(verb, task.id)
    output.line(result ?? { id: task.id }, `${output.style.green('✔')} ${safe(task.name)} ${done}.`)
  }
}

export async function taskHistory(
  output: Output,
  options: CommonOptions & { csv?: boolean },
  wanted: string,
): Promise<void> {
  const ask = await connect(options)
  const { task } = await find(ask, wanted)
  if (options.csv) return void process.stdout.write(await ask<string>('historyCsv', task.id))
  const runs = await ask<RunLine[]>('history', task.id)
  output.result(
    runs,
    runs.length === 0
      ? 'It has not run yet.'
      : table(runs.map((run) => [output.style.dim(run.id), dateTime(run.occurrence), runText(run, output.style)])),
  )
}

interface StepLine {
  path: string
  status: string
  startedAt?: number
  finishedAt?: number
  output?: unknown
  error?: string
}

export async function runSteps(output: Output, options: CommonOptions, runId: string): Promise<void> {
  const steps = await (await connect(options))<StepLine[]>('steps', runId)
  output.result(steps, steps.length === 0 ? 'It has no steps.' : stepTable(steps, output.style))
}

export function stepTable(steps: readonly StepLine[], style: Style): string {
  return table(
    steps.map(({ path, status, startedAt, finishedAt, output: result, error }) => [
      statusText(status, style),
      safe(path),
      startedAt !== undefined && finishedAt !== undefined ? `${finishedAt - startedAt} ms` : '',
      style.dim(safe(error ?? JSON.stringify(result) ?? '', 120)),
    ]),
  )
}

export async function stopRun(output: Output, options: CommonOptions, runId: string): Promise<void> {
  const stopped = await (await connect(options))<boolean>('cancel', runId)
  output.result({ stopped }, stopped ? `${output.style.green('✔')} It is stopped.` : 'It was over already.')
}

export async function taskLedger(
  output: Output,
  options: CommonOptions & { days: number },
  wanted: string,
): Promise<void> {
  const ask = await connect(options)
  const { task } = await find(ask, wanted)
  const now = Date.now()
  const books = await ask<
    Record<string, number> & { balanced: boolean; reasons: { fate: string; reason: string; count: number }[] }
  >('ledger', task.id, now - options.days * DAY_MS, now)
  const { style } = output
  const sums = ['expected', 'ran', 'merged', 'skipped', 'missed', 'waiting'].map((key) => [
    `  ${key}`,
    String(books[key]),
  ])
  const verdict = books.balanced
    ? style.green('✔ every occurrence is accounted for')
    : style.red('✖ the books do not balance')
  const reasons = books.reasons.map(({ fate, reason, count }) => [`  ${count}`, fate, style.dim(safe(reason))])
  output.result(books, [style.bold(safe(task.name)), table(sums), verdict, table(reasons)].filter(Boolean).join('\n'))
}

export async function exportTasks(output: Output, options: CommonOptions & { yaml?: boolean }): Promise<void> {
  const text = await (await connect(options))<string>('exportTasks', { format: options.yaml ? 'yaml' : 'json' })
  process.stdout.write(text)
  output.note('Secrets of webhooks are not in it: another machine makes its own.')
}

export async function importTasks(output: Output, options: CommonOptions, file: string): Promise<void> {
  const result = await (await connect(options))<{ created: string[]; updated: string[]; unchanged: string[] }>(
    'importTasks',
    read(file),
  )
  const { created, updated, unchanged } = result
  output.result(
    result,
    `${output.style.green('✔')} ${created.length} made, ${updated.length} updated, ${unchanged.length} as they were.`,
  )
}

export async function connect(options: CommonOptions): Promise<Ask> {
  const host = await runningHost(options)
  return <T>(method: string, ...args: unknown[]) => host.call(...SERVICE, method, args) as Promise<T>
}

async function everyTask(ask: Ask): Promise<TaskLine[]> {
  const all: TaskLine[] = []
  for (;;) {
    const page = await ask<TaskLine[]>('overview', {
      limit: PAGE,
      ...(all.length > 0 && { after: all.at(-1)!.task.id }),
    })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

/** By name, or by the beginning of its id. */
export async function find(ask: Ask, wanted: string): Promise<TaskLine> {
  const all = await everyTask(ask)
  const named = all.filter(({ task }) => task.name === wanted)
  const found = named.length > 0 ? named : all.filter(({ task }) => task.id.startsWith(wanted))
  if (found.length === 1) return found[0]!
  const names = (found.length > 1 ? found : all)
    .slice(0, 8)
    .map(({ task }) => `${task.name} (${task.id.slice(0, 8)}, of ${task.owner})`)
  throw new UsageError(
    'TASK_UNKNOWN',
    found.length > 1 ? `“${safe(wanted, 60)}” is more than one task` : `there is no task “${safe(wanted, 60)}”`,
    {
      hint:
        names.length === 0
          ? 'There are no tasks yet.'
          : `There are ${names.map((name) => safe(name, 100)).join(', ')}.`,
    },
  )
}

function triggerOf(when: string, zone: string | undefined): unknown {
  if (when === 'manual' || when === 'webhook') return { kind: when }
  return { kind: 'phrase', text: when, ...(zone !== undefined && { timeZone: zone }) }
}

function actionOf({ say, prompt, tool, input, flow }: AddOptions): unknown {
  const given = [say, prompt, tool, flow].filter((each) => each !== undefined)
  if (given.length !== 1)
    throw new UsageError('USAGE_ACTION', 'say what it shall do, and one thing only', {
      hint: 'Give one of --say, --prompt, --tool or --flow.',
    })
  if (say !== undefined) return { kind: 'notify', text: say }
  if (prompt !== undefined) return { kind: 'prompt', text: prompt }
  if (flow !== undefined) return { kind: 'workflow', flow: read(flow) }
  return { kind: 'tool', name: tool, ...(input !== undefined && { input: parseInput(input) }) }
}

export function parseInput(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError('USAGE_INPUT', '--input is not JSON', { hint: `Write it as '{"key":"value"}'.` })
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new UsageError('USAGE_FILE', `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a file that is there.',
    })
  }
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await prompt.question('Keep it? [y/N] ')).trim())
  } finally {
    prompt.close()
  }
}

function planText(plan: PlanLine, style: Style): string {
  const head =
    plan.expression === undefined ? safe(plan.words) : `${style.bold(safe(plan.expression))}  ${safe(plan.words)}`
  return [head, ...plan.nextText.map((text) => `  ${safe(text)}`)].join('\n')
}

function row(line: TaskLine, style: Style): string[] {
  const { task, lastRun, monthUsd, monthUnpriced } = line
  const cost = monthUsd === 0 && monthUnpriced === 0 ? '' : `${monthUnpriced > 0 ? '≥ ' : ''}$${monthUsd.toFixed(2)}`
  return [
    stateText(line, style),
    `${style.bold(safe(task.name, 60))} ${style.dim(safe(task.owner, 40))}`,
    task.nextDue === undefined ? '' : dateTime(task.nextDue),
    lastRun === undefined ? style.dim('never') : runText(lastRun, style),
    cost,
    style.dim(safe(task.problem ?? '', 80)),
  ]
}

function stateText({ task, lastRun }: TaskLine, style: Style): string {
  if (lastRun?.status === 'running') return style.cyan('● running')
  return (
    { active: style.green('● active'), paused: style.yellow('● paused'), done: style.dim('● done') }[task.state] ??
    style.red('● broken')
  )
}

export function runText(run: RunLine, style: Style): string {
  const progress =
    run.status === 'running' && run.progress
      ? `${run.progress.step}${run.progress.total === undefined ? '' : ` ${run.progress.done ?? 0}/${run.progress.total}`}`
      : ''
  const several = (run.count ?? 1) > 1 ? `for ${run.count}` : ''
  const cost = run.usage === undefined ? '' : `$${run.usage.costUsd.toFixed(4)}`
  const parts = [statusText(run.status, style), several, progress, cost, style.dim(safe(run.error ?? '', 80))]
  return parts.filter(Boolean).join(' ')
}

function statusText(status: string, style: Style): string {
  if (status === 'ok') return style.green(status)
  if (['failed', 'missed', 'interrupted', 'ambiguous'].includes(status)) return style.red(status)
  return ['running', 'queued', 'started', 'waiting'].includes(status) ? style.cyan(status) : style.yellow(safe(status))
}
