// packages/capabilities/src/http/door.ts: the door in front of all that plugins serve: who has no session stays outside, and is told how to get in.
//   D1  The session's cookie is for this server alone: no plugin is handed it, and none can set it.
//   D2  A link is spent by a person who opens it, not by a browser that only looks ahead.
//   D3  The paths of the door belong to the host; no plugin can serve them.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendAnswer } from './answer.ts'
import { LINK_MS, type Login, type LoginSession } from './login.ts'

/** Every cookie whose name begins so is the host's (D1). */
export const COOKIE_PREFIX = 'pryx-'
const MAX_FORM_BYTES = 1_024
const YEAR_S = 31_536_000

export interface Door {
  /** Answers what is about the login itself. @returns Whether it was. */
  answer(url: URL, request: IncomingMessage, response: ServerResponse): Promise<boolean>
  /** Whether the request may pass. If not, it has been answered. */
  admit(request: IncomingMessage, response: ServerResponse): boolean
}

/** D3 */
export function isOfDoor(path: string): boolean {
  return path === '/login' || path.startsWith('/login/') || path === '/logout'
}

/** The session that a request shows by its cookies. @param port Where the server listens: two hosts on one machine have two cookies. */
export function sessionOf(login: Login, cookies: string | undefined, port: number): LoginSession | undefined {
  for (const pair of (cookies ?? '').split(';')) {
    const [name = '', value = ''] = pair.trim().split('=', 2)
    const found = name === cookieName(port) ? login.find(value) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Cookies without the host's own (D1). */
export function withoutOurs(cookies: string): string {
  const theirs = cookies.split(';').map((pair) => pair.trim())
  return theirs.filter((pair) => pair !== '' && !pair.toLowerCase().startsWith(COOKIE_PREFIX)).join('; ')
}

export function createDoor(login: Login, port: () => number): Door {
  return { answer, admit }

  async function answer(url: URL, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (!isOfDoor(url.pathname)) return false
    const session = sessionOf(login, request.headers.cookie, port())
    if (url.pathname === '/login/style.css') sheet(response)
    else if (url.pathname === '/login/state') state(response, session)
    else if (url.pathname === '/logout') leave(request, response, session)
    else if (request.method === 'POST') enter(request, response, await codeIn(request), session)
    else if (request.method !== 'GET') page(response, 405, outside('Only GET and POST are served here.'))
    else if (url.pathname.startsWith('/login/'))
      followLink(request, response, url.pathname.slice('/login/'.length), session)
    else page(response, session === undefined ? 401 : 200, session === undefined ? outside() : inside())
    return true
  }

  function admit(request: IncomingMessage, response: ServerResponse): boolean {
    const session = sessionOf(login, request.headers.cookie, port())
    if (session === undefined) {
      refuse(request, response)
      return false
    }
    const release = login.bind(session.id, () => response.destroy()) // G4 of login.ts
    response.once('close', release)
    return true
  }

  /** D2 */
  function followLink(request: IncomingMessage, response: ServerResponse, code: string, session?: LoginSession): void {
    const ahead = /prefetch|prerender/.test(String(request.headers['sec-purpose'] ?? request.headers.purpose ?? ''))
    if (ahead) return page(response, 503, outside('Open the link to use it.'))
    enter(request, response, code, session)
  }

  /** Who is in already gets in by a link that is spent, too: it was theirs, in their history or on a tab that comes back. */
  function enter(request: IncomingMessage, response: ServerResponse, code: string, session?: LoginSession): void {
    const { headers, socket } = request
    const opened = login.open(code, socket.remoteAddress ?? '', headers['user-agent'] ?? '')
    if (opened.kind === 'slowed')
      return page(response, 429, outside('Too many wrong codes. Wait a minute, then try again.'), [
        ['retry-after', String(Math.ceil(opened.forMs / 1_000))],
      ])
    if (opened.kind === 'wrong' && session !== undefined) return page(response, 200, inside())
    if (opened.kind === 'wrong')
      return page(response, 401, outside('This link was used already, or is too old, or was never one.'))
    page(response, 200, inside(), [['set-cookie', cookie(opened.token, YEAR_S)]])
  }

  function leave(request: IncomingMessage, response: ServerResponse, session: LoginSession | undefined): void {
    if (request.method !== 'POST') return page(response, 405, outside('Only POST is served here.'))
    page(response, 200, outside('You are logged out.'), [['set-cookie', cookie('', 0)]])
    if (session !== undefined) login.end(session.id)
  }

  function state(response: ServerResponse, session: LoginSession | undefined): void {
    json(response, session === undefined ? 401 : 200, session === undefined ? REFUSAL : { in: true })
  }

  /** No script can read it (HttpOnly), and no page elsewhere has it sent (SameSite). */
  function cookie(value: string, seconds: number): string {
    return `${cookieName(port())}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`
  }
}

function cookieName(port: number): string {
  return `${COOKIE_PREFIX}${port}`
}

const REFUSAL = {
  error: {
    code: 'HTTP_LOGIN',
    message: 'this page is not open to you yet',
    hint: 'Open the link that `pryx up` printed; `pryx web link` prints a new one.',
  },
}

function refuse({ headers, method }: IncomingMessage, response: ServerResponse): void {
  const wantsPage = (method === 'GET' || method === 'HEAD') && String(headers.accept ?? '').includes('text/html')
  if (wantsPage) page(response, 401, outside())
  else json(response, 401, REFUSAL)
}

async function codeIn(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    body += chunk.toString('latin1')
    if (body.length > MAX_FORM_BYTES) return '' // no code is so long; the answer still goes out
  }
  const given = new URLSearchParams(body).get('code')?.trim() ?? ''
  return given.split('/').at(-1) ?? '' // the whole link may have been pasted
}

function json(response: ServerResponse, status: number, body: object): void {
  void sendAnswer(response, {
    status,
    headers: [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ],
    body: JSON.stringify(body),
  })
}

function page(response: ServerResponse, status: number, body: string, headers: [string, string][] = []): void {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Pryx</title><link rel="stylesheet" href="/login/style.css">${body}</main></body></html>
`
  const own: [string, string][] = [
    ['content-type', 'text/html; charset=utf-8'],
    ['cache-control', 'no-store'],
    ['content-security-policy', "script-src 'none'"],
  ]
  void sendAnswer(response, { status, headers: [...own, ...headers], body: html })
}

/** Goes on by itself: a step from a page of ours has the cookie sent, whoever's link led here. */
function inside(): string {
  return `<meta http-equiv="refresh" content="0; url=/"></head><body><main><h1>You are in</h1><p><a href="/">Go to Pryx</a></p>`
}

function outside(note = ''): string {
  return `</head><body><main><h1>Pryx is locked</h1>${note && `<p role="alert" class="note">${note}</p>`}
<p>Open the link that <code>pryx up</code> printed. It opens once, within ${LINK_MS / 60_000} minutes; for a new one, run this where Pryx runs:</p>
<pre><code>pryx web link</code></pre>
<form method="post" action="/login"><label for="code">Or paste the link, or the code at its end</label>
<div><input id="code" name="code" type="password" autocomplete="off" required autofocus><button>Open</button></div></form>`
}

function sheet(response: ServerResponse): void {
  void sendAnswer(response, {
    status: 200,
    headers: [
      ['content-type', 'text/css; charset=utf-8'],
      ['cache-control', 'no-cache'],
    ],
    body: STYLE,
  })
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.55 ui-sans-serif,system-ui,sans-serif;--line:#8884;--accent:#0e8378}
body{margin:0;display:grid;place-items:center;min-height:100dvh;background:Canvas;color:CanvasText}
main{box-sizing:border-box;width:min(30rem,100vw);padding:2rem}
h1{margin:0 0 .75rem;font-size:1.5rem;letter-spacing:-.02em}p{margin:.6rem 0}
.note{padding:.6rem .9rem;border-radius:.6rem;background:color-mix(in srgb,#b70 14%,transparent)}
code{font:.92em ui-monospace,monospace}pre{margin:.6rem 0 1.6rem;padding:.7rem .9rem;border:1px solid var(--line);border-radius:.6rem}
label{display:block;margin-bottom:.4rem;font-size:.9rem;opacity:.8}form div{display:flex;gap:.5rem}
input{flex:1;min-width:0;font:inherit;padding:.55rem .8rem;border:1px solid var(--line);border-radius:.6rem;background:none;color:inherit}
button{font:inherit;font-weight:600;padding:.55rem 1.2rem;border:0;border-radius:.6rem;background:var(--accent);color:#fff;cursor:pointer}
a{color:var(--accent)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`
