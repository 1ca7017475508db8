// bench/src/main.ts: the command. One bench prints its report; all of them run each in a process of its own, so that none warms or burdens another.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { Bench, Report } from './bench.ts'
import { call } from './call.ts'
import { dashboard } from './dashboard.ts'
import { density } from './density.ts'
import { events } from './events.ts'
import { benchFolder } from './fixtures.ts'
import { cold, install } from './install.ts'
import { installed } from './installed.ts'
import { message } from './message.ts'
import { mirror } from './mirror.ts'
import { installServers } from './peers/servers.ts'
import { reload } from './reload.ts'
import { router } from './router.ts'
import { scheduler } from './scheduler.ts'
import { start } from './start.ts'
import { tableOf } from './table.ts'
import { transport } from './transport.ts'
import { webhook } from './webhook.ts'

const DEFAULT_ROUNDS = 5
const benches: readonly Bench[] = [
  ...[start, call, events, density, installed, reload, transport, install, cold],
  ...[router, scheduler, message, mirror, webhook, dashboard],
]

await main()

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      json: { type: 'boolean' },
      save: { type: 'boolean' },
      'install-peers': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return console.log(help())
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS)
  if (!Number.isInteger(rounds) || rounds < 1) return refuse(`--rounds ${values.rounds} is not a number of rounds`)
  const unknown = positionals.find((name) => !benches.some((bench) => bench.name === name))
  if (unknown !== undefined) return refuse(`there is no bench "${unknown}"`)
  const chosen = positionals.length > 0 ? benches.filter(({ name }) => positionals.includes(name)) : benches
  if (values.json && chosen.length > 1) return refuse('--json takes one bench at a time')
  if (values['install-peers']) installServers()
  for (const bench of chosen) {
    const report = chosen.length === 1 ? await measure(bench, rounds) : await measureApart(bench, rounds)
    if (report === undefined) continue
    if (values.save) await save(report)
    console.log(values.json ? JSON.stringify(report) : tableOf(report))
  }
}

async function measure(bench: Bench, rounds: number): Promise<Report> {
  const late = setTimeout(() => giveUp(bench), bench.limitMs)
  const result = await bench.run(rounds)
  clearTimeout(late)
  return { bench: bench.name, node: process.version, ...result }
}

/** All it started ends with this process: Workers by nature, children because their channel closes. */
function giveUp({ name, limitMs }: Bench): void {
  console.error(`${name} was not done after ${limitMs / 1_000} s`)
  process.exit(1)
}

/** A bench that fails says why on stderr, fails the command, and stops no other. */
async function measureApart(bench: Bench, rounds: number): Promise<Report | undefined> {
  const args = [import.meta.filename, bench.name, '--json', '--rounds', String(rounds)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const json = await text(child.stdout)
  await closed
  if (child.exitCode !== 0) process.exitCode = 1
  return json === '' ? undefined : (JSON.parse(json) as Report)
}

async function save(report: Report): Promise<void> {
  const folder = join(benchFolder, 'results')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${report.bench}.json`), `${JSON.stringify(report, undefined, 2)}\n`)
}

function help(): string {
  const lines = benches.map(({ name, about }) => `  ${name.padEnd(9)} ${about}`)
  return `pnpm bench [NAME…] [--rounds N] [--json] [--save] [--install-peers]

Measures Pryx beside its peers in one run. Without a name: all, one after another.

${lines.join('\n')}

  --rounds N  rounds of each participant, in turn (default ${DEFAULT_ROUNDS})
  --json      one JSON object on stdout and nothing else; takes one name
  --install-peers  installs Redis and Postgres with apt-get first (as root), for \`scheduler\`; it starts its own, on loopback
  --save      keeps the figures in bench/results/NAME.json`
}

function refuse(why: string): void {
  console.error(`${why}. Try --help.`)
  process.exitCode = 2
}
