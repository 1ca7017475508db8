// packages/pryx/src/cli/program.ts: every command. Their options and examples are in `commands/`; what a command does is loaded when it runs.
import { Command, CommanderError } from 'commander'
import { addExamples } from './command.ts'
import { addAuthor } from './commands/author.ts'
import { addChannels } from './commands/channels.ts'
import { addChat } from './commands/chat.ts'
import { addHost } from './commands/host.ts'
import { addInstalls } from './commands/installs.ts'
import { addModels } from './commands/models.ts'
import { addObserving } from './commands/observing.ts'
import { addPermissions } from './commands/permissions.ts'
import { addPlugins } from './commands/plugins.ts'
import { addRecords } from './commands/records.ts'
import { addSecrets } from './commands/secrets.ts'
import { addTasks } from './commands/tasks.ts'
import { addWeb } from './commands/web.ts'
import { EXIT } from './exit.ts'

/** As `pryx --help` shows them. */
const GROUPS: [string, ((program: Command) => void)[]][] = [
  ['Run it', [addHost]],
  ['Talk to it', [addChat, addChannels, addModels, addTasks, addWeb]],
  ['Plugins', [addInstalls, addPlugins]],
  ['What they may do', [addPermissions, addSecrets]],
  ['What they did', [addRecords, addObserving]],
  ['Write one', [addAuthor]],
]

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram()
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error.exitCode !== 0 && argv.includes('--json'))
      process.stdout.write(
        `${JSON.stringify({ error: { name: 'UsageError', code: 'USAGE_COMMAND', message: error.message.replace(/^error: /, '') } }, null, 2)}\n`,
      )
  }
}

export function createProgram(): Command {
  const program = new Command('pryx')
    .description('Runs plugins behind a wall, each with the permissions you gave it and no others.')
    .option('-v, --version', 'print the version')
    .action(() => print(program))
  program.exitOverride().showHelpAfterError('(add --help for options and examples)').showSuggestionAfterError()
  for (const [group, adders] of GROUPS) {
    program.commandsGroup(`${group}:`)
    for (const add of adders) add(program)
  }
  addExamples(program, [
    'pryx up',
    'pryx up --port 8080 --consent declared',
    'pryx chat "what is new?"',
    'pryx plugins',
    'pryx permissions revoke log-monitor "fs:read:/srv/logs/**"',
  ])
  program.addHelpText(
    'after',
    '\nExit codes: 0 done · 1 it failed · 2 the command was not understood · 3 no host is running · 130 Ctrl-C',
  )
  return program
}

async function print(program: Command): Promise<void> {
  if (!program.opts<{ version?: boolean }>().version) return program.help({ error: true })
  const { VERSION } = await import('@pryx/kernel')
  process.stdout.write(`${VERSION}\n`)
}
