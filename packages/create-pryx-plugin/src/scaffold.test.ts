// What the command writes is used as its author would: compiled, tested, linted and built, untouched.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseManifest } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import { namesOf } from './names.ts'
import { scaffold } from './scaffold.ts'
import { openDesk } from './scaffold-testing.ts'
import { templateNames } from './templates.ts'

const SLOW_MS = 900_000

test(
  'K9: the plugin of every template compiles, passes its tests, is clean for lint and builds, untouched',
  async () => {
    using desk = openDesk()
    for (const template of templateNames)
      expect(await desk.create(`my-${template}`, '--template', template, '--yes', '--author', 'Ada')).toMatchObject({
        code: 0,
      })
    const folders = templateNames.map((name) => `pryx-plugin-my-${name}`)

    const compiled = await desk.tool('tsc', '.', ...compilerFlags(desk.folder, folders))
    expect(compiled.stdout.split('\n').filter((line) => line.startsWith('pryx-plugin-'))).toEqual([])
    for (const folder of folders) {
      const tested = await desk.tool('vitest', folder, 'run', '--maxWorkers=1', '--testTimeout=120000')
      expect(`${folder}: ${tested.code}\n${tested.code === 0 ? '' : tested.stdout + tested.stderr}`).toBe(
        `${folder}: 0\n`,
      )
      const linted = await desk.tool('pryx', folder, 'lint', '--json') // builds what it reads
      expect(existsSync(desk.path(folder, 'dist/plugin.js'))).toBe(true)
      expect(`${folder}: ${linted.stdout}`).toContain('"findings": []')
    }
  },
  SLOW_MS,
)

test('K9: a plugin has everything it needs to be published, under its own names', async () => {
  using desk = openDesk()

  const made = await desk.create(
    '@ada/my-notes',
    '-t',
    'service',
    '-d',
    'Notes for "all".',
    '-y',
    '-a',
    'Ada L.',
    '--json',
  )

  const { folder, files } = JSON.parse(made.stdout) as { folder: string; files: string[] }
  expect(folder).toBe(desk.path('pryx-plugin-my-notes'))
  expect(files).toEqual([
    '.github/workflows/ci.yml',
    '.gitignore',
    'LICENSE',
    'README.md',
    'package.json',
    'src/plugin.test.ts',
    'src/plugin.ts',
    'src/service.ts',
    'tsconfig.json',
  ])
  const file = join(folder, 'package.json')
  const manifest = parseManifest(JSON.parse(readFileSync(file, 'utf8')), file)
  expect(manifest).toMatchObject({ name: '@ada/pryx-plugin-my-notes', description: 'Notes for "all".' })
  expect(manifest.provides).toEqual({ 'my-notes': '1.0.0' })
  expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('Ada L.')
  const all = globSync('{src,.github}/**/*.*', { cwd: folder }).map((name) => readFileSync(join(folder, name), 'utf8'))
  expect(all.join('\n')).not.toMatch(/sample|Sample|SAMPLE|__\w+__/)
  expect(readFileSync(join(folder, 'src/service.ts'), 'utf8')).toContain("MyNotes = defineService<MyNotes>('my-notes'")
})

test('K9: it writes the same from where npm installs it, below node_modules', () => {
  using desk = openDesk()
  const installed = desk.path('elsewhere/node_modules/create-pryx-plugin/templates')
  cpSync(join(import.meta.dirname, '../templates'), installed, { recursive: true })
  const plan = { template: 'tool', names: namesOf('weather'), description: 'x', author: 'Ada', year: 2026 } as const

  expect(scaffold({ ...plan, folder: desk.path('made') }, installed)).toContain('src/plugin.ts')
})

test('K9: a folder that holds anything is refused by name, and stays as it was', async () => {
  using desk = openDesk()
  mkdirSync(desk.path('pryx-plugin-weather'))
  writeFileSync(desk.path('pryx-plugin-weather/precious.txt'), 'mine')

  const refused = await desk.create('weather', '--yes')

  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('precious.txt') })
  expect(refused.stderr).not.toContain('    at ')
  expect(globSync('**', { cwd: desk.path('pryx-plugin-weather') }).filter((name) => name !== '.')).toEqual([
    'precious.txt',
  ])
})

test('K9: what cannot be a name, and what nobody can be asked, is told with the command that would do', async () => {
  using desk = openDesk()

  const bad = await desk.create('Über Plugin', '--yes')
  const unasked = await desk.create()
  const unknown = await desk.create('weather', '--template', 'nothing')

  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('For example: ber-plugin') })
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('tool, service, channel, task, panel') })
  expect(JSON.parse((await desk.create('Über Plugin', '--json')).stdout)).toMatchObject({
    error: { code: 'USAGE_NAME' },
  })
})

test('K9: templates ask for the versions this repository is built and tested with', () => {
  const root = join(import.meta.dirname, '../../..')
  const read = (path: string) =>
    JSON.parse(readFileSync(join(root, path), 'utf8')) as { version: string; devDependencies: Record<string, string> }
  const { devDependencies: ours } = read('package.json')
  for (const name of templateNames) {
    const { devDependencies } = read(`packages/create-pryx-plugin/templates/${name}/package.json`)
    expect(devDependencies).toEqual({
      '@pryx/sdk': `^${read('packages/sdk/package.json').version}`,
      pryx: `^${read('packages/pryx/package.json').version}`,
      typescript: `^${ours.typescript}`,
      vitest: `^${ours.vitest}`,
    })
  }
})

/** One compiler run for all: the flags of the plugins' own tsconfig.json, over the sources of all of them. */
function compilerFlags(folder: string, plugins: string[]): string[] {
  const { compilerOptions } = JSON.parse(readFileSync(join(folder, plugins[0]!, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object
  }
  const config = {
    compilerOptions: { ...compilerOptions, customConditions: ['source'] }, // declarations are made for a release only; the sources need Node's types, a plugin has none
    include: plugins.map((name) => `${name}/src`),
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  return ['-p', '.']
}
