// A provider's double on the loopback, in a process of its own. It listens where the router may look for local servers; answers each line with its address.
import { LLMock } from '@copilotkit/aimock'
import { serve } from './serve.ts'

const TEXT = 'This is what the double of a provider answers to anything it is asked.'
const mock = await listening([4000, 1337, 1234, 8000])
await serve(
  () => mock.url,
  () => mock.stop(),
)

/** On the first port that is free. */
async function listening([port, ...others]: number[]): Promise<LLMock> {
  const one = new LLMock({ port: port as number, host: '127.0.0.1', logLevel: 'silent' })
  one.onMessage(/./, { content: TEXT }, { chunkSize: 16 })
  try {
    await one.start()
    return one
  } catch (error) {
    if (others.length === 0) throw error
    return listening(others)
  }
}
