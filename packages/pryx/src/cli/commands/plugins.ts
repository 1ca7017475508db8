// packages/pryx/src/cli/commands/plugins.ts: what shows plugins and switches them: options and examples.
import type { Command } from 'commander'
import { action, command } from '../command.ts'

export function addPlugins(program: Command): void {
  const group = program.command('plugins').description('see plugins and switch them on and off')
  command(
    group,
    'list',
    'list plugins with their state and use',
    ['pryx plugins', 'pryx plugins list --json'],
    true,
  ).action(action(async (output, options) => (await import('../plugins.ts')).listPlugins(output, options)))
  command(group, 'info <plugin>', 'everything about one plugin', ['pryx plugins info scheduler']).action(
    action(async (output, options, id) => (await import('../plugins.ts')).showPlugin(output, options, id as string)),
  )
  for (const [name, text] of [
    ['enable', 'start plugins and keep them on'],
    ['disable', 'stop plugins and keep them off'],
    ['reload', 'read plugins from disk again and swap them in'],
  ] as const) {
    command(group, `${name} <plugin...>`, text, [`pryx plugins ${name} log-monitor`]).action(
      action(async (output, options, ids) =>
        (await import('../plugins.ts')).switchPlugins(output, options, name, ids as string[]),
      ),
    )
  }
}
