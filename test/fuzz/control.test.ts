// test/fuzz/control.test.ts: whatever is sent to the control socket, it answers in our words or ends that connection, and goes on (K4 K8).
import { request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../packages/capabilities/src/capability-testing.ts'
import { type Control, inputs } from '../../packages/pryx/src/control/control.ts'
import { openControlServer } from '../../packages/pryx/src/control/server.ts'
import { numRuns } from './fuzz-testing.ts'

const talks = numRuns / 5
const METHODS = Object.keys(inputs)

test('K4: any request is performed with valid arguments only, or refused with a code', async () => {
  using folder = temporaryFolder()
  const performed: [string, unknown[]][] = []
  await using server = await openServer(folder.path, performed)
  const troubles = vi.spyOn(console, 'error').mockImplementation(() => {})
  const path = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...METHODS).map((name) => `/${name}`) },
    fc.constantFrom(
      '/',
      '//',
      '/events/..',
      '/__proto__',
      '/constructor',
      '/traces?minMs=x',
      '/traces?minMs=-1',
      '*',
      '/%',
      '//[',
      '/host?x=1',
    ),
    fc.webPath().map((text) => text || '/'),
  )
  const words = fc.constantFrom<unknown>('notes', 'allow', 'once', 'forever', 'net:x.org', 1, true, null, {
    mode: 'allow',
    duration: 'once',
  })
  const body = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.array(fc.oneof(words, fc.jsonValue()), { maxLength: 4 }).map((json) => JSON.stringify(json)),
    },
    fc.json(),
    fc.string({ unit: 'binary' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('POST', 'GET', 'PUT', 'DELETE'), path, body, async (method, target, content) => {
      const before = performed.length
      const { status, text } = await ask(server.path, method, target, content)
      if (status === 200) {
        const [name = '', args = []] = performed[before] ?? []
        if (method === 'POST') expect(inputs[name as keyof Control].safeParse(args).success).toBe(true)
        return
      }
      expect(status).toBe(400)
      expect(performed).toHaveLength(before)
      if (text !== '') expect(JSON.parse(text).error.code).toBe('CONTROL_REQUEST') // empty: node's own parser refused it
    }),
    {
      numRuns: talks,
      examples: [
        ['GET', '//', ''],
        ['POST', '//', '[]'],
      ],
    },
  )
  expect(troubles.mock.calls).toEqual([])
  troubles.mockRestore()
})

test('K4: bytes that are no request end their connection, and the next is served', async () => {
  using folder = temporaryFolder()
  await using server = await openServer(folder.path, [])
  const head = 'POST /host HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]'
  const spoilt = fc.tuple(fc.nat(head.length - 1), fc.nat(255), fc.boolean()).map(([at, by, cuts]) => {
    const bytes = Buffer.from(head)
    bytes[at] = by
    return cuts ? bytes.subarray(0, at) : bytes
  })
  await fc.assert(
    fc.asyncProperty(fc.oneof(spoilt, fc.uint8Array({ maxLength: 200 })), (bytes) => send(server.path, bytes)),
    { numRuns: talks },
  )
  expect(await ask(server.path, 'POST', '/host', '[]')).toMatchObject({ status: 200 })
})

/** The real server; what it would have the host do is noted instead. */
function openServer(data: string, performed: [string, unknown[]][]) {
  const control = Object.fromEntries(
    METHODS.map((name) => [name, async (...args: unknown[]) => void performed.push([name, args])]),
  ) as unknown as Control
  const follow = () => () => {}
  return openControlServer(data, control, { journal: { follow }, traces: { watch: follow } })
}

/** A stream that begins is left at once. */
function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, agent: false }, (response) => {
      const status = response.statusCode ?? 0
      if (response.headers['content-type'] === 'application/x-ndjson') {
        asked.destroy()
        return resolve({ status, text: '' })
      }
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status, text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Sends the bytes and hangs up. Resolves when the server has, too. */
function send(path: string, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.end(bytes))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
  })
}
