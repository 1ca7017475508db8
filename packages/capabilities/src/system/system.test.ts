import { hostname, userInfo } from 'node:os'
import { expect, test } from 'vitest'
import { placeIn } from '../capability-testing.ts'
import { createEnvCapability, envConsent, parseEnv } from '../env/env.ts'
import { judgedCaller } from '../testing-call.ts'
import { createSystemCapability, KINDS, parseSystem } from './system.ts'

const place = { ...placeIn('/nowhere', 'monitor'), workspace: process.cwd() }

test('K4: each kind of fact needs its own permission', async () => {
  await using system = judgedCaller(createSystemCapability(), place, ['memory'])

  expect(await system.call('facts', ['memory'])).toMatchObject({ total: expect.any(Number) })
  for (const kind of KINDS.filter((each) => each !== 'memory'))
    await expect(system.call('facts', [kind])).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
})

test('S1: facts are plausible, and none of them names the machine or its user', async () => {
  await using system = judgedCaller(createSystemCapability(), place, [...KINDS])
  const facts = Object.fromEntries(
    await Promise.all(KINDS.map(async (kind) => [kind, await system.call('facts', [kind])])),
  )

  expect(facts.cpu.percent).toBeGreaterThanOrEqual(0)
  expect(facts.cpu.percent).toBeLessThanOrEqual(100)
  expect(facts.memory.free).toBeLessThanOrEqual(facts.memory.total)
  expect(facts.disk.total).toBeGreaterThan(facts.disk.free)
  expect(facts.disk.percentUsed).toBeLessThanOrEqual(100)
  expect(facts.time.zone).toMatch(/\w/)
  expect(Object.keys(facts.os)).toEqual(['platform', 'release', 'arch'])
  if (hostname().length > 3) expect(JSON.stringify(facts)).not.toContain(hostname())
  if (userInfo().username.length > 4) expect(JSON.stringify(facts)).not.toContain(userInfo().username)
})

test.each(['', 'hostname', 'cpu ', '*'])('K4: system:%s is refused', (rest) => {
  expect(() => parseSystem(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})

test('K4: a variable is read by its name alone, and inherited names are no variables', async () => {
  await using env = judgedCaller(createEnvCapability({ CITY: 'Lisbon', OTHER: 'x' }), place, [
    'CITY',
    'constructor',
    'NONE',
  ])

  expect(await env.call('get', ['CITY'])).toBe('Lisbon')
  expect(await env.call('get', ['NONE'])).toBeUndefined()
  expect(await env.call('get', ['constructor'])).toBeUndefined()
  await expect(env.call('get', ['OTHER'])).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  expect(envConsent('GITHUB_TOKEN').risk).toBe('high')
})

test.each(['', '*', 'A*', 'A B', '1A', 'A=B', 'A\n'])('K4: env:%j is refused', (rest) => {
  expect(() => parseEnv(rest)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})
