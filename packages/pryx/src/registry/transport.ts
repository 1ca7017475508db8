// packages/pryx/src/registry/transport.ts: one GET, over node:http: what `fetch` brings along takes longer to load than most installs take to ask.
//   Q1  A redirect takes no token to another origin, and does not lead from https to http.
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import redirecting from 'follow-redirects'

const MAX_REDIRECTS = 5

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Unpacked bytes. Read it to its end, or destroy it. */
  readonly body: Readable
}

/** Rejects with what the network says; aborting ends the body too. */
export function ask(
  url: string,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
): Promise<Answer> {
  const { http, https } = redirecting
  const options = {
    headers: { ...headers, 'accept-encoding': 'gzip' },
    signal,
    maxRedirects: MAX_REDIRECTS,
    beforeRedirect: (next: Next) => keepWithin(new URL(url), next),
  }
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const body = unpacked(response)
      body.on('error', () => {}) // told to whoever reads it, if anybody still does
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
    }
    const request = url.startsWith('https:') ? https.get(url, options, answered) : http.get(url, options, answered)
    request.on('error', reject)
  })
}

type Next = Pick<RequestOptions, 'protocol' | 'hostname' | 'port' | 'headers'>

/** Q1: the library keeps a token within a host and below it, which is more than the origin it was given for. */
function keepWithin({ protocol, hostname, port }: URL, next: Next): void {
  if (protocol === 'https:' && next.protocol !== 'https:')
    throw Object.assign(new Error('a redirect leads to http'), { code: 'ERR_UNENCRYPTED' })
  if (next.protocol === protocol && next.hostname === hostname && String(next.port ?? '') === port) return
  next.headers = Object.fromEntries(
    Object.entries(next.headers ?? {}).filter(([name]) => name.toLowerCase() !== 'authorization'),
  )
}

function unpacked(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response
  return pipeline(response, createGunzip(), () => {})
}
