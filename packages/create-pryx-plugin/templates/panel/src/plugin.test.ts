import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'

test('the page is served', async () => {
  await using pryx = await createHarness({ folder: '.', grant: 'declared' })

  const page = await pryx.fetch('/sample/')

  expect(page.headers.get('content-type')).toMatch('text/html')
  expect(await page.text()).toContain('<title>sample</title>')
})

test('each click counts, also when many come at once', async () => {
  await using pryx = await createHarness({ folder: '.', grant: 'declared' })

  await Promise.all(Array.from({ length: 5 }, () => pryx.fetch('/sample/api/count', { method: 'POST' })))

  expect(await (await pryx.fetch('/sample/api/count')).json()).toEqual({ count: 5 })
})

test('what is not there is 404', async () => {
  await using pryx = await createHarness({ folder: '.', grant: 'declared' })

  expect((await pryx.fetch('/sample/api/nothing')).status).toBe(404)
})
