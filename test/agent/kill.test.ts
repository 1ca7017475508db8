// The whole host, killed with -9 in the middle of runs that use tools: what it had taken on is finished once, by the next life or with a reason.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createProject, type Project } from '../../packages/pryx/src/cli/bin-testing.ts'
import { type ControlClient, connectControl } from '../../packages/pryx/src/control/client.ts'

const ROUNDS = Number(process.env.PRYX_ROUNDS ?? (process.env.PRYX_DEEP ? 200 : 3))
const SESSIONS = ['a', 'b', 'c']
const RUNS = 6 // of one round
const LONGEST_LIFE_MS = 900

const plugin = (name: string) => fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url))

/** A tool with an effect outside: one file for each time it was really called. */
const MARK = `export async function put({ n }, ctx) {
  const fs = await ctx.use({ kind: 'service', name: 'fs', version: '1.0.0' })
  await fs.writeText('\${workspace}/marks/' + n + '.' + crypto.randomUUID(), 'x')
  await new Promise((done) => setTimeout(done, 30))
  return { marked: n }
}`

interface Asked {
  key: string
  session: string
  text: string
  n: number
  /** Set once the host has answered. */
  run?: string
}

interface LogEvent {
  version: number
  kind: string
  client?: string
  body: { text?: string; run?: string; call?: string; input?: { n: number }; outcome?: string; status?: string }
}

test('L7: killed at any moment of runs with tools, nothing said is lost or doubled, no tool runs twice, every run ends once', {
  timeout: 60_000 + ROUNDS * 30_000,
}, async () => {
  await using project = createProject([])
  setUp(project)
  const asked: Asked[] = []

  for (let round = 0; round < ROUNDS; round++) {
    const host = await project.up('--consent', 'declared')
    const control = await connected(project)
    const starts = Array.from({ length: RUNS }, () => ask(control, asked))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_LIFE_MS))
    await host.end('SIGKILL')
    await Promise.all(starts)
  }

  await using _last = { host: await project.up('--consent', 'declared'), [Symbol.asyncDispose]: async () => {} }
  const control = await connected(project)
  await resumedByItself(control)
  for (const one of asked) one.run = (await start(control, one)).id // whoever got no answer asks again: the same run
  await ended(control, asked)

  const marks = readdirSync(project.path('marks')).map((name) => Number(name.split('.')[0]))
  expect(marks.length).toBe(new Set(marks).size) // no tool ran twice
  for (const session of SESSIONS) {
    const log = await logOf(control, session)
    expect(log.map(({ version }) => version)).toEqual(log.map((_, i) => i + 1))
    for (const one of asked.filter((each) => each.session === session)) check(one, log, marks)
    expect(await control.call('sessions', '1.0.0', 'get', [session])).not.toHaveProperty('run') // nobody writes any more
  }
})

function check({ run, text, n }: Asked, log: LogEvent[], marks: readonly number[]): void {
  expect(log.filter(({ client }) => client === `run:${run}`).map(({ body }) => body.text)).toEqual([text])
  expect(log.filter(({ kind, body }) => kind === 'run.finished' && body.run === run)).toHaveLength(1)
  const end = log.findIndex(({ kind, body }) => kind === 'run.finished' && body.run === run)
  expect(log.findLastIndex(({ kind, body }) => kind === 'run.started' && body.run === run)).toBeLessThan(end) // no ghost
  const calls = log.filter(({ kind, body }) => kind === 'tool.requested' && body.input?.n === n)
  const outcomes = log.filter(({ kind, body }) => kind === 'tool.completed' && body.call === calls[0]?.body.call)
  expect([calls.length, outcomes.length], JSON.stringify(log)).toEqual([1, 1])
  if (outcomes[0]?.body.outcome === 'ok') expect(marks).toContain(n)
}

function setUp(project: Project): void {
  project.plugin('mark', MARK, {
    permissions: ['fs:write:${workspace}/marks/**'],
    activation: ['tool:mark.put'],
    tools: [
      {
        name: 'mark.put',
        description: 'Leaves a mark',
        handler: 'put',
        input: { type: 'object', properties: { n: { type: 'integer' } } },
      },
    ],
  })
  project.write('marks/.keep', '')
  project.write('pryx.json', {
    plugins: {
      sessions: { source: plugin('sessions') },
      agent: { source: plugin('agent') },
      router: { source: plugin('router'), config: { refresh: 'never', detect: { enabled: false } } },
      mark: { source: './plugins/mark' },
    },
  })
}

async function connected(project: Project): Promise<ControlClient> {
  const control = await connectControl(project.path('.pryx'))
  if (control === undefined) throw new Error('no host')
  return control
}

async function ask(control: ControlClient, asked: Asked[]): Promise<void> {
  const n = asked.length
  const session = SESSIONS[n % SESSIONS.length] as string
  const one: Asked = { key: `key-${n}`, session, n, text: `/tool mark__put {"n": ${n}}` }
  asked.push(one)
  const answer = await start(control, one).catch(() => undefined) // the host may be gone
  if (answer) one.run = answer.id
}

function start(control: ControlClient, { key, session, text }: Asked): Promise<{ id: string }> {
  return control.call('agent', '1.0.0', 'start', [{ key, session, text, surface: 'test' }]) as Promise<{ id: string }>
}

/** The host's start alone wakes what was cut off: nobody has asked the agent anything yet. */
async function resumedByItself(control: ControlClient): Promise<void> {
  await expect
    .poll(async () => (await control.plugins()).plugins.find(({ id }) => id === 'agent')?.stage, { timeout: 20_000 })
    .toBe('active')
}

async function ended(control: ControlClient, asked: readonly Asked[]): Promise<void> {
  for (const { run } of asked)
    for (let status = 'timeout'; status === 'timeout'; )
      status = ((await control.call('agent', '1.0.0', 'waitSome', [run, 5_000])) as { status: string }).status
}

async function logOf(control: ControlClient, session: string): Promise<LogEvent[]> {
  const log: LogEvent[] = []
  for (let more = true; more; ) {
    const page = (await control.call('sessions', '1.0.0', 'events', [session, { after: log.length, limit: 200 }])) as {
      events: LogEvent[]
      more: boolean
    }
    log.push(...page.events)
    more = page.more
  }
  return log
}
