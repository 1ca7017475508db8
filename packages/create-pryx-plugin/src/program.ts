// packages/create-pryx-plugin/src/program.ts: the command: flags, questions for what they leave open, and what was made.
import { execFileSync } from 'node:child_process'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { errorToJson, PryxError, UsageError } from '@pryx/kernel/contract'
import { Command, CommanderError, Option } from 'commander'
import { type Names, namesOf } from './names.ts'
import { type Asked, ask } from './questions.ts'
import { refuseFilled, scaffold } from './scaffold.ts'
import { TEMPLATES, type Template, templateNames } from './templates.ts'

const EXIT = { failure: 1, usage: 2, interrupted: 130 }
const TEMPLATE_FOLDER = fileURLToPath(new URL('../templates', import.meta.url))

interface Flags {
  template?: Template
  description?: string
  author?: string
  dir?: string
  install?: boolean
  yes?: boolean
  json?: boolean
}

/** Runs the command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv])
  } catch (error) {
    fail(error, argv.includes('--json'))
  }
}

function createProgram(): Command {
  const program = new Command('create-pryx-plugin')
    .description('Writes a Pryx plugin that builds and passes its tests.')
    .argument('[name]', 'my-notes, pryx-plugin-my-notes or @scope/my-notes')
    .addOption(new Option('-t, --template <template>', 'what to begin with').choices(templateNames))
    .option('-d, --description <text>', 'one sentence')
    .option('-a, --author <name>', 'for the licence (default: what git knows)')
    .option('--dir <folder>', 'where (default: a folder of the plugin’s name)')
    .option('--install', 'install what it needs')
    .option('--no-install', 'leave that to me')
    .option('-y, --yes', 'ask nothing: what is not said has its default')
    .option('--json', 'answer in JSON; asks nothing')
    .exitOverride()
    .showHelpAfterError('(add --help for options and examples)')
    .action(create)
  return program.addHelpText(
    'after',
    `\nTemplates:\n${templateNames.map((name) => `  ${name.padEnd(8)} ${TEMPLATES[name]}`).join('\n')}

Examples:
  npm create pryx-plugin
  npm create pryx-plugin my-notes -- --template service
  npm create pryx-plugin @ada/weather -- --template tool --yes --install`,
  )
}

async function create(name: string | undefined, flags: Flags): Promise<void> {
  const silent = flags.yes === true || flags.json === true
  if (!silent && !process.stdin.isTTY) throw notAsked(name)
  const asked = silent ? byDefault(name, flags) : await ask({ name, ...flags })
  const names = namesOf(asked.name)
  const folder = resolve(flags.dir ?? names.package.replace(/^@[^/]+\//, ''))
  const { template, description, install } = asked
  const author = flags.author ?? authorOf(names)
  const files = scaffold(
    { folder, template, names, description, author, year: new Date().getFullYear() },
    TEMPLATE_FOLDER,
  )
  const manager = managerOf(process.env.npm_config_user_agent)
  if (install) installWith(manager, folder, flags.json === true)
  tell({ folder, names, template, files, installed: install }, manager, flags)
}

function byDefault(name: string | undefined, flags: Flags): Asked {
  if (name === undefined) throw notAsked(name)
  const names = namesOf(name)
  refuseFilled(resolve(flags.dir ?? names.package.replace(/^@[^/]+\//, '')))
  return {
    name,
    template: flags.template ?? 'tool',
    description: flags.description ?? `The ${names.id} plugin`,
    install: flags.install ?? false,
  }
}

function notAsked(name: string | undefined): UsageError {
  return new UsageError('USAGE_NAME', name === undefined ? 'the plugin has no name' : 'there is nobody to ask', {
    hint: `Say it all on the command line: create-pryx-plugin ${name ?? 'NAME'} --template tool --yes`,
  })
}

function authorOf({ package: name }: Names): string {
  try {
    return execFileSync('git', ['config', 'user.name'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return `the authors of ${name}`
  }
}

function managerOf(agent = ''): 'npm' | 'pnpm' | 'yarn' | 'bun' {
  return (['pnpm', 'yarn', 'bun'] as const).find((name) => agent.startsWith(name)) ?? 'npm'
}

function installWith(manager: string, cwd: string, quiet: boolean): void {
  try {
    execFileSync(manager, ['install'], { cwd, stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'] })
  } catch (cause) {
    throw new UsageError('CREATE_INSTALL', `the plugin is written, but ${manager} install failed`, {
      file: cwd,
      cause,
      hint: `Go to ${cwd} and run ${manager} install again.`,
    })
  }
}

interface Created {
  folder: string
  names: Names
  template: Template
  files: string[]
  installed: boolean
}

function tell({ folder, names, template, files, installed }: Created, manager: string, { json }: Flags): void {
  if (json)
    return void process.stdout.write(
      `${JSON.stringify({ folder, package: names.package, id: names.id, template, files, installed }, null, 2)}\n`,
    )
  const steps = [
    `cd ${relative('', folder) || '.'}`,
    ...(installed ? [] : [`${manager} install`]),
    `${manager} test`,
    `${manager} run dev`,
  ]
  process.stdout.write(
    `${styleText('green', '✔')} ${names.package}: ${files.length} files in ${folder}\n\n${steps.map((step) => `  ${step}`).join('\n')}\n`,
  )
}

function fail(error: unknown, json: boolean): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage
    return
  }
  const { code, message, hint } = errorToJson(error)
  process.exitCode =
    code === 'CREATE_CANCELLED' ? EXIT.interrupted : code.startsWith('USAGE_') ? EXIT.usage : EXIT.failure
  if (json) return void process.stdout.write(`${JSON.stringify({ error: errorToJson(error) }, null, 2)}\n`)
  process.stderr.write(
    `${styleText('red', '✖', { stream: process.stderr })} ${message} [${code}]\n${hint ? `  → ${hint}\n` : ''}`,
  )
  if (!PryxError.is(error)) process.stderr.write(`${(error as Error).stack ?? ''}\n`)
}
