import type { Approval } from '@pryx/kernel'
import { expect, test } from 'vitest'
import { createConsentWindow } from './consent-window.ts'
import { createSetupForms } from './setup-forms.ts'

const question = {
  id: 'a1',
  plugin: 'web',
  permission: 'x',
  sentence: 'do <b>it</b>',
  risk: 'high',
} as unknown as Approval
const IN = 'pryx-1=session'

async function setUp() {
  const acts: unknown[] = []
  const kernel = {
    use: async () => ({
      providers: async () => [
        { id: 'zeta', name: 'Zeta <i>', state: 'needs-key' },
        { id: 'openai', name: 'OpenAI', state: 'needs-key' },
        { id: 'done', name: 'Done', state: 'ready' },
      ],
      connect: async (id: string, access: { key: string }) => {
        acts.push(['connect', id, access.key])
        return { id, name: 'OpenAI', state: 'ready' }
      },
    }),
    audit: { append: (entry: unknown) => acts.push(['audit', JSON.stringify(entry)]) },
  }
  const control = { setSecret: async (...args: unknown[]) => void acts.push(['secret', ...args]) }
  const window = createConsentWindow({
    approvals: { pending: () => [question], resolve: (id, answer) => acts.push(['answer', id, answer]) },
    admits: (cookies) => cookies === IN,
    form: createSetupForms(kernel as never, () => control),
  })
  const base = await window.url()
  const origin = base.slice(0, -1)
  const look = (path: string, headers: Record<string, string> = {}) =>
    fetch(base + path, { headers: { cookie: IN, ...headers } })
  const tokenOf = async (path: string) =>
    /name="token" value="([^"]+)"/.exec(await (await look(path)).text())?.[1] ?? ''
  const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(base + path, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { cookie: IN, origin, 'sec-fetch-site': 'same-origin', ...headers },
    })
  return { acts, look, post, tokenOf, [Symbol.asyncDispose]: () => window[Symbol.asyncDispose]() }
}

test('N4: the window is shut to browsers that are not logged in, to look and to answer', async () => {
  await using bench = await setUp()
  const token = await bench.tokenOf('a1')

  expect((await bench.look('a1', { cookie: 'pryx-1=other' })).status).toBe(401)
  expect((await bench.look('setup/model', { cookie: '' })).status).toBe(401)
  expect((await bench.post('a1', { token, answer: 'allow' }, { cookie: '' })).status).toBe(401)
  expect(bench.acts).toEqual([])
  expect((await bench.post('a1', { token, answer: 'allow' })).status).toBe(200)
  expect(bench.acts).toEqual([['answer', 'a1', { answer: 'allow', duration: 'once', by: 'user' }]])
})

test('N4: a key goes from the form to its keeper; it stands in no answer and no record', async () => {
  await using bench = await setUp()
  const form = await (await bench.look('setup/model?provider=zeta')).text()
  expect(form).toMatch(/<option value="openai">.*<option value="zeta" selected>Zeta &#60;i&#62;/)
  expect(form).not.toContain('Done')

  const token = await bench.tokenOf('setup/model')
  const kept = await bench.post('setup/model', { token, provider: 'openai', value: ' sk-1 ' })
  const page = await kept.text()

  expect(page).toContain('OpenAI is ready.')
  expect(page).not.toContain('sk-1')
  expect(bench.acts[0]).toEqual(['connect', 'openai', 'sk-1'])
  expect(bench.acts.slice(1)).toEqual([['audit', expect.not.stringContaining('sk-1')]])
})

test('N4: a token of Telegram is kept under its one name; what is no key is refused with a word', async () => {
  await using bench = await setUp()
  const token = await bench.tokenOf('setup/telegram')

  const odd = await bench.post('setup/telegram', { token, value: 'two words' })
  const kept = await bench.post('setup/telegram', { token, value: '123:abc', name: 'provider.openai' })

  expect([odd.status, kept.status]).toEqual([400, 200])
  expect(await odd.text()).toContain('that is no key')
  expect(bench.acts).toEqual([['secret', null, 'telegram.token', '123:abc']])
})

test.each([
  ['another port of this machine', { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' }],
  ['a page elsewhere', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['an opaque origin', { origin: 'null' }],
])('N4: a form filled in by %s is refused, though the cookie comes along', async (_who, headers) => {
  await using bench = await setUp()
  const token = await bench.tokenOf('setup/telegram')

  expect((await bench.post('setup/telegram', { token, value: '1' }, headers)).status).toBe(403)
  expect((await bench.post('setup/telegram', { token: 'guess', value: '1' })).status).toBe(403)
  expect((await bench.look('setup/other')).status).toBe(404)
  expect((await bench.look('setup/constructor')).status).toBe(404)
  expect(bench.acts).toEqual([])
})
