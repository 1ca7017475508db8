// plugins/web/src/api.ts: what the page can ask. JSON in, JSON out; errors are `{ error: { code, message, hint? } }`.
//   P1  Every input is checked before anything is asked of the kernel.
//   P2  No answer is cached, and none is anything but JSON, an event stream or a file to be saved: the page never gets text of others as HTML.
//   The http driver has already refused requests of another origin.
import { type Kernel, PryxError, type TraceQuery, UsageError } from '@pryx/sdk'
import type { Context } from 'hono'
import { Hono } from 'hono/tiny'
import { z } from 'zod'
import { addChannelRoutes, type Channels } from './channels.ts'
import { addChatRoutes } from './chat/chat-api.ts'
import { openFeed } from './chat/feed.ts'
import type { ChatHub } from './chat/hub.ts'
import type { ChatServices } from './chat/services.ts'
import { bodyOf, check } from './input.ts'
import type { Installs } from './installs.ts'
import { addInstallRoutes } from './installs-api.ts'
import type { Journal } from './journal.ts'
import { openStream, type StreamOptions } from './stream.ts'
import type { Tasks } from './tasks.ts'
import { addTaskRoutes } from './tasks-api.ts'
import type { Clock, Watch } from './watch.ts'

export interface ApiOptions {
  kernel: Kernel
  tasks: Tasks
  /** Absent on a host that installs nothing. */
  installs?: Installs | undefined
  channels: Channels
  chat: ChatServices
  hub: ChatHub
  journal: Journal
  watch: Watch
  clock: Clock
  /** Ends open streams. */
  signal: AbortSignal
}

const AUDIT_DEFAULT = 200
const TRACES = 200

const duration = z.enum(['once', 'session', 'forever'])
const answerBody = z.strictObject({ answer: z.enum(['allow', 'deny']), duration })
const permissionBody = z.strictObject({
  permission: z.string().min(1).max(512),
  mode: z.enum(['allow', 'ask', 'deny']),
  duration: duration.default('forever'),
})
const enabledBody = z.strictObject({ enabled: z.boolean() })
const traceQuery = z.object({
  minMs: z.coerce.number().min(0).max(600_000).default(0),
  plugin: z.string().min(1).max(214).optional(),
}) as z.ZodType<TraceQuery>
/** The session a page looks at, and the version it has of it. */
const lookedAt = z.object({
  session: z.string().min(1).max(128).optional(),
  version: z.coerce.number().int().min(0).optional(),
})
const auditCount = z.coerce.number().int().min(1).max(1_000).default(AUDIT_DEFAULT)

/** The handler for everything under `/api`. */
export function createApi({ kernel, tasks, installs, channels, chat, hub, journal, watch, clock, signal }: ApiOptions) {
  const api = new Hono().basePath('/api')
  api.use(async (c, next) => {
    await next()
    c.res.headers.set('cache-control', 'no-store') // P2
    c.res.headers.set('x-content-type-options', 'nosniff')
  })

  api.get('/state', async (c) => {
    const { events } = journal.after(undefined)
    const position = journal.positionOf(journal.last) // taken before the picture: what happens meanwhile comes by the stream
    return c.json({ ...(await watch.look()), events: [...events], position })
  })
  api.get('/events', (c) => {
    const position = c.req.header('last-event-id') ?? c.req.query('after')
    const { session, version: after = 0 } = check(lookedAt, c.req.query(), 'the query')
    const feed: StreamOptions['feed'] =
      session === undefined
        ? undefined
        : (wake, frame) => openFeed({ session, after, hub, sessions: chat.sessions, clock, wake }, frame)
    const body = openStream(position, { journal, watch, clock, signal, feed })
    return new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } })
  })
  api.get('/audit', async (c) => c.json({ records: await kernel.auditTail(check(auditCount, c.req.query('n'), 'n')) }))
  api.get('/ledger', async (c) => c.json(await kernel.ledger()))
  api.get('/traces', async (c) => {
    const query = check(traceQuery, c.req.query(), 'the query')
    return c.json({ traces: await kernel.traces(TRACES, { ...query, others: true }) }) // this page's are not what is looked for
  })
  api.get('/traces/:id', async (c) => {
    const trace = await kernel.trace(c.req.param('id'))
    if (trace !== null) return c.json(trace)
    throw new UsageError('WEB_UNKNOWN', 'the host no longer has this trace', {
      hint: 'It keeps the newest 500, and records only while somebody looks.',
    })
  })

  api.post('/audit/verify', async (c) => c.json(await kernel.auditVerify()))
  api.post('/approvals/:id', async (c) => {
    await kernel.answer(c.req.param('id'), await bodyOf(c, answerBody))
    return done(c)
  })
  api.post('/plugins/:id/permission', async (c) => {
    const { permission, ...choice } = await bodyOf(c, permissionBody)
    // Revoking also stops what the permission has started; denying alone would let it run on.
    if (choice.mode === 'deny') await kernel.revoke(c.req.param('id'), permission)
    else await kernel.grant(c.req.param('id'), permission, choice)
    return done(c)
  })
  api.post('/plugins/:id/enabled', async (c) => {
    await kernel.setEnabled(c.req.param('id'), (await bodyOf(c, enabledBody)).enabled)
    return done(c)
  })
  api.post('/plugins/:id/reload', async (c) => {
    await kernel.reload(c.req.param('id'))
    return done(c)
  })

  addTaskRoutes(api, tasks, () => watch.nudge())
  addInstallRoutes(api, installs)
  addChannelRoutes(api, channels)
  addChatRoutes(api, chat)

  api.notFound((c) =>
    refusal(
      c,
      new UsageError('WEB_UNKNOWN', `there is no ${c.req.method} ${c.req.path}`, { hint: 'Reload the page.' }),
    ),
  )
  api.onError((error, c) => refusal(c, error))
  return (request: Request): Response | Promise<Response> => api.fetch(request)

  function done(c: Context): Response {
    watch.nudge()
    return c.json({ ok: true })
  }
}

function refusal(c: Context, error: unknown): Response {
  const { code, hint } = PryxError.is(error) ? error : { code: 'WEB_FAILED', hint: undefined }
  const message = error instanceof Error ? error.message : String(error)
  return c.json({ error: { code, message, ...(hint !== undefined && { hint }) } }, statusOf(error))
}

function statusOf(error: unknown): 400 | 403 | 404 | 409 | 500 | 503 {
  if (!PryxError.is(error)) return 500
  const { code } = error
  if (code === 'WEB_INPUT' || code.startsWith('USAGE_')) return 400
  if (code.startsWith('TASK_') && code !== 'TASK_UNKNOWN') return 400
  if (code === 'APPROVAL_RESOLVED' || code === 'RUN_KEY_REUSED') return 409
  if (code === 'WEB_UNKNOWN' || code.endsWith('_UNKNOWN')) return 404
  if (code.startsWith('WEB_NO_') || code.startsWith('SERVICE_')) return 503
  return code === 'APPROVAL_OWN' || code.startsWith('PERMISSION_') ? 403 : 500
}
