// src/plugin.ts: serves the page, and what the page asks. The host's server listens on this machine only.
import { definePlugin, Http, Storage } from '@pryx/sdk'

export default definePlugin({
  async activate(ctx) {
    const http = await ctx.use(Http)
    const storage = await ctx.use(Storage)
    let last = Promise.resolve(0)

    await http.static('/sample', 'page') // files are served without waking the plugin
    await http.serve('/sample/api', (request) => answer(request))

    async function answer(request: Request): Promise<Response> {
      const { pathname } = new URL(request.url)
      if (pathname !== '/sample/api/count') return new Response('There is no such thing here.', { status: 404 })
      if (request.method === 'GET') return Response.json({ count: await current() })
      if (request.method === 'POST') return Response.json({ count: await add() })
      return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })
    }

    async function current(): Promise<number> {
      return (await storage.get<number>('count')) ?? 0
    }

    /** One after another, so that no click is lost. */
    function add(): Promise<number> {
      last = last.catch(() => 0).then(async () => {
        const count = (await current()) + 1
        await storage.set('count', count)
        return count
      })
      return last
    }
  },
})
