// packages/pryx/src/host/desk.test.ts: a plugin proposes installs; the user, and nobody else, says yes (K5, K10).
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { packageJson, pluginTarball, type TestPlugin } from '../store/tarball-testing.ts'
import { parseConfig } from './config.ts'
import { openHost } from './host.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pryx-desk-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A surface: it does what it is told with the services a page has, and answers what came of it. */
const SURFACE = `export default { async activate(ctx) {
  const services = {}
  for (const name of ['kernel', 'plugins']) services[name] = await ctx.use({ kind: 'service', name, version: '1.0.0' })
  ctx.tools.provide({ name: 'do', description: 'Calls a service.', run: ({ service, method, args }) =>
    services[service][method](...args).then((value) => ({ value }), ({ code, message }) => ({ code, message })) })
} }`

const TOUR: TestPlugin = { name: 'pryx-plugin-tour', pryx: { permissions: ['storage', 'net:api.example.com'] } }

interface Answer {
  value?: never
  code?: string
  message?: string
}

async function setUp() {
  write('surface/plugin.js', SURFACE)
  const pryx = {
    permissions: ['kernel:read', 'kernel:control', 'plugins:read', 'plugins:manage'],
    tools: [{ name: 'do', description: 'Calls a service.' }],
  }
  write('surface/package.json', JSON.stringify(packageJson({ name: 'pryx-plugin-surface', pryx })))
  write('tour-1.tgz', pluginTarball(TOUR))
  const plugins = { surface: { source: './surface' } }
  const file = write('pryx.json', JSON.stringify({ plugins }))
  const host = await openHost({
    config: parseConfig({ plugins }, file),
    consent: 'declared',
    store: join(folder, 'store'),
  })
  await host.start()
  const call = async (service: string, method: string, ...args: unknown[]) =>
    (await host.kernel.tools.call('do', { service, method, args })) as Answer
  return {
    host,
    kernel: (method: string, ...args: unknown[]) => call('kernel', method, ...args),
    plugins: (method: string, ...args: unknown[]) => call('plugins', method, ...args),
    lock: () => JSON.parse(readFileSync(join(folder, 'pryx.lock.json'), 'utf8')).plugins,
    async question() {
      return vi.waitFor(() => {
        const [asked] = host.kernel.approvals.pending()
        if (asked === undefined) throw new Error('nothing is asked')
        return asked
      })
    },
    [Symbol.asyncDispose]: () => host.stop(),
  }
}

function write(path: string, content: string | Uint8Array): string {
  const file = join(folder, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, content)
  return file
}

type Desk = Awaited<ReturnType<typeof setUp>>

async function planned(desk: Desk, spec: string): Promise<{ plan: string; wider: string[] }> {
  const { value, message } = await desk.plugins('plan', spec)
  if (value === undefined) throw new Error(message)
  return value
}

async function applied(desk: Desk, spec: string, allow: string[], answer: 'allow' | 'deny'): Promise<Answer> {
  const { plan } = await planned(desk, spec)
  const ending = desk.plugins('apply', plan, allow)
  const { id } = await desk.question()
  desk.host.kernel.approvals.resolve(id, { answer, duration: 'once', by: 'terminal' })
  return ending
}

test('K5: whoever proposes an install cannot say yes to it, nor widen its own rights; the user can', async () => {
  await using desk = await setUp()
  const { plan, ...rest } = await planned(desk, './tour-1.tgz')
  expect(rest).toMatchObject({
    plugin: 'tour',
    version: '1.0.0',
    trust: 'local',
    lines: expect.arrayContaining([expect.objectContaining({ permission: 'net:api.example.com', risk: 'low' })]),
  })

  const ending = desk.plugins('apply', plan, ['storage'])
  const asked = await desk.question()

  expect(asked).toMatchObject({
    plugin: 'surface',
    sentence: expect.stringMatching(/^install pryx-plugin-tour 1\.0\.0 from file:.*tour-1\.tgz, and let it keep data/),
  })
  expect(asked.sentence).not.toContain('api.example.com')
  expect(await desk.kernel('answer', asked.id, { answer: 'allow', duration: 'once' })).toMatchObject({
    code: 'APPROVAL_OWN',
  })
  const forAll = [asked.permission, { mode: 'allow', duration: 'forever' }]
  expect(await desk.kernel('grant', 'surface', ...forAll)).toMatchObject({ code: 'PERMISSION_OWN' })
  expect(desk.host.kernel.plugins().map(({ id }) => id)).toEqual(['surface'])

  desk.host.kernel.approvals.resolve(asked.id, { answer: 'allow', duration: 'once', by: 'terminal' })
  expect(await ending).toEqual({})

  expect(desk.host.kernel.status('tour').stage).toBe('active')
  expect(desk.lock().tour).toMatchObject({ version: '1.0.0', permissions: ['storage'] })
  const modes = desk.host.kernel.permissions.list('tour').map(({ permission, mode }) => [permission, mode])
  expect(Object.fromEntries(modes)).toEqual({ storage: 'allow', 'net:api.example.com': 'ask' })
})

