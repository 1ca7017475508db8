import { readFileSync } from 'node:fs'
import { parseManifest } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { configSchema } from './config.ts'
import { Models, modelsEvents } from './service.ts'

test('K1: the manifest is valid, promises what the code provides and emits, and asks for provider hosts one by one', () => {
  const file = new URL('../package.json', import.meta.url)

  const manifest = parseManifest(JSON.parse(readFileSync(file, 'utf8')), 'package.json')

  expect(manifest.provides).toEqual({ [Models.name]: Models.version })
  expect(manifest.permissions).not.toContain('net:any')
  expect(manifest.optionalPermissions).toContain('net:any')
  for (const event of Object.values(modelsEvents)) expect(event.name).toMatch(/^models\./)
})

test('K1: an empty configuration works: balanced, anywhere, no budgets, news once a day', () => {
  expect(configSchema.parse({})).toMatchObject({
    strategy: 'balanced',
    place: 'any',
    refresh: 'daily',
    detect: { enabled: true },
    retries: 2,
  })
  expect(configSchema.safeParse({ budgets: { month: -1 } }).success).toBe(false)
  expect(configSchema.safeParse({ keys: { openai: 'sk' } }).success).toBe(false)
})
