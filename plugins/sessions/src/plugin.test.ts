import { fileURLToPath } from 'node:url'
import { createStorageCapability } from '@pryx/capabilities'
import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { Sessions, sessionEvents } from './service.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))

test('B1: in the sandbox, on real storage: kept through a reload, told on the bus, exported over the wall', {
  timeout: 60_000,
}, async () => {
  await using ends = new AsyncDisposableStack()
  const storage = createStorageCapability()
  ends.defer(() => storage[Symbol.asyncDispose]?.())
  await using pryx = await createHarness({ folder, grant: 'declared', capabilities: [storage] })
  const sessions = await pryx.use(Sessions)
  await sessions.create({ id: 'main' })
  await sessions.send('main', { surface: 'web', client: 'c1', text: 'Remember the milk' })

  await pryx.reload()
  const again = await sessions.send('main', { surface: 'web', client: 'c1', text: 'Remember the milk' })

  expect(again).toMatchObject({ duplicate: true, event: { version: 1, from: 'host' } })
  expect(await pryx.seen(sessionEvents.message)).toMatchObject({
    session: 'main',
    version: 1,
    body: { text: 'Remember the milk' },
  })
  expect(await sessions.search('mil')).toMatchObject([{ session: 'main', snippet: 'Remember the «milk»' }])
  expect(JSON.parse(await sessions.export('main', 'json'))).toMatchObject({
    session: { id: 'main' },
    events: [{ version: 1 }],
  })
  await expect(sessions.send('main', { surface: 'Not a surface', client: 'c', text: 'x' })).rejects.toThrow(/surface/)
})
