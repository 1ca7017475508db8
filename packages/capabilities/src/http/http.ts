// packages/capabilities/src/http/http.ts: the capability `http`: one server for all plugins, loopback by default.
//   L1  It listens when the host says so, not before; routes may be taken earlier.
//   L3  With a login, only who is in gets past the door; but for routes whose plugin judges by itself (webhooks).
//   L2  A route goes with the instance that took it. Closing ends every connection, event streams too.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  defineMethod,
  type PluginId,
  UsageError,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import { sendText } from './answer.ts'
import { createDoor, isOfDoor } from './door.ts'
import { coversHttp, httpConsent, parseHttp, parsePrefix } from './grammar.ts'
import { isLoopback, refuseRequest } from './guards.ts'
import { answerFromGuest, type GuestHandler, type GuestLimits } from './guest.ts'
import type { Login } from './login.ts'
import { createRoutes } from './routes.ts'
import { answerFromFolder, findFolder, type StaticFolder } from './static.ts'

const HEADERS_MS = 10_000
const REQUEST_MS = 30_000 // the whole request, body included
const KEEP_ALIVE_MS = 5_000
const HANDLER_MS = 30_000
const BODY_BYTES = 1_048_576
const HEADER_BYTES = 16_384
const MAX_HEADERS = 100
const MAX_CONNECTIONS = 256

export interface HttpOptions {
  /** 0 takes a free one. Default 0. */
  port?: number
  /** Address to listen on. Default 127.0.0.1. */
  host?: string
  /** Names under which the server is known besides the loopback's; needed when `host` is not the loopback. */
  hosts?: readonly string[]
  /** Largest request body, bytes. Default 1 MiB. */
  bodyBytes?: number
  /** Longest wait for a handler's answer to begin, ms. Default 30,000. */
  handlerMs?: number
  /** Longest wait for the head of a request, ms. Default 10,000. */
  headersMs?: number
  maxConnections?: number
  /** Who may see what plugins serve. Without one, whoever reaches the server. */
  login?: Login
  now?(): number
}

export interface Listening {
  port: number
  /** Without a last slash. */
  url: string
}

