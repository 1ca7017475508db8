// packages/pryx/src/cli/program.ts: every command with its options and examples. What a command does is loaded when it runs.
import { setImmediate } from 'node:timers/promises'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { EXIT } from './exit.ts'
import { createOutput, type Output } from './output.ts'
import type { CommonOptions } from './target.ts'

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
  addHost(program)
  addInstalls(program)
  addPlugins(program)
  addPermissions(program)
  addTasks(program)
  addChannels(program)
  addModels(program)
  addChat(program)
  addRecords(program)
  addObserving(program)
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

function addHost(program: Command): void {
  const up = command(program, 'up', 'start the host and its plugins', [
    'pryx up',
    'pryx up --port 8080 --workspace ~/work',
    'pryx up --consent declared   # grant what the manifests ask for',
    'pryx up --json               # JSON lines for other programs',
  ])
  hostOptions(up).action(action(async (output, options) => (await import('./up.ts')).up(output, options)))
  command(program, 'setup', 'give it a model’s key, Telegram and a folder to work in; before or after `up`', [
    'pryx setup                                               # it asks',
    'pryx setup --provider anthropic --key-env ANTHROPIC_API_KEY',
    'pass show openai | pryx setup --provider openai',
    'pryx setup --telegram-file token.txt --workspace ~/notes',
  ])
    .option('--provider <id>', 'whose key: anthropic, openai, google, openrouter, mistral, groq, xai, deepseek')
    .option('--key-env <name>', 'the key is in this variable')
    .option('--key-file <file>', 'the key is the first line of this file (default: the keyboard, or a pipe)')
    .option('--url <url>', 'another address of the provider')
    .option('--telegram-env <name>', 'the token of your Telegram bot is in this variable')
    .option('--telegram-file <file>', 'the token is the first line of this file')
    .option('-w, --workspace <folder>', 'folder that plugins call the workspace')
    .option('--no-check', 'keep keys without asking their provider whether they are good')
    .option('-y, --yes', 'ask nothing; do what the options say')
    .action(action(async (output, options) => (await import('./setup.ts')).setup(output, options)))
  const dev = command(program, 'dev [folder]', 'start the host and swap plugins in as you edit them', [
    'pryx dev                # the plugin in this folder, or all of pryx.json',
    'pryx dev plugins/weather',
    'pryx dev --inspect     # breakpoints in Chrome DevTools or an editor',
  ])
  hostOptions(dev)
    .option('--inspect [port]', 'let a debugger attach, on the loopback (default port 9229; 0: a free one)', port)
    .action(action(async (output, options, folder?: string) => (await import('./dev.ts')).dev(output, options, folder)))
  command(program, 'build [folder]', 'build a plugin to the one file its manifest names', [
    'pryx build',
    'pryx build plugins/weather --json',
  ]).action(
    action(async (output, _options, folder = '.') => (await import('./build.ts')).build(output, folder as string)),
  )
  addAuthor(program)
  command(program, 'doctor', 'look at everything a host needs and say what to do', [
    'pryx doctor',
    'pryx doctor --json',
  ]).action(action(async (output, options) => (await import('./doctor.ts')).doctor(output, options)))
}

function addAuthor(program: Command): void {
  command(program, 'lint [folder]', 'compare the manifest with what the code really uses', [
    'pryx lint',
    'pryx lint plugins/weather --strict',
  ])
    .option('--strict', 'fail at warnings too')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('./lint.ts')).lint(output, options, folder as string),
      ),
    )
  command(program, 'test [folder]', 'run the plugin’s tests, each in a real sandbox', [
    'pryx test',
    'pryx test plugins/weather --watch',
  ])
    .option('-w, --watch', 'run again at each save')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('./test.ts')).runTests(output, options, folder as string, []),
      ),
    )
  command(program, 'pack [folder]', 'build a plugin and pack it to a tarball: same files, same bytes', [
    'pryx pack',
    'pryx pack plugins/weather --out release',
  ])
    .option('-o, --out <folder>', 'where the tarball goes')
    .action(
      action(async (output, options, folder = '.') =>
        (await import('./pack.ts')).pack(output, options, folder as string),
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
        (await import('./pack.ts')).publish(output, options, folder as string),
      ),
    )
}

