// packages/pryx/src/host/consent-window.ts: a page of the host's own, where the user answers what no plugin may answer for itself (K5, K10).
//   W1  It is another origin than the plugins' pages: no script of theirs can read it, frame it, or post to it.
//   W2  It holds no script, and what others wrote is text in it.
//   W3  An answer needs the token of the form that was shown, comes from that form, and is for one question.
//   W5  It answers browsers that are logged in, and no others: its cookie is the pages', which a browser sends to every port of a host.
//   W4  It listens on the loopback only, and not before it is first asked for.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Approval, Approvals } from '@pryx/kernel'
import { PryxError } from '@pryx/kernel/contract'
import { text } from './markup.ts'
import type { Form } from './setup-forms.ts'

const MAX_BODY_BYTES = 32_768
const REQUEST_MS = 5_000
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'same-origin', // the form's post shall carry its origin
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export interface ConsentWindow extends AsyncDisposable {
  /** Its address with a last slash; a question's id goes after it. */
  url(): Promise<string>
}

interface Answer {
  status: number
  title: string
  body: string
}

export interface WindowOptions {
  approvals: Pick<Approvals, 'pending' | 'resolve'>
  /** Whether these cookies are of a browser that is logged in (W5). */
  admits(cookies: string | undefined): boolean
  /** The form at `/setup/NAME`. */
  form(name: string): Form | undefined
}

export function createConsentWindow({ approvals, admits, form: formAt }: WindowOptions): ConsentWindow {
  const token = randomBytes(32).toString('base64url')
  let opened: Promise<{ server: Server; host: string }> | undefined
  return {
    async url() {
      opened ??= listen()
      return `http://${(await opened).host}/`
    },
    async [Symbol.asyncDispose]() {
      const { server } = (await opened?.catch(() => undefined)) ?? {}
      server?.close()
      server?.closeAllConnections()
    },
  }

  function listen(): Promise<{ server: Server; host: string }> {
    const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
      void answerTo(request).then((answer) => send(response, answer))
    })
    server.maxConnections = 16
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () =>
        resolve({ server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }),
      )
    })
  }

  async function answerTo(request: IncomingMessage): Promise<Answer> {
    try {
      const { host } = await opened!
      if (request.headers.host !== host) return refused()
      if (!admits(request.headers.cookie)) return locked()
      const url = new URL(request.url ?? '/', `http://${host}`)
      if (url.pathname.startsWith('/setup/')) return await setUp(request, url)
      const id = decodeURIComponent(url.pathname.slice(1))
      const asked = approvals.pending().find((one) => one.id === id)
      if (request.method === 'POST') return await take(request, `http://${host}`, asked)
      if (request.method !== 'GET' || !isLookedAt(request)) return refused()
      return asked === undefined ? gone() : { status: 200, title: 'Pryx asks', body: question(asked, token) }
    } catch (error) {
      return PryxError.is(error) ? { status: 409, title: 'Too late', body: text(error.message) } : refused()
    }
  }

  async function setUp(request: IncomingMessage, url: URL): Promise<Answer> {
    const form = formAt(url.pathname.slice('/setup/'.length))
    if (form === undefined) return gone()
    const { title } = form
    if (request.method === 'GET' && isLookedAt(request))
      return { status: 200, title, body: formOf(await form.fields(url.searchParams), token) }
    const given = request.method === 'POST' ? await posted(request, url.origin) : undefined
    if (given === undefined) return refused()
    try {
      return { status: 200, title, body: `<p>${text(await form.take(given))} You can close this window.</p>` }
    } catch (error) {
      if (!PryxError.is(error)) throw error
      const why = `<p class="risk high">${text([error.message, error.hint].filter(Boolean).join('. '))}</p>`
      return { status: 400, title, body: why + formOf(await form.fields(given), token) }
    }
  }

  /** W3 */
  async function posted(request: IncomingMessage, own: string): Promise<URLSearchParams | undefined> {
    const { origin, 'sec-fetch-site': site = 'same-origin' } = request.headers
    if (origin !== own || site !== 'same-origin') return undefined
    const form = new URLSearchParams(await bodyOf(request))
    return isSame(form.get('token') ?? '', token) ? form : undefined
  }

  async function take(request: IncomingMessage, own: string, asked: Approval | undefined): Promise<Answer> {
    const form = await posted(request, own)
    if (form === undefined) return refused()
    if (asked === undefined) return gone()
    const answer = form.get('answer') === 'allow' ? 'allow' : 'deny'
    approvals.resolve(asked.id, { answer, duration: 'once', by: 'user' })
    return { status: 200, title: answer === 'allow' ? 'Allowed' : 'Denied', body: text('You can close this window.') }
  }
}

/** A person's browser went there: no frame, image or script of a page. */
function isLookedAt({ headers }: IncomingMessage): boolean {
  return (headers['sec-fetch-dest'] ?? 'document') === 'document'
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > MAX_BODY_BYTES) throw new RangeError('the form is too large')
  }
  return body
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function question({ plugin, permission, sentence, risk }: Approval, token: string): string {
  return `<p class="risk ${risk}">${text(risk)} risk</p>
<p class="ask"><b>${text(plugin)}</b> wants to ${text(sentence)}.</p>
<p class="dim">${text(permission)}</p>
<form method="post"><input type="hidden" name="token" value="${token}">
<button name="answer" value="deny">Deny</button> <button name="answer" value="allow" class="allow">Allow</button></form>`
}

function formOf(fields: string, token: string): string {
  return `<form method="post" class="tall"><input type="hidden" name="token" value="${token}">${fields}
<button class="allow">Keep it</button></form>`
}

function locked(): Answer {
  const body = text('Log in to Pryx in this browser first: `pryx web link` prints a link.')
  return { status: 401, title: 'Pryx is locked', body }
}

function gone(): Answer {
  return {
    status: 404,
    title: 'Nothing to answer',
    body: text('This question was answered already, or its time is up.'),
  }
}

function refused(): Answer {
  return { status: 403, title: 'Refused', body: text('Open the question from the page of Pryx.') }
}

function send(response: ServerResponse, { status, title, body }: Answer): void {
  response.writeHead(status, HEADERS)
  response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>`)
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;display:grid;place-items:center;min-height:100vh;background:Canvas;color:CanvasText}
main{max-width:34rem;padding:2rem;overflow-wrap:anywhere}h1{font-size:1.3rem;margin:0 0 1rem}.dim{opacity:.65;font-size:.85rem}
.risk{display:inline-block;margin:0;padding:.1rem .6rem;border:1px solid;border-radius:1rem;font-size:.85rem}.high{color:#d33}.medium{color:#b70}
form{display:flex;gap:.75rem;margin-top:1.5rem}.tall{display:grid;justify-items:start;gap:.4rem}
input,select{box-sizing:border-box;width:min(26rem,100%);font:inherit;padding:.5rem .8rem;border:1px solid #8886;border-radius:.4rem;background:none;color:inherit}
option{background:Canvas;color:CanvasText}.tall button{margin-top:.8rem}button{font:inherit;padding:.5rem 1.4rem;border-radius:.4rem;border:1px solid;background:none;color:inherit;cursor:pointer}
.allow{background:#1864ab;border-color:#1864ab;color:#fff}`
