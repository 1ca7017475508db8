// plugins/hands/src/http.ts: one request, and its answer as plain data.
import type { Net } from '@pryx/sdk'
import { z } from 'zod'

const MAX_BODY_BYTES = 524_288 // it goes through one message

export const httpSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.unknown().optional(),
})
export type HttpRequest = z.output<typeof httpSchema>

export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  body: string
  /** The body, where its type says JSON and it is. */
  json?: unknown
}

/** @throws NET_TOO_BIG past 512 KiB, and the other errors of `net`. */
export async function httpRequest(
  net: Pick<Net, 'fetch'>,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { url, method } = request
  const response = await net.fetch(url, {
    method,
    headers: typed(request),
    signal,
    maxBytes: MAX_BODY_BYTES,
    ...bodyOf(request),
  })
  const body = await response.text()
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '')
  const json = isJson ? parsed(body) : undefined
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body,
    ...(json !== undefined && { json }),
  }
}

function bodyOf({ body }: HttpRequest): { body?: string } {
  if (body === undefined || body === null) return {}
  return { body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** A value that is no text goes as JSON, and says so. */
function typed({ headers, body }: HttpRequest): Record<string, string> {
  const says = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  return says || body === undefined || body === null || typeof body === 'string'
    ? headers
    : { ...headers, 'content-type': 'application/json' }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
