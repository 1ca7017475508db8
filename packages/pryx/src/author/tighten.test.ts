import { nodeCapabilities, type Secrets } from '@pryx/capabilities'
import type { AuditRecord } from '@pryx/kernel/contract'
import { expect, test } from 'vitest'
import { tighten, useIn } from './tighten.ts'

const capabilities = Object.values(nodeCapabilities({ secrets: {} as Secrets }))
const call = (access: string[], outcome: AuditRecord['outcome'] = 'allowed'): AuditRecord => ({
  seq: 1,
  at: 0,
  plugin: 'x',
  act: 'net.fetch',
  access,
  outcome,
  trace: '',
})

test('K4: what was never used, and what was used more narrowly, is told with the least that would do', async () => {
  const declared = ['net:*.example.com', 'secrets:a.*', 'storage', 'events:emit:note.*', 'env:HOME']
  const records = [
    call(['net:api.example.com']),
    call(['net:api.example.com', 'secrets:a.token']),
    call(['storage']),
    call(['env:HOME'], 'denied'),
    { ...call(['env:HOME']), plugin: 'another' },
    { ...call(['env:HOME']), act: 'permission.granted' },
  ]

  expect(tighten(declared, await useIn('x', records), capabilities)).toEqual({
    unused: ['env:HOME'],
    narrower: [
      { declared: 'net:*.example.com', used: ['net:api.example.com'] },
      { declared: 'secrets:a.*', used: ['secrets:a.token'] },
    ],
    least: ['events:emit:note.*', 'net:api.example.com', 'secrets:a.token', 'storage'],
    calls: 3,
  })
})

test('K4: a plugin that used all it asks for has nothing to tighten', async () => {
  expect(tighten(['storage'], await useIn('x', [call(['storage'])]), capabilities)).toMatchObject({
    unused: [],
    narrower: [],
  })
})
