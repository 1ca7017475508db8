// packages/pryx/src/cli/commands/author.ts: what authors of plugins use: options and examples.
import { type Command, Option } from 'commander'
import { action, command } from '../command.ts'

export function addAuthor(program: Command): void {
  command(program, 'build [folder]', 'build a plugin to the one file its manifest names', [
    'pryx build',
    'pryx build plugins/weather --json',
  ]).action(
    action(async (output, _options, folder = '.') => (await import('../build.ts')).build(output, folder as string)),
  )
  command(program, 'lint [folder]', 'compare the manifest with what the code really uses', [
    'pryx lint',
    'pryx lint plugins/weather --strict',
  ])
    .option('--strict', 'fail at warnings too')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('../lint.ts')).lint(output, options, folder as string),
      ),
    )
  command(program, 'test [folder]', 'run the plugin’s tests, each in a real sandbox', [
    'pryx test',
    'pryx test plugins/weather --watch',
  ])
    .option('-w, --watch', 'run again at each save')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('../test.ts')).runTests(output, options, folder as string, []),
      ),
    )
  command(program, 'pack [folder]', 'build a plugin and pack it to a tarball: same files, same bytes', [
    'pryx pack',
    'pryx pack plugins/weather --out release',
  ])
    .option('-o, --out <folder>', 'where the tarball goes')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('../pack.ts')).pack(output, options, folder as string),
      ),
    )
  command(program, 'publish [folder]', 'lint, build, pack and send a plugin to an npm registry', [
    'pryx publish --dry-run',
    'pryx publish --tag next',
  ])
    .option('--dry-run', 'do everything but send it')
    .option('--tag <tag>', 'what it is published as (default: latest)')
    .addOption(new Option('--access <access>', 'who may see it').choices(['public', 'restricted']))
    .option('--otp <code>', 'one-time password of your account')
    .option('--registry <url>', 'another registry')
    .option('--provenance', 'sign where it was built (default: where the CI offers it)')
    .option('--no-provenance', 'do not sign where it was built')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('../pack.ts')).publish(output, options, folder as string),
      ),
    )
}
