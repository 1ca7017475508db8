// plugins/scheduler/src/templates/templates.ts: tasks that are nearly ready (S6): each says what it needs and what it may cost. Pure.
import { UsageError, z } from '@pryx/sdk'
import { parsed } from '../reading.ts'
import type { TemplateView } from '../service.ts'
import type { TaskSpec } from '../task.ts'

const when = z.string().min(1).max(128).describe('When it runs, in plain words')
const url = z.url({ protocol: /^https?$/ })
const path = z.string().min(1).max(512).describe('In the workspace')
const command = z
  .string()
  .regex(/^[A-Za-z0-9][\w.+-]{0,63}$/)
  .describe('Bare name of a program')
const args = z.array(z.string().max(1_024)).max(64)

interface Template<P> {
  title: string
  description: string
  permissions: string[]
  estimatedCost: string
  parameters: z.ZodType<P>
  make(parameters: P): Omit<TaskSpec, 'name'>
}

const TEMPLATES: Readonly<Record<string, Template<never>>> = {
  'stock-monitor': template({
    title: 'Stock monitor',
    description: 'Asks a quote service for a price and tells you when it leaves the range you set.',
    permissions: ['the tool http.request, and with it the quote service’s host'],
    estimatedCost: 'No model calls: nothing.',
    parameters: z.strictObject({
      url: url.describe('Answers JSON'),
      price: z
        .string()
        .default('quote.price')
        .describe('Where the price is, as an expression over `quote`, the answer'),
      below: z.number().optional(),
      above: z.number().optional(),
      when: when.default('every 15 minutes between 9am and 6pm on weekdays'),
    }),
    make: ({ url, price, below, above, when }) => ({
      ...phrase(when),
      action: flow(
        [
          { id: 'fetch', do: { kind: 'http', url }, retry: { attempts: 2, backoffMs: 5_000 } },
          { id: 'price', set: `\${[steps.fetch.output.json].map(quote, double(${price}))[0]}` },
          {
            id: 'left',
            if: outside(below, above),
            // biome-ignore lint/suspicious/noThenProperty: a workflow’s word, never awaited
            then: [
              {
                id: 'tell',
                do: {
                  kind: 'notify',
                  title: 'A price left its range',
                  text: `\${string(steps.price.output)} (${url})`,
                  level: 'warning',
                },
              },
            ],
          },
        ],
        '${{"price": steps.price.output, "outside": steps.left.output.branch == "then"}}',
      ),
      overlap: 'skip',
      misfire: 'run-once',
    }),
  }),
  'log-monitor': template({
    title: 'Log monitor',
    description: 'Looks at the end of a log whenever it changes and tells you of lines with a word that means trouble.',
    permissions: ['to watch the file', 'the tool shell.run, and with it `tail`'],
    estimatedCost: 'No model calls: nothing.',
    parameters: z.strictObject({
      path,
      word: z.string().min(1).max(64).default('ERROR'),
      lines: z.number().int().min(1).max(1_000).default(50),
    }),
    make: ({ path, word, lines }) => ({
      trigger: { kind: 'file', path, on: ['added', 'changed'], settleMs: 1_000 },
      action: flow([
        { id: 'read', do: { kind: 'shell', command: 'tail', args: ['-n', String(lines), '--', path] }, readOnly: true },
        {
          id: 'trouble',
          if: `steps.read.output.stdout.contains(${JSON.stringify(word)})`,
          // biome-ignore lint/suspicious/noThenProperty: a workflow’s word, never awaited
          then: [
            {
              id: 'tell',
              do: { kind: 'notify', title: `${path}: ${word}`, text: '${steps.read.output.stdout}', level: 'warning' },
            },
          ],
        },
      ]),
      overlap: 'queue',
    }),
  }),
  'test-runner': template({
    title: 'Test runner',
    description: 'Runs your tests when the sources change, and tells you when they fail.',
    permissions: ['to watch the folder', 'the tool shell.run, and with it the command'],
    estimatedCost: 'No model calls: nothing.',
    parameters: z.strictObject({
      folder: path.default('src'),
      command: command.default('npm'),
      args: args.default(['test']),
    }),
    make: ({ folder, command, args }) => ({
      trigger: { kind: 'file', path: folder, settleMs: 2_000 },
      action: { kind: 'shell', command, args },
      overlap: 'cancel-old',
      idempotent: true,
      onFailure: [{ kind: 'notify' }],
    }),
  }),
  'continuous-debug': template({
    title: 'Continuous debug',
    description: 'Runs the tests; while they fail, has the agent mend them, so many times at most.',
    permissions: ['the tool shell.run, and with it the command', 'the agent, with the tools it may use'],
    estimatedCost: 'One agent run per try: set a budget. Typically $0.05 to $1 each.',
    parameters: z.strictObject({
      command: command.default('npm'),
      args: args.default(['test']),
      tries: z.number().int().min(1).max(10).default(3),
      when: when.default('every weekday at 7am'),
      perRunUsd: z.number().min(0).default(2),
    }),
    make: ({ command, args, tries, when, perRunUsd }) => ({
      ...phrase(when),
      action: flow([
        {
          id: 'mend',
          repeat: { until: '!has(steps.test.error)', max: tries + 1 },
          steps: [
            { id: 'test', do: { kind: 'shell', command, args }, idempotent: true, onError: 'continue' },
            {
              id: 'fix',
              when: `has(steps.test.error) && index < ${tries}`,
              do: { kind: 'prompt', text: 'These tests fail. Find the cause and mend it.\n\n${steps.test.error}' },
            },
          ],
        },
      ]),
      timeoutMs: 3_600_000,
      budget: { perRunUsd, over: 'ask' },
    }),
  }),
  'data-sync': template({
    title: 'Data sync',
    description: 'Fetches data from one address and sends it to another when it has changed.',
    permissions: ['the tool http.request, and with it both hosts'],
    estimatedCost: 'No model calls: nothing.',
    parameters: z.strictObject({ from: url, to: url, when: when.default('every hour') }),
    make: ({ from, to, when }) => ({
      ...phrase(when),
      action: flow(
        [
          { id: 'fetch', do: { kind: 'http', url: from }, retry: { attempts: 3, backoffMs: 2_000 } },
          { id: 'there', do: { kind: 'http', url: to }, onError: 'continue' },
          {
            id: 'changed',
            if: 'has(steps.there.error) || steps.there.output.body != steps.fetch.output.body',
            // biome-ignore lint/suspicious/noThenProperty: a workflow’s word, never awaited
            then: [
              {
                id: 'send',
                do: {
                  kind: 'http',
                  method: 'PUT',
                  url: to,
                  headers: { 'content-type': 'application/json' },
                  body: '${steps.fetch.output.body}',
                },
                idempotent: true,
                retry: { attempts: 3, backoffMs: 2_000 },
              },
            ],
          },
        ],
        '${{"changed": steps.changed.output.branch == "then"}}',
      ),
      retry: { attempts: 2, backoffMs: 60_000, jitter: 0.2 },
      idempotent: true,
    }),
  }),
}