function hostOptions(one: Command): Command {
  return one
    .option('-p, --port <number>', 'port of the pages (0: a free one)', port)
    .option('--host <address>', 'address to listen on')
    .option('-w, --workspace <folder>', 'folder that plugins call the workspace')
    .addOption(
      new Option('--consent <how>', 'declared: grant what manifests declare, without asking').choices(['declared']),
    )
    .option('--trust', 'trust this folder: run what its pryx.json names')
    .option('--registry <url>', 'registry that pages install from')
    .option('--policy <file>', 'a policy.json beside those of machine and user')
    .option('--verbose', 'print log lines of every level')
}

function addInstalls(program: Command): void {
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
        const { askAhead } = await import('../registry/ahead.ts')
        using ahead = askAhead(specs, options) // what takes longest begins first
        await loadMeanwhile()
        await (await import('./add.ts')).add(output, options, specs, ahead.registry)
      }),
    )
  const update = command(program, 'update [plugin...]', 'install newer versions of plugins', [
    'pryx update                      # those with a range or a tag',
    'pryx update weather              # this one, whatever was named',
    'pryx update weather --to 2.0.0',
  ])
  consentOptions(update)
    .option('--to <version>', 'a version, a range or a tag')
    .action(action(async (output, options, ids) => (await import('./update.ts')).update(output, options, ids as never)))
  const rollback = command(program, 'rollback <plugin>', 'go back to the version before', ['pryx rollback weather'])
  rollback.action(
    action(async (output, options, id) => (await import('./update.ts')).rollback(output, options, id as string)),
  )
  command(program, 'remove <plugin...>', 'remove plugins with their grants and data', [
    'pryx remove weather',
    'pryx remove weather --keep-data',
  ])
    .option('--keep-data', 'leave what they stored, and their secrets')
    .action(action(async (output, options, ids) => (await import('./update.ts')).remove(output, options, ids as never)))
  registryOptions(
    command(program, 'list', 'list what is installed, with its state and its reason', ['pryx list --json']),
  ).action(action(async (output, options) => (await import('./list.ts')).listInstalled(output, options)))
  registryOptions(
    command(program, 'info <plugin>', 'everything about a plugin, or what the registry says of a package', [
      'pryx info weather',
    ]),
  ).action(action(async (output, options, name) => (await import('./list.ts')).info(output, options, name as string)))
  command(program, 'why <service>', 'who provides a service, and who asks for it', ['pryx why scheduler']).action(
    action(async (output, options, subject) => (await import('./list.ts')).why(output, options, subject as string)),
  )
  registryOptions(command(program, 'outdated', 'list plugins that could be newer', ['pryx outdated'])).action(
    action(async (output, options) => (await import('./list.ts')).outdated(output, options)),
  )
  program
    .command('trust [folder]')
    .description('let the pryx.json of a folder decide what is run')
    .option('--json', 'answer in JSON')
    .option('--list', 'list trusted folders')
    .option('--remove', 'trust it no more')
    .action(
      action(async (output, options, folder?: string) => (await import('./trust.ts')).trust(output, options, folder)),
    )
}

function registryOptions(one: Command): Command {
  return one
    .option('--registry <url>', 'registry to ask')
    .option('--policy <file>', 'a policy.json beside those of machine and user')
    .option('--min-age <days>', 'youngest release to take, in days (default 3)', ageDays)
}

function consentOptions(one: Command): Command {
  return registryOptions(one)
    .option('-y, --yes', 'ask nothing; grant only what --allow names')
    .option('--allow <permission>', 'allow this permission (repeatable)', (text: string, all: string[] = []) => [
      ...all,
      text,
    ])
}

