// packages/pryx/src/cli/commands/web.ts: what opens the page, and who may: options and examples.
import type { Command } from 'commander'
import { action, command } from '../command.ts'

export function addWeb(program: Command): void {
  const group = program.command('web').description('open the page, and see who has')
  const load = () => import('../web.ts')
  command(group, 'link', 'print a link that opens the page, once', ['pryx web', 'pryx web link --json'], true).action(
    action(async (output, options) => (await load()).printLink(output, options)),
  )
  command(group, 'list', 'list the browsers that are logged in', ['pryx web list']).action(
    action(async (output, options) => (await load()).listBrowsers(output, options)),
  )
  command(group, 'logout [id]', 'log a browser out; its open pages end at once', [
    'pryx web logout 8fZ0…',
    'pryx web logout --all',
  ])
    .option('--all', 'all of them')
    .action(action(async (output, options, id?: string) => (await load()).logOut(output, options, id)))
}
