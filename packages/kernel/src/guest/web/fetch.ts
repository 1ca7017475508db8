// packages/kernel/src/guest/web/fetch.ts: fetch, whose other half is the host's.
//   F1  An aborted fetch rejects with the signal's reason at once, whatever the host does; so does reading its body.
import { type AbortSignal, onAbort } from './abort.ts'
import { readDataUrl } from './data-url.ts'
import { webHost } from './host.ts'
import { Request, type RequestOptions, takeRequestBody } from './request.ts'
import { type Response, receivedResponse } from './response.ts'
import { ReadableStream, type ReadableStreamDefaultReader, streamOf } from './streams.ts'
import type { URL } from './url.ts'

export async function fetch(input: string | URL | Request, init?: RequestOptions): Promise<Response> {
  const request = new Request(input, init)
  const { signal, url, method, redirect } = request
  signal.throwIfAborted()
  if (url.startsWith('data:')) return fetchData(url)
  if (!/^https?:/.test(url)) throw new TypeError(`${url.slice(0, url.indexOf(':') + 1)} URLs cannot be fetched`)
  const sent = {
    url: url.split('#')[0]!,
    method,
    headers: [...request.headers],
    redirect,
    body: takeRequestBody(request),
  }
  const answer = await abortable(webHost().fetch(sent as never, signal as never), signal)
  const body = answer.body as ReadableStream<Uint8Array> | undefined
  return receivedResponse(answer, body && method !== 'HEAD' ? abortableStream(body, signal) : null)
}

/** What stands in the URL itself: nothing leaves the isolate. */
function fetchData(url: string): Response {
  const { type, bytes } = readDataUrl(url)
  const body = streamOf(bytes)
  return receivedResponse(
    { status: 200, statusText: 'OK', headers: [['content-type', type]], url, redirected: false, body: undefined },
    body,
  )
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(forget)
  })
}

/** The same bytes, in a stream that fails as soon as `signal` aborts (F1). */
function abortableStream(source: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  let forget = () => {}
  return new ReadableStream<Uint8Array>(
    {
      type: 'bytes',
      start(controller: { error(reason: unknown): void }) {
        forget = onAbort(signal, () => {
          controller.error(signal.reason)
          reader.cancel(signal.reason).catch(() => {})
        })
      },
      async pull(controller: {
        enqueue(chunk: Uint8Array): void
        close(): void
        error(reason: unknown): void
        byobRequest: { respond(n: number): void } | null
      }) {
        const { done, value } = await nextChunk(reader).catch((error: unknown) => {
          forget()
          throw error
        })
        if (signal.aborted) return
        if (!done) return controller.enqueue(value)
        forget()
        controller.close()
        controller.byobRequest?.respond(0)
      },
      cancel(reason: unknown) {
        forget()
        return reader.cancel(reason)
      },
    } as never,
    { highWaterMark: 0 },
  )
}

/** The next chunk that has bytes in it: a byte stream refuses empty ones, and would not pull again for none. */
async function nextChunk(reader: ReadableStreamDefaultReader<Uint8Array>) {
  for (;;) {
    const result = await reader.read()
    if (result.done || result.value.byteLength > 0) return result
  }
}
