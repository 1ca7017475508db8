// A host for as many copies of one plugin as it is asked for: `many-plugins DATA PLUGIN`. Answers with the pids of its sandbox processes.
import { createKernel, openPluginFolder } from '@pryx/kernel'
import { serve } from './serve.ts'

const MAX_PROCESS_BYTES = 4 * 1_024 ** 3 // above the default: all of them are to share one process

const [data = '', folder = ''] = process.argv.slice(2)
const kernel = await createKernel({
  data,
  workspace: data,
  consent: 'declared',
  standby: 'never',
  maxProcessBytes: MAX_PROCESS_BYTES,
})
kernel.on('plugin.failed', (fact) => console.error('a plugin failed:', fact))
kernel.on('sandbox.replaced', (fact) => console.error('a sandbox process was replaced:', fact))
const pkg = await openPluginFolder(folder)
await kernel.install(pkg, { id: 'first' })
await serve(add, () => kernel.stop())

async function add(line: string): Promise<number[]> {
  for (let n = 0; n < (Number(line) || 0); n++) await kernel.install(pkg, { id: `copy-${n}` })
  const down = kernel.plugins().find(({ stage }) => stage !== 'active')
  if (down) throw new Error(`${down.id} is ${down.stage}: ${down.reason}`)
  return kernel.host().processes.map(({ pid }) => pid)
}
