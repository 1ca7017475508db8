import { mkdtemp, rm } from 'node:fs/promises'
import { type AgentOptions, createServer, globalAgent, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { JournalEvent } from '../host/journal.ts'
import { connectControl } from './client.ts'
import { socketPath } from './socket-path.ts'

const { options } = globalAgent as unknown as { options: AgentOptions }
const { timeout } = options
afterEach(() => {
  options.timeout = timeout
})

test('L1: who follows a host that has nothing to say hears it when it speaks again', async () => {
  options.timeout = 50 // Node's own is 5 s
  await using owner = new AsyncDisposableStack()
  const data = await mkdtemp(join(tmpdir(), 'pryx-control-'))
  owner.defer(() => rm(data, { recursive: true, force: true }))
  let events: ServerResponse | undefined
  const server = createServer((request, response) => {
    if (request.method === 'POST') return void response.end('{"result":null}')
    events = response.writeHead(200)
    response.flushHeaders()
  })
  await new Promise<void>((resolve) => server.listen(socketPath(data), resolve))
  owner.defer(() => void server.close())
  const client = await connectControl(data)

  const heard: JournalEvent[] = []
  const following = (async () => {
    for await (const event of client!.follow()) heard.push(event)
  })()
  await expect.poll(() => events).toBeDefined()
  await setTimeout(200)
  events!.end('{"event":"task.due"}\n')
  await following

  expect(heard).toEqual([{ event: 'task.due' }])
})
