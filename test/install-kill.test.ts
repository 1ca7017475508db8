// test/install-kill.test.ts: an install, update, rollback or remove that is killed anywhere leaves the state before or the state after (K10).
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadConfig } from '../packages/pryx/src/host/config.ts'
import { contentsOf, openProjectFiles } from '../packages/pryx/src/store/project.ts'
import { openStore } from '../packages/pryx/src/store/store.ts'
import { pluginTarball } from '../packages/pryx/src/store/tarball-testing.ts'

const ROUNDS = process.env.PRYX_DEEP ? 200 : 7
const SCRIPT = fileURLToPath(new URL('./install-kill-testing.ts', import.meta.url))
const MAX_STEPS = 14

/** Version that is locked, and those it could go back to, newest last. */
type State = { now: string | undefined; previous: string[] }
type Act = 'install' | 'rollback' | 'remove'

test(`K10: killed at any step or moment, ${ROUNDS} times, the files and the store are whole`, {
  timeout: ROUNDS * 30_000,
}, async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pryx-kill-')))
  const folder = join(root, 'project')
  mkdirSync(folder)
  const store = join(root, 'store')
  const point = fc.record({
    act: fc.constantFrom<Act>('install', 'install', 'rollback', 'remove'),
    version: fc.integer({ min: 1, max: 3 }),
    byStep: fc.boolean(),
    step: fc.nat(MAX_STEPS),
    ms: fc.integer({ min: 30, max: 600 }),
  })
  try {
    let killed = 0
    const first = { act: 'install' as const, version: 1, byStep: true, step: 4, ms: 0 } // in the middle of the change
    for (const { act, version, byStep, step, ms } of [first, ...fc.sample(point, ROUNDS)]) {
      const before = stateOf(folder)
      const tarball = join(root, `subject-${version}.tgz`)
      writeFileSync(
        tarball,
        pluginTarball({
          name: 'pryx-plugin-subject',
          version: `${version}.0.0`,
          code: `export default { activate() { ${'//\n'.repeat(2_000)} } } // ${version}`,
        }),
      )

      const finished = await run(
        { folder, act, tarball, dieAt: byStep ? step : -1, dieAfterMs: byStep ? -1 : ms },
        store,
      )
      if (!finished) killed++

      const now = stateOf(folder) // reading alone sees a whole state
      expect(
        [before, after(before, act, `${version}.0.0`)],
        `${act} at ${byStep ? `step ${step}` : `${ms} ms`}`,
      ).toContainEqual(now)
      if (finished) expect(now).toEqual(after(before, act, `${version}.0.0`))
      for (const content of contentsOf(
        openProjectFiles({ file: join(folder, 'pryx.json'), data: join(folder, '.pryx') }).root,
      ) ?? [])
        openStore(store).open(content) // proves every byte, or throws
    }
    expect(killed).toBeGreaterThan(0)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

/** What an act that runs to its end makes of a state. */
function after({ now, previous }: State, act: Act, version: string): State {
  if (act === 'remove') return { now: undefined, previous: [] }
  if (act === 'rollback')
    return previous.length === 0 ? { now, previous } : { now: previous.at(-1), previous: previous.slice(0, -1) }
  return { now: version, previous: now === undefined || now === version ? previous : [...previous, now].slice(-5) }
}

function stateOf(folder: string): State {
  const place = { file: join(folder, 'pryx.json'), data: join(folder, '.pryx') }
  const { lock, installs } = openProjectFiles(place).read()
  const config = openProjectFiles(place).config() === null ? undefined : loadConfig(place.file)
  expect(Object.keys(config?.plugins ?? {})).toEqual(Object.keys(lock.plugins)) // the two files agree
  return {
    now: lock.plugins.subject?.version,
    previous: (installs.previous.subject ?? []).map(({ version }) => version),
  }
}

/** True if it ran to its end. */
function run(task: object, store: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['--conditions=source', '--no-warnings', SCRIPT, JSON.stringify(task)],
      { env: { PATH: process.env.PATH, HOME: store, PRYX_STORE: store } },
      (error, stdout, stderr) => {
        if (error !== null && error.signal !== 'SIGKILL' && !stderr.includes('ROLLBACK_NOTHING'))
          return reject(new Error(stderr))
        resolve(stdout.startsWith('done'))
      },
    )
  })
}
