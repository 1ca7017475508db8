// plugins/web/page/dev-server.ts: serves the built page with the real API on a host that only pretends. For work on the page; not shipped.
//   node --conditions=source page/dev-server.ts [port]; then POST /dev/ask, /dev/alert or /dev/quiet makes things happen.
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createApi } from '../src/api.ts'
import { createChatHub } from '../src/chat/hub.ts'
import { createChatServices } from '../src/chat/services.ts'
import { createJournal } from '../src/journal.ts'
import { type Clock, createWatch } from '../src/watch.ts'
import { createMock } from './mock.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}
const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist/page')
const port = Number(process.argv[2] ?? 7_799)

const clock: Clock = {
  now: Date.now,
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
const journal = createJournal('dev')
const mock = createMock(journal)
const watch = createWatch(mock.kernel, mock.tasks, clock)
const chat = createChatServices({ tryUse: async () => undefined }) // no chat without its plugins: `pryx dev` has one
const api = createApi({
  ...mock,
  channels: { list: async () => mock.channels, telegram: async () => ({ link: async () => mock.code }) },
  chat,
  hub: createChatHub(),
  journal,
  watch,
  clock,
  signal: new AbortController().signal,
})
const happening = setInterval(mock.happen, 900)
for (let i = 0; i < 12; i++) mock.happen()

createServer(async (request, response) => {
  const answer = await handle(request)
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null) return response.end()
  const body = Readable.fromWeb(answer.body as never)
  response.on('close', () => body.destroy())
  body.on('error', () => response.end()).pipe(response)
}).listen(port, '127.0.0.1', () => console.error(`http://127.0.0.1:${port}/`))

async function handle(request: IncomingMessage): Promise<Response> {
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`)
  if (url.pathname.startsWith('/dev/')) return prompt(url.pathname.slice(5))
  if (!url.pathname.startsWith('/api/')) return file(url.pathname)
  const body = request.method === 'POST' ? await Array.fromAsync(request) : undefined
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string])
  return api(new Request(url, { method: request.method ?? 'GET', headers, ...(body && { body: Buffer.concat(body) }) }))
}

function prompt(what: string): Response {
  if (what === 'ask') return Response.json(mock.ask())
  if (what === 'alert') mock.alert()
  if (what === 'quiet') clearInterval(happening)
  return new Response('ok')
}

async function file(path: string): Promise<Response> {
  const name = extname(path) === '' ? '/index.html' : path
  const text = await readFile(join(dist, name)).catch(() => undefined)
  return new Response(text ?? 'not found', {
    status: text === undefined ? 404 : 200,
    // As the http driver answers: the page must live with it.
    headers: { 'content-type': TYPES[extname(name)] ?? 'text/plain', 'content-security-policy': "default-src 'self'" },
  })
}
