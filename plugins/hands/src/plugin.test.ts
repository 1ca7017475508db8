import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseManifest } from '@pryx/sdk'
import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { httpRequest, httpSchema } from './http.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))
const manifest = parseManifest(
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
  'package.json',
)

test('K4: nothing it can do is in a blanket consent: each program and each host is asked for when it is used', () => {
  expect(manifest.permissions).toEqual([])
})

test('S10: a program gets its arguments word by word; a line for a shell is refused before anything runs', {
  timeout: 60_000,
}, async () => {
  const asked: unknown[] = []
  const run = (request: unknown) => {
    asked.push(request)
    return { exitCode: 0, stdout: 'clean', stderr: '', truncated: false }
  }
  await using pryx = await createHarness({ folder, fake: { shell: { run } } })
  for (const permission of manifest.optionalPermissions) await pryx.grant(permission) // a fake stands for all of them

  expect(await pryx.tool('shell.run', { command: 'git', args: ['status'] })).toMatchObject({
    exitCode: 0,
    stdout: 'clean',
  })
  await expect(pryx.tool('shell.run', { command: 'git', args: 'status; rm -rf /' })).rejects.toThrow()
  expect(asked).toEqual([{ command: 'git', args: ['status'], timeoutMs: 300_000 }])
})

test('L1: a tool call that is stopped ends its program', { timeout: 60_000 }, async () => {
  const began = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const shell = {
    name: 'shell',
    version: '1.0.0',
    summary: 'For tests',
    parse: (rest: string) => rest,
    covers: (granted: string, wanted: string) => granted === wanted,
    consent: (rest: string) => ({ text: `run ${rest}`, risk: 'low' as const, traits: [] }),
    methods: {
      run: {
        input: z.tuple([z.object({ command: z.string() })]),
        access: ([{ command }]: [{ command: string }]) => [command],
        run: (_: unknown, { signal }: { signal: AbortSignal }) => {
          signal.addEventListener('abort', () => ended.resolve())
          began.resolve()
          return new Promise(() => {})
        },
      } as never,
    },
  }
  await using pryx = await createHarness({ folder, capabilities: [shell] })
  await pryx.grant('shell:git')
  const controller = new AbortController()

  const call = expect(
    pryx.kernel.tools.call('shell.run', { command: 'git' }, { signal: controller.signal }),
  ).rejects.toThrow()
  await began.promise
  controller.abort()

  await call
  await ended.promise
})

test('S10: a value is sent as JSON, and an answer of JSON is read', async () => {
  const sent: [string, RequestInit][] = []
  const net = {
    fetch: async (url: string | URL | Request, init: RequestInit = {}) => {
      sent.push([String(url), init])
      return new Response('{"n":1}', { status: 201, headers: { 'content-type': 'application/json; charset=utf-8' } })
    },
  }
  const request = httpSchema.parse({ url: 'https://a.test/x', method: 'POST', body: { n: 1 } })

  const answer = await httpRequest(net, request, new AbortController().signal)

  expect(answer).toMatchObject({ status: 201, json: { n: 1 }, body: '{"n":1}' })
  expect(sent[0]).toMatchObject([
    'https://a.test/x',
    { method: 'POST', body: '{"n":1}', headers: { 'content-type': 'application/json' } },
  ])
  expect(httpSchema.safeParse({ url: 'file:///etc/passwd' }).success).toBe(false)
})
