import { createHarness } from '@pryx/sdk/testing'
import { expect, test } from 'vitest'
import { Sample, sampleEvents } from './service.ts'

test('a saved note can be read again, and is announced', async () => {
  await using pryx = await createHarness({ folder: '.', grant: 'declared' })
  const service = await pryx.use(Sample)

  const id = await service.save('buy milk')

  expect(await service.read(id)).toBe('buy milk')
  expect(await pryx.seen(sampleEvents.saved)).toEqual({ id })
})

test('without its permission nothing is saved', async () => {
  await using pryx = await createHarness({ folder: '.', grant: 'declared' })
  const service = await pryx.use(Sample)

  await pryx.revoke('storage')

  await expect(service.save('buy bread')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
})
