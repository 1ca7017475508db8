import { once } from 'node:events'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createProject, type Project } from '../cli/bin-testing.ts'
import { openInspector } from './server.ts'

const SOURCE = `interface Context {
  tools: { provide(tool: { name: string; description: string; run(): Promise<number> }): void }
}

export default {
  activate(ctx: Context): void {
    ctx.tools.provide({ name: 'sum.add', description: 'adds', run: async () => add(20, 22) })
  },
}

async function add(left: number, right: number): Promise<number> {
  const total = left + right
  console.warn('adding', left, right)
  return total // the place
}
`

test('K7: a debugger sets a breakpoint in the author’s source, sees into the frame, and goes on', {
  timeout: 60_000,
}, async () => {
  await using project = createProject(['sum', 'other'])
  writePlugin(project)
  project.plugin(
    'other',
    'export default { activate(ctx) { ctx.tools.provide({ name: "other.ping", description: "answers", run: async () => "pong" }) } }',
    {
      tools: [{ name: 'other.ping', description: 'answers' }],
    },
  )
  const caller = `export default { activate(ctx) { ctx.tools.provide({ name: 'caller.go', description: 'goes',
    async run() { try { return { got: await ctx.tools.call('sum.add', {}) } } catch (e) { return { code: e.code } } } })
    setInterval(async () => console.warn('SUM', JSON.stringify(await ctx.tools.call('sum.add', {}))), 2000)
    setInterval(async () => console.warn('PING', await ctx.tools.call('other.ping', {})), 200) } }`
  project.plugin('caller', caller, { permissions: ['tools:*'], tools: [{ name: 'caller.go', description: 'goes' }] })
  project.write('pryx.json', {
    plugins: Object.fromEntries(['sum', 'other', 'caller'].map((id) => [id, { source: `./plugins/${id}` }])),
  })
  const host = await project.dev('plugins/sum', '--inspect', '0', '--consent', 'declared', '--verbose')
  await expect
    .poll(() => host.stderr(), { timeout: 15_000 })
    .toMatch(/can be debugged: ws:\/\/127\.0\.0\.1:\d+\/[\w-]{36}/)
  const url = /ws:\/\/\S+/.exec(host.stderr())![0]
  await using client = await connect(url)

  const { sourceMapURL, url: script } = await client.scriptOf(/sum\/plugin\.js$/)
  const map = JSON.parse(Buffer.from(sourceMapURL.split(',')[1]!, 'base64').toString()) as {
    sources: string[]
    sourcesContent: string[]
  }
  const source = map.sources.findIndex((one) => one.endsWith('src/plugin.ts'))
  expect(map.sources[source]).toMatch(/^file:\/\/.*\/plugins\/sum\/src\/plugin\.ts$/)
  expect(map.sourcesContent[source]).toBe(SOURCE)
  const place = await client.generated(sourceMapURL, source, 'return total // the place')
  await client.ask('Debugger.setBreakpointByUrl', { url: script, lineNumber: place.line, columnNumber: place.column })

  const paused = await client.next('Debugger.paused')
  const pings = () => host.stderr().split('PING pong').length
  const before = pings()
  await expect.poll(pings, { timeout: 10_000 }).toBeGreaterThan(before + 7) // others go on, and no time-out strikes
  const frame = (paused.callFrames as { callFrameId: string; functionName: string }[])[0]!
  const { result } = await client.ask('Debugger.evaluateOnCallFrame', {
    callFrameId: frame.callFrameId,
    expression: 'left * 100 + right',
  })
  expect(frame.functionName).toBe('add')
  expect(result).toMatchObject({ value: 2_022 })
  expect(host.stderr()).not.toContain('SUM')
  await client.ask('Debugger.resume')

  await expect.poll(() => host.stderr(), { timeout: 10_000 }).toContain('SUM 42')
  expect(host.stderr()).toMatch(/sum adding 20 22 .*src\/plugin\.ts:13:\d+/) // console output names its place in the sources
  const sums = host.stderr().split('SUM 42').length
  await client.next('Debugger.paused')
  await client[Symbol.asyncDispose]() // leaving lets it go on
  await expect.poll(() => host.stderr().split('SUM 42').length, { timeout: 10_000 }).toBeGreaterThan(sums)
  const again = await connect(url)
  const script2 = await again.scriptOf(/sum\/plugin\.js$/)
  await again.ask('Debugger.setBreakpointByUrl', {
    url: script2.url,
    lineNumber: place.line,
    columnNumber: place.column,
  })
  await again.next('Debugger.paused')
  await project.run('plugins', 'reload', 'sum') // and so does what ends it
  await expect.poll(() => again.closed, { timeout: 10_000 }).toBe(true)
  const more = host.stderr().split('SUM 42').length
  await expect.poll(() => host.stderr().split('SUM 42').length, { timeout: 15_000 }).toBeGreaterThan(more)
  const plugins = (await project.json('plugins')).value as {
    plugins: { id: string; failures: number; process: string }[]
  }
  const of = (id: string) => plugins.plugins.find((one) => one.id === id)!
  expect(of('sum').failures, host.stderr()).toBe(0)
  expect(of('sum').process).not.toBe(of('other').process)
  await host.end()
})

