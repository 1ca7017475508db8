import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createProject, type Project } from './bin-testing.ts'

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
