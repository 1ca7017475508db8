// packages/pryx/src/control/client.ts: the same face as the host's own `Control`, over its socket.
import { existsSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request as openRequest } from 'node:http'
import { createInterface } from 'node:readline'
import {
  CapabilityError,
  errorFromJson,
  LifecycleError,
  type TraceFilter,
  type TraceRecord,
} from '@pryx/kernel/contract'
import type { JournalEvent } from '../host/journal.ts'
import type { Control } from './control.ts'
import { socketPath } from './socket-path.ts'

const ANSWER_MS = 60_000 // a reload may wait for a plugin that drains
const MAX_ANSWER_BYTES = 64 * 1_048_576

export interface ControlClient extends Control {
  /** New events as they happen, until the host ends or `signal` aborts. From `opened` on, none is missed. */
  follow(signal?: AbortSignal, opened?: () => void): AsyncIterable<JournalEvent>
  /** Whole traces as they end, as `follow` does. */
  followTraces(filter: TraceFilter, signal?: AbortSignal): AsyncIterable<TraceRecord>
}

/** A client of the host on `data`; undefined if none is running there. */
export async function connectControl(data: string): Promise<ControlClient | undefined> {
  const path = socketPath(data)
  if (!existsSync(path)) return undefined
  const call = (method: string, args: unknown[]) => post(path, method, args)
  try {
    await call('host', [])
  } catch (error) {
    if (error instanceof LifecycleError && error.code === 'HOST_DOWN') return undefined
    throw error
  }
  const methods = new Proxy({} as Control, {
    get:
      (_target, method) =>
      (...args: unknown[]) =>
        call(String(method), args),
  })
  return new Proxy(methods as ControlClient, {
    get: (target, key) =>
      key === 'follow'
        ? (signal?: AbortSignal, opened?: () => void) => follow<JournalEvent>(path, '/events', signal, opened)
        : key === 'followTraces'
          ? (filter: TraceFilter, signal?: AbortSignal) =>
              follow<TraceRecord>(path, `/traces?${queryOf(filter)}`, signal)
          : key === 'then'
            ? undefined
            : target[key as keyof Control],
  })
}

async function post(path: string, method: string, args: unknown[]): Promise<unknown> {
  const request = openRequest({
    socketPath: path,
    path: `/${method}`,
    method: 'POST',
    timeout: ANSWER_MS,
    headers: { 'content-type': 'application/json' },
  })
  request.end(JSON.stringify(args))
  const body = JSON.parse(await textOf(await answerTo(request, path))) as { result?: unknown; error?: unknown }
  if (body.error !== undefined) throw errorFromJson(body.error)
  return body.result
}

async function* follow<T>(path: string, stream: string, signal?: AbortSignal, opened?: () => void): AsyncIterable<T> {
  const request = openRequest({ socketPath: path, path: stream, timeout: ANSWER_MS, ...(signal && { signal }) })
  request.end()
  const response = await answerTo(request, path)
  request.setTimeout(0) // it may be long until something happens
  opened?.()
  try {
    for await (const line of createInterface({ input: response })) yield JSON.parse(line) as T
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!signal?.aborted && code !== 'ECONNRESET') throw error
  }
}

function queryOf({ minMs = 0, plugin }: TraceFilter): URLSearchParams {
  return new URLSearchParams({ minMs: String(minMs), ...(plugin !== undefined && { plugin }) })
}

function answerTo(request: ClientRequest, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('timeout', () =>
      request.destroy(
        new CapabilityError('CONTROL_TIMEOUT', `the host did not answer within ${ANSWER_MS / 1_000} s`, {
          hint: 'Look at what it says where it runs.',
        }),
      ),
    )
    request.once('error', (cause) => reject(unreachable(cause, path)))
  })
}

function unreachable(cause: Error, path: string): Error {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new LifecycleError('HOST_DOWN', 'no host is running here', { cause })
  if (code === 'EACCES')
    return new CapabilityError('CONTROL_DENIED', `${path} belongs to another user`, {
      hint: 'Run this as the user who runs the host.',
    })
  return cause
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_ANSWER_BYTES) throw new CapabilityError('CONTROL_ANSWER', 'the host’s answer is too long')
  }
  return text
}
