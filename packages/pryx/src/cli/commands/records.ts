// packages/pryx/src/cli/commands/records.ts: what reads the audit log and the logs of plugins: options and examples.
import { type Command, Option } from 'commander'
import { action, command, count, registryOptions } from '../command.ts'

export function addRecords(program: Command): void {
  const audit = program.command('audit').description('the record of every privileged act')
  command(
    audit,
    'show',
    'show the newest entries',
    ['pryx audit', 'pryx audit show -n 100 --plugin log-monitor --outcome denied'],
    true,
  )
    .option('-n, --number <count>', 'how many (at most 1000)', count, 20)
    .option('--plugin <id>', 'of this plugin only')
    .addOption(
      new Option('--outcome <outcome>', 'of this outcome only').choices(['allowed', 'denied', 'failed', 'cancelled']),
    )
    .action(action(async (output, options) => (await import('../audit.ts')).showAudit(output, options)))
  command(audit, 'verify', 'prove that nothing in the record was changed or left out', [
    'pryx audit verify',
    'pryx audit verify --json',
  ]).action(action(async (output, options) => (await import('../audit.ts')).verifyAudit(output, options)))
  registryOptions(
    command(audit, 'plugins', 'look for refused, withdrawn, deprecated, unsigned and damaged plugins', [
      'pryx audit plugins',
    ]),
  ).action(action(async (output, options) => (await import('../list.ts')).auditPlugins(output, options)))
  command(program, 'logs [plugin]', 'show what plugins wrote', ['pryx logs', 'pryx logs scheduler --follow'])
    .option('-f, --follow', 'go on with new lines')
    .action(action(async (output, options, id?: string) => (await import('../logs.ts')).showLogs(output, options, id)))
  command(program, 'events [pattern]', 'show what happened last', [
    'pryx events',
    'pryx events "task.*" --follow',
    'pryx events --follow --json | jq .event',
  ])
    .option('-f, --follow', 'go on with new events')
    .option('-n, --number <count>', 'how many of the last ones (at most 200)', count, 20)
    .action(
      action(async (output, options, pattern?: string) =>
        (await import('../logs.ts')).showEvents(output, options, pattern),
      ),
    )
}
