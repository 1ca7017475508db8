// bench/src/install.ts: a 1 MB plugin from a registry on loopback, by `pryx add` and by `npm install`; and the start of a host with 20 that were installed.
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageJson, pluginTarball } from '../../packages/pryx/src/store/tarball-testing.ts'
import { openTestRegistry } from '../../test/registry-testing.ts'
import type { Bench } from './bench.ts'
import { type Figures, interleave, ratioOf, subjectsOf } from './rounds.ts'

const BIN = fileURLToPath(new URL('../../packages/pryx/dist/bin.js', import.meta.url))
const CODE_BYTES = 1_048_576
const INSTALLED = 20
const run = promisify(execFile)

export const install: Bench = {
  name: 'install',
  about:
    'a 1 MB plugin from a loopback registry: `pryx add` with all its proofs against `npm install` of the same tarball',
  limitMs: 300_000,
  async run(rounds) {
    await using registry = await openTestRegistry()
    const plugin = {
      name: 'pryx-plugin-large',
      code: `export default { activate() {} }\n// ${randomBytes(CODE_BYTES / 2).toString('hex')}\n`,
    }
    await registry.publish(packageJson(plugin), pluginTarball(plugin))
    const npm = await npmCli()
    const env = (home: string) => ({
      PATH: process.env.PATH,
      HOME: home,
      PRYX_REGISTRY: registry.url,
      npm_config_registry: registry.url,
      PRYX_STORE: join(home, 'store'),
    })
    const timed = (name: string, args: string[]) => () =>
      inFreshFolder(async (folder) => {
        const startedAt = performance.now()
        await run(process.execPath, args, { cwd: folder, env: env(folder) })
        return { [name]: performance.now() - startedAt }
      })
    const samples = await interleave(rounds, [
      timed('pryx', [BIN, 'add', plugin.name, '--yes', '--min-age', '0', '--json']),
      timed('npm', [npm, 'install', plugin.name, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']),
    ])
    return {
      subjects: subjectsOf(samples, {
        pryx: [
          'ms',
          '`pryx add` from nothing: fetch, integrity, unpack, manifest, policy, store with fsync, lock, grants',
        ],
        npm: ['ms', '`npm install` from nothing, with an empty cache, without audit, funding or scripts'],
      }),
      ratios: { install_vs_npm: ratioOf(samples, 'pryx', 'npm', 'less') },
    }
  },
}

export const cold: Bench = {
  name: 'cold',
  about: `\`pryx up\` with ${INSTALLED} plugins from the store, each proved byte by byte, against \`pryx up\` with none`,
  limitMs: 300_000,
  async run(rounds) {
    await using owner = new AsyncDisposableStack()
    const [full, empty] = await Promise.all([projectWith(owner, INSTALLED), projectWith(owner, 0)])
    const samples = await interleave(rounds, [
      async () => ({ 'up.20': await upMs(full) }),
      async () => ({ 'up.0': await upMs(empty) }),
    ])
    return {
      subjects: subjectsOf(samples, {
        'up.20': ['ms', `from the command to "up", ${INSTALLED} installed plugins active`],
        'up.0': ['ms', 'the same without a plugin'],
      }),
      ratios: {},
    }
  },
}

async function projectWith(owner: AsyncDisposableStack, count: number): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pryx-bench-cold-')))
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'pryx.json'), '{ "plugins": {} }')
  for (let n = 0; n < count; n++) {
    const name = `pryx-plugin-p${n}`
    await writeFile(join(folder, `${name}.tgz`), pluginTarball({ name }))
    await run(process.execPath, [BIN, 'add', `./${name}.tgz`, '--yes', '--json'], { cwd: folder, env: homeOf(folder) })
  }
  await upMs(folder) // the startup snapshot is cached from here on
  return folder
}

function homeOf(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: folder, PRYX_STORE: join(folder, 'store'), NO_COLOR: '1' }
}

async function upMs(folder: string): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [BIN, 'up', '--trust'], {
    cwd: folder,
    env: homeOf(folder),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  const tookMs = performance.now() - startedAt
  child.kill('SIGTERM')
  await exited
  return tookMs
}

async function inFreshFolder(work: (folder: string) => Promise<Figures>): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'pryx-bench-install-'))
  try {
    await mkdir(join(folder, 'home'))
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** npm's own entry, so that it runs on the Node that runs us. */
async function npmCli(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v npm'])
  const real = await realpath(stdout.trim())
  return real.endsWith('.js') ? real : join(dirname(real), '../lib/node_modules/npm/bin/npm-cli.js')
}