function addPlugins(program: Command): void {
  const group = program.command('plugins').description('see plugins and switch them on and off')
  command(
    group,
    'list',
    'list plugins with their state and use',
    ['pryx plugins', 'pryx plugins list --json'],
    true,
  ).action(action(async (output, options) => (await import('./plugins.ts')).listPlugins(output, options)))
  command(group, 'info <plugin>', 'everything about one plugin', ['pryx plugins info scheduler']).action(
    action(async (output, options, id) => (await import('./plugins.ts')).showPlugin(output, options, id as string)),
  )
  for (const [name, text] of [
    ['enable', 'start plugins and keep them on'],
    ['disable', 'stop plugins and keep them off'],
    ['reload', 'read plugins from disk again and swap them in'],
  ] as const) {
    command(group, `${name} <plugin...>`, text, [`pryx plugins ${name} log-monitor`]).action(
      action(async (output, options, ids) =>
        (await import('./plugins.ts')).switchPlugins(output, options, name, ids as string[]),
      ),
    )
  }
}

function addPermissions(program: Command): void {
  const group = program.command('permissions').description('see what plugins may do, grant it, take it back')
  command(
    group,
    'list [plugin]',
    'list what plugins ask for and what they were granted',
    ['pryx permissions', 'pryx permissions list log-monitor --json'],
    true,
  ).action(
    action(async (output, options, id?: string) =>
      (await import('./permissions.ts')).listPermissions(output, options, id),
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
        (await import('./permissions.ts')).grant(output, options, id as string, permission as string | undefined),
      ),
    )
  command(group, 'revoke <plugin> [permission]', 'take a permission back; the next call is refused', [
    'pryx permissions revoke log-monitor storage',
    'pryx permissions revoke log-monitor --all',
  ])
    .option('--all', 'everything it declares')
    .action(
      action(async (output, options, id, permission) =>
        (await import('./permissions.ts')).revoke(output, options, id as string, permission as string | undefined),
      ),
    )

  command(group, 'tighten <plugin>', 'propose the least it has really used, from the record', [
    'pryx permissions tighten log-monitor',
    'pryx permissions tighten log-monitor --json',
  ]).action(
    action(async (output, options, id) =>
      (await import('./permissions.ts')).tightenPermissions(output, options, id as string),
    ),
  )

  addSecrets(program)
  addWeb(program)
  const approvals = program.command('approvals').description('answer what plugins ask')
  command(
    approvals,
    'list',
    'list the questions that wait',
    ['pryx approvals', 'pryx approvals list --json'],
    true,
  ).action(action(async (output, options) => (await import('./approvals.ts')).listApprovals(output, options)))
  for (const answer of ['allow', 'deny'] as const) {
    command(approvals, `${answer} <id>`, `${answer} what a question asks for; the beginning of its id will do`, [
      `pryx approvals ${answer} approval-x1`,
      `pryx approvals ${answer} approval-x1 --for forever`,
    ])
      .addOption(span('once'))
      .action(
        action(async (output, options, id) =>
          (await import('./approvals.ts')).answerApproval(output, options, id as string, answer),
        ),
      )
  }
}

