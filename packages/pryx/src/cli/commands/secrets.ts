// packages/pryx/src/cli/commands/secrets.ts: what keeps secrets: options and examples.
import type { Command } from 'commander'
import { action, command } from '../command.ts'

export function addSecrets(program: Command): void {
  const group = program.command('secrets').description('keep what plugins need and nobody should see')
  const load = () => import('../secrets.ts')
  command(group, 'list', 'list their names', ['pryx secrets', 'pryx secrets list --json'], true).action(
    action(async (output, options) => (await load()).listSecrets(output, options)),
  )
  command(group, 'set <name>', 'keep one; it is typed unseen, or read from a pipe', [
    'pryx secrets set telegram.token',
    'pryx secrets set feeds.token --plugin feed-watcher < token.txt',
  ])
    .option('--plugin <id>', 'for this plugin alone (default: for each that may read the name)')
    .action(action(async (output, options, name) => (await load()).setSecret(output, options, name as string)))
  command(group, 'remove <name>', 'forget one', ['pryx secrets remove telegram.token'])
    .option('--plugin <id>', 'the one of this plugin')
    .action(action(async (output, options, name) => (await load()).removeSecret(output, options, name as string)))
}
