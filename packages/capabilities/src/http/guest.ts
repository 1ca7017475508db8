// packages/capabilities/src/http/guest.ts: one request answered by a plugin's handler.
//   Q1  The plugin is given a limited body, limited time, and no socket.
//   Q2  What goes wrong inside is never told outside: 413, 503 (gone, come back), 504 (too slow) or 500.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorToJson, LifecycleError, PryxError, SandboxError, ServiceError } from '@pryx/kernel/contract'
import { z } from 'zod'
import { sendAnswer, sendText } from './answer.ts'
import { COOKIE_PREFIX, withoutOurs } from './door.ts'

/** A request as it crosses the wall. */
export interface WireRequest {
  method: string
  url: string
  headers: [string, string][]
  body: ReadableStream<Uint8Array> | undefined
  /** Address of the peer. */
  remote: string
}

export type GuestHandler = (request: WireRequest) => Promise<unknown>

export interface GuestLimits {
  bodyBytes: number
  handlerMs: number
}

const answer = z.object({
  status: z.number().int().min(200).max(599),
  headers: z
    .array(z.tuple([z.string().max(256), z.string().max(16_384)]))
    .max(128)
    .default([]),
  body: z
    .union([z.string(), z.instanceof(Uint8Array), z.custom<ReadableStream>((value) => value instanceof ReadableStream)])
    .optional(),
})

const GONE = new Set(['LifecycleError', 'ServiceError', 'SandboxError'])

export async function answerFromGuest(
  handler: GuestHandler,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  limits: GuestLimits,
): Promise<void> {
  const overflow = { happened: Number(request.headers['content-length'] ?? 0) > limits.bodyBytes }
  if (overflow.happened)
    return sendText(response, 413, `The body is larger than ${limits.bodyBytes} bytes.`, [['connection', 'close']])
  try {
    const raw = await within(limits.handlerMs, handler(wireRequest(url, request, limits.bodyBytes, overflow)))
    const given = answer.parse(raw)
    if (response.destroyed) return await cancelBody(raw)
    await sendAnswer(response, { ...given, headers: given.headers.filter(isTheirs) })
  } catch (error) {
    if (overflow.happened) sendText(response, 413, `The body is larger than ${limits.bodyBytes} bytes.`)
    else if (error === LATE) sendText(response, 504, 'The plugin took too long to answer.')
    else if (isGone(error)) sendText(response, 503, 'The plugin is restarting.', [['retry-after', '1']])
    else sendText(response, 500, 'The plugin failed to answer.') // Q2
  }
}

const LATE = Symbol('late')

/** Rejects with LATE after `ms`; an answer that still comes has its stream cancelled. */
async function within(ms: number, work: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(LATE)
      work.then(cancelBody).catch(() => {})
    }, ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** D1 of door.ts: a session is not a plugin's to set. */
function isTheirs([name, value]: readonly [string, string]): boolean {
  return name.toLowerCase() !== 'set-cookie' || !value.trim().toLowerCase().startsWith(COOKIE_PREFIX)
}

async function cancelBody(raw: unknown): Promise<void> {
  const body = answer.safeParse(raw).data?.body
  if (body instanceof ReadableStream) await body.cancel('nobody waits for it')
}

function wireRequest(
  url: URL,
  request: IncomingMessage,
  maxBytes: number,
  overflow: { happened: boolean },
): WireRequest {
  const { method = 'GET', rawHeaders, headers, socket } = request
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return {
    method,
    url: url.href,
    headers: pairs(rawHeaders),
    body: hasBody ? streamOf(limited(request, maxBytes, overflow)) : undefined,
    remote: socket.remoteAddress ?? '',
  }
}

/** Read chunk by chunk as the plugin asks, so that a body waits in the socket and not in memory. */
function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => void (await chunks.return(undefined)),
    },
    { highWaterMark: 0 },
  )
}

async function* limited(
  request: IncomingMessage,
  maxBytes: number,
  overflow: { happened: boolean },
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    overflow.happened = bytes > maxBytes
    if (overflow.happened) throw new Error('the body is too large')
    yield new Uint8Array(chunk)
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    const value = name === 'cookie' ? withoutOurs(raw[i + 1] as string) : (raw[i + 1] as string) // D1 of door.ts
    if (name !== 'cookie' || value !== '') headers.push([name, value])
  }
  return headers
}

/** The plugin could not be reached, as opposed to: it was, and it threw. */
function isGone(error: unknown): boolean {
  if (error instanceof LifecycleError || error instanceof ServiceError || error instanceof SandboxError) return true
  return PryxError.is(error) && GONE.has(errorToJson(error).name)
}