function addTasks(program: Command): void {
  const group = program.command('tasks').description('see and rule what runs by itself')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const tasks = () => import('./tasks.ts')
  const runs = () => import('./task-runs.ts')
  const aids = () => import('./task-aids.ts')
  one(
    'list',
    'list tasks with their state, last and next run, and cost',
    ['pryx tasks', 'pryx tasks list --json'],
    true,
  ).action(action(async (output, options) => (await tasks()).listTasks(output, options)))
  one('show <task>', 'show one task; its name or the beginning of its id will do', ['pryx tasks show digest']).action(
    action(async (output, options, id) => (await tasks()).showTask(output, options, id as string)),
  )
  one('plan <when>', 'show what a schedule means, and its next runs', ['pryx tasks plan "every weekday at 9am"'])
    .option('--zone <zone>', 'IANA time zone')
    .action(action(async (output, options, when) => (await tasks()).planTask(output, options, when as string)))
  one(
    'add <name> <when>',
    'make a task that says, asks, calls or runs something; its plan is shown before it is kept',
    [
      'pryx tasks add standup "every weekday at 9am" --say "Stand-up in five minutes"',
      'pryx tasks add report "every friday at 17:00" --prompt "Sum up the week"',
      'pryx tasks add backup "every day at 2am" --tool backup.run --input \'{"to":"nas"}\'',
      'pryx tasks add deploy manual --flow deploy.yaml --yes',
    ],
  )
    .option('--zone <zone>', 'IANA time zone')
    .option('--say <text>', 'tell me this')
    .option('--prompt <text>', 'ask the agent this')
    .option('--tool <name>', 'call this tool')
    .option('--input <json>', 'what the tool gets')
    .option('--flow <file>', 'run the workflow in this file')
    .option('-y, --yes', 'do not ask')
    .action(
      action(async (output, options, name, when) =>
        (await tasks()).addTask(output, options, name as string, when as string),
      ),
    )
  for (const [verb, description] of [
    ['pause', 'let nothing new of it start'],
    ['resume', 'let it go on; its next time is counted from now'],
    ['remove', 'remove it and its history'],
  ] as const)
    one(`${verb} <tasks...>`, description, [`pryx tasks ${verb} digest`, `pryx tasks ${verb} digest backup`]).action(
      action(async (output, options, ids) =>
        (await tasks()).ruleTasks(output, options, verb, ids as unknown as string[]),
      ),
    )
  one('run <tasks...>', 'run it now, beside its schedule', [
    'pryx tasks run digest',
    'pryx tasks run digest --follow',
    `pryx tasks run deploy --input '{"to":"staging"}'`,
  ])
    .option('--input <json>', 'what the run gets as `input`')
    .option('-f, --follow', 'show what it is at, until it is over')
    .action(
      action(async (output, options, ids) => (await runs()).startRuns(output, options, ids as unknown as string[])),
    )
  one('dry <task>', 'show what it would do, and do nothing that could change anything', ['pryx tasks dry digest'])
    .option('--input <json>', 'what the run gets as `input`')
    .action(action(async (output, options, id) => (await runs()).dryRun(output, options, id as string)))
  one('history <task>', 'show its last runs', [
    'pryx tasks history digest',
    'pryx tasks history digest --csv > digest.csv',
  ])
    .option('--csv', 'as CSV')
    .action(action(async (output, options, id) => (await tasks()).taskHistory(output, options, id as string)))
  one('steps <run>', 'show what a run did, step by step', ['pryx tasks steps 3f2a…']).action(
    action(async (output, options, id) => (await tasks()).runSteps(output, options, id as string)),
  )
  one('watch <run>', 'show what a run is at, until it is over; Ctrl-C leaves it running', [
    'pryx tasks watch 3f2a…',
  ]).action(action(async (output, options, id) => (await runs()).watchRun(output, options, id as string)))
  one('replay <run>', 'repeat a run with what was recorded of it', ['pryx tasks replay 3f2a…']).action(
    action(async (output, options, id) => (await runs()).replayRun(output, options, id as string)),
  )
  one('diff <run> <other>', 'tell two runs apart', ['pryx tasks diff 3f2a… 9c1b…']).action(
    action(async (output, options, a, b) => (await runs()).diffRuns(output, options, a as string, b as string)),
  )
  one('stop <run>', 'stop a run', ['pryx tasks stop 3f2a…']).action(
    action(async (output, options, id) => (await tasks()).stopRun(output, options, id as string)),
  )
  one('answer <run> <step> <yes|no|done|again>', 'answer a step that asks, or that was cut off', [
    'pryx tasks answer 3f2a… ask yes',
    'pryx tasks answer 3f2a… send again',
  ]).action(
    action(async (output, options, id, step, word) =>
      (await runs()).answerStep(output, options, id as string, step as string, word as string),
    ),
  )
  one('ledger <task>', 'account for every occurrence of the last days', [
    'pryx tasks ledger digest',
    'pryx tasks ledger digest --days 30',
  ])
    .option('--days <days>', 'how many', count, 7)
    .action(action(async (output, options, id) => (await tasks()).taskLedger(output, options, id as string)))
  one('templates', 'list tasks that are nearly ready, what they need and cost', ['pryx tasks templates']).action(
    action(async (output, options) => (await aids()).listTemplates(output, options)),
  )
  one('use <template> <name>', 'make a task from a template', [
    'pryx tasks use log-monitor watch-log --set path=logs/app.log',
  ])
    .option('--set <name=value>', 'a parameter; once for each', collect, [])
    .action(
      action(async (output, options, template, name) =>
        (await aids()).useTemplate(output, options, template as string, name as string),
      ),
    )
  one('notices', 'show what you were told last', ['pryx tasks notices']).action(
    action(async (output, options) => (await aids()).listNotices(output, options)),
  )
  one('ack <notice>', 'acknowledge a notice, so that it does not come again', ['pryx tasks ack failed:3f2a…']).action(
    action(async (output, options, id) => (await aids()).acknowledge(output, options, id as string)),
  )
  one('webhook <task>', 'show where its webhook is called, and the secret that signs', [
    'pryx tasks webhook deploy',
  ]).action(action(async (output, options, id) => (await aids()).showWebhook(output, options, id as string)))
  one('export', 'write all tasks to stdout, fit for version control', [
    'pryx tasks export > tasks.json',
    'pryx tasks export --yaml',
  ])
    .option('--yaml', 'as YAML')
    .action(action(async (output, options) => (await tasks()).exportTasks(output, options)))
  one('import <file>', 'make or update the tasks of an export', ['pryx tasks import tasks.json']).action(
    action(async (output, options, file) => (await tasks()).importTasks(output, options, file as string)),
  )
}