test('K7: whoever is not on this machine’s own name, or is a page of the web, or has no token, is refused', async () => {
  await using inspector = await openInspector({ port: 0, plugins: ['notes'] })
  const [target] = inspector.targets()
  const list = (headers: Record<string, string>) => statusOf(inspector.port, '/json/list', headers)

  expect(await list({})).toBe(200)
  expect(await list({ host: 'evil.example:9229' })).toBe(403)
  expect(await list({ origin: 'https://evil.example' })).toBe(403)
  expect(target!.webSocketDebuggerUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/[\w-]{36}$/)
  expect(await refusal(`ws://127.0.0.1:${inspector.port}/guess`)).toMatch(/403/)
  expect(await refusal(target!.webSocketDebuggerUrl, 'http://localhost:3000')).toMatch(/403/)
})

function writePlugin(project: Project): void {
  project.write('plugins/sum/package.json', {
    name: 'pryx-plugin-sum',
    version: '1.0.0',
    type: 'module',
    pryx: {
      engine: '*',
      entry: 'dist/plugin.js',
      tools: [{ name: 'sum.add', description: 'adds' }],
    },
  })
  project.write('plugins/sum/src/plugin.ts', SOURCE)
}

async function connect(url: string) {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const answers = new Map<number, (message: { result?: object; error?: object }) => void>()
  const events: { method: string; params: Record<string, unknown> }[] = []
  const waiting: (() => void)[] = []
  let serial = 0
  socket.on('message', (data) => {
    const message = JSON.parse(String(data))
    if (message.id !== undefined) answers.get(message.id)?.(message)
    else events.push(message)
    for (const look of waiting.splice(0)) look()
  })
  const ask = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++serial
    const answer = new Promise<{ result?: object; error?: object }>((resolve) => answers.set(id, resolve))
    socket.send(JSON.stringify({ id, method, params }))
    const { result, error } = await answer
    if (error) throw new Error(JSON.stringify(error))
    return result as Record<string, unknown>
  }
  const next = async (
    method: string,
    match = (_: Record<string, unknown>) => true,
  ): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = events.findIndex((event) => event.method === method && match(event.params))
      if (found >= 0) return events.splice(found, 1)[0]!.params
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  await ask('Runtime.enable')
  await ask('Debugger.enable')
  return {
    ask,
    next,
    get closed() {
      return socket.readyState === socket.CLOSED
    },
    scriptOf: async (pattern: RegExp) =>
      (await next('Debugger.scriptParsed', ({ url: name }) => pattern.test(String(name)))) as {
        sourceMapURL: string
        url: string
      },
    /** Where a line of the source lies in the bundle, both from 0, as a debugger finds it: by the map. */
    async generated(mapUrl: string, _source: number, text: string) {
      const { SourceMap } = await import('node:module')
      const payload = JSON.parse(Buffer.from(mapUrl.split(',')[1]!, 'base64').toString())
      const map = new SourceMap(payload)
      const wanted = SOURCE.split('\n').findIndex((line) => line.includes(text))
      for (let line = 0; line < 5_000; line++) {
        for (let column = 0; column < 40; column++) {
          const at = map.findEntry(line, column)
          if (
            'originalLine' in at &&
            at.originalLine === wanted &&
            at.originalSource.endsWith('src/plugin.ts') &&
            at.generatedLine === line
          )
            return { line: at.generatedLine, column: at.generatedColumn }
        }
      }
      throw new Error('not in the map')
    },
    async [Symbol.asyncDispose]() {
      socket.terminate()
    },
  }
}

function statusOf(port: number, path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}

function refusal(url: string, origin?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, origin === undefined ? {} : { origin })
    socket.on('error', (error) => resolve(error.message))
    socket.on('open', () => resolve('let in'))
  })
}
