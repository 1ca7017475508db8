// packages/pryx/src/cli/commands/installs.ts: what installs, updates and removes plugins: options and examples.
import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { action, command, registryOptions } from '../command.ts'
import type { CommonOptions } from '../target.ts'

export function addInstalls(program: Command): void {
  const add = command(program, 'add [plugin...]', 'install plugins: a package, a folder or a tarball', [
    'pryx add pryx-plugin-weather',
    'pryx add pryx-plugin-weather@^1.2.0    # follows updates in this range',
    'pryx add ./my-plugin-1.0.0.tgz --id mine',
    'pryx add pryx-plugin-weather --yes --allow net:api.open-meteo.com',
    'pryx add                                # whatever pryx.json names and is not there',
  ])
  consentOptions(add)
    .option('--id <id>', 'name within this host')
    .action(
      action(async (output, options: CommonOptions & { registry?: string }, specs: readonly string[]) => {
        const { askAhead } = await import('../../registry/ahead.ts')
        using ahead = askAhead(specs, options) // what takes longest begins first
        await loadMeanwhile()
        await (await import('../add.ts')).add(output, options, specs, ahead.registry)
      }),
    )
  const update = command(program, 'update [plugin...]', 'install newer versions of plugins', [
    'pryx update                      # those with a range or a tag',
    'pryx update weather              # this one, whatever was named',
    'pryx update weather --to 2.0.0',
  ])
  consentOptions(update)
    .option('--to <version>', 'a version, a range or a tag')
    .action(
      action(async (output, options, ids) => (await import('../update.ts')).update(output, options, ids as never)),
    )
  const rollback = command(program, 'rollback <plugin>', 'go back to the version before', ['pryx rollback weather'])
  rollback.action(
    action(async (output, options, id) => (await import('../update.ts')).rollback(output, options, id as string)),
  )
  command(program, 'remove <plugin...>', 'remove plugins with their grants and data', [
    'pryx remove weather',
    'pryx remove weather --keep-data',
  ])
    .option('--keep-data', 'leave what they stored, and their secrets')
    .action(
      action(async (output, options, ids) => (await import('../update.ts')).remove(output, options, ids as never)),
    )
  registryOptions(
    command(program, 'list', 'list what is installed, with its state and its reason', ['pryx list --json']),
  ).action(action(async (output, options) => (await import('../list.ts')).listInstalled(output, options)))
  registryOptions(
    command(program, 'info <plugin>', 'everything about a plugin, or what the registry says of a package', [
      'pryx info weather',
    ]),
  ).action(action(async (output, options, name) => (await import('../list.ts')).info(output, options, name as string)))
  command(program, 'why <service>', 'who provides a service, and who asks for it', ['pryx why scheduler']).action(
    action(async (output, options, subject) => (await import('../list.ts')).why(output, options, subject as string)),
  )
  registryOptions(command(program, 'outdated', 'list plugins that could be newer', ['pryx outdated'])).action(
    action(async (output, options) => (await import('../list.ts')).outdated(output, options)),
  )
  program
    .command('trust [folder]')
    .description('let the pryx.json of a folder decide what is run')
    .option('--json', 'answer in JSON')
    .option('--list', 'list trusted folders')
    .option('--remove', 'trust it no more')
    .action(
      action(async (output, options, folder?: string) => (await import('../trust.ts')).trust(output, options, folder)),
    )
}

function consentOptions(one: Command): Command {
  return registryOptions(one)
    .option('-y, --yes', 'ask nothing; grant only what --allow names')
    .option('--allow <permission>', 'allow this permission (repeatable)', (text: string, all: string[] = []) => [
      ...all,
      text,
    ])
}

/** Loads what an install will need, part by part: between them answers are heard that are on their way. */
async function loadMeanwhile(): Promise<void> {
  for (const load of [() => import('@pryx/kernel'), () => import('@pryx/capabilities'), () => import('tar')]) {
    await setImmediate()
    await load()
  }
}
