// packages/pryx/src/inspect/server.ts: the door for debuggers: discovery as Node has it, and a WebSocket for each plugin.
//   I1  Loopback only. The path of a plugin's socket is random; who cannot read /json/list cannot guess it.
//   I2  A page of the web cannot use it: a Host that is not the loopback's (rebinding) and an Origin of the web are refused.
//   I3  A debugger sees one plugin. What it says goes to that plugin's isolate, unread.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Kernel } from '@pryx/kernel'
import { CapabilityError, type PluginId, PryxError, UsageError } from '@pryx/kernel/contract'
import { type WebSocket, WebSocketServer } from 'ws'

const HOST = '127.0.0.1'
const MAX_MESSAGE_BYTES = 16 * 1_048_576
const MAX_EARLY = 1_000 // messages to a plugin that is not up yet
const TRY_AGAIN_MS = 100

export interface InspectorTarget {
  plugin: PluginId
  id: string
  title: string
  type: 'node'
  webSocketDebuggerUrl: string
  devtoolsFrontendUrl: string
}

export interface Inspector extends AsyncDisposable {
  readonly port: number
  targets(): InspectorTarget[]
  /** From now on debuggers reach the plugins of `kernel`. */
  serve(kernel: Pick<Kernel, 'inspect'>): void
}

/** @throws USAGE_INSPECT on a Node whose isolates cannot be debugged; INSPECT_PORT */
export async function openInspector({
  port,
  plugins,
}: {
  port: number
  plugins: readonly PluginId[]
}): Promise<Inspector> {
  if (Number(process.versions.node.split('.')[0]) >= 26) throw notHere()
  const ids = new Map(plugins.map((plugin) => [randomUUID() as string, plugin])) // I1
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })
  const server = createServer(answer)
  const kernel = Promise.withResolvers<Pick<Kernel, 'inspect'>>()
  server.on('upgrade', upgrade)
  await listen(server, port)
  const bound = (server.address() as { port: number }).port
  return {
    port: bound,
    targets,
    serve: kernel.resolve,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function targets(): InspectorTarget[] {
    return [...ids].map(([id, plugin]) => {
      const at = `${HOST}:${bound}/${id}`
      return {
        plugin,
        id,
        title: `pryx: ${plugin}`,
        description: 'a Pryx plugin',
        type: 'node',
        url: `pryx://${plugin}`,
        faviconUrl: '',
        webSocketDebuggerUrl: `ws://${at}`,
        devtoolsFrontendUrl: `devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=${at}`,
      }
    })
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.replace(/\/$/, '')
    if (!isLocal(request)) return send(response, 403, { error: 'only from this machine' })
    if (path === '/json' || path === '/json/list') return send(response, 200, targets())
    if (path === '/json/version')
      return send(response, 200, { Browser: `node.js/${process.version}`, 'Protocol-Version': '1.3' })
    send(response, 404, { error: 'there are /json/list and /json/version' })
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const plugin = ids.get(request.url?.slice(1) ?? '')
    if (plugin === undefined || !isLocal(request)) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, (client) => void bridge(client, plugin))
  }

  /** Between a debugger and the plugin's isolate, until either goes; a plugin that is not up yet is waited for. */
  async function bridge(client: WebSocket, plugin: PluginId): Promise<void> {
    const early: string[] = []
    let say = (text: string): void => {
      if (early.push(text) > MAX_EARLY) client.close(1_013, 'the plugin is not running')
    }
    client.on('error', () => {})
    client.on('message', (data) => say(String(data)))
    const { inspect } = await kernel.promise
    while (client.readyState === client.OPEN) {
      try {
        const debugging = inspect(
          plugin,
          (text) => client.send(text),
          () => client.close(1_012, 'the plugin has ended or was reloaded'),
        )
        client.on('close', debugging.close)
        for (const text of early.splice(0)) debugging.send(text)
        say = debugging.send
        return
      } catch (error) {
        if (!PryxError.is(error, 'PLUGIN_DOWN'))
          return client.close(1_011, error instanceof Error ? error.message.slice(0, 120) : '')
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
      }
    }
  }
}

/** I2 */
function isLocal({ headers }: IncomingMessage): boolean {
  const name = headers.host?.replace(/:\d+$/, '')
  return (name === HOST || name === 'localhost' || name === '[::1]') && !/^https?:/i.test(headers.origin ?? '')
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE'
      reject(
        new CapabilityError(
          'INSPECT_PORT',
          `port ${port} cannot be used for debuggers: ${taken ? 'it is taken' : cause.message}`,
          {
            cause,
            hint: 'Name another: `pryx dev --inspect 9230`, or 0 for a free one.',
          },
        ),
      )
    })
    server.listen(port, HOST, resolve)
  })
}

function notHere(): UsageError {
  return new UsageError('USAGE_INSPECT', `plugins cannot be debugged with Node ${process.versions.node}`, {
    hint: 'Use Node 24 for this: with Node 26 a debugger ends the sandbox process (isolated-vm 7).',
  })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body, null, 2))
}
