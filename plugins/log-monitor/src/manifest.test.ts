import { readFileSync } from 'node:fs'
import { parseManifest } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { configSchema, durationMs } from './config.ts'
import { alertEvents, LogMonitor } from './service.ts'

test('K1: the manifest is valid and promises what the code provides, requires and emits', () => {
  const file = new URL('../package.json', import.meta.url)

  const manifest = parseManifest(JSON.parse(readFileSync(file, 'utf8')), 'package.json')

  expect(manifest.provides).toEqual({ [LogMonitor.name]: LogMonitor.version })
  expect(manifest.requires).toEqual({ scheduler: '^1.0.0' })
  expect(manifest.permissions).toContain('storage')
  for (const event of Object.values(alertEvents)) expect(event.name).toMatch(/^alert\./)
})

test('K1: a configuration without anything is one that watches nothing, every 30 seconds', () => {
  expect(configSchema.parse({})).toEqual({ files: [], every: '30s', cooldownMs: 300_000 })
  expect(durationMs('5m')).toBe(300_000)
  expect(configSchema.safeParse({ files: [{ path: 'a' }, { path: 'a' }] }).success).toBe(false)
  expect(configSchema.safeParse({ every: 'sometimes' }).success).toBe(false)
})
