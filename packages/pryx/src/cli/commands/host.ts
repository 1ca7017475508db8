// packages/pryx/src/cli/commands/host.ts: what starts a host and looks after it: options and examples.
import { type Command, Option } from 'commander'
import { action, command, port } from '../command.ts'

export function addHost(program: Command): void {
  const up = command(program, 'up', 'start the host and its plugins', [
    'pryx up',
    'pryx up --port 8080 --workspace ~/work',
    'pryx up --consent declared   # grant what the manifests ask for',
    'pryx up --json               # JSON lines for other programs',
  ])
  hostOptions(up).action(action(async (output, options) => (await import('../up.ts')).up(output, options)))
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
    .action(action(async (output, options) => (await import('../setup.ts')).setup(output, options)))
  const dev = command(program, 'dev [folder]', 'start the host and swap plugins in as you edit them', [
    'pryx dev                # the plugin in this folder, or all of pryx.json',
    'pryx dev plugins/weather',
    'pryx dev --inspect     # breakpoints in Chrome DevTools or an editor',
  ])
  hostOptions(dev)
    .option('--inspect [port]', 'let a debugger attach, on the loopback (default port 9229; 0: a free one)', port)
    .action(
      action(async (output, options, folder?: string) => (await import('../dev.ts')).dev(output, options, folder)),
    )
  command(program, 'doctor', 'look at everything a host needs and say what to do', [
    'pryx doctor',
    'pryx doctor --json',
  ]).action(action(async (output, options) => (await import('../doctor.ts')).doctor(output, options)))
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
