import { expect, test } from 'vitest'
import { createProject } from './bin-testing.ts'

const reader = `export default { async activate(ctx) {
  const secrets = await ctx.use({ kind: 'service', name: 'secrets', version: '1.0.0' })
  console.info('shared: ' + await secrets.get('feeds.token') + ', own: ' + await secrets.get('own.token'))
} }`

test('X5: a secret is piped in, found by the plugins that may read it, listed by name and never shown', {
  timeout: 60_000,
}, async () => {
  await using project = createProject(['reader', 'other'])
  const manifest = { permissions: ['secrets:feeds.token', 'secrets:own.token'] }
  project.plugin('reader', reader, manifest)
  project.plugin('other', reader, manifest)
  await project.up('--consent', 'declared')

  await project.pipe('open sesame\n', 'secrets', 'set', 'feeds.token')
  const set = await project.pipe('mine alone\n', 'secrets', 'set', 'own.token', '--plugin', 'reader')
  const listed = await project.json('secrets')
  for (const id of ['reader', 'other']) await project.run('plugins', 'reload', id)

  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('own.token is kept, sealed, for reader.') })
  expect(listed.value).toHaveLength(2)
  expect(listed.value).toEqual(
    expect.arrayContaining([
      { plugin: null, name: 'feeds.token' },
      { plugin: 'reader', name: 'own.token' },
    ]),
  )
  const { stdout } = await project.run('logs')
  expect(stdout).toContain('shared: open sesame, own: mine alone')
  expect(stdout).toContain('shared: open sesame, own: undefined')
  const audit = await project.run('audit', 'show', '-n', '1000', '--json')
  expect(audit.stdout).toContain('secrets.set')
  expect(audit.stdout).not.toMatch(/sesame|mine alone/)
})

test('X5: secrets can be kept and forgotten while no host runs, for plugins that exist', {
  timeout: 60_000,
}, async () => {
  await using project = createProject(['one'])
  const host = await project.up()
  await host.end()

  expect(await project.pipe('x', 'secrets', 'set', 'one.key', '--plugin', 'one')).toMatchObject({ code: 0 })
  expect(await project.pipe('x', 'secrets', 'set', 'one.key', '--plugin', 'two')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('PLUGIN_UNKNOWN'),
  })
  expect(await project.pipe('', 'secrets', 'set', 'one.key')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('pryx secrets set one.key < file'),
  })
  expect((await project.json('secrets', 'remove', 'one.key', '--plugin', 'one')).value).toMatchObject({ removed: true })
  expect((await project.json('secrets')).value).toEqual([])
})