function addChat(program: Command): void {
  command(program, 'chat [words...]', 'talk with the agent here; every other surface shows the same', [
    'pryx chat',
    'pryx chat "what is on my calendar today?"',
    'git diff | pryx chat "review this"',
    'pryx chat "sum up the week" --json    # entries of the log as JSON lines, then the run',
  ])
    .option('-s, --session <id>', 'the session (default: main); made if it is not there')
    .option('-m, --model <slug>', 'ask this model, such as anthropic/claude-haiku-4-5')
    .action(
      action(async (output, options, words) =>
        (await import('./chat.ts')).chat(output, options, (words ?? []) as never),
      ),
    )
  const group = program.command('sessions').description('find, read, export and archive conversations')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const sessions = () => import('./sessions.ts')
  one('list', 'list sessions, newest first', ['pryx sessions', 'pryx sessions list --archived'], true)
    .option('--archived', 'the archived ones')
    .option('-n, --number <count>', 'how many (at most 200)', count, 20)
    .action(action(async (output, options) => (await sessions()).listSessions(output, options)))
  one('show <session>', 'show what was said in a session', [
    'pryx sessions show main',
    'pryx sessions show main -n 200',
  ])
    .option('-n, --number <count>', 'how many of the last entries', count, 50)
    .action(action(async (output, options, id) => (await sessions()).showSession(output, options, id as string)))
  one('search <words...>', 'find messages that hold all the words', ['pryx sessions search flight lisbon'])
    .option('-s, --session <id>', 'in this session alone')
    .action(
      action(async (output, options, words) =>
        (await sessions()).searchSessions(output, options, words as unknown as string[]),
      ),
    )
  one('export <session>', 'write a whole session to stdout', [
    'pryx sessions export main > main.md',
    'pryx sessions export main --format json > main.json',
  ])
    .addOption(new Option('--format <format>', 'as what').choices(['markdown', 'json']).default('markdown'))
    .action(action(async (output, options, id) => (await sessions()).exportSession(output, options, id as string)))
  one('archive <session>', 'put a session away; --undo takes it back', ['pryx sessions archive old-trip'])
    .option('--undo', 'take it back')
    .action(action(async (output, options, id) => (await sessions()).archiveSession(output, options, id as string)))
}

function addChannels(program: Command): void {
  const group = program.command('channels').description('see how Telegram and webhooks stand, and link chats')
  const load = () => import('./channels.ts')
  command(group, 'list', 'how each channel stands, and what to do', ['pryx channels'], true).action(
    action(async (output, options) => (await load()).listChannels(output, options)),
  )
  command(group, 'link', 'get a code that links a Telegram chat', ['pryx channels link']).action(
    action(async (output, options) => (await load()).linkChat(output, options)),
  )
  command(group, 'chats', 'linked Telegram chats', ['pryx channels chats']).action(
    action(async (output, options) => (await load()).listChats(output, options)),
  )
  command(group, 'unlink <chat>', 'unlink a Telegram chat', ['pryx channels unlink 123456789']).action(
    action(async (output, options, chat) => (await load()).unlinkChat(output, options, chat as string)),
  )
}

