// packages/pryx/src/cli/task-runs.ts: single runs of tasks: followed, tried out, repeated, compared, answered.
import { UsageError } from '@pryx/kernel/contract'
import { safe } from '../terminal/style.ts'
import type { Output } from './output.ts'
import type { CommonOptions } from './target.ts'
import { type Ask, connect, find, parseInput, type RunLine, runText, stepTable } from './tasks.ts'

const LOOK_EVERY_MS = 400
const OPEN = ['queued', 'running']

interface RunOptions extends CommonOptions {
  input?: string
  follow?: boolean
}

/** Queues a run of each task, with the same input. */
export async function startRuns(output: Output, options: RunOptions, wanted: readonly string[]): Promise<void> {
  if (options.follow && wanted.length > 1)
    throw new UsageError('USAGE_FOLLOW', 'only one run can be followed', {
      hint: 'Name one task, or leave --follow out.',
    })
  const ask = await connect(options)
  const input = inputOf(options)
  const found = await Promise.all(wanted.map((each) => find(ask, each))) // all must be there before any is started
  for (const { task } of found) {
    const run = await ask<RunLine>('runNow', task.id, input)
    if (options.follow) return follow(output, ask, run.id)
    const hint = output.style.dim(`pryx tasks watch ${run.id}`)
    output.line(run, `${output.style.green('✔')} ${safe(task.name)} is queued. ${hint}`)
  }
}

/** Shows what a task would do, and does nothing. */
export async function dryRun(output: Output, options: RunOptions, wanted: string): Promise<void> {
  const ask = await connect(options)
  const { task } = await find(ask, wanted)
  output.note('Nothing that could change anything is done; reading requests are sent.')
  await follow(output, ask, (await ask<RunLine>('dryRun', task.id, inputOf(options))).id)
}

/** Repeats a run with what was recorded of it. */
export async function replayRun(output: Output, options: CommonOptions, runId: string): Promise<void> {
  const ask = await connect(options)
  const { id } = await ask<RunLine>('replay', runId)
  await follow(output, ask, id)
  output.note(`\`pryx tasks diff ${runId} ${id}\` tells the two apart.`)
}

export async function diffRuns(output: Output, options: CommonOptions, a: string, b: string): Promise<void> {
  const found = await (await connect(options))<{ path: string; a: unknown; b: unknown }[]>('compare', a, b)
  const { style } = output
  const text = found.flatMap(({ path, a, b }) => [
    style.bold(safe(path)),
    `  ${style.red('-')} ${shown(a)}`,
    `  ${style.green('+')} ${shown(b)}`,
  ])
  output.result(found, text.length === 0 ? 'They are the same.' : text.join('\n'))
}

export async function watchRun(output: Output, options: CommonOptions, runId: string): Promise<void> {
  await follow(output, await connect(options), runId)
}

/** Answers a step that asks (`yes`, `no`), or one of which nobody knows whether it happened (`done`, `again`). */
export async function answerStep(
  output: Output,
  options: CommonOptions,
  runId: string,
  step: string,
  word: string,
): Promise<void> {
  const answers: Record<string, unknown> = {
    yes: { approved: true },
    no: { approved: false },
    again: { again: true },
    done: { output: null },
  }
  const answer = Object.hasOwn(answers, word) ? answers[word] : undefined
  if (answer === undefined)
    throw new UsageError('USAGE_ANSWER', `“${safe(word, 40)}” is no answer`, {
      hint: 'Say yes or no to a question; done or again of a step that was cut off.',
    })
  const taken = await (await connect(options))<boolean>('answer', runId, step, answer)
  output.result(
    { taken },
    taken ? `${output.style.green('✔')} It goes on.` : 'No such answer is waited for there: `pryx tasks steps` shows.',
  )
}

/** Until the run is over: what it is at, then what came of it. Ctrl-C leaves it running. */
async function follow(output: Output, ask: Ask, runId: string): Promise<void> {
  let before = ''
  for (;;) {
    const run = await ask<RunLine & { result?: unknown }>('run', runId)
    if (!OPEN.includes(run.status)) {
      const steps = await ask<never[]>('steps', runId)
      const lines = [`${runText(run, output.style)}  ${output.style.dim(runId)}`, stepTable(steps, output.style)]
      if (run.result !== undefined) lines.push(shown(run.result))
      if (run.status !== 'ok') process.exitCode = 1
      return output.result({ ...run, steps }, lines.filter(Boolean).join('\n'))
    }
    const now = runText(run, output.style)
    if (now !== before) output.note(`${now}  ${output.style.dim(`stop it: pryx tasks stop ${runId}`)}`)
    before = now
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

function inputOf({ input }: RunOptions): unknown {
  return input === undefined ? undefined : parseInput(input)
}

function shown(value: unknown): string {
  return safe(value === undefined ? '(nothing)' : JSON.stringify(value), 2_000)
}
