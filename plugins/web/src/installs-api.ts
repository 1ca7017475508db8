// plugins/web/src/installs-api.ts: the routes below `/api/packages`: what is installed, what could be, and proposals to change it.
import { ServiceError } from '@pryx/sdk'
import type { Hono } from 'hono/tiny'
import { z } from 'zod'
import { bodyOf } from './input.ts'
import type { Installs } from './installs.ts'

const planBody = z.union([
  z.strictObject({ spec: z.string().trim().min(1).max(512) }),
  z.strictObject({ plugin: z.string().min(1).max(214) }),
])
const applyBody = z.strictObject({
  plan: z.string().min(1).max(64),
  allow: z.array(z.string().min(1).max(1_024)).max(256),
})
const removeBody = z.strictObject({ keepData: z.boolean() })

export function addInstallRoutes(api: Hono, given: Installs | undefined): void {
  api.get('/packages', async (c) => c.json(await installs().shelf()))
  api.get('/packages/outdated', async (c) => c.json({ outdated: await installs().outdated() }))
  api.get('/packages/:id/logs', async (c) => c.json({ lines: await installs().logs(c.req.param('id')) }))
  api.post('/packages/plan', async (c) => {
    const wanted = await bodyOf(c, planBody)
    return c.json(await installs().plan(wanted))
  })
  api.post('/packages/apply', async (c) => {
    const { plan, allow } = await bodyOf(c, applyBody)
    return c.json({ job: installs().apply(plan, allow) })
  })
  api.post('/packages/:id/rollback', async (c) => {
    await installs().rollback(c.req.param('id'))
    return c.json({ ok: true })
  })
  api.post('/packages/:id/remove', async (c) => {
    const { keepData } = await bodyOf(c, removeBody)
    await installs().remove(c.req.param('id'), keepData)
    return c.json({ ok: true })
  })

  function installs(): Installs {
    if (given !== undefined) return given
    throw new ServiceError('WEB_NO_INSTALLS', 'this host installs nothing', { hint: 'Run the page with `pryx up`.' })
  }
}