function addModels(program: Command): void {
  const group = program
    .command('models')
    .description('see which models there are, which is taken and why, and what they cost')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const models = () => import('./models.ts')
  one(
    'list [words...]',
    'list models whose name has all these words',
    ['pryx models', 'pryx models list claude --ready'],
    true,
  )
    .option('--ready', 'of providers that are set up')
    .option('--provider <id>', 'of this provider')
    .option('-n, --number <count>', 'how many (at most 200)', count, 50)
    .action(
      action(async (output, options, words) => (await models()).listModels(output, options, (words ?? []) as never)),
    )
  one('show <model>', 'everything known of one model', ['pryx models show openai/gpt-5-nano']).action(
    action(async (output, options, slug) => (await models()).showModel(output, options, slug as string)),
  )
  one('explain [decision]', 'why a model was taken, and the others were not; the last decision without an id', [
    'pryx models explain',
    'pryx models explain --strategy cheapest --tools 4 --tokens 50000',
    'pryx models explain --tools 1 --not xai/grok-4-fast',
  ])
    .addOption(
      new Option('--strategy <name>', 'decide now, by this').choices([
        'cheapest',
        'fastest',
        'balanced',
        'capability',
        'diverse',
        'preferred',
      ]),
    )
    .option('--tools <count>', 'for so many tools', count)
    .option('--tokens <count>', 'for so many tokens of input', tokens)
    .option('--all', 'among all models, not only those of providers that are set up')
    .option('--not <model>', 'everything that stands against this one')
    .action(action(async (output, options, id?: string) => (await models()).explain(output, options, id)))
  one('lint', 'what is wrong in the catalogue’s data', [
    'pryx models lint',
    'pryx models lint --rule price-zero --json',
  ])
    .option('--provider <id>', 'of this provider')
    .option('--rule <name>', 'of this kind')
    .option('-n, --number <count>', 'how many (at most 1000)', count, 50)
    .action(action(async (output, options) => (await models()).lintModels(output, options)))
  one('refresh', 'fetch the catalogue, if the copy is older than a day', ['pryx models refresh --force'])
    .option('--force', 'however old it is')
    .action(action(async (output, options) => (await models()).refreshModels(output, options)))
  one('providers', 'who offers models, and who is set up', ['pryx models providers --ready'])
    .option('--ready', 'those that are set up')
    .action(action(async (output, options) => (await models()).listProviders(output, options)))
  one('connect <provider>', 'set a provider up; its key is typed unseen, or read from a pipe', [
    'pryx models connect anthropic',
    'pryx models connect openai < key.txt',
    'pryx models connect lmstudio --url http://127.0.0.1:1234/v1 --keyless',
  ])
    .option('--url <address>', 'where it is, if not where everybody reaches it')
    .option('--keyless', 'it wants no key')
    .action(action(async (output, options, id) => (await models()).connectProvider(output, options, id as string)))
  one('disconnect <provider>', 'forget its key', ['pryx models disconnect openai']).action(
    action(async (output, options, id) => (await models()).disconnectProvider(output, options, id as string)),
  )
  one('usage', 'tokens and cost of this month', ['pryx models usage', 'pryx models usage --by day'])
    .addOption(
      new Option('--by <what>', 'a line for each').choices(['model', 'provider', 'session', 'task', 'day', 'month']),
    )
    .action(action(async (output, options) => (await models()).showUsage(output, options)))
  one('budget [name] [dollars]', 'what is left, or allow more of one in its running period', [
    'pryx models budget',
    'pryx models budget month 5',
  ]).action(
    action(async (output, options, name?: string, dollars?: string) =>
      (await models()).budget(output, options, name, dollars === undefined ? undefined : tokens(dollars)),
    ),
  )
}

