import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createRegistry } from './registry.ts'
import { ask } from './transport.ts'

const TOKEN = { authorization: 'Bearer secret' }

/** A server on loopback; `other` is the same one under another host's name. */
async function openServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    other: `http://localhost:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const get = (url: string) => ask(url, { headers: TOKEN, signal: new AbortController().signal })

test('U5: a token goes along within its origin, and to no other (Q1)', async () => {
  const seen: (string | undefined)[] = []
  await using server = await openServer((request, response) => {
    seen.push(request.headers.authorization)
    const to = { '/near': `${server.url}here`, '/far': `${server.other}here` }[request.url!]
    response.writeHead(to ? 302 : 200, to ? { location: to } : {}).end('here')
  })

  expect((await buffer((await get(`${server.url}near`)).body)).toString()).toBe('here')
  expect((await buffer((await get(`${server.url}far`)).body)).toString()).toBe('here')

  expect(seen).toEqual([TOKEN.authorization, TOKEN.authorization, TOKEN.authorization, undefined])
})

test('K10: redirects without end are given up', async () => {
  await using server = await openServer((_request, response) => {
    response.writeHead(302, { location: '/again' }).end()
  })

  await expect(get(server.url)).rejects.toMatchObject({ code: 'ERR_FR_TOO_MANY_REDIRECTS' })
})

test('K10: a packed answer is unpacked; one that is small and unpacks to more than any may be is given up', async () => {
  let content = Buffer.from(JSON.stringify({ name: 'pryx-plugin-x', versions: {} }))
  await using server = await openServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content))
  })
  const registry = createRegistry({ settings: { registryOf: () => server.url, auth: {} } as never })

  expect(await registry.document('pryx-plugin-x')).toMatchObject({ name: 'pryx-plugin-x' })
  content = Buffer.alloc(80 * 1_048_576)
  await expect(registry.document('pryx-plugin-x')).rejects.toMatchObject({ code: 'PACKAGE_TOO_LARGE' })
})

test('K10: what says it is packed and is not is told as such', async () => {
  await using server = await openServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('not packed')
  })

  await expect(buffer((await get(server.url)).body)).rejects.toMatchObject({ code: 'Z_DATA_ERROR' })
})
