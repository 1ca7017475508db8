// packages/pryx/src/cli/command.ts: what every command has: options, examples, how its errors are told, and how numbers are read.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { createOutput, type Output } from './output.ts'
import type { CommonOptions } from './target.ts'

export function command(
  parent: Command,
  usage: string,
  description: string,
  examples: string[],
  isDefault = false,
): Command {
  const one = parent
    .command(usage, { isDefault })
    .description(description)
    .option('--json', 'answer in JSON')
    .option('-c, --config <file>', 'pryx.json to use')
    .option('--data <folder>', 'data folder of the host')
  return addExamples(one, examples)
}

export function addExamples(one: Command, examples: string[]): Command {
  return one.addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
}

export function registryOptions(one: Command): Command {
  return one
    .option('--registry <url>', 'registry to ask')
    .option('--policy <file>', 'a policy.json beside those of machine and user')
    .option('--min-age <days>', 'youngest release to take, in days (default 3)', ageDays)
}

export function span(preset = 'forever'): Option {
  return new Option('--for <span>', 'how long it holds').choices(['once', 'session', 'forever']).default(preset)
}

type Action = (
  output: Output,
  options: CommonOptions & Record<string, never>,
  ...args: (string | undefined)[]
) => Promise<void>

/** Errors are told, with an exit code; none leaves as a stack trace unless the fault is ours. */
export function action(
  run: (output: Output, options: never, ...args: never[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...all) => {
    const one = all.at(-1) as Command
    const options = one.opts<CommonOptions & Record<string, never>>()
    const output = createOutput(options)
    try {
      await (run as Action)(output, options, ...(all.slice(0, -2) as string[]))
    } catch (error) {
      output.fail(error)
    }
  }
}

export function port(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return number
}

export function seconds(text: string): number {
  const number = Number(text)
  if (!(number >= 0.2 && number <= 3_600)) throw new InvalidArgumentError('Seconds, from 0.2 to 3600.')
  return number
}

export function milliseconds(text: string): number {
  const number = Number(text)
  if (!(number >= 0)) throw new InvalidArgumentError('Milliseconds, 0 or more.')
  return number
}

export function ageDays(text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0 || number > 3_650)
    throw new InvalidArgumentError('A number of days, 0 or more.')
  return number
}

export function collect(text: string, before: string[]): string[] {
  return [...before, text]
}

export function count(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 1_000)
    throw new InvalidArgumentError('A number from 1 to 1000.')
  return number
}

export function tokens(text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0) throw new InvalidArgumentError('A number, 0 or more.')
  return number
}