function addWeb(program: Command): void {
  const group = program.command('web').description('open the page, and see who has')
  const load = () => import('./web.ts')
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

function addSecrets(program: Command): void {
  const group = program.command('secrets').description('keep what plugins need and nobody should see')
  const load = () => import('./secrets.ts')
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

function addRecords(program: Command): void {
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
    .action(action(async (output, options) => (await import('./audit.ts')).showAudit(output, options)))
  command(audit, 'verify', 'prove that nothing in the record was changed or left out', [
    'pryx audit verify',
    'pryx audit verify --json',
  ]).action(action(async (output, options) => (await import('./audit.ts')).verifyAudit(output, options)))
  registryOptions(
    command(audit, 'plugins', 'look for refused, withdrawn, deprecated, unsigned and damaged plugins', [
      'pryx audit plugins',
    ]),
  ).action(action(async (output, options) => (await import('./list.ts')).auditPlugins(output, options)))
  command(program, 'logs [plugin]', 'show what plugins wrote', ['pryx logs', 'pryx logs scheduler --follow'])
    .option('-f, --follow', 'go on with new lines')
    .action(action(async (output, options, id?: string) => (await import('./logs.ts')).showLogs(output, options, id)))
  command(program, 'events [pattern]', 'show what happened last', [
    'pryx events',
    'pryx events "task.*" --follow',
    'pryx events --follow --json | jq .event',
  ])
    .option('-f, --follow', 'go on with new events')
    .option('-n, --number <count>', 'how many of the last ones (at most 200)', count, 20)
    .action(
      action(async (output, options, pattern?: string) =>
        (await import('./logs.ts')).showEvents(output, options, pattern),
      ),
    )
}

function addObserving(program: Command): void {
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
    .action(action(async (output, options) => (await import('./top.ts')).top(output, options)))
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
    .action(action(async (output, options, id?: string) => (await import('./trace.ts')).showTrace(output, options, id)))
}

function command(parent: Command, usage: string, description: string, examples: string[], isDefault = false): Command {
  const one = parent
    .command(usage, { isDefault })
    .description(description)
    .option('--json', 'answer in JSON')
    .option('-c, --config <file>', 'pryx.json to use')
    .option('--data <folder>', 'data folder of the host')
  return addExamples(one, examples)
}

function addExamples(one: Command, examples: string[]): Command {
  return one.addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
}

function span(preset = 'forever'): Option {
  return new Option('--for <span>', 'how long it holds').choices(['once', 'session', 'forever']).default(preset)
}

type Action = (
  output: Output,
  options: CommonOptions & Record<string, never>,
  ...args: (string | undefined)[]
) => Promise<void>

/** Loads what an install will need, part by part: between them answers are heard that are on their way. */
async function loadMeanwhile(): Promise<void> {
  for (const load of [() => import('@pryx/kernel'), () => import('@pryx/capabilities'), () => import('tar')]) {
    await setImmediate()
    await load()
  }
}

/** Errors are told, with an exit code; none leaves as a stack trace unless the fault is ours. */
function action(
  run: (output: Output, options: never, ...args: never[]) => Promise<void>,
): (...args: unknown[]) => Promise<void> {
  return async (...all) => {
    const one = all.at(-1) as Command
    const options = one.opts<CommonOptions & Record<string, never>>()
    const output = createOutput(options)
    try {
      await (run as Action)(output, options, ...(all.slice(0, -2) as string[]))
    } catch (error) {
      output.fail(error)
    }
  }
}

function port(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return number
}

function seconds(text: string): number {
  const number = Number(text)
  if (!(number >= 0.2 && number <= 3_600)) throw new InvalidArgumentError('Seconds, from 0.2 to 3600.')
  return number
}

function milliseconds(text: string): number {
  const number = Number(text)
  if (!(number >= 0)) throw new InvalidArgumentError('Milliseconds, 0 or more.')
  return number
}

function ageDays(text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0 || number > 3_650)
    throw new InvalidArgumentError('A number of days, 0 or more.')
  return number
}

function collect(text: string, before: string[]): string[] {
  return [...before, text]
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 1_000)
    throw new InvalidArgumentError('A number from 1 to 1000.')
  return number
}

function tokens(text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number < 0) throw new InvalidArgumentError('A number, 0 or more.')
  return number
}
