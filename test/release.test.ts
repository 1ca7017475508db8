// test/release.test.ts: the packages as npm would serve them: from nothing to a plugin that another project runs (K9 K10).
//   Needs npm for what the packages depend on, and some minutes; so it runs with the deep tests.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { openTestRegistry } from './registry-testing.ts'

const ROOT = join(import.meta.dirname, '..')
const PACKAGES = ['kernel', 'capabilities', 'sdk', 'pryx', 'create-pryx-plugin']
const OWN = ['@pryx/*', '@ada/*', 'pryx', 'create-pryx-plugin']

interface Workflow {
  jobs: Record<'test' | 'publish', { steps: { run?: string }[] }>
}

test.runIf(process.env.PRYX_DEEP)(
  'K9: from the packed packages: create, every step of its CI workflow, publish, and a fresh project runs it',
  { timeout: 900_000 },
  async () => {
    await using owner = new AsyncDisposableStack()
    const desk = mkdtempSync(join(tmpdir(), 'pryx-release-'))
    owner.defer(() => rmSync(desk, { recursive: true, force: true, maxRetries: 3 }))
    const uplink = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
    const registry = owner.use(await openTestRegistry({ uplink, own: OWN }))
    for (const name of ['home', 'packed', 'work', 'project']) mkdirSync(join(desk, name))
    registry.npmrc(join(desk, 'home'))
    const sh = createShell(desk, registry.url)

    await sh(ROOT, 'node scripts/build.ts --if-needed --types')
    for (const name of PACKAGES)
      await sh(join(ROOT, 'packages', name), `npx -y pnpm@12.21.0 pack --pack-destination ${join(desk, 'packed')}`, {})
    for (const file of readdirSync(join(desk, 'packed'))) await sh(desk, `npm publish --access public ./packed/${file}`)
    await sh(join(desk, 'work'), 'npm create --yes pryx-plugin -- @ada/counter --template tool --yes')

    const plugin = join(desk, 'work/pryx-plugin-counter')
    const text = readFileSync(join(plugin, '.github/workflows/ci.yml'), 'utf8')
    const { jobs } = parse(text) as Workflow
    const steps = [...jobs.test.steps, ...jobs.publish.steps].flatMap(({ run }) => run ?? [])
    expect(steps.length).toBeGreaterThan(6)
    for (const step of steps) await sh(plugin, step)
    const { $schema } = JSON.parse(readFileSync(join(plugin, 'package.json'), 'utf8')) as { $schema: string }
    expect(existsSync(join(plugin, $schema)), 'editors read the schema without a network').toBe(true)

    const pryx = join(plugin, 'node_modules/.bin/pryx')
    await sh(join(desk, 'project'), `${pryx} add @ada/pryx-plugin-counter --yes --min-age 0`)
    const listed = JSON.parse(await sh(join(desk, 'project'), `${pryx} list --json`)) as { plugins: object[] }
    expect(listed.plugins).toMatchObject([{ id: 'counter', version: '0.1.0' }])
    expect(await sh(join(desk, 'project'), `${pryx} doctor`)).toContain('a plugin starts in its isolate')
  },
)

/** Runs commands with the desk's home; what they print is the answer, and part of the error. */
function createShell(desk: string, registry: string) {
  const home = { HOME: join(desk, 'home'), PRYX_STORE: join(desk, 'store'), npm_config_registry: registry }
  const path = `${dirname(process.execPath)}:${process.env.PATH}`
  return (cwd: string, command: string, env: object = home): Promise<string> =>
    new Promise((resolve, reject) => {
      const all = { ...process.env, NO_COLOR: '1', CI: '', ...env, PATH: path }
      execFile('sh', ['-c', command], { cwd, env: all, maxBuffer: 1e8 }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(`${command}\n${stdout}${stderr}`)),
      ).stdin?.end()
    })
}
