// bench/src/message.ts: what Pryx itself adds to a message: page → agent → a provider's double → page, against asking the double directly.
//   Everything is as a user has it: `pryx up` with its plugins in the sandbox, its page's own routes and stream, a login. Direct and through Pryx take turns.
import { fileURLToPath } from 'node:url'
import { createProject } from '../../packages/pryx/src/cli/bin-testing.ts'
import type { Bench } from './bench.ts'
import { type Host, openHost } from './host.ts'
import { enter, type Stream } from './page.ts'
import { type Figures, interleave, quantile, subjectsOf } from './rounds.ts'

const MESSAGES = 40 // of one round, one after another
const AT_ONCE = 20
const BUDGET_MS = { p50: 10, p95: 30 }
const MODEL = 'openai/gpt-5-nano'

export const message: Bench = {
  name: 'message',
  about:
    'what is added to a message from the page to the agent, a provider’s double and back, beyond asking the double',
  limitMs: 300_000,
  async run(rounds) {
    await using double = await openHost(fileURLToPath(new URL('hosts/model-double.ts', import.meta.url)))
    await using page = await openPage(await addressOf(double))
    const samples = await interleave(rounds, [() => inTurn(page), () => atOnce(page)])
    const median = (name: string) => quantile(samples.get(name) ?? [], 0.5)
    return {
      subjects: subjectsOf(samples, ABOUT),
      ratios: {
        budgetMs_vs_p50: ratio(BUDGET_MS.p50 / median('added.p50')),
        budgetMs_vs_p95: ratio(BUDGET_MS.p95 / median('added.p95')),
      },
    }
  },
}

const ABOUT = {
  'added.p50': [
    'ms',
    'one message: from the POST to its answer on the stream, less what the double takes when it is asked directly',
  ],
  'added.p95': ['ms', 'the same, 19 of 20 are quicker'],
  'double.p50': ['ms', 'the double itself, asked directly in turn with it'],
  'mirror.p95': ['ms', 'from the POST until another surface has the words, 19 of 20 are quicker'],
  'twenty.p95': ['ms', '20 sessions that stream at once: until an answer is whole, 19 of 20 are quicker'],
  'twentyDirect.p95': ['ms', 'the double asked 20 times at once'],
} as const

async function inTurn(page: Page): Promise<Figures> {
  const session = page.nextSession()
  await using here = await page.watch(session)
  await using there = await page.watch(session)
  const [added, direct, mirror]: number[][] = [[], [], []]
  for (let n = 0; n < MESSAGES; n++) {
    const base = await page.askDouble()
    const startedAt = performance.now()
    const answered = here.next('assistant')
    const seen = there.next('user')
    await page.say(session)
    mirror?.push((await seen) - startedAt)
    added?.push((await answered) - startedAt - base)
    direct?.push(base)
  }
  const [a = [], d = [], m = []] = [added, direct, mirror]
  return {
    'added.p50': quantile(a, 0.5),
    'added.p95': quantile(a, 0.95),
    'double.p50': quantile(d, 0.5),
    'mirror.p95': quantile(m, 0.95),
  }
}

async function atOnce(page: Page): Promise<Figures> {
  const direct = await Promise.all(Array.from({ length: AT_ONCE }, () => page.askDouble()))
  const sessions = Array.from({ length: AT_ONCE }, () => page.nextSession())
  await using owner = new AsyncDisposableStack()
  const streams = await Promise.all(sessions.map(async (one) => owner.use(await page.watch(one))))
  const startedAt = performance.now()
  const times = await Promise.all(
    sessions.map(async (session, i) => {
      const answered = (streams[i] as Stream).next('assistant')
      await page.say(session)
      return (await answered) - startedAt
    }),
  )
  return { 'twenty.p95': quantile(times, 0.95), 'twentyDirect.p95': quantile(direct, 0.95) }
}

interface Page extends AsyncDisposable {
  nextSession(): string
  watch(session: string): Promise<Stream>
  say(session: string): Promise<void>
  /** How long it takes to answer, ms. */
  askDouble(): Promise<number>
}

async function openPage(double: string): Promise<Page> {
  await using owner = new AsyncDisposableStack()
  const project = owner.use(createProject([]))
  project.write('pryx.json', { plugins: pluginsFor(double) })
  const { url, link } = await project.up('--consent', 'declared')
  await project.run('permissions', 'grant', 'router', `net:${new URL(double).host}`)
  const { post, watch } = await enter(url, link)
  let sessions = 0
  const owned = owner.move()
  return {
    nextSession: () => `bench-${++sessions}`,
    async watch(session) {
      await post('/api/chat/sessions', { id: session })
      return watch(session)
    },
    say: (session) =>
      post(`/api/chat/sessions/${session}/messages`, { client: crypto.randomUUID(), text: 'Well?', model: MODEL }),
    async askDouble() {
      const startedAt = performance.now()
      const body = JSON.stringify({ model: 'gpt-5-nano', input: [{ role: 'user', content: 'Well?' }], stream: true })
      const response = await fetch(`${double}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      await response.arrayBuffer()
      return performance.now() - startedAt
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function pluginsFor(double: string): object {
  const at = (name: string) => fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url))
  const providers = { openai: { baseUrl: `${double}/v1`, keyless: true } }
  return {
    web: { source: at('web') },
    sessions: { source: at('sessions') },
    agent: { source: at('agent'), config: { lanes: { main: AT_ONCE } } },
    router: { source: at('router'), config: { refresh: 'never', detect: { enabled: false }, providers } },
  }
}

async function addressOf(double: Host): Promise<string> {
  return JSON.parse(await double.ask('where')) as string
}

function ratio(value: number): number {
  return Number(value.toPrecision(3))
}
