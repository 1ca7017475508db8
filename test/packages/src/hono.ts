// test/packages/src/hono.ts: an application of routes, middleware, cookies and a stream, asked by Request.
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { streamText } from 'hono/streaming'
import { pluginOf } from './work.ts'

export interface Ask {
  path: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

const app = new Hono()
app.use('/api/*', cors({ origin: 'https://example.com' }))
app.use('/etag/*', etag())
app.get('/', (c) => c.text('home'))
app.get('/users/:id{[0-9]+}', (c) => c.json({ id: Number(c.req.param('id')), query: c.req.query() }))
app.post('/api/echo', async (c) => c.json({ got: await c.req.json(), type: c.req.header('content-type') }, 201))
app.post('/form', async (c) => c.json(await c.req.parseBody()))
app.get('/cookie', (c) => {
  setCookie(c, 'seen', `${getCookie(c, 'name') ?? 'nobody'}`, { httpOnly: true, path: '/' })
  return c.redirect('/')
})
app.get('/etag/x', (c) => c.text('same'))
app.get('/stream', (c) =>
  streamText(c, async (stream) => {
    for (const part of ['a', 'b', 'c']) await stream.write(part)
  }),
)
app.get('/forbidden', () => {
  throw new HTTPException(403, { message: 'not you' })
})
app.get('/broken', () => {
  throw new Error('broken')
})
app.route(
  '/nested',
  new Hono().get('/deep/*', (c) => c.text(c.req.path)),
)
app.notFound((c) => c.json({ missing: c.req.path }, 404))
app.onError((error, c) =>
  error instanceof HTTPException ? error.getResponse() : c.text(`oops: ${error.message}`, 500),
)

export async function work(asks: Ask[]): Promise<unknown[]> {
  const answers = asks.map(async ({ path, ...init }) => {
    const response = await app.fetch(new Request(`https://app.test${path}`, init))
    return [response.status, [...response.headers], await response.text()]
  })
  return Promise.all(answers)
}

export default pluginOf(work)
