// test/registry.test.ts: the registry that tests install from behaves as npm's own does, or those tests prove nothing.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { openTestRegistry } from './registry-testing.ts'

test('K10: the test registry serves what was published, byte for byte, with its integrity and dist-tags', async () => {
  await using registry = await openTestRegistry()
  const tarball = Buffer.from('not a real tarball, and the registry does not look')

  await registry.publish({ name: '@ada/pryx-plugin-weather', version: '1.0.0' }, tarball)
  await registry.publish({ name: '@ada/pryx-plugin-weather', version: '2.0.0-beta.1' }, tarball, { tag: 'beta' })
  await registry.deprecate('@ada/pryx-plugin-weather', '1.0.0', 'use version 2')

  const document = (await registry.packument('@ada/pryx-plugin-weather')) as {
    'dist-tags': Record<string, string>
    versions: Record<string, { dist: { integrity: string; tarball: string }; deprecated?: string }>
  }
  expect(document['dist-tags']).toEqual({ latest: '1.0.0', beta: '2.0.0-beta.1' })
  const { dist, deprecated } = document.versions['1.0.0']!
  expect(deprecated).toBe('use version 2')
  expect(dist.integrity).toBe(`sha512-${createHash('sha512').update(tarball).digest('base64')}`)
  expect(dist.tarball.startsWith(registry.url)).toBe(true)
  const served = Buffer.from(await (await fetch(dist.tarball)).arrayBuffer())
  expect(served.equals(tarball)).toBe(true)
})

test('K10: the test registry knows nothing of the world outside', async () => {
  await using registry = await openTestRegistry()

  await expect(registry.packument('zod')).rejects.toThrow(/404/)
})
