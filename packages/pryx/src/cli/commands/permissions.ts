// packages/pryx/src/cli/commands/permissions.ts: what shows, grants and takes back permissions, and answers questions: options and examples.
import { type Command, Option } from 'commander'
import { action, command, span } from '../command.ts'

export function addPermissions(program: Command): void {
  const group = program.command('permissions').description('see what plugins may do, grant it, take it back')
  command(
    group,
    'list [plugin]',
    'list what plugins ask for and what they were granted',
    ['pryx permissions', 'pryx permissions list log-monitor --json'],
    true,
  ).action(
    action(async (output, options, id?: string) =>
      (await import('../permissions.ts')).listPermissions(output, options, id),
    ),
  )
  command(group, 'grant <plugin> [permission]', 'allow a permission that the plugin declares', [
    'pryx permissions grant log-monitor storage',
    'pryx permissions grant log-monitor --all --for session',
    'pryx permissions grant web kernel:control --mode ask',
  ])
    .option('--all', 'everything it declares')
    .addOption(
      new Option('--mode <mode>', 'allow, or ask each time').choices(['allow', 'ask', 'deny']).default('allow'),
    )
    .addOption(span())
    .action(
      action(async (output, options, id, permission) =>
        (await import('../permissions.ts')).grant(output, options, id as string, permission as string | undefined),
      ),
    )
  command(group, 'revoke <plugin> [permission]', 'take a permission back; the next call is refused', [
    'pryx permissions revoke log-monitor storage',
    'pryx permissions revoke log-monitor --all',
  ])
    .option('--all', 'everything it declares')
    .action(
      action(async (output, options, id, permission) =>
        (await import('../permissions.ts')).revoke(output, options, id as string, permission as string | undefined),
      ),
    )

  command(group, 'tighten <plugin>', 'propose the least it has really used, from the record', [
    'pryx permissions tighten log-monitor',
    'pryx permissions tighten log-monitor --json',
  ]).action(
    action(async (output, options, id) =>
      (await import('../permissions.ts')).tightenPermissions(output, options, id as string),
    ),
  )

  const approvals = program.command('approvals').description('answer what plugins ask')
  command(
    approvals,
    'list',
    'list the questions that wait',
    ['pryx approvals', 'pryx approvals list --json'],
    true,
  ).action(action(async (output, options) => (await import('../approvals.ts')).listApprovals(output, options)))
  for (const answer of ['allow', 'deny'] as const) {
    command(approvals, `${answer} <id>`, `${answer} what a question asks for; the beginning of its id will do`, [
      `pryx approvals ${answer} approval-x1`,
      `pryx approvals ${answer} approval-x1 --for forever`,
    ])
      .addOption(span('once'))
      .action(
        action(async (output, options, id) =>
          (await import('../approvals.ts')).answerApproval(output, options, id as string, answer),
        ),
      )
  }
}
