// packages/pryx/src/cli/commands/observing.ts: what shows where time and memory go: options and examples.
import { type Command, Option } from 'commander'
import { action, command, count, milliseconds, seconds } from '../command.ts'

export function addObserving(program: Command): void {
  command(program, 'top', 'who uses what, live', [
    'pryx top',
    'pryx top --once --sort heap',
    'pryx top --json | jq ".rows[0]"   # a line of JSON for each look',
  ])
    .option('--once', 'look for one second, print, end')
    .addOption(
      new Option('--sort <column>', 'order')
        .choices(['cpu', 'heap', 'calls', 'in', 'out', 'events', 'name'])
        .default('cpu'),
    )
    .option('--every <seconds>', 'between two looks', seconds, 2)
    .action(action(async (output, options) => (await import('../top.ts')).top(output, options)))
  command(program, 'trace [id]', 'where the time of requests goes, or of one request', [
    'pryx trace --follow              # slow requests as they end',
    'pryx trace --follow --slow 0 --plugin scheduler --tree',
    'pryx trace trace-Zk3nY8          # one of them, as a waterfall',
  ])
    .option('-f, --follow', 'go on with new ones')
    .option('--slow <ms>', 'leave out what took less', milliseconds, 10)
    .option('--plugin <id>', 'only what this plugin had a part in')
    .option('--tree', 'every part of each')
    .option('-n, --number <count>', 'how many of the last ones (at most 500)', count, 20)
    .action(
      action(async (output, options, id?: string) => (await import('../trace.ts')).showTrace(output, options, id)),
    )
}