export function templateViews(): TemplateView[] {
  return Object.entries(TEMPLATES).map(([id, { title, description, permissions, estimatedCost, parameters }]) => ({
    ...{ id, title, description, permissions, estimatedCost },
    parameters: z.toJSONSchema(parameters, { io: 'input' }) as Record<string, unknown>,
  }))
}

/** @throws TASK_INVALID for a template that is not there or parameters that do not fit */
export function makeFromTemplate(id: string, name: string, given: Record<string, unknown>): TaskSpec {
  const found = Object.hasOwn(TEMPLATES, id) ? TEMPLATES[id] : undefined
  if (found === undefined)
    throw new UsageError('TASK_INVALID', `there is no template “${id.slice(0, 64)}”`, {
      hint: `There are ${Object.keys(TEMPLATES).join(', ')}.`,
    })
  return { ...found.make(parsed(found.parameters, given, 'the parameters')), name, tags: [id] }
}

function template<P>(made: Template<P>): Template<never> {
  return made as unknown as Template<never> // `make` is only called with what `parameters` has read
}

function phrase(text: string): { trigger: TaskSpec['trigger'] } {
  return { trigger: { kind: 'phrase', text } }
}

function flow(steps: unknown[], output?: string): TaskSpec['action'] {
  return { kind: 'workflow', flow: { steps, ...(output !== undefined && { output }) } }
}

function outside(below: number | undefined, above: number | undefined): string {
  const parts = [
    ...(below === undefined ? [] : [`steps.price.output < ${below.toFixed(6)}`]),
    ...(above === undefined ? [] : [`steps.price.output > ${above.toFixed(6)}`]),
  ]
  return parts.length === 0 ? 'false' : parts.join(' || ')
}
