import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createProject, type Project } from './bin-testing.ts'

const PATIENT = { timeout: 15_000 } // on a busy machine

const source = (label: string) => `export default { activate(ctx: { previous?: { starts: number } }) {
  const starts = (ctx.previous?.starts ?? 0) + 1
  console.warn('${label} ' + starts)
  return { handOver: () => ({ starts }) }
} }
`

function writePlugin(project: Project): void {
  project.write('weather/package.json', {
    name: 'pryx-plugin-weather',
    version: '1.0.0',
    type: 'module',
    pryx: { engine: '*', entry: 'dist/plugin.js' },
  })
  project.write('weather/src/plugin.ts', source('sunny'))
}

test('K7: an edit is built and live with its state; a broken one leaves the old version running and shows the place', async () => {
  await using project = createProject()
  writePlugin(project)
  const host = await project.dev('weather')
  await expect.poll(() => host.stderr()).toContain('weather sunny 1')
  await expect.poll(() => host.stderr()).toContain('Watching weather')

  await editUntil(project, source('cloudy'), () => host.stderr().includes('weather cloudy 2'))
  await expect.poll(() => host.stderr()).toMatch(/weather is live \d+ ms after the edit/)

  project.write('weather/src/plugin.ts', 'export default { activate( {')
  await expect.poll(() => host.stderr(), { timeout: 5_000 }).toContain('weather goes on as it was.')
  expect(host.stderr()).toContain('BUILD_FAILED')
  expect(host.stderr()).toMatch(/src\/plugin\.ts:1:\d+/)
  expect((await project.json('plugins', '--data', project.path('.pryx'))).value).toMatchObject({
    plugins: [{ id: 'weather', stage: 'active' }],
  })
})

test('K7: a plugin that never built is taken in at the edit that mends it', async () => {
  await using project = createProject()
  writePlugin(project)
  project.write('weather/src/plugin.ts', 'import "./gone.ts"')
  const host = await project.dev('weather')
  expect(host.stderr()).toContain('BUILD_FAILED')
  await expect.poll(() => host.stderr()).toContain('Watching weather')

  await editUntil(project, source('sunny'), () => host.stderr().includes('weather sunny 1'))
})

test('K7: a plugin that breaks as it starts shows the line its author wrote; the version before goes on', async () => {
  await using project = createProject()
  writePlugin(project)
  const host = await project.dev('weather')
  await expect.poll(() => host.stderr(), PATIENT).toContain('Watching weather')

  const broken =
    'function fail(): never {\n  throw new Error("no sun")\n}\nexport default { activate() {\n  fail()\n} }\n'
  await editUntil(project, broken, () => host.stderr().includes('goes on as it was'))

  expect(host.stderr()).toContain('src/plugin.ts:2:9')
  expect(host.stderr()).toMatch(/2 │ {3}throw new Error\("no sun"\)\n.*╵ {9}\^/)
  expect((await project.json('plugins', '--data', project.path('.pryx'))).value).toMatchObject({
    plugins: [{ id: 'weather', stage: 'active' }],
  })
})

test('K7: storms, renames, a folder swapped whole, a broken manifest and a wider one: dev recovers from all without a restart', async () => {
  await using project = createProject()
  writePlugin(project)
  const host = await project.dev('weather')
  await expect.poll(() => host.stderr(), PATIENT).toContain('Watching weather')
  const folder = project.path('weather')
  const file = join(folder, 'src/plugin.ts')
  const says = (text: string) => expect.poll(() => host.stderr(), PATIENT).toContain(text)
  await editUntil(project, source('first'), () => host.stderr().includes('weather first'))

  for (let n = 0; n <= 30; n++) writeFileSync(file, source(`storm-${n}`))
  await says('weather storm-30')

  writeFileSync(`${file}.tmp`, source('renamed')) // as many editors save
  renameSync(`${file}.tmp`, file)
  await says('weather renamed')

  cpSync(join(folder, 'src'), join(folder, 'next'), { recursive: true })
  writeFileSync(join(folder, 'next/plugin.ts'), source('swapped'))
  renameSync(join(folder, 'src'), join(folder, 'old'))
  renameSync(join(folder, 'next'), join(folder, 'src'))
  await says('weather swapped')

  writeFileSync(file, 'export default {')
  await says('BUILD_FAILED')
  writeFileSync(file, source('mended'))
  await says('weather mended')

  const manifest = { name: 'pryx-plugin-weather', version: '1.0.0', type: 'module' }
  const pryx = { engine: '*', entry: 'dist/plugin.js' }
  writeFileSync(join(folder, 'package.json'), '{ "name": ')
  await says('MANIFEST_SYNTAX')
  project.write('weather/package.json', { ...manifest, pryx: { ...pryx, permissions: ['storage'] } })
  await says('weather wants to keep data of its own')
  const starts = () => host.stderr().match(/weather mended \d+/g)?.length
  expect(starts()).toBe(1) // the old one goes on until there is an answer
  const [, question] = /approvals allow (\S+)/.exec(host.stderr()) ?? []
  expect(await project.run('approvals', 'allow', question as string, '--for', 'forever')).toMatchObject({ code: 0 })
  await expect.poll(starts, PATIENT).toBe(2)
  writeFileSync(file, source('after'))
  await says('weather after')

  expect((await project.json('plugins', '--data', project.path('.pryx'))).value).toMatchObject({
    plugins: [{ id: 'weather', stage: 'active', failures: 0 }],
  })
}, 90_000)

test('K7: a plugin without sources is swapped when its dist is replaced whole', async () => {
  await using project = createProject()
  writePlugin(project)
  const { activate } = { activate: (label: string) => `export default { activate() { console.warn('${label}') } }` }
  project.write('weather/dist/plugin.js', activate('built one'))
  rmSync(project.path('weather/src'), { recursive: true })
  const host = await project.dev('weather')
  await expect.poll(() => host.stderr(), PATIENT).toContain('Watching weather')

  for (let n = 2; n < 5; n++) {
    await expect
      .poll(
        () => {
          if (host.stderr().includes(`built ${n}`)) return true
          rmSync(project.path('weather/dist'), { recursive: true, force: true })
          project.write('weather/dist/plugin.js', activate(`built ${n}`))
          return false
        },
        { ...PATIENT, interval: 400 },
      )
      .toBe(true)
  }
}, 60_000)

test('X5: pryx build tells size and place, and a mistake with its line', async () => {
  await using project = createProject()
  writePlugin(project)

  expect(await project.json('build', 'weather')).toMatchObject({
    code: 0,
    value: { name: 'pryx-plugin-weather', file: project.path('weather/dist/plugin.js') },
  })
  expect(readFileSync(project.path('weather/dist/plugin.js'), 'utf8')).toContain('sunny')

  project.write('weather/src/plugin.ts', 'const a = 1\nlet b = ;')
  const { code, stderr } = await project.run('build', 'weather')
  expect(code).toBe(1)
  expect(stderr).toContain('src/plugin.ts:2:9')
  expect(stderr).not.toContain('    at ')
})

/** The watcher needs a moment before it sees edits; writing the same again is no edit for the host. */
async function editUntil(project: Project, text: string, seen: () => boolean): Promise<void> {
  const file = project.path('weather/src/plugin.ts')
  await expect
    .poll(
      () => {
        if (!seen()) writeFileSync(file, text)
        return seen()
      },
      { interval: 250, timeout: 10_000 },
    )
    .toBe(true)
}