test('K5: no means no, a plan is used once, and the proposer may say no itself', async () => {
  await using desk = await setUp()
  const { plan } = await planned(desk, './tour-1.tgz')
  const ending = desk.plugins('apply', plan, [])
  const { id } = await desk.question()

  expect(await desk.kernel('answer', id, { answer: 'deny', duration: 'once' })).toEqual({})

  expect(await ending).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('you said no') })
  expect(await desk.plugins('apply', plan, [])).toMatchObject({ code: 'PLAN_UNKNOWN' })
  expect(desk.host.kernel.plugins().map(({ id }) => id)).toEqual(['surface'])
})

test('K10: an update from a surface takes what is wider or is not taken; it can be gone back from and removed', async () => {
  await using desk = await setUp()
  expect(await applied(desk, './tour-1.tgz', ['storage'], 'allow')).toEqual({})
  write('tour-1.tgz', pluginTarball({ ...TOUR, version: '1.1.0', pryx: { permissions: ['storage', 'env:LANG'] } }))

  const { wider, plan } = (await desk.plugins('planUpdate', 'tour').then(({ value }) => value!)) as {
    wider: string[]
    plan: string
  }
  expect(wider).toEqual(['env:LANG'])
  const ending = desk.plugins('apply', plan, [])
  const asked = await desk.question()
  expect(asked.sentence).toMatch(/^put pryx-plugin-tour 1\.1\.0 .* in the place of 1\.0\.0, and also let it /)
  desk.host.kernel.approvals.resolve(asked.id, { answer: 'allow', duration: 'once', by: 'terminal' })
  expect(await ending).toEqual({})

  expect(desk.lock().tour).toMatchObject({ version: '1.1.0', permissions: ['storage', 'env:LANG'] })
  expect((await desk.plugins('installed')).value).toMatchObject([
    { id: 'surface' },
    { id: 'tour', version: '1.1.0', trust: 'local', previous: ['1.0.0'] },
  ])
  expect(await desk.plugins('rollback', 'tour')).toEqual({})
  expect(desk.host.kernel.status('tour').version).toBe('1.0.0')
  expect(await desk.plugins('logs', 'tour')).toMatchObject({ value: expect.any(Array) })
  expect(await desk.plugins('remove', 'tour', { keepData: false })).toEqual({})
  expect(desk.lock()).toEqual({})
  expect(desk.host.kernel.plugins().map(({ id }) => id)).toEqual(['surface'])
})

test('K4: of a path a surface learns only whether a plugin lies there', async () => {
  await using desk = await setUp()
  write('secret.tgz', 'not a tarball')

  const [missing, other] = [await desk.plugins('plan', './missing.tgz'), await desk.plugins('plan', './secret.tgz')]

  expect([missing.code, other.code]).toEqual(['PLAN_PATH', 'PLAN_PATH'])
  expect(other.message?.replace('secret', 'missing')).toBe(missing.message)
})

test('K5: the window of the host takes an answer only from its own form, for a question that waits', async () => {
  await using desk = await setUp()
  const { plan } = await planned(desk, './tour-1.tgz')
  const ending = desk.plugins('apply', plan, [])
  const { id } = await desk.question()
  const base = (await desk.plugins('window')).value as unknown as string
  const origin = new URL(base).origin
  const entered = await fetch(desk.host.link().link)
  const cookie = entered.headers.getSetCookie()[0]!.split(';')[0]!
  const page = await fetch(base + id, { headers: { cookie } })
  const html = await page.text()
  const token = /name="token" value="([^"]+)"/.exec(html)![1]!
  const post = (headers: Record<string, string>, form: Record<string, string>) =>
    fetch(base + id, { method: 'POST', headers: { cookie, ...headers }, body: new URLSearchParams(form) }).then(
      ({ status }) => status,
    )
  const framed = await fetch(base + id, { headers: { cookie, 'sec-fetch-dest': 'iframe' } })

  expect(html).toMatch(/install pryx-plugin-tour 1\.0\.0/)
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
  expect(page.headers.get('access-control-allow-origin')).toBeNull()
  expect(framed.status).toBe(403)
  expect(await post({ origin, cookie: '' }, { token, answer: 'allow' })).toBe(401)
  expect(await post({ origin: desk.host.url }, { token, answer: 'allow' })).toBe(403)
  expect(await post({}, { token, answer: 'allow' })).toBe(403)
  expect(await post({ origin }, { token: `${token}x`, answer: 'allow' })).toBe(403)
  expect(desk.host.kernel.approvals.pending()).toHaveLength(1)
  expect(await post({ origin }, { token, answer: 'allow' })).toBe(200)

  expect(await ending).toEqual({})
  expect((await fetch(base + id, { headers: { cookie } })).status).toBe(404)
  expect(desk.host.kernel.status('tour').stage).toBe('active')
})
