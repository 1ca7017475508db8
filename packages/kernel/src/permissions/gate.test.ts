import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openAudit } from '../audit/audit.ts'
import { createMemorySink, fakeHash } from '../audit/testing.ts'
import { type Capability, createScope, defineMethod, type PluginPlace } from '../contract/index.ts'
import { createCountingIds, createFakeClock } from '../powers-testing.ts'
import { type Approval, createApprovals } from './approvals.ts'
import { createGate } from './gate.ts'
import { covers, createGrammars } from './grammar.ts'
import type { Duration, GrantScope } from './grant.ts'
import { openGrants } from './grants.ts'
import type { Caller } from './judge.ts'

const place: PluginPlace = { plugin: 'notes', workspace: '/w', data: '/d', package: '/p' }
const HOST: GrantScope = { kind: 'host' }

async function setUp(options: { declared?: string[]; grant?: string[]; duration?: Duration } = {}) {
  const clock = createFakeClock()
  const ids = createCountingIds()
  const needed: Approval[] = []
  const log: string[] = []
  const box = createBox(log)
  const grammars = createGrammars([box])
  const saved: unknown[] = []
  const store = { load: async () => undefined, save: async (json: unknown) => void saved.push(json) }
  const grants = await openGrants({ store, clock, ids, covers: (a, b) => covers(grammars, a, b) })
  const approvals = createApprovals({ clock, ids, onNeeded: (approval) => void needed.push(approval) })
  const audit = await openAudit({ sink: createMemorySink(), clock, hash: fakeHash })
  const gate = createGate({ capabilities: [box], grants, approvals, audit, clock, workspace: '/w' })
  const scope = createScope('notes')
  const caller: Caller = {
    plugin: 'notes',
    declared: options.declared ?? ['box:*'],
    place,
    scope,
    callMs: 1_000,
    instance: 'i1',
  }
  for (const permission of options.grant ?? []) {
    await grants.add({ plugin: 'notes', permission, duration: options.duration ?? 'forever', scope: HOST, by: 'test' })
  }
  const call = (method: string, ...args: unknown[]) =>
    gate.call(caller, { capability: 'box', method, args, trace: 't' })
  const acts = () => audit.tail(100).filter((entry) => entry.act.startsWith('box.'))
  return { clock, grants, approvals, audit, gate, caller, scope, call, needed, log, saved, acts }
}

