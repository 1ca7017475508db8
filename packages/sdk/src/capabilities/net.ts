// packages/sdk/src/capabilities/net.ts: the token and face of net. A plugin has `fetch` already; this is the same with a limit on size.
//   Each host needs `net:HOST`, or `net:HOST:PORT` for another port than https' own (http://host/ needs `net:HOST:80`).
import { defineService, type ServiceCaller } from '@pryx/kernel/contract'

export interface NetRequest extends RequestInit {
  /** Most bytes of the answer's body after decoding; more fails with NET_TOO_BIG. */
  maxBytes?: number
}

/**
 * HTTP requests. Redirects are judged like requests; names that lead into the own network need `net:private:HOST`.
 *
 * @throws NET_URL, NET_DNS, NET_REFUSED, NET_RESET, NET_TIMEOUT, NET_UNREACHABLE, NET_TLS, NET_REDIRECT, NET_PRIVATE_ADDRESS,
 *   NET_TOO_BIG, NET_HEADERS_TOO_BIG, NET_REQUEST, NET_FAILED.
 */
export interface Net {
  fetch(input: string | URL | Request, init?: NetRequest): Promise<Response>
}

export const Net = defineService<Net>('net', '1.0.0', { face: netFace })

interface WireResponse {
  status: number
  statusText: string
  headers: [string, string][]
  url: string
  redirected: boolean
  body?: ReadableStream<Uint8Array>
}

const MAX_BYTES_AT_ONCE = 262_144
const NO_BODY = new Set([101, 204, 205, 304])

/** Dresses the bare caller; exported for tests that hold one. */
export function netFace(call: ServiceCaller): Net {
  return {
    async fetch(input, { maxBytes, ...init } = {}) {
      const request = new Request(input, init)
      const { url, method, headers, redirect, signal } = request
      const body = request.body === null ? undefined : await wireBody(request)
      const wire = {
        url,
        method,
        headers: [...headers],
        redirect,
        ...(body && { body }),
        ...(maxBytes !== undefined && { maxBytes }),
      }
      return answered((await call('fetch', [wire], { signal })) as WireResponse)
    },
  }
}

/** Small bodies go as bytes, which a redirect can send again; larger ones would not fit one message. */
async function wireBody(request: Request): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const blob = await request.blob()
  return blob.size > MAX_BYTES_AT_ONCE ? blob.stream() : new Uint8Array(await blob.arrayBuffer())
}

function answered({ status, statusText, headers, url, redirected, body }: WireResponse): Response {
  const response = new Response(NO_BODY.has(status) ? null : (body ?? null), { status, statusText, headers })
  Object.defineProperty(response, 'url', { value: url })
  Object.defineProperty(response, 'redirected', { value: redirected })
  return response
}
