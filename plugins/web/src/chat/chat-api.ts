// plugins/web/src/chat/chat-api.ts: the routes below `/api/chat`: sessions, words, runs, models, cost.
//   C1  A message carries the page's own id: sent again after a lost answer, it is the same run and the same message.
//   C2  The page says what a user said, and nothing else: answers are the agent's.
import { PryxError } from '@pryx/sdk'
import type { Hono } from 'hono/tiny'
import { z } from 'zod'
import { bodyOf, check } from '../input.ts'
import { choicesOf, costOf } from './models.ts'
import type { ChatServices } from './services.ts'

export const SURFACE = 'web'
const LISTED = 100

const title = z.string().trim().max(200)
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const listQuery = z.object({ archived: flag.optional(), before: z.coerce.number().optional() })
const searchQuery = z.object({ q: z.string().trim().min(1).max(256) })
const pageQuery = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(200).default(200),
})
const costQuery = z.object({ model: z.string().min(1).max(256).optional() })
const createBody = z.strictObject({ id: z.string().min(1).max(128).optional(), title: title.optional() })
const messageBody = z.strictObject({
  client: z.string().min(8).max(96),
  text: z.string().min(1).max(131_072),
  model: z.string().min(1).max(256).optional(),
  interrupt: z.boolean().optional(),
})

export function addChatRoutes(api: Hono, chat: ChatServices): void {
  api.get('/chat/sessions', async (c) => {
    const { archived, before } = check(listQuery, c.req.query(), 'the query')
    return c.json({ sessions: await (await chat.sessions()).list({ limit: LISTED, archived, before }) })
  })
  api.get('/chat/search', async (c) => {
    const { q } = check(searchQuery, c.req.query(), 'the query')
    return c.json({ found: await (await chat.sessions()).search(q, { limit: 30 }) })
  })
  api.post('/chat/sessions', async (c) => {
    const { id, title } = await bodyOf(c, createBody)
    return c.json(await (await chat.sessions()).create({ id, title }))
  })
  api.get('/chat/sessions/:id', async (c) => c.json(await (await chat.sessions()).get(c.req.param('id'))))
  api.get('/chat/sessions/:id/entries', async (c) => {
    const { after, limit } = check(pageQuery, c.req.query(), 'the query')
    return c.json(await (await chat.sessions()).events(c.req.param('id'), { after, limit }))
  })
  api.get('/chat/sessions/:id/export', async (c) => {
    const sessions = await chat.sessions()
    const { title } = await sessions.get(c.req.param('id'))
    const name = `${
      title
        .replace(/[^\w -]/g, '')
        .trim()
        .slice(0, 60) || 'chat'
    }.md`
    return c.text(await sessions.export(c.req.param('id'), 'markdown'), 200, {
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`, // saved, never shown as a page
    })
  })
  api.post('/chat/sessions/:id/rename', async (c) => {
    const body = await bodyOf(c, z.strictObject({ title: title.min(1) }))
    return c.json(await (await chat.sessions()).rename(c.req.param('id'), body.title))
  })
  api.post('/chat/sessions/:id/archive', async (c) => {
    const { archived } = await bodyOf(c, z.strictObject({ archived: z.boolean() }))
    return c.json(await (await chat.sessions()).archive(c.req.param('id'), archived))
  })
  api.post('/chat/sessions/:id/branch', async (c) => {
    const body = await bodyOf(c, z.strictObject({ version: z.number().int().min(0), title: title.optional() }))
    return c.json(await (await chat.sessions()).branch(c.req.param('id'), body.version, body.title))
  })
  api.post('/chat/sessions/:id/typing', async (c) => {
    const { on } = await bodyOf(c, z.strictObject({ on: z.boolean() }))
    await (await chat.sessions()).typing(c.req.param('id'), SURFACE, on)
    return c.json({ ok: true })
  })
  api.post('/chat/sessions/:id/messages', async (c) => {
    const { client, ...said } = await bodyOf(c, messageBody)
    const request = { ...said, session: c.req.param('id'), surface: SURFACE, key: client } // C1
    const { id, status } = await (await chat.agent()).start(request)
    return c.json({ run: id, status })
  })
  api.get('/chat/sessions/:id/runs', async (c) => {
    const open = await (await chat.agent()).runs({ session: c.req.param('id'), open: true, limit: 20 })
    return c.json({ runs: open.map(({ id, status }) => ({ id, status })) })
  })
  api.get('/chat/sessions/:id/cost', async (c) => {
    const { model } = check(costQuery, c.req.query(), 'the query')
    return c.json(await costOf(await chat.models(), c.req.param('id'), model))
  })
  api.post('/chat/runs/:id/stop', async (c) =>
    c.json({ stopped: await (await chat.agent()).stop(c.req.param('id')).catch(endedAlready) }),
  )
  api.get('/chat/models', async (c) => c.json(await choicesOf(await chat.models())))
}

function endedAlready(error: unknown): boolean {
  if (PryxError.is(error, 'RUN_UNKNOWN')) return false
  throw error
}
