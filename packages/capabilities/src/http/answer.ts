// packages/capabilities/src/http/answer.ts: writes an answer to the socket, at the speed of whoever reads it.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { answerHeaders } from './guards.ts'

export interface Answer {
  status: number
  headers: readonly (readonly [string, string])[]
  body?: string | Uint8Array | ReadableStream<Uint8Array | string> | undefined
}

/** Sends the whole answer. A client that leaves cancels the body's stream; a stream that fails breaks the connection. */
export async function sendAnswer(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  setHead(response, status, headers)
  if (body instanceof ReadableStream) return sendStream(response, body)
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  if (bytes !== undefined && !bodiless(status)) response.setHeader('content-length', bytes.byteLength)
  response.end(bytes)
}

/** A few words, for what no plugin answered. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: [string, string][] = [],
): void {
  if (response.headersSent) return void response.destroy()
  void sendAnswer(response, {
    status,
    headers: [['content-type', 'text/plain; charset=utf-8'], ...headers],
    body: `${text}\n`,
  })
}

export function setHead(response: ServerResponse, status: number, headers: Answer['headers']): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name) // of an answer that turned out to be malformed
  response.statusCode = status
  for (const [name, value] of answerHeaders(headers)) response.appendHeader(name, value)
}

async function sendStream(response: ServerResponse, body: ReadableStream<Uint8Array | string>): Promise<void> {
  const reader = body.getReader()
  const leave = () => void reader.cancel('the client left').catch(() => {})
  response.once('close', leave)
  try {
    if (response.req.method === 'HEAD' || bodiless(response.statusCode)) return
    response.flushHeaders() // an event stream's reader waits for them
    for (let next = await reader.read(); !next.done && !response.destroyed; next = await reader.read()) {
      if (!response.write(next.value)) await room(response)
    }
    if (!response.destroyed) response.end()
  } catch {
    response.destroy() // the reader must not take a part for the whole
  } finally {
    if (!response.writableEnded && !response.destroyed) response.end()
    leave()
  }
}

async function room(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  const settled = new AbortController()
  const { signal } = settled
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() =>
    settled.abort(),
  )
}

function bodiless(status: number): boolean {
  return status === 204 || status === 304
}
