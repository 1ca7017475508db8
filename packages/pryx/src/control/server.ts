// packages/pryx/src/control/server.ts: the control socket: HTTP and JSON over a Unix socket only its owner can open.
//   S1  The socket is never open to others, not for a moment: it is bound under a strict umask.
//   S2  Bodies, connections, waits and what waits to be read are bounded. A slow reader of the stream loses events and is told how many.
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import type { Traces } from '@pryx/kernel'
import {
  CapabilityError,
  errorToJson,
  PryxError,
  type Release,
  type TraceRecord,
  UsageError,
} from '@pryx/kernel/contract'
import type { Journal } from '../host/journal.ts'
import { type Control, inputs, traceFilter } from './control.ts'
import { socketPath } from './socket-path.ts'

const BODY_BYTES = 1_048_576 // a document of tasks that is taken in
const REQUEST_MS = 5_000
const MAX_CONNECTIONS = 32
const MAX_WAITING_BYTES = 1_048_576 // of one stream

/** Listens until disposed. The caller holds the data folder's lock, so a socket found there is a dead host's. @throws HOST_CONTROL */
export async function openControlServer(
  data: string,
  control: Control,
  { journal, traces }: { journal: Pick<Journal, 'follow'>; traces: Pick<Traces, 'watch'> },
): Promise<AsyncDisposable & { path: string }> {
  const path = socketPath(data)
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => void serve(request, response),
  )
  server.maxConnections = MAX_CONNECTIONS
  await listen()
  return {
    path,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      rmSync(path, { force: true })
    },
  }

  async function listen(): Promise<void> {
    const listening = Promise.withResolvers<void>()
    try {
      ownFolder(dirname(path))
      rmSync(path, { force: true })
      const before = process.umask(0o177) // S1
      server.once('error', listening.reject).listen(path, listening.resolve)
      process.umask(before)
      await listening.promise
      chmodSync(path, 0o600)
    } catch (cause) {
      server.close()
      throw new CapabilityError(
        'HOST_CONTROL',
        `the control socket ${path} cannot be opened: ${(cause as Error).message}`,
        { file: path, cause, hint: 'Name another data folder with --data.' },
      )
    }
    server.on('error', () => {}) // later troubles are a connection's
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    try {
      if (request.method === 'GET') return streamOf(request.url ?? '/', response)
      if (request.method !== 'POST')
        throw new UsageError(
          'CONTROL_REQUEST',
          'POST /METHOD with a JSON array of arguments, or GET /events, GET /traces',
        )
      const result = await perform(request.url ?? '', await readJson(request))
      send(response, 200, { result: result ?? null })
    } catch (error) {
      if (!PryxError.is(error)) console.error(error) // ours to mend: the caller gets its message only
      send(response, 400, { error: errorToJson(error) })
    }
  }

  function perform(url: string, args: unknown): Promise<unknown> {
    const method = url.slice(1)
    if (!Object.hasOwn(inputs, method))
      throw new UsageError('CONTROL_REQUEST', `there is no method "${method.slice(0, 40)}"`)
    const input = inputs[method as keyof Control].safeParse(args)
    if (!input.success) throw new UsageError('CONTROL_REQUEST', `${method}: ${input.error.issues[0]?.message}`)
    return (control[method as keyof Control] as (...args: unknown[]) => Promise<unknown>)(...input.data)
  }

  function streamOf(target: string, response: ServerResponse): void {
    const { pathname = '', searchParams = new URLSearchParams() } = URL.parse(`http://host${target}`) ?? {}
    if (pathname === '/events')
      return stream(response, journal.follow, (count) => ({
        at: Date.now(),
        event: 'events.missed',
        from: 'host',
        data: { count },
      }))
    const filter = traceFilter.safeParse(Object.fromEntries(searchParams))
    if (pathname !== '/traces' || !filter.success)
      throw new UsageError('CONTROL_REQUEST', 'there are two streams: /events, and /traces?minMs=0&plugin=ID')
    const { minMs = 0, plugin } = filter.data
    const wanted = (trace: TraceRecord) =>
      trace.ms >= minMs && (plugin === undefined || trace.spans.some((span) => span.plugin === plugin))
    stream<TraceRecord>(response, (tell) => traces.watch((trace) => wanted(trace) && tell(trace)))
  }

  /** JSON lines, for as long as the reader stays. */
  function stream<T>(
    response: ServerResponse,
    follow: (tell: (item: T) => void) => Release,
    missedNote?: (count: number) => unknown,
  ): void {
    let missed = 0
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.flushHeaders()
    const release = follow((item) => {
      if (response.writableLength > MAX_WAITING_BYTES) return void missed++ // S2
      if (missed > 0 && missedNote) response.write(`${JSON.stringify(missedNote(missed))}\n`)
      missed = 0
      response.write(`${JSON.stringify(item)}\n`)
    })
    response.on('close', () => void release())
  }
}

/** A folder of our own for the socket; one that is another's could have it swapped. */
function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid } = statSync(folder)
  if (process.getuid && uid !== process.getuid()) throw new Error(`${folder} belongs to another user`)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES) throw new UsageError('CONTROL_REQUEST', `a request may have ${BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new UsageError('CONTROL_REQUEST', 'the request is not JSON')
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
}
