// bench/src/webhook.ts: fifty signed webhooks at once, as a user has it: `pryx up`, its door, its plugins in the sandbox.
//   Each is measured from its POST to the 200 that says it is on disk and a run of the agent was accepted. The runs go on meanwhile, and are
//   stopped between rounds. Beside it, in turn: as many POSTs to a server of Node's that only answers, which is what this client and machine take at least.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createProject } from '../../packages/pryx/src/cli/bin-testing.ts'
import type { Bench } from './bench.ts'
import { enter } from './page.ts'
import { type Figures, interleave, quantile, subjectsOf } from './rounds.ts'

const AT_ONCE = 50
const BUDGET_MS = 100
const KEY = randomBytes(32)
const ENDPOINTS = ['builds', 'deploys', 'alerts', 'shop', 'forms']

export const webhook: Bench = {
  name: 'webhook',
  about: 'fifty signed webhooks at once, each until it is on disk and its run accepted',
  limitMs: 180_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const bare = owner.use(await openBare())
    const host = owner.use(await openReceiver())
    const samples = await interleave(rounds, [() => measure('webhook', host), () => measure('bare', bare)])
    const p95 = quantile(samples.get('webhook.p95') ?? [], 0.5)
    return {
      subjects: subjectsOf(samples, ABOUT),
      ratios: { budgetMs_vs_p95: Number((BUDGET_MS / p95).toPrecision(3)) },
    }
  },
}

const ABOUT = {
  'webhook.alone': ['ms', 'one webhook while nothing else happens'],
  'webhook.p50': ['ms', '50 at once: half are taken sooner'],
  'webhook.p95': ['ms', '50 at once: 19 of 20 are taken sooner'],
  'bare.p95': ['ms', 'the same requests to a server that only answers'],
} as const

interface Receiver extends AsyncDisposable {
  url: string
  /** Ends what the webhooks of a round began. */
  settle(runs: readonly string[]): Promise<void>
}

async function measure(name: string, { url, settle }: Receiver): Promise<Figures> {
  const alone = await deliver(url, 'builds')
  await settle([alone.run])
  const all = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) => deliver(url, ENDPOINTS[i % ENDPOINTS.length] as string)),
  )
  await settle(all.map(({ run }) => run))
  const times = all.map(({ tookMs }) => tookMs)
  return {
    [`${name}.alone`]: alone.tookMs,
    [`${name}.p50`]: quantile(times, 0.5),
    [`${name}.p95`]: quantile(times, 0.95),
  }
}

async function deliver(url: string, endpoint: string): Promise<{ tookMs: number; run: string }> {
  const [id, at] = [randomUUID(), Math.floor(Date.now() / 1_000)]
  const body = JSON.stringify({ type: 'build.failed', data: { job: 4_711, branch: 'main', log: 'x'.repeat(1_000) } })
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${createHmac('sha256', KEY).update(`${id}.${at}.${body}`).digest('base64')}`,
  }
  const startedAt = performance.now()
  const response = await fetch(`${url}/webhook/${endpoint}`, { method: 'POST', headers, body })
  const { run, message } = (await response.json()) as { run: string; message?: string }
  const tookMs = performance.now() - startedAt
  if (response.status !== 200) throw new Error(`a webhook was answered with ${response.status}: ${message}`)
  return { tookMs, run }
}

async function openReceiver(): Promise<Receiver> {
  await using owner = new AsyncDisposableStack()
  const project = owner.use(createProject([]))
  const at = (name: string) => ({ source: fileURLToPath(new URL(`../../plugins/${name}`, import.meta.url)) })
  const endpoints = Object.fromEntries(ENDPOINTS.map((name) => [name, { perMinute: 6_000 }]))
  project.write('pryx.json', {
    plugins: {
      web: at('web'),
      sessions: at('sessions'),
      agent: at('agent'),
      router: { ...at('router'), config: { refresh: 'never', detect: { enabled: false } } },
      webhook: { ...at('webhook'), config: { endpoints } },
    },
  })
  const { url, link } = await project.up('--consent', 'declared')
  for (const name of ENDPOINTS)
    await project.pipe(`whsec_${KEY.toString('base64')}`, 'secrets', 'set', `webhook.${name}`)
  const page = await enter(url, link)
  for (const name of ENDPOINTS) await whenServed(url, name)
  const owned = owner.move()
  return {
    url,
    settle: async (runs) =>
      void (await Promise.all(runs.map((run) => page.post(`/api/chat/runs/${encodeURIComponent(run)}/stop`, {})))),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The plugin serves an endpoint a moment after its secret was kept. */
async function whenServed(url: string, endpoint: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await deliver(url, endpoint)
      return
    } catch (error) {
      if (tries === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function openBare(): Promise<Receiver> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"run":""}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settle: async () => {},
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
