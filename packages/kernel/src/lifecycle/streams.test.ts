import { expect, test } from 'vitest'
import { defineService } from '../contract/index.ts'
import { createTestKernel } from '../kernel-testing.ts'

interface Source {
  open(): Promise<ReadableStream<string>>
}
const Source = defineService<Source>('source', '1.0.0')
const CODE = `export default { activate(ctx) {
  ctx.provide({ kind: 'service', name: 'source', version: '1.0.0' }, { open: () => {
    const words = ['one', 'two', 'three']
    return new ReadableStream({ pull(controller) {
      const word = words.shift()
      if (word !== undefined) return controller.enqueue(word)
      controller.error(Object.assign(new Error('it broke'), { code: 'SOURCE_BROKE', hint: 'Mend it.', [Symbol.for('pryx.error')]: true, name: 'CapabilityError', details: { n: 3 } }))
    } }, { highWaterMark: 0 })
  } })
} }`

test('K6: what a guest sent before its stream failed can be read before the failure, which comes with its hint and details', async () => {
  await using host = await createTestKernel()
  await host.add('source', CODE, { provides: { source: '1.0.0' } })
  const stream = await (await host.kernel.use(Source)).open()
  const read: string[] = []

  const failure = await (async () => {
    for await (const word of stream) {
      read.push(word)
      await new Promise((resolve) => setTimeout(resolve, 20)) // the failure arrives while the first word is looked at
    }
  })().catch((error: unknown) => error)

  expect(read).toEqual(['one', 'two', 'three'])
  expect(failure).toMatchObject({ code: 'SOURCE_BROKE', message: 'it broke', hint: 'Mend it.', details: { n: 3 } })
})
