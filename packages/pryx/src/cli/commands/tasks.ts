// packages/pryx/src/cli/commands/tasks.ts: what shows and rules scheduled work: options and examples.
import type { Command } from 'commander'
import { action, collect, command, count } from '../command.ts'

export function addTasks(program: Command): void {
  const group = program.command('tasks').description('see and rule what runs by itself')
  const one = (usage: string, description: string, examples: string[], isDefault = false) =>
    command(group, usage, description, examples, isDefault)
  const tasks = () => import('../tasks.ts')
  const runs = () => import('../task-runs.ts')
  const aids = () => import('../task-aids.ts')
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
