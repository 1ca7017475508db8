// packages/pryx/src/cli/commands/models.ts: what chooses models and counts money: options and examples.
import { type Command, Option } from 'commander'
import { action, command, count, tokens } from '../command.ts'

export function addModels(program: Command): void {
  const group = program
    .command('models')
    .description('see which models there are, which is taken and why, and what they cost')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const models = () => import('../models.ts')
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