export interface HttpServerCapability extends Capability {
  /** Settles as `listen` does. */
  readonly listening: Promise<Listening>
  /** @throws HTTP_PORT_TAKEN, HTTP_LISTEN. */
  listen(): Promise<Listening>
  /** Ends the server and every connection, well within a second. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Target = ({ handler: GuestHandler } | StaticFolder) & { open: boolean }

/** @throws HTTP_HOSTS for an address beyond the loopback without `hosts`. */
export function createHttpServerCapability(options: HttpOptions = {}): HttpServerCapability {
  const { port = 0, host = '127.0.0.1', hosts = [], now = Date.now } = options
  if (!isLoopback(host) && hosts.length === 0) throw needsHosts(host)
  const limits: GuestLimits = { bodyBytes: options.bodyBytes ?? BODY_BYTES, handlerMs: options.handlerMs ?? HANDLER_MS }
  const known = new Set(hosts.map((name) => name.toLowerCase()))
  const routes = createRoutes<Target>(now)
  const server = openServer(options, (request, response) => void handle(request, response))
  const listening = Promise.withResolvers<Listening>()
  const door = options.login && createDoor(options.login, () => (server.address() as AddressInfo).port)
  listening.promise.catch(() => {}) // whoever calls `listen` is told
  let started: Promise<Listening> | undefined

  return {
    name: 'http',
    version: '1.0.0',
    summary: 'Serves web pages and webhooks',
    parse: parseHttp,
    covers: coversHttp,
    consent: () => httpConsent(isLoopback(host)),
    methods: describeMethods(take, (prefix, plugin) => routes.drop(prefix, plugin), listening.promise),
    listening: listening.promise,
    listen() {
      started ??= startListening(server, port, host)
      listening.resolve(started)
      return started
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  function take(prefix: string, call: CapabilityCall, target: Target): void {
    if (door !== undefined && isOfDoor(prefix)) throw ofTheHost(prefix)
    call.effect(() => routes.add(prefix, call.plugin, target)) // L2
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const refused = refuseRequest(request.method ?? '', request.headers, known)
      if (refused !== undefined) return sendText(response, refused.status, refused.text, [['connection', 'close']])
      const url = urlOf(request)
      if (url === undefined) return sendText(response, 400, 'The request target is malformed.')
      if (await door?.answer(url, request, response)) return
      await dispatch(url, request, response)
    } catch {
      sendText(response, 500, 'The server failed to answer.')
    }
  }

  function dispatch(url: URL, request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    const route = routes.match(url.pathname)
    const open = typeof route === 'object' && route.target.open
    if (door !== undefined && !open && !door.admit(request, response)) return // L3
    if (route === undefined) return sendText(response, 404, 'No plugin serves this path.')
    if (route === 'gone') return sendText(response, 503, 'The plugin is restarting.', [['retry-after', '1']])
    if ('handler' in route.target) return answerFromGuest(route.target.handler, url, request, response, limits)
    const rest = url.pathname.slice(route.prefix === '/' ? 0 : route.prefix.length)
    if (rest === '') return sendText(response, 308, 'Moved.', [['location', `${url.pathname}/${url.search}`]]) // so that relative links work
    return answerFromFolder(route.target, rest, request, response)
  }

  async function close(): Promise<void> {
    if (started === undefined) listening.reject(closedError())
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections() // L2
    await closed
  }
}

type Take = (prefix: string, call: CapabilityCall, target: Target) => void

function describeMethods(
  take: Take,
  drop: (prefix: string, plugin: PluginId) => boolean,
  listening: Promise<Listening>,
): Capability['methods'] {
  const access = () => ['serve']
  const handler = z.custom<GuestHandler>((value) => typeof value === 'function', 'a function')
  const options = z.strictObject({ spa: z.boolean().optional() }).optional()
  const serving = z.strictObject({ open: z.boolean().optional() }).optional()
  return {
    serve: defineMethod({
      input: z.tuple([z.string(), handler]).rest(serving),
      access,
      run: async ([prefix, handler, options], call) =>
        take(parsePrefix(prefix), call, { handler, open: options?.open ?? false }),
      redact: ([prefix]) => prefix,
    }),
    static: defineMethod({
      input: z.tuple([z.string(), z.string().min(1).max(256), options]),
      access,
      run: async ([prefix, folder, options], call) =>
        take(parsePrefix(prefix), call, {
          root: await findFolder(folder, call.place),
          spa: options?.spa ?? false,
          open: false,
        }),
      redact: ([prefix, folder]) => `${prefix} ${folder}`,
    }),
    unserve: defineMethod({
      input: z.tuple([z.string()]),
      access,
      run: async ([prefix], call) => drop(parsePrefix(prefix), call.plugin),
    }),
    url: defineMethod({ input: z.tuple([]), access, run: async () => (await listening).url }),
  }
}

function openServer(
  options: HttpOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const { headersMs = HEADERS_MS } = options
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: Math.max(REQUEST_MS, headersMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
      maxHeaderSize: HEADER_BYTES,
      noDelay: true,
    },
    handle,
  )
  server.maxHeadersCount = MAX_HEADERS
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  return server
}

function startListening(server: Server, port: number, host: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, port, host)))
    server.listen({ port, host }, () => {
      const { port: taken } = server.address() as AddressInfo
      resolve({ port: taken, url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}` })
    })
  })
}

/** The request's URL, from an origin-form target only: an absolute one could name another host than was judged. */
function urlOf({ url = '', headers }: IncomingMessage): URL | undefined {
  const text = `http://${headers.host}${url}`
  return url.startsWith('/') && URL.canParse(text) ? new URL(text) : undefined
}

function listenError(error: unknown, port: number, host: string): CapabilityError {
  const { code, message } = error as { code?: string; message: string }
  if (code === 'EADDRINUSE')
    return new CapabilityError('HTTP_PORT_TAKEN', `port ${port} is taken by another program`, {
      hint: 'Choose another with --port, or end that program. Is Pryx running already?',
      port,
    })
  return new CapabilityError('HTTP_LISTEN', `cannot listen on ${host}:${port}: ${message}`, {
    hint: 'Choose another with --port.',
    port,
    host,
  })
}

function ofTheHost(prefix: string): CapabilityError {
  return new CapabilityError('HTTP_PREFIX_TAKEN', `${prefix} belongs to the host`, {
    hint: 'Choose another prefix.',
    prefix,
  })
}

function needsHosts(host: string): UsageError {
  return new UsageError('HTTP_HOSTS', `listening on ${host} needs the names under which the server is known`, {
    hint: 'Name them in `hosts`, so that pages elsewhere cannot reach it under a name of their own.',
    host,
  })
}

function closedError(): CapabilityError {
  return new CapabilityError('HTTP_CLOSED', 'the server ended before it listened')
}
