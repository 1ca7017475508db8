// bench/src/mirror.ts: from Telegram to the page, as a user has it: `pryx up`, grammY in the sandbox, the Bot API on loopback.
//   Measured from the moment the Bot API has a message until the page's stream tells of it. The answer's run is stopped before the next.
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProject, type Project } from '../../packages/pryx/src/cli/bin-testing.ts'
import { type BotApi, openBotApi, TOKEN } from '../../plugins/telegram/src/telegram-testing.ts'
import type { Bench } from './bench.ts'
import { enter, type Stream } from './page.ts'
import { type Figures, interleave, quantile, subjectsOf } from './rounds.ts'

const MESSAGES = 20 // of one round, one after another
const BUDGET_MS = 200

export const mirror: Bench = {
  name: 'mirror',
  about: 'from a message on Telegram until the page shows it',
  limitMs: 180_000,
  async run(rounds) {
    await using api = await openBotApi()
    await using host = await openMirror(api)
    const samples = await interleave(rounds, [() => measure(api, host)])
    const p95 = quantile(samples.get('mirror.p95') ?? [], 0.5)
    return {
      subjects: subjectsOf(samples, ABOUT),
      ratios: { budgetMs_vs_p95: Number((BUDGET_MS / p95).toPrecision(3)) },
    }
  },
}

const ABOUT = {
  'mirror.p50': ['ms', 'half are seen sooner'],
  'mirror.p95': ['ms', '19 of 20 are seen sooner'],
} as const

interface Mirror extends AsyncDisposable {
  stream: Stream
  /** Ends the answer in progress. */
  stop(): Promise<void>
}

async function measure(api: BotApi, { stream, stop }: Mirror): Promise<Figures> {
  const times: number[] = []
  for (let n = 0; n < MESSAGES; n++) {
    const seen = stream.next('user')
    const startedAt = performance.now()
    api.say(`message ${n}`)
    times.push((await seen) - startedAt)
    await stop()
  }
  return { 'mirror.p50': quantile(times, 0.5), 'mirror.p95': quantile(times, 0.95) }
}

async function openMirror(api: BotApi): Promise<Mirror> {
  await using owner = new AsyncDisposableStack()
  const project = owner.use(createProject([]))
  writeProject(project, api)
  const { url, link } = await project.up('--consent', 'declared')
  await project.pipe(TOKEN, 'secrets', 'set', 'telegram.token')
  const { value } = await project.json('channels', 'link')
  api.say(`/start ${(value as { code: string }).code}`)
  await api.until(/^Linked/)
  const page = await enter(url, link)
  const stream = owner.use(await page.watch('main'))
  const owned = owner.move()
  return {
    stream,
    async stop() {
      const { runs } = await page.get<{ runs: { id: string }[] }>('/api/chat/sessions/main/runs')
      for (const { id } of runs) await page.post(`/api/chat/runs/${encodeURIComponent(id)}/stop`, {})
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Telegram's manifest names the loopback's port too, which no user's has to. */
function writeProject(project: Project, { url }: BotApi): void {
  const folder = (name: string) => fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url))
  const manifest = JSON.parse(readFileSync(join(folder('telegram'), 'package.json'), 'utf8')) as {
    pryx: { permissions: string[] }
  }
  manifest.pryx.permissions.push(`net:${new URL(url).host}`)
  project.write('plugins/telegram/package.json', manifest)
  cpSync(join(folder('telegram'), 'dist'), project.path('plugins/telegram/dist'), { recursive: true })
  project.write('pryx.json', {
    plugins: {
      web: { source: folder('web') },
      sessions: { source: folder('sessions') },
      agent: { source: folder('agent') },
      router: { source: folder('router'), config: { refresh: 'never', detect: { enabled: false } } },
      telegram: { source: './plugins/telegram', config: { apiRoot: url } },
    },
  })
}
