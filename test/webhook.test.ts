// test/webhook.test.ts: webhooks as a user has them: the built command, its door, and another program with nothing but the shared secret (B4 N4).
import { createHmac } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { createProject } from '../packages/pryx/src/cli/bin-testing.ts'

const SECRET = `whsec_${Buffer.from('a secret of thirty-two characters').toString('base64')}`
const PATIENT = { timeout: 30_000, interval: 50 }
const at = (id: string) => ({ source: fileURLToPath(new URL(`../plugins/${id}`, import.meta.url)) })

test('B4: a signed webhook passes the door without a login and is in the log; all else is told nothing', {
  timeout: 120_000,
}, async () => {
  await using project = createProject()
  project.write('pryx.json', {
    plugins: {
      web: at('web'),
      sessions: at('sessions'),
      router: { ...at('router'), config: { refresh: 'never', detect: { enabled: false } } },
      agent: at('agent'),
      webhook: { ...at('webhook'), config: { endpoints: { builds: {} } } },
    },
  })
  const host = await project.up('--consent', 'declared')
  const origin = new URL(host.link).origin
  await project.pipe(SECRET, 'secrets', 'set', 'webhook.builds')

  await vi.waitFor(
    async () => expect((await post(origin, 'builds', 'msg_1', 'the build is green')).status).toBe(200),
    PATIENT,
  )
  expect((await post(origin, 'builds', 'msg_1', 'the build is green')).status).toBe(200)
  expect(
    (await post(origin, 'builds', 'msg_2', 'forged', `whsec_${btoa('another secret of thirty-two chars')}`)).status,
  ).toBe(401)
  expect((await post(origin, 'nothing', 'msg_3', 'lost')).status).toBe(401)
  expect((await fetch(`${origin}/api/state`)).status).toBe(401)

  await vi.waitFor(async () => {
    const { stdout } = await project.run('sessions', 'export', 'webhook.builds', '--format', 'json')
    const { events } = JSON.parse(stdout) as { events: { kind: string; body: { role?: string; text?: string } }[] }
    const said = events.filter(({ kind, body }) => kind === 'message' && body.role === 'user')
    expect(said.map(({ body }) => body.text)).toEqual(['the build is green'])
  }, PATIENT)
  await host.end('SIGTERM')
})

function post(origin: string, endpoint: string, id: string, text: string, secret = SECRET): Promise<Response> {
  const body = JSON.stringify({ text })
  const at = Math.floor(Date.now() / 1_000)
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')}`,
  }
  return fetch(`${origin}/webhook/${endpoint}`, { method: 'POST', headers, body })
}
