import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'

test('it counts words and characters', async () => {
  await using pryx = await createHarness({ folder: '.' })

  expect(await pryx.tool('sample.count', { text: 'Well done 👍🏽' })).toEqual({ words: 2, characters: 11 })
})

test('what is no text is refused before the handler sees it', async () => {
  await using pryx = await createHarness({ folder: '.' })

  await expect(pryx.tool('sample.count', { text: 7 })).rejects.toMatchObject({ code: 'TOOL_INPUT' })
})
