// packages/pryx/src/cli/commands/chat.ts: what talks to the agent and finds what was said: options and examples.
import { type Command, Option } from 'commander'
import { action, command, count } from '../command.ts'

export function addChat(program: Command): void {
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
        (await import('../chat.ts')).chat(output, options, (words ?? []) as never),
      ),
    )
  const group = program.command('sessions').description('find, read, export and archive conversations')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const sessions = () => import('../sessions.ts')
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
