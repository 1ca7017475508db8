import { fileURLToPath } from 'node:url'
import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { httpRequest, httpSchema } from './http.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))

test('S10: a program gets its arguments word by word; a line for a shell is refused before anything runs', {
  timeout: 60_000,
}, async () => {
  const asked: unknown[] = []
  const run = (request: unknown) => {
    asked.push(request)
    return { exitCode: 0, stdout: 'clean', stderr: '', truncated: false }
  }
  await using pryx = await createHarness({ folder, grant: 'declared', fake: { shell: { run } } })

  expect(await pryx.tool('shell.run', { command: 'git', args: ['status'] })).toMatchObject({
    exitCode: 0,
    stdout: 'clean',
  })
  await expect(pryx.tool('shell.run', { command: 'git', args: 'status; rm -rf /' })).rejects.toThrow()
  expect(asked).toEqual([{ command: 'git', args: ['status'], timeoutMs: 300_000 }])
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
