import { fileURLToPath } from 'node:url'
import { Sessions } from '@pryx/plugin-sessions/service'
import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { Agent } from './service.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

test('L7: agent, router and sessions, each in its isolate: the echo calls a tool of a sleeping plugin and answers', {
  timeout: 120_000,
}, async () => {
  await using pryx = await createHarness({
    folder: at('..'),
    grant: 'declared',
    fake: {
      fs: { stat: () => undefined, exists: () => false },
      secrets: { list: () => [], get: () => undefined },
      net: { fetch: () => new Response('', { status: 404 }) },
    },
    beside: [
      { folder: at('../../sessions') },
      { folder: at('../../router'), config: { refresh: 'never', detect: { enabled: false } } },
      {
        id: 'dice',
        plugin: `export const roll = ({ sides }) => ({ rolled: sides })`,
        manifest: {
          activation: ['tool:dice.roll'],
          tools: [
            {
              name: 'dice.roll',
              description: 'Rolls a die',
              handler: 'roll',
              input: { type: 'object', properties: { sides: { type: 'integer' } } },
            },
          ],
        },
      },
    ],
  })
  const agent = await pryx.use(Agent)

  const { id } = await agent.start({ text: '/tool dice__roll {"sides": 6}', surface: 'web', key: 'k1' })
  const waited = await agent.wait(id, { timeoutMs: 60_000 })

  expect(waited).toMatchObject({ status: 'ok', run: { text: expect.stringContaining('dice__roll answered') } })
  const { events } = await (await pryx.use(Sessions)).events('main')
  expect(events.map(({ kind, from }) => `${kind} ${from}`)).toEqual([
    ...[
      'message agent',
      'run.started agent',
      'message agent',
      'tool.requested agent',
      'tool.completed agent',
      'message agent',
      'run.finished agent',
    ],
  ])
  expect(events[4]!.body).toMatchObject({ outcome: 'ok', output: { rolled: 6 } })
  expect((await agent.prompt()).tools).toEqual(['dice.roll'])
})