function createBox(log: string[]): Capability {
  const key = z.tuple([z.string()])
  const access = ([rest]: [string]) => [rest]
  return {
    name: 'box',
    version: '1.0.0',
    summary: 'a box',
    parse: (rest) => rest,
    covers: (granted, wanted) => granted === '*' || granted === wanted,
    consent: (rest) => ({ text: `look into ${rest}`, risk: 'low', traits: [] }),
    methods: {
      get: defineMethod({ input: key, access, run: async ([name]) => `${name}!` }),
      hang: defineMethod({ input: key, access, run: () => new Promise(() => {}) }),
      wait: defineMethod({
        input: key,
        access,
        timeoutMs: 0,
        run: (_, { signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      }),
      open: defineMethod({
        input: key,
        access,
        run: async ([name], { effect }) =>
          void effect(() => {
            log.push(`open ${name}`)
            return () => void log.push(`close ${name}`)
          }),
      }),
      stream: defineMethod({
        input: key,
        access,
        run: async () => ({
          body: new ReadableStream({ pull: (c) => c.enqueue('x'), cancel: () => void log.push('cancelled') }),
        }),
      }),
      follow: defineMethod({
        input: z.tuple([z.string(), z.string()]),
        access: ([rest]) => [rest],
        run: async ([, next], { check }) =>
          check(next).then(
            () => 'followed',
            (error) => `stayed: ${error.code}`,
          ),
      }),
      secret: defineMethod({
        input: key,
        access: async ([rest]) => [rest],
        redact: () => 'hidden',
        run: async () => 'ok',
      }),
      fail: defineMethod({
        input: key,
        access,
        run: async () => {
          throw Object.assign(new Error("ENOENT: no such file or directory, open '/home/ada/x'"), { code: 'ENOENT' })
        },
      }),
    },
  }
}

describe('the gate', () => {
  test('K4: a granted call runs and leaves one line in the audit log', async () => {
    const { call, acts } = await setUp({ grant: ['box:a'] })

    expect(await call('get', 'a')).toBe('a!')

    expect(acts()).toMatchObject([
      { plugin: 'notes', act: 'box.get', access: ['box:a'], outcome: 'allowed', trace: 't', ms: 0 },
    ])
  })

  test('K4: what the manifest does not declare is refused without a question, whatever was granted', async () => {
    const { call, needed, acts } = await setUp({ declared: ['box:b'], grant: ['box:*'] })

    await expect(call('get', 'a')).rejects.toMatchObject({
      code: 'PERMISSION_UNDECLARED',
      details: { plugin: 'notes', access: 'box:a' },
    })

    expect(needed).toEqual([])
    expect(acts()).toMatchObject([{ outcome: 'denied', access: ['box:a'], detail: { code: 'PERMISSION_UNDECLARED' } }])
  })

  test('K4: a revoked permission is felt by the very next call, before the disk has it', async () => {
    const { call, grants } = await setUp({ grant: ['box:a'] })
    await call('get', 'a')

    const saving = grants.revoke({ plugin: 'notes', permission: 'box:a' }, 'ada')

    await expect(call('get', 'a')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await saving
  })

  test('K4: a call in flight rejects at once when its permission goes, even if the driver never looks', async () => {
    const { call, grants, acts } = await setUp({ grant: ['box:a'] })
    const calls = Promise.allSettled([call('hang', 'a'), call('wait', 'a')])
    await Promise.resolve()

    await grants.revoke({ plugin: 'notes', permission: 'box:a' }, 'ada')

    for (const outcome of await calls) expect(outcome).toMatchObject({ reason: { code: 'PERMISSION_REVOKED' } })
    expect(acts().map((entry) => entry.outcome)).toEqual(['cancelled', 'cancelled']) // they had begun
  })

  test('K4: what a call opened is released when the permission behind it goes, and other things stay', async () => {
    const { call, grants, log, scope } = await setUp({ grant: ['box:a', 'box:b'] })
    await call('open', 'a')
    await call('open', 'b')

    await grants.revoke({ plugin: 'notes', permission: 'box:a' }, 'ada')

    expect(log).toEqual(['open a', 'open b', 'close a'])
    await scope[Symbol.asyncDispose]()
    expect(log).toEqual(['open a', 'open b', 'close a', 'close b'])
  })

  test('K4: a stream that was returned ends with the permission', async () => {
    const { call, grants, log, scope } = await setUp({ grant: ['box:a'] })
    const { body } = (await call('stream', 'a')) as { body: ReadableStream }
    const reader = body.getReader()
    expect(await reader.read()).toEqual({ done: false, value: 'x' })

    await grants.revoke({ plugin: 'notes', permission: 'box:a' }, 'ada')

    await expect(reader.read()).rejects.toMatchObject({ code: 'PERMISSION_REVOKED' })
    expect(log).toEqual(['cancelled'])
    expect(scope.size).toBe(0)
  })

  test('K2: a call in flight and a stream end with the instance', async () => {
    const { call, scope } = await setUp({ grant: ['box:a'] })
    const hanging = call('hang', 'a')
    hanging.catch(() => {})
    const { body } = (await call('stream', 'a')) as { body: ReadableStream }

    await scope[Symbol.asyncDispose]()

    await expect(hanging).rejects.toMatchObject({ code: 'PLUGIN_STOPPED' })
    await expect(body.getReader().read()).rejects.toMatchObject({ code: 'PLUGIN_STOPPED' })
    await expect(call('get', 'a')).rejects.toMatchObject({ code: 'PLUGIN_STOPPED' })
  })

  test('K4: a call ends at its time limit, and on its caller’s cancel', async () => {
    const { call, clock, gate, caller, acts } = await setUp({ grant: ['box:a'] })
    const late = call('hang', 'a')
    late.catch(() => {})
    await clock.advance(1_000)
    const abort = new AbortController()
    const cancelled = gate.call(caller, {
      capability: 'box',
      method: 'hang',
      args: ['a'],
      trace: 't',
      signal: abort.signal,
    })
    abort.abort()

    await expect(late).rejects.toMatchObject({ code: 'CAPABILITY_TIMEOUT', details: { max: 1_000 } })
    await expect(cancelled).rejects.toMatchObject({ code: 'CAPABILITY_CANCELLED' })
    expect(acts().map((entry) => entry.outcome)).toEqual(['failed', 'cancelled'])
  })

  test('K5: an ungranted call asks and waits past its own time limit; calls that ask the same share the question', async () => {
    const { call, clock, needed, approvals, grants } = await setUp()
    const calls = Promise.all([call('get', 'a'), call('get', 'a')])
    await clock.advance(5_000)
    expect(needed).toMatchObject([
      { plugin: 'notes', permission: 'box:a', declared: 'box:*', sentence: 'look into a', risk: 'low' },
    ])

    approvals.resolve(needed[0]!.id, { answer: 'allow', duration: 'forever', by: 'terminal' })

    expect(await calls).toEqual(['a!', 'a!'])
    expect(grants.list('notes')).toMatchObject([
      { permission: 'box:a', mode: 'allow', scope: { kind: 'workspace', key: '/w' }, by: 'terminal' },
    ])
  })

  test('K5: once is once, no is no, and nobody in five minutes is no', async () => {
    const { call, clock, needed, approvals } = await setUp()
    const first = call('get', 'a')
    await clock.advance(0)
    approvals.resolve(needed[0]!.id, { answer: 'allow', duration: 'once', by: 'web' })
    expect(await first).toBe('a!')

    const second = call('get', 'a')
    await clock.advance(0)
    approvals.resolve(needed[1]!.id, { answer: 'deny', duration: 'forever', by: 'web' })
    await expect(second).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
    await expect(call('get', 'a')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })

    const third = call('get', 'b')
    third.catch(() => {})
    await clock.advance(300_000)
    await expect(third).rejects.toMatchObject({ code: 'PERMISSION_DENIED', details: { by: 'timeout' } })
    expect(needed).toHaveLength(3)
  })

  test('K4: a stored grant for once lets one of two simultaneous calls through', async () => {
    const { call, needed, clock } = await setUp({ grant: ['box:a'], duration: 'once' })
    const first = call('get', 'a')
    void call('get', 'a').catch(() => {})
    await clock.advance(0)

    expect(await first).toBe('a!')
    expect(needed).toHaveLength(1)
  })

  test('K4: a grant until a date ends what runs under it at that date', async () => {
    const { call, clock, log } = await setUp({ grant: ['box:a'], duration: { until: Date.UTC(2026, 0, 1) + 500 } })
    await call('open', 'a')

    await clock.advance(500)

    expect(log).toEqual(['open a', 'close a'])
  })

  test('K4: a driver may ask for more while it runs; a refusal it swallows is in the log and ends nothing', async () => {
    const { call, acts } = await setUp({ declared: ['box:a', 'box:b'], grant: ['box:a', 'box:b'] })

    expect(await call('follow', 'a', 'b')).toBe('followed')
    expect(await call('follow', 'a', 'c')).toBe('stayed: PERMISSION_UNDECLARED')

    expect(acts()).toMatchObject([
      { outcome: 'allowed', access: ['box:a', 'box:b'] },
      { outcome: 'denied', access: ['box:c'] },
      { outcome: 'allowed', access: ['box:a'] },
    ])
  })

  test('K4: wrong input names the argument; an unknown method is a clear error; neither reaches a driver', async () => {
    const { call } = await setUp({ grant: ['box:a'] })

    await expect(call('get', 7)).rejects.toMatchObject({
      code: 'CAPABILITY_INPUT',
      details: { path: '[0]', found: '7', expected: 'string' },
    })
    await expect(call('constructor', 'a')).rejects.toMatchObject({ code: 'CAPABILITY_UNKNOWN' })
  })

  test('K3: an error of a driver keeps its code and loses the host’s paths', async () => {
    const { call } = await setUp({ grant: ['box:a'] })

    await expect(call('fail', 'a')).rejects.toMatchObject({
      code: 'ENOENT',
      message: "box.fail: ENOENT: no such file or directory, open '(path)'",
    })
  })

  test('K8: the log holds the redacted input, never the input', async () => {
    const { call, audit, acts } = await setUp({ grant: ['box:hunter2'] })
    await call('secret', 'hunter2')

    expect(acts()[0]).toMatchObject({ detail: { input: 'hidden' } })
    expect(audit.tail(1)[0]?.act).toBe('box.secret')
  })

  test('K8: a flood of equal refusals is one line and one count', async () => {
    const { call, clock, acts } = await setUp({ declared: [] })
    for (let i = 0; i < 500; i++) await call('get', 'a').catch(() => {})

    await clock.advance(1_000)

    expect(acts()).toMatchObject([{ detail: { code: 'PERMISSION_UNDECLARED' } }, { detail: { repeated: 499 } }])
    expect(clock.pending).toBe(0)
  })

  test('K8: grants, revocations and answers are in the log', async () => {
    const { call, clock, needed, approvals, grants, audit } = await setUp()
    const calling = call('get', 'a')
    await clock.advance(0)
    approvals.resolve(needed[0]!.id, { answer: 'allow', duration: 'session', by: 'web' })
    await calling
    await grants.revoke({ plugin: 'notes', permission: 'box:a' }, 'ada')

    expect(audit.tail(9).map((entry) => entry.act)).toEqual([
      'approval.answered',
      'permission.granted',
      'box.get',
      'permission.revoked',
    ])
  })

  test('K4: services ask through require; events are told at once by allows', async () => {
    const { gate, caller, grants, needed, clock } = await setUp({ declared: ['service:clock', 'events:on:task.*'] })
    await expect(gate.require(caller, 'service:other', 't')).rejects.toMatchObject({ code: 'PERMISSION_UNDECLARED' })
    expect(gate.allows(caller, 'events:on:task.done')).toBe(false)
    expect(needed).toEqual([])

    await grants.consent('notes', ['service:clock', 'events:on:task.*'], {
      duration: 'forever',
      scope: HOST,
      by: 'consent',
    })

    await gate.require(caller, 'service:clock', 't')
    expect(gate.allows(caller, 'events:on:task.done')).toBe(true)
    expect(gate.allows(caller, 'events:emit:task.done')).toBe(false)
    await clock.advance(1_000)
  })

  test('K8: an emit that is refused is one line of the log, and one that must be asked for is none', async () => {
    const { gate, caller, audit } = await setUp({ declared: ['events:emit:task.*'] })
    const refusals = () => audit.tail(9).map(({ act, access, detail }) => [act, access, detail])

    expect(gate.admits(caller, 'events:emit:task.done', 't')).toBe(false)
    expect(refusals()).toEqual([])
    expect(() => gate.admits(caller, 'events:emit:other', 't')).toThrow('its manifest does not declare it')
    expect(refusals()).toEqual([['permission.required', ['events:emit:other'], { code: 'PERMISSION_UNDECLARED' }]])
  })

  test('K4: a grant for once lets one emit through', async () => {
    const { gate, caller } = await setUp({
      declared: ['events:emit:task.*'],
      grant: ['events:emit:task.done'],
      duration: 'once',
    })

    expect(gate.admits(caller, 'events:emit:task.done', 't')).toBe(true)
    expect(gate.lacks(caller, 'events:emit:task.done')).toBe(true)
  })

  test.runIf(process.env.PRYX_DEEP)('P: an allowed call costs less than 20 µs of CPU, audit included', async () => {
    const { call } = await setUp({ grant: ['box:a'] })
    const cpuOf = async (n: number) => {
      const before = process.cpuUsage()
      for (let i = 0; i < n; i++) await call('get', 'a')
      const { user, system } = process.cpuUsage(before)
      return (user + system) / n
    }
    const rounds: number[] = []
    for (let round = 0; round < 6; round++) rounds.push(await cpuOf(5_000))
    expect(Math.min(...rounds)).toBeLessThan(40) // twice the promise: a test run counts its own threads too
  })
})
