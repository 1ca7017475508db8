import { readFileSync } from 'node:fs'
import { parseManifest } from '@pryx/sdk'
import { expect, test } from 'vitest'
import { noticeEvents, Scheduler, taskEvents } from './service.ts'

test('K1: the manifest is valid and promises what the code provides and emits', () => {
  const file = new URL('../package.json', import.meta.url)

  const manifest = parseManifest(JSON.parse(readFileSync(file, 'utf8')), 'package.json')

  expect(manifest.provides).toEqual({ [Scheduler.name]: Scheduler.version })
  for (const event of Object.values(taskEvents)) expect(event.name).toMatch(/^task\./)
  for (const event of Object.values(noticeEvents)) expect(event.name).toMatch(/^notice\./)
  expect(manifest.events.emits).toEqual(['task.*', 'notice.*', 'flow.**'])
})
